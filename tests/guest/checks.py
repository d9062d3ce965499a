# SPDX-License-Identifier: LGPL-2.1-or-later
"""What several scenarios ask of the programs in tests/support/guest."""

import json
import shlex


def quoted(pipeline):
    """A pipeline for the shell; it is words, some of which have brackets."""
    return " ".join(map(shlex.quote, pipeline.split()))


def events(output):
    """The JSON objects, one a line, that a program has printed so far."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{") and line.endswith("}")]


def start_screen(guest, options=""):
    """PipeWire with a session manager and a screen cast: the script of pw-screen, ready to be linked to."""
    guest.start("exec sh $HELIX/src/tests/guest/session.sh").wait_for_line("^session is up")
    screen = guest.start(f"exec pw-screen {options}")
    screen.wait_for_line('"event": *"node"')
    return screen


def report_of(script, seconds=60):
    """The JSON object that a script printed last, whatever its exit status."""
    script.wait(seconds)
    found = events(script.output())
    return found[-1] if found else script.fail("no report")


def start_check(guest, pipeline, options=""):
    """screen-check, running; judge() waits for it."""
    return guest.start(f"GST_DEBUG=2,vsockenc:4 screen-check {options} {quoted(pipeline)}")


def judge(script, seconds=90):
    """Every frame came out as the picture it was: the report of screen-check."""
    report = report_of(script, seconds)
    return report if report["ok"] else script.fail("not every frame came out as the picture it was")


def screen_check(guest, pipeline, options="", seconds=90):
    return judge(start_check(guest, pipeline, options), seconds)


def cast_pipeline(caps, frames, properties=""):
    """From pw-screen through vsockenc back to pictures."""
    return (f"pipewiresrc target-object=pw-screen num-buffers={frames} ! {caps} ! vsockenc {properties} "
            "! h264parse ! avdec_h264 ! appsink")

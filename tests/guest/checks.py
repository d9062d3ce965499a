# SPDX-License-Identifier: LGPL-2.1-or-later
"""What several scenarios ask of the programs in tests/support/guest."""

import json
import shlex

from program import Failure, require


def quoted(pipeline):
    """A pipeline for the shell; it is words, some of which have brackets."""
    return " ".join(map(shlex.quote, pipeline.split()))


def report_of(script, seconds=60):
    """The JSON object that a script printed last, whatever its exit status."""
    script.wait(seconds)
    for line in reversed(script.output().splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    raise Failure(f"no report from: {script.text}\n{script.output()[-4000:]}")


def screen_check(guest, pipeline, options="", seconds=90):
    """Every frame came out as the picture it was: the report of screen-check."""
    script = guest.start(f"GST_DEBUG=2,vsockenc:4 screen-check {options} {quoted(pipeline)}")
    report = report_of(script, seconds)
    require(report["ok"], f"screen-check is not content: {json.dumps(report)}\n{script.output()[-4000:]}")
    return report

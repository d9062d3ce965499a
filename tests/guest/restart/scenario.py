# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host's encoder is killed in mid-stream and started anew: the pipeline goes on."""

import signal

from checks import cast_pipeline, judge, start_check, start_screen
from program import require

MACHINE = "devices"
FRAMES, BEFORE = 150, 40


def run(rig):
    guest = rig.guest(MACHINE)
    options = ("--encoder", "x264enc", "--log", "debug")
    first, _ = rig.start_stream(options=options)
    start_screen(guest)
    check = start_check(guest, cast_pipeline("video/x-raw(memory:DMABuf)", FRAMES, "reconnect=true"),
                        f"--allow-lost {FRAMES - BEFORE - 10}")
    first.wait_for_log("FRAME_REQUEST", BEFORE)
    first.end(signal.SIGKILL)
    second, _ = rig.start_stream(options=options)
    report = judge(check)
    second.end()
    after = second.log.read_text().count("FRAME_REQUEST")
    require(after > 10, f"only {after} frames came to the second host")
    require(report["stats"]["reconnects"] == 1, f"{report['stats']['reconnects']} reconnects")
    return f"{report['left']} of {FRAMES} frames came back, {report['lost']} were lost, {after} went to the second host"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A PREEMPT_RT kernel with systemd: the same screen cast, by id, over AF_VSOCK."""

from checks import cast_pipeline, screen_check, start_screen
from program import require

TIER = "slow"
MACHINE = "realtime"
FRAMES = 60


def run(rig):
    guest = rig.guest(MACHINE)
    system = guest.run("cat /sys/kernel/realtime; uname -r; cat /proc/1/comm").split()
    require(system[0] == "1" and system[2] == "systemd", f"not what it should be: {system}")
    rig.start_stream(options=("--encoder", "x264enc"))
    start_screen(guest)
    report = screen_check(guest, cast_pipeline("video/x-raw(memory:DMABuf)", FRAMES))
    require(report["stats"]["frames-by-id"] == FRAMES, f"by id: {report['stats']['frames-by-id']}")
    return f"Linux {system[1]}, systemd; {FRAMES} frames by id, PSNR {report['psnr_min']:.0f} dB at least"

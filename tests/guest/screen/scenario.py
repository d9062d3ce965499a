# SPDX-License-Identifier: LGPL-2.1-or-later
"""A screen cast in DMA-BUFs goes to the host by resource id, over AF_VSOCK, and comes back as the pictures it was."""

from checks import cast_pipeline, screen_check, start_screen
from program import require

MACHINE = "devices"
FRAMES = 300


def run(rig):
    guest = rig.guest(MACHINE)
    host, _ = rig.start_stream(options=("--encoder", "x264enc"))
    start_screen(guest)
    report = screen_check(guest, cast_pipeline("video/x-raw(memory:DMABuf)", FRAMES))
    host.end()
    by_id = report["stats"]["frames-by-id"]
    require(by_id == FRAMES == report["left"], f"{by_id} of {FRAMES} frames went by id, {report['left']} came back")
    require(report["stats"]["frames-by-pixels"] == 0, "pixels crossed the socket")
    return f"{FRAMES} frames by id, PSNR {report['psnr_min']:.0f} dB at least"

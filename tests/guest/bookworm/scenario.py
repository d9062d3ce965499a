# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian 12 as guest (PipeWire 0.3, GStreamer 1.22): screen casts in DMA-BUFs and in shared memory go by id."""

from checks import cast_pipeline, screen_check, start_screen
from program import require

TIER = "slow"
MACHINE = "bookworm"
FRAMES = 60
CASTS = {"virtio": "video/x-raw(memory:DMABuf),format=BGRx", "memfd": "video/x-raw,format=BGRx"}


def run(rig):
    guest = rig.guest(MACHINE)
    rig.start_stream(options=("--encoder", "x264enc"))
    seen = []
    for memory, caps in CASTS.items():
        screen = start_screen(guest, f"--memory {memory}")
        report = screen_check(guest, cast_pipeline(caps, FRAMES))
        stats = report["stats"]
        require(stats["frames-by-id"] == FRAMES, f"{memory}: {stats['frames-by-id']} of {FRAMES} frames went by id")
        seen.append(f"{memory} {report['psnr_min']:.0f} dB")
        screen.end()
    return f"{FRAMES} frames each by id, PSNR at least: {', '.join(seen)}"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""DMA-BUFs of another driver, and shared memory that calls itself a DMA-BUF, have no resource id: they are uploaded."""

from checks import cast_pipeline, screen_check, start_screen
from program import require

MACHINE = "devices"
FRAMES = 40
WAYS = {"vgem": "", "heap": "", "memfd": "--label dmabuf"}


def run(rig):
    guest = rig.guest(MACHINE)
    guest.run("modprobe vgem")
    rig.start_stream(options=("--encoder", "x264enc"))
    for memory, options in WAYS.items():
        screen = start_screen(guest, f"--memory {memory} {options}")
        report = screen_check(guest, cast_pipeline("video/x-raw(memory:DMABuf)", FRAMES))
        stats = report["stats"]
        require(stats["frames-by-id"] == FRAMES, f"{memory}: {stats['frames-by-id']} of {FRAMES} frames went by id")
        screen.end()
    return f"{FRAMES} frames each of {', '.join(WAYS)}: every picture is right"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A screen cast in shared memory is written into resources of the GPU and sent by id, BGRx and NV12."""

from checks import cast_pipeline, screen_check, start_screen
from program import require

MACHINE = "devices"
FRAMES = 60


def run(rig):
    guest = rig.guest(MACHINE)
    rig.start_stream(options=("--encoder", "x264enc"))
    seen = []
    for form in ("BGRx", "NV12"):
        screen = start_screen(guest, f"--memory memfd --format {form}")
        report = screen_check(guest, cast_pipeline(f"video/x-raw,format={form}", FRAMES))
        stats = report["stats"]
        require(stats["frames-by-id"] == FRAMES, f"{form}: {stats['frames-by-id']} of {FRAMES} frames went by id")
        seen.append(f"{form} {report['psnr_min']:.0f} dB")
        screen.end()
    return f"{FRAMES} frames each, PSNR at least: {', '.join(seen)}"

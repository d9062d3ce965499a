# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest is reset while devices and encoder run on: the next system finds GPU and vsock as new."""

from checks import cast_pipeline, screen_check, start_screen

MACHINE = "devices"
FRAMES = 30


def cast(guest):
    start_screen(guest)
    return screen_check(guest, cast_pipeline("video/x-raw(memory:DMABuf)", FRAMES))["psnr_min"]


def run(rig):
    guest = rig.guest(MACHINE)
    rig.start_stream(options=("--encoder", "x264enc"))
    before = cast(guest)
    start_screen(guest)  # resources and connections are alive when it happens
    guest.reboot()
    after = cast(guest)
    return f"{FRAMES} frames before and after, PSNR {before:.0f} and {after:.0f} dB at least"

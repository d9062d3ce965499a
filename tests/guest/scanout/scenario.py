# SPDX-License-Identifier: LGPL-2.1-or-later
"""A DRM client flips pages; a host program that subscribed to the scanout sees them in order, up to the last one."""

from checks import events
from program import require
from subscriber import Subscriber

MACHINE = "devices"
FLIPS = 90


def run(rig):
    guest = rig.guest(MACHINE)
    _, (address,) = rig.start_stream(options=("--encoder", "x264enc"))
    subscriber = Subscriber(address.partition(":")[2], 0)
    flipper = guest.start(f"exec drm-flipper --size 640x480 --fps 30 --frames {FLIPS} --hold 1")
    flipper.finish()
    shown = {event["event"]: event for event in events(flipper.output())}
    last = shown["last"]["number"]
    seen = subscriber.end(rig.folder, rig.pattern_tool)
    # What was on the screen before, and is after, is not the flipper's.
    numbers = [number for number in seen if number is not None]
    require(numbers and numbers[-1] == last, f"the last picture is {numbers[-1:]}, the last flip showed {last}")
    require(numbers == sorted(numbers), f"out of order: {numbers}")
    require(len(set(numbers)) > FLIPS / 2, f"only {len(set(numbers))} of {FLIPS} flips were seen")
    return f"{len(set(numbers))} of {last + 1} pictures seen, {shown['end']['flips_per_s']:.0f} flips/s, the last one is {last}"

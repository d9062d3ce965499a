# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every resource id that the element sends is one that QEMU saw created, with that size and format."""

import errno
import re

from checks import events, quoted, start_screen
from program import require

FRAMES = 60
WIDTH, HEIGHT, B8G8R8X8 = 640, 480, 2
CREATED = re.compile(r"virtio_gpu_cmd_res_create_2d res 0x(\w+), fmt 0x(\w+), w (\d+), h (\d+)")
SENT = re.compile(r"FRAME_REQUEST.* resource=(\d+) size=(\d+x\d+)")
FOREIGN = {"vgem": errno.ENODEV, "heap": errno.ENODEV, "udmabuf": errno.ENODEV, "memfd": errno.EINVAL}


def created(guest):
    """{id: (format, size)} of QEMU's trace"""
    return {int(number, 16): (int(form, 16), f"{width}x{height}") for number, form, width, height
            in CREATED.findall((guest.folder / "trace.log").read_text())}


def probe(guest):
    """What has an id, and which, is as the element expects it."""
    found = {event["way"]: event for event in events(guest.run("id-probe"))}
    known = created(guest)
    for way, event in found.items():
        what = (event["made"], event["id"], event["errno"])
        if way in FOREIGN:
            require(what == (0, 0, FOREIGN[way]), f"{way} is foreign: {event}")
        else:
            require(what == (0, event["own_id"], 0) and event["id"] in known, f"{way}: {event}; QEMU saw {known}")
    return len(found)


def run(rig):
    guest = rig.guest()
    ways = probe(guest)
    host, (address,) = rig.start_stream("tcp:127.0.0.1:0", options=("--encoder", "null", "--log", "debug"))
    screen = start_screen(guest, f"--size {WIDTH}x{HEIGHT}")
    guest.run("gst-launch-1.0 -q " + quoted(
        f"pipewiresrc target-object=pw-screen num-buffers={FRAMES} ! video/x-raw(memory:DMABuf) "
        f"! vsockenc endpoint=tcp:10.0.2.2:{address.rpartition(':')[2]} ! fakesink"))
    host.end()
    sent, known = SENT.findall(host.log.read_text()), created(guest)
    allocated = {event["resource"] for event in events(screen.output()) if event["event"] == "buffer"}
    require(len(sent) == FRAMES, f"{len(sent)} of {FRAMES} frames were sent")
    for number, size in sent:
        require(known.get(int(number)) == (B8G8R8X8, size), f"sent {number}, {size}; QEMU saw {known}")
        require(int(number) in allocated, f"sent {number}; the screen allocated {allocated}")
    used = sorted({int(number) for number, _ in sent})
    require(len(used) > 1, f"the same id for all frames: {used}")
    return f"{ways} ways to allocate; {FRAMES} frames, ids {' '.join(map(str, used))} as in QEMU's trace"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every resource id that the element sends is one that QEMU saw created, with that size and format."""

import re

from checks import events, quoted, start_screen
from program import require

FRAMES = 60
WIDTH, HEIGHT, B8G8R8X8 = 640, 480, 2
CREATED = re.compile(r"virtio_gpu_cmd_res_create_2d res 0x(\w+), fmt 0x(\w+), w (\d+), h (\d+)")
SENT = re.compile(r"FRAME_REQUEST.* resource=(\d+) size=(\d+x\d+)")


def run(rig):
    guest = rig.guest()
    host, (address,) = rig.start_stream("tcp:127.0.0.1:0", options=("--encoder", "null", "--log", "debug"))
    screen = start_screen(guest, f"--size {WIDTH}x{HEIGHT}")
    guest.run("gst-launch-1.0 -q " + quoted(
        f"pipewiresrc target-object=pw-screen num-buffers={FRAMES} ! video/x-raw(memory:DMABuf) "
        f"! vsockenc endpoint=tcp:10.0.2.2:{address.rpartition(':')[2]} ! fakesink"))
    host.end()
    sent = SENT.findall(host.log.read_text())
    created = {int(number, 16): (int(form, 16), f"{width}x{height}")
               for number, form, width, height in CREATED.findall((guest.folder / "trace.log").read_text())}
    allocated = {event["resource"] for event in events(screen) if event["event"] == "buffer"}
    require(len(sent) == FRAMES, f"{len(sent)} of {FRAMES} frames were sent")
    for number, size in sent:
        require(created.get(int(number)) == (B8G8R8X8, size), f"sent {number}, {size}; QEMU saw {created}")
        require(int(number) in allocated, f"sent {number}; the screen allocated {allocated}")
    used = sorted({int(number) for number, _ in sent})
    require(len(used) > 1, f"the same id for all frames: {used}")
    return f"{FRAMES} frames, ids {' '.join(map(str, used))} as in QEMU's trace"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A compositor that renders with OpenGL on virgl casts DMA-BUFs; the ids that are sent are those of QEMU's trace."""

import re

from checks import quoted
from program import require

TIER = "slow"
MACHINE = "virgl"
FRAMES = 30
WESTON = ("exec weston --socket=w1 --idle-time=0 --backend=pipewire --renderer=gl --shell=kiosk "
          "--width=640 --height=480")
CREATED = re.compile(r"virtio_gpu_cmd_res_create_3d res 0x(\w+), fmt 0x(\w+), w 640, h 480")


def run(rig):
    guest = rig.guest(MACHINE)
    host, (address,) = rig.start_stream("tcp:127.0.0.1:0", options=("--encoder", "null", "--log", "debug"))
    guest.start("exec sh ../session.sh").wait_for_line("^session is up")
    weston = guest.start(WESTON)
    guest.run("until pw-cli ls Node | grep -q weston.pipewire; do sleep 0.2; done")
    guest.start("until WAYLAND_DISPLAY=w1 weston-simple-damage; do sleep 0.2; done")
    guest.run("GST_DEBUG=2,vsockenc:4 gst-launch-1.0 -q " + quoted(
        f"pipewiresrc target-object=weston.pipewire num-buffers={FRAMES} ! video/x-raw(memory:DMABuf) "
        f"! vsockenc endpoint=tcp:10.0.2.2:{address.rpartition(':')[2]} ! fakesink"), 120)
    host.end()
    sent = re.findall(r"FRAME_REQUEST.* resource=(\d+) size=640x480 .*pixels=0$", host.log.read_text(), re.M)
    require(len(sent) == FRAMES, f"{len(sent)} of {FRAMES} frames went by id")
    known = {int(number, 16) for number, _ in CREATED.findall((guest.folder / "trace.log").read_text())}
    used = sorted(set(map(int, sent)))
    require(set(used) <= known, f"sent {used}; QEMU saw {known}")
    renderer = re.search(r"GL renderer: (.*)", weston.output())
    return f"{FRAMES} DMA-BUFs of weston by ids {' '.join(map(str, used))}; {renderer[1] if renderer else 'no GL'}"

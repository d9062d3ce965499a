# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real compositor: weston casts its screen in shared memory; the host gets ids, and the pictures change."""

import re

from checks import quoted
from program import require

TIER = "slow"
MACHINE = "compositor"
FRAMES, WIDTH, HEIGHT = 60, 640, 480
WESTON = ("exec weston --socket=w1 --idle-time=0 --backend=pipewire --renderer=pixman --shell=kiosk "
          f"--width={WIDTH} --height={HEIGHT}")


def run(rig):
    guest = rig.guest(MACHINE)
    host, _ = rig.start_stream(options=("--encoder", "x264enc", "--log", "debug"))
    guest.start("exec sh ../session.sh").wait_for_line("^session is up")
    guest.start(WESTON)
    guest.run("until pw-cli ls Node | grep -q weston.pipewire; do sleep 0.2; done")
    guest.start("until WAYLAND_DISPLAY=w1 weston-simple-damage; do sleep 0.2; done")
    guest.run("GST_DEBUG=2,vsockenc:4 gst-launch-1.0 -q " + quoted(
        f"pipewiresrc target-object=weston.pipewire num-buffers={FRAMES} ! vsockenc ! h264parse ! avdec_h264 "
        "! videoconvert ! video/x-raw,format=GRAY8 ! filesink location=/mnt/host/weston.gray"))
    host.end()
    sent = re.findall(r"FRAME_REQUEST.* resource=(\d+) .*pixels=0$", host.log.read_text(), re.M)
    require(len(sent) == FRAMES and "0" not in sent, f"{len(sent)} of {FRAMES} frames went by id")
    data = (guest.share / "weston.gray").read_bytes()
    pictures = [data[at:at + WIDTH * HEIGHT] for at in range(0, len(data), WIDTH * HEIGHT)]
    require(len(pictures) == FRAMES, f"{len(pictures)} of {FRAMES} pictures came back")
    different = len(set(pictures))
    require(different > FRAMES / 2, f"the client draws all the time, but only {different} pictures differ")
    return f"{FRAMES} pictures of weston by id, {different} of them differ"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""TCP to the host behind QEMU's user network, and vsock within the guest, carry every frame there and back."""

from checks import screen_check

FRAMES = 60
# Pixels in messages: this host knows no resource of the guest.
PIPELINE = ("appsrc caps=video/x-raw,format=NV12,width={0},height={1},framerate=30/1 "
            "! vsockenc endpoint={2} upload=false ! h264parse ! avdec_h264 ! appsink")


def run(rig):
    guest = rig.guest()
    guest.run("modprobe vsock_loopback")
    _, (address,) = rig.start_stream("tcp:127.0.0.1:0")
    port = address.rpartition(":")[2]
    tcp = screen_check(guest, PIPELINE.format(640, 480, f"tcp:10.0.2.2:{port}"), f"--frames {FRAMES}")
    # The encoder runs in the guest too, on an emulated processor.
    stub = guest.start("exec helix-host-stub stream --listen vsock:any:5000")
    stub.wait_for_line("^listening on ")
    loop = screen_check(guest, PIPELINE.format(320, 240, "vsock:local:5000"), f"--frames {FRAMES}")
    return (f"{FRAMES} frames each: tcp PSNR {tcp['psnr_mean']:.0f} dB in {tcp['total_ms'] / 1000:.1f} s, "
            f"vsock:local {loop['psnr_mean']:.0f} dB in {loop['total_ms'] / 1000:.1f} s")

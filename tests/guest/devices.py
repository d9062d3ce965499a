# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a guest may be equipped with: QEMU's arguments, and the processes that serve them."""

import pathlib
import shutil
import subprocess
import tempfile
from typing import NamedTuple

from program import Program

MEMORY = "1536M"
TRACE = ("-trace", "virtio_gpu_cmd_res_*", "-trace", "virtio_gpu_cmd_ctx_*")
NO_DISPLAY = ("-display", "none", "-vga", "none")
GUEST_CID = 3


class StockDevices:
    """QEMU's own virtio-gpu. It traces what it does into trace.log; the host is reached over TCP at 10.0.2.2."""

    # With another GPU before it, so that it is not simply the first one.
    modules = ("vgem", "virtio_gpu")

    def __init__(self, _stub, folder):
        self.environment = {}
        self.arguments = ["-m", MEMORY, *NO_DISPLAY, "-device", "virtio-gpu-pci", *TRACE, "-D", folder / "trace.log"]

    def ended(self):
        return False

    def close(self):
        pass


class OurDevices:
    """The vhost-user GPU and vsock of `helix-host-stub virtio`. Its sockets are in `dir`."""

    modules = ("virtio_gpu", "vmw_vsock_virtio_transport")

    def __init__(self, stub, folder):
        # Not in `folder`: the path of a socket is short.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="helix-guest-"))
        self.program = Program([stub, "virtio", "--dir", self.dir, "--cid", GUEST_CID], folder / "virtio.log")
        try:
            self.program.wait_for_line(r"^listening on .*/vsock$")
            words = subprocess.check_output([stub, "qemu-args", "--dir", self.dir, "--memory", MEMORY], text=True)
        except BaseException:
            self.close()
            raise
        self.environment, self.arguments = {}, words.split()

    def ended(self):
        return self.program.process.poll() is not None

    def close(self):
        self.program.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


class VirglDevices:
    """QEMU's virtio-gpu with 3D, rendering by virglrenderer on an X server without a screen. Needs a QEMU with these
    modules."""

    modules = ("virtio_gpu",)

    def __init__(self, _stub, folder):
        self.program = Program(["Xvfb", "-displayfd", "1", "-screen", "0", "1280x1024x24", "+extension", "GLX"],
                               folder / "xvfb.log")
        display = self.program.wait_for_line(r"^(\d+)$")[1]
        self.environment = {"DISPLAY": f":{display}", "SDL_VIDEODRIVER": "x11"}
        self.arguments = ["-m", "3G", "-vga", "none", "-display", "sdl,gl=on", "-device", "virtio-gpu-gl-pci",
                          *TRACE, "-D", folder / "trace.log"]

    def ended(self):
        return self.program.process.poll() is not None

    def close(self):
        self.program.kill()


class Machine(NamedTuple):
    """devices: one of the classes above. root: name of the Debian root, see dev.d/guest-image.sh. kernel: how the name of
    its kernel ends. systemd: whether systemd is the guest's first process. system_qemu: the QEMU of this
    machine, of any version, in place of QEMU 10. options: words for the kernel. disk: what the guest writes is on a
    disk and survives a reboot, as far as it was synced; else in memory."""

    devices: type
    root: str = "trixie"
    kernel: str = "amd64"
    systemd: bool = False
    system_qemu: bool = False
    options: str = ""
    disk: bool = False


MACHINES = {
    "stock": Machine(StockDevices),
    "devices": Machine(OurDevices),
    "compositor": Machine(OurDevices, root="trixie-full"),
    "realtime": Machine(OurDevices, root="trixie-full", kernel="rt-amd64", systemd=True),
    "isolated": Machine(OurDevices, root="trixie-full", kernel="rt-amd64", systemd=True, disk=True,
                        options="isolcpus=managed_irq,domain,1 nohz_full=1 rcu_nocbs=1 irqaffinity=0"),
    "virgl": Machine(VirglDevices, root="trixie-full", system_qemu=True),
    "bookworm": Machine(OurDevices, root="bookworm"),
}

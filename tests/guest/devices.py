# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a guest may be equipped with: QEMU's arguments, and the processes that serve them."""

import pathlib
import shutil
import subprocess
import tempfile
from typing import NamedTuple

from program import Program

MEMORY = "1536M"
GUEST_CID = 3


class StockDevices:
    """QEMU's own virtio-gpu. It traces what it does into trace.log; the host is reached over TCP at 10.0.2.2."""

    # With another GPU before it, so that it is not simply the first one.
    modules = ("vgem", "virtio_gpu")

    def __init__(self, _stub, folder):
        self.arguments = ["-m", MEMORY, "-device", "virtio-gpu-pci", "-trace", "virtio_gpu_cmd_res_*",
                          "-trace", "virtio_gpu_cmd_ctx_*", "-D", folder / "trace.log"]

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
        self.arguments = words.split()

    def ended(self):
        return self.program.process.poll() is not None

    def close(self):
        self.program.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


class Machine(NamedTuple):
    """devices: one of the classes above. root: name of the Debian root, see dev.d/guest-image.sh. kernel: how the name of
    its kernel ends. systemd: whether systemd is the guest's first process."""

    devices: type
    root: str = "trixie"
    kernel: str = "amd64"
    systemd: bool = False


MACHINES = {
    "stock": Machine(StockDevices),
    "devices": Machine(OurDevices),
    "compositor": Machine(OurDevices, root="trixie-full"),
    "realtime": Machine(OurDevices, root="trixie-full", kernel="rt-amd64", systemd=True),
    "bookworm": Machine(OurDevices, root="bookworm"),
}

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The initramfs of the guest: busybox, the modules it takes to mount a 9p root, two scripts."""

import lzma
import pathlib
import stat

MODULES = ("virtio_pci", "overlay", "9p", "9pnet_virtio")
# ext4 asks for a checksum by name, which is no dependency.
DISK_MODULES = ("virtio_blk", "crc32c_generic", "ext4")
HERE = pathlib.Path(__file__).parent


class Archive:
    """cpio, format newc (kernel documentation: driver-api/early-userspace/buffer-format)"""

    def __init__(self):
        self.data = bytearray()
        self.count = 0

    def add(self, name, mode, content=b""):
        self.count += 1
        name = name.encode() + b"\0"
        fields = (self.count, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
        self.data += b"070701" + b"".join(b"%08x" % field for field in fields) + name
        self.pad()
        self.data += content
        self.pad()

    def pad(self):
        self.data += bytes(-len(self.data) % 4)

    def folder(self, name):
        self.add(name, stat.S_IFDIR | 0o755)

    def file(self, name, content):
        self.add(name, stat.S_IFREG | 0o755, content)

    def finished(self):
        self.add("TRAILER!!!", 0)
        return bytes(self.data)


def kernel_of(root, flavour):
    """(image, folder of its modules) of the kernel of a root whose release ends with `flavour`: amd64 or rt-amd64"""
    folder = next(path for path in (root / "usr/lib/modules").iterdir()
                  if path.name.endswith(f"-{flavour}") and ("-rt-" in path.name) == flavour.startswith("rt-"))
    return root / "boot" / f"vmlinuz-{folder.name}", folder


def with_dependencies(folder, names):
    """Paths of the modules in the order of loading; what is built into the kernel is left out."""
    needs = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[path.rpartition("/")[2].partition(".")[0].replace("-", "_")] = (path, rest.split()[::-1])
    order = []
    for name in names:
        if name in needs:
            path, before = needs[name]
            order += [p for p in [*before, path] if p not in order]
    return order


def module(path):
    """(name without compression, content)"""
    if path.suffix == ".xz":
        return path.stem, lzma.decompress(path.read_bytes())
    return path.name, path.read_bytes()


def build(root, flavour, disk):
    """The initramfs for that kernel of `root`, as bytes. disk: whether the machine has one."""
    archive = Archive()
    for name in ("bin", "dev", "lower", "modules", "proc", "root", "sys", "upper"):
        archive.folder(name)
    archive.file("bin/busybox", (root / "usr/bin/busybox").read_bytes())
    _, folder = kernel_of(root, flavour)
    names = []
    for path in with_dependencies(folder, MODULES + (DISK_MODULES if disk else ())):
        name, content = module(folder / path)
        names.append(name)
        archive.file(f"modules/{name}", content)
    archive.file("modules/order", "".join(f"{name}\n" for name in names).encode())
    archive.file("init", (HERE / "initramfs.sh").read_bytes())
    archive.file("guest-init", (HERE / "guest-init.sh").read_bytes())
    archive.file("guest-init.service", (HERE / "guest-init.service").read_bytes())
    return archive.finished()

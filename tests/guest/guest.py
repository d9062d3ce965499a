# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest under QEMU that scripts are sent to. Every wait has a deadline."""

import re
import selectors
import shutil
import socket
import subprocess
import sys
import threading
import time

import initramfs
from program import Failure, Program, require

BOOT_S = 240  # systemd on a busy machine; without it, seconds
SCRIPT_S = 60
DISK = "1G"  # sparse
SYSTEMD = " first=/sbin/init systemd.wants=guest-init.service systemd.show_status=0"
# What the kernel never says when all is well. Level "error" and worse reaches the console.
KERNEL_TROUBLE = re.compile(r"Kernel panic|BUG:|Oops|Call Trace|virtio_gpu_dequeue_ctrl_func.*\*ERROR\*|blocked for more")


class Script:
    """A script that runs in the guest."""

    def __init__(self, guest, name, text):
        self.guest, self.name, self.text = guest, name, text

    def output(self):
        path = self.guest.share / f"{self.name}.out"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait(self, seconds=SCRIPT_S):
        """Its exit status."""
        self.wait_until(lambda: self.name in self.guest.done, seconds, "the end")
        return self.guest.done[self.name]

    def wait_until(self, condition, seconds, what):
        try:
            self.guest.wait_until(condition, seconds, what)
        except Failure as failure:
            self.fail(str(failure))

    def fail(self, why):
        raise Failure(f"{why}, in the guest: {self.text}\n{self.output()[-4000:]}")

    def finish(self, seconds=SCRIPT_S):
        """Its output; it must have ended well."""
        status = self.wait(seconds)
        if status != 0:
            self.fail(f"exit status {status}")
        return self.output()

    def wait_for_line(self, pattern, seconds=SCRIPT_S):
        """The first line of its output that matches."""
        def found():
            return re.search(pattern, self.output(), re.M)
        self.wait_until(lambda: found() or self.name in self.guest.done, seconds, f"'{pattern}'")
        return found() or self.fail(f"ended without '{pattern}'")

    def end(self):
        """Its output, after SIGTERM to all its processes."""
        pid = (self.guest.share / f"{self.name}.pid").read_text().strip()
        self.guest.run(f"kill -s TERM -- -{pid}")
        self.wait()
        return self.output()


def make_disk(path):
    """QEMU's arguments for an empty disk."""
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", path, DISK], check=True)
    return ["-drive", f"file={path},if=none,id=disk,format=raw", "-device", "virtio-blk-pci,drive=disk"]


class Guest:
    """One virtual machine. Its folder has serial.log, and share/, which the guest sees as /mnt/host."""

    def __init__(self, rig, folder, machine):
        self.folder, self.share = folder, folder / "share"
        self.where = "/"
        self.serial = folder / "serial.log"
        self.scripts, self.done, self.pending = 0, {}, b""
        self.heard = {"ready": 0, "stopped": 0}
        self.looked_at = 0
        shutil.rmtree(folder, ignore_errors=True)
        self.share.mkdir(parents=True)
        self.serial.touch()
        root = rig.roots[machine.root]
        kernel, _ = initramfs.kernel_of(root, machine.kernel)
        (folder / "initramfs").write_bytes(initramfs.build(root, machine.kernel, machine.disk))
        disk = make_disk(folder / "disk") if machine.disk else []
        self.devices = machine.devices(rig.stub, folder)
        control, far = socket.socketpair()
        with far:
            self.qemu = Program([
                "qemu-system-x86_64" if machine.system_qemu else rig.qemu,
                "-nodefaults", "-no-user-config", "-accel", rig.accel,
                "-machine", "q35", "-cpu", "max", "-smp", "2",
                "-kernel", kernel, "-initrd", folder / "initramfs",
                "-append", f"console=ttyS0 quiet panic=0 mitigations=off helix={rig.home} "
                           f"modules={','.join(self.devices.modules)} {machine.options}"
                           + (SYSTEMD if machine.systemd else ""),
                "-virtfs", f"local,path={root},mount_tag=rootfs,security_model=none,readonly=on,multidevs=remap",
                "-virtfs", f"local,path={self.share},mount_tag=host,security_model=none",
                "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=",
                "-serial", f"file:{self.serial}", "-chardev", f"socket,id=control,fd={far.fileno()}",
                "-serial", "chardev:control",
                *disk, *self.devices.arguments], folder / "qemu.log",
                keep=[far.fileno()], environment=self.devices.environment)
        self.control = control
        if rig.console:
            threading.Thread(target=self.show_console, daemon=True).start()

    def show_console(self):
        with self.serial.open(errors="replace") as serial:
            while self.qemu.process.poll() is None:
                sys.stdout.write(serial.read())
                sys.stdout.flush()
                time.sleep(0.1)

    def read_control(self, seconds):
        with selectors.DefaultSelector() as selector:
            selector.register(self.control, selectors.EVENT_READ)
            if not selector.select(seconds):
                return
        data = self.control.recv(4096)
        require(data, f"QEMU ended: {self.qemu.log.read_text()}")
        *lines, self.pending = (self.pending + data).split(b"\n")
        for line in lines:
            word, *rest = line.decode(errors="replace").split() or [""]
            if word in ("ready", "stopped"):
                self.heard[word] += 1
            elif word == "done":
                self.done[rest[0]] = int(rest[1])

    def wait_until(self, condition, seconds, what):
        deadline = time.monotonic() + seconds
        while not condition():
            require(time.monotonic() < deadline, f"not within {seconds} s: {what}")
            self.read_control(0.1)
            require(not self.devices.ended(), "the devices ended")
            require(b"Kernel panic" not in self.serial.read_bytes(), "the guest's kernel panicked")

    def wait_for_word(self, word, seconds):
        wanted = self.heard[word] + 1
        self.wait_until(lambda: self.heard[word] >= wanted, seconds, f"'{word}' from the guest")
        # Nothing survives either: what has not ended well until now never does.
        for n in range(self.scripts):
            self.done.setdefault(str(n + 1), -1)

    def start(self, text):
        """Runs lines of shell in the guest, in the folder of the scenario."""
        self.scripts += 1
        name = str(self.scripts)
        (self.share / name).write_text(f"cd {self.where}\n{text}\n")
        self.control.sendall(f"{name}\n".encode())
        return Script(self, name, text)

    def run(self, text, seconds=SCRIPT_S):
        """Its output; it must end well."""
        return self.start(text).finish(seconds)

    def stop_scripts(self):
        """Nothing of what was started runs on."""
        self.control.sendall(b"stop\n")
        self.wait_for_word("stopped", SCRIPT_S)

    def trouble(self, expected=None):
        """Lines of the kernel since the last call that mean trouble, without those that match `expected`."""
        text = self.serial.read_bytes()
        new, self.looked_at = text[self.looked_at:].decode(errors="replace"), len(text)
        return [line for line in new.splitlines()
                if KERNEL_TROUBLE.search(line) and not (expected and re.search(expected, line))]

    def wait_for_ready(self):
        """Until it has booted."""
        self.wait_for_word("ready", BOOT_S)

    def reboot(self):
        self.control.sendall(b"reboot\n")
        self.wait_for_ready()

    def kill(self):
        self.qemu.kill()
        self.control.close()
        self.devices.close()

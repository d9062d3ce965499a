# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest under QEMU that scripts are sent to, and the programs of the host beside it.

Every wait has a deadline, every process dies with this one.
"""

import ctypes
import pathlib
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import initramfs

BOOT_S = 90
SCRIPT_S = 60
PR_SET_PDEATHSIG = 1
# What the kernel never says when all is well. Level "error" and worse reaches the console.
KERNEL_TROUBLE = re.compile(r"Kernel panic|BUG:|Oops|Call Trace|virtio_gpu_dequeue_ctrl_func.*\*ERROR\*|blocked for more")
MACHINES = {
    "stock": ["-device", "virtio-gpu-pci"],
}


class Failure(Exception):
    """A promise that was not kept; the text says which."""


def require(condition, text):
    if not condition:
        raise Failure(text)


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    """A process of the host, with its output in files."""

    def __init__(self, argv, log, keep=()):
        """keep: file descriptors that it inherits"""
        self.out, self.log = log.with_suffix(".out"), log
        with self.out.open("wb") as out, log.open("wb") as err:
            self.process = subprocess.Popen(list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            pass_fds=keep, preexec_fn=die_with_parent)

    def wait_for_line(self, pattern, seconds=20):
        """The first line of its standard output that matches."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.out.read_text(), re.M)
            if match:
                return match
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"{self.process.args[0]} never printed '{pattern}'; it said:\n{self.log.read_text()}")
            time.sleep(0.02)

    def end(self, number=signal.SIGTERM, seconds=20):
        """Its output, after a signal."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(seconds)
        finally:
            self.kill()
        return self.out.read_text()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Script:
    """A script that runs in the guest."""

    def __init__(self, guest, name, text):
        self.guest, self.name, self.text = guest, name, text

    def output(self):
        path = self.guest.share / f"{self.name}.out"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait(self, seconds=SCRIPT_S):
        """Its exit status."""
        self.guest.wait_until(lambda: self.name in self.guest.done, seconds, f"the end of: {self.text}")
        return self.guest.done[self.name]

    def finish(self, seconds=SCRIPT_S):
        """Its output; it must have ended well."""
        status = self.wait(seconds)
        require(status == 0, f"in the guest, status {status}: {self.text}\n{self.output()[-4000:]}")
        return self.output()

    def wait_for_line(self, pattern, seconds=SCRIPT_S):
        """The first line of its output that matches."""
        def found():
            return re.search(pattern, self.output(), re.M) or self.name in self.guest.done
        self.guest.wait_until(found, seconds, f"'{pattern}' from: {self.text}\n{self.output()[-4000:]}")
        match = re.search(pattern, self.output(), re.M)
        require(match, f"ended without '{pattern}': {self.text}\n{self.output()[-4000:]}")
        return match

    def signal(self, name):
        pid = (self.guest.share / f"{self.name}.pid").read_text().strip()
        self.guest.run(f"kill -{name} -- -{pid}")


class Guest:
    """One virtual machine. Its folder has serial.log, trace.log of QEMU's GPU, and share/, which the guest sees as
    /mnt/host."""

    def __init__(self, rig, folder, devices):
        self.folder, self.share = folder, folder / "share"
        self.where = "/"
        self.serial, self.trace = folder / "serial.log", folder / "trace.log"
        self.scripts, self.done, self.pending = 0, {}, b""
        self.heard = {"ready": 0, "stopped": 0}
        self.looked_at = 0
        shutil.rmtree(folder, ignore_errors=True)
        self.share.mkdir(parents=True)
        kernel, _ = initramfs.kernel_of(rig.root)
        (folder / "initramfs").write_bytes(initramfs.build(rig.root))
        control, far = socket.socketpair()
        with far:
            self.qemu = Program([
                rig.qemu, "-nodefaults", "-no-user-config", "-display", "none", "-vga", "none", "-accel", rig.accel,
                "-machine", "q35", "-cpu", "max", "-smp", "2", "-m", "1536M",
                "-kernel", kernel, "-initrd", folder / "initramfs",
                "-append", f"console=ttyS0 quiet panic=0 mitigations=off helix={rig.home}",
                "-virtfs", f"local,path={rig.root},mount_tag=rootfs,security_model=none,readonly=on,multidevs=remap",
                "-virtfs", f"local,path={self.share},mount_tag=host,security_model=none",
                "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=",
                "-serial", f"file:{self.serial}", "-chardev", f"socket,id=control,fd={far.fileno()}",
                "-serial", "chardev:control",
                "-trace", "virtio_gpu_cmd_res_*", "-trace", "virtio_gpu_cmd_ctx_*", "-D", self.trace,
                *devices], folder / "qemu.log", keep=[far.fileno()])
        self.control = control
        if rig.console:
            threading.Thread(target=self.show_console, daemon=True).start()

    def show_console(self):
        while not self.serial.exists():
            time.sleep(0.1)
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

    def reboot(self):
        self.control.sendall(b"reboot\n")
        self.wait_for_word("ready", BOOT_S)

    def kill(self):
        self.qemu.kill()
        self.control.close()


class Rig:
    """What a scenario gets. Guests outlive it when the next one wants the same machine; programs do not."""

    def __init__(self, settings):
        self.root, self.home, self.qemu = pathlib.Path(settings.root), settings.home, settings.qemu
        self.stub, self.logs = settings.stub, pathlib.Path(settings.logs)
        self.console, self.accel = settings.console, settings.accel
        self.name, self.folder, self.programs = None, None, []
        self.machine, self.running = None, None

    def begin(self, name):
        self.name, self.folder = name, self.logs / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def guest(self, machine="stock"):
        """A booted guest with these devices."""
        if self.running and self.machine != machine:
            self.drop_guest()
        if not self.running:
            started = time.monotonic()
            self.machine, self.running = machine, Guest(self, self.logs / f"guest-{machine}", MACHINES[machine])
            self.running.wait_for_word("ready", BOOT_S)
            print(f"    guest '{machine}' is up after {time.monotonic() - started:.1f} s", flush=True)
        self.running.where = f"{self.home}/src/tests/guest/{self.name}"
        return self.running

    def start(self, *argv):
        """A program of the host, for the time of the scenario."""
        name = pathlib.Path(str(argv[0])).name
        program = Program(argv, self.folder / f"{name}-{len(self.programs)}.log")
        self.programs.append(program)
        return program

    def start_stream(self, *listen, options=()):
        """helix-host-stub stream: (program, the addresses it listens at)"""
        words = [word for address in listen for word in ("--listen", address)]
        program = self.start(self.stub, "stream", *words, "--stats", "json", *options)
        return program, [program.wait_for_line(rf"(?:^listening on .*\n){{{n}}}listening on (.*)$")[1]
                         for n in range(len(listen))]

    def end(self, expected=None):
        """After a scenario that went well so far."""
        if self.running:
            self.running.stop_scripts()
            trouble = self.running.trouble(expected)
            require(not trouble, "the guest's kernel said:\n" + "\n".join(trouble))
        self.end_programs()

    def end_programs(self):
        for program in self.programs:
            program.kill()
        self.programs = []

    def drop_guest(self):
        if self.running:
            self.running.kill()
        self.machine, self.running = None, None

    def close(self):
        self.end_programs()
        self.drop_guest()

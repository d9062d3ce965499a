#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`helix-host-stub virtio` and `qemu-args` as programs: sockets, arguments, signals. No guest."""

import os
import pathlib
import signal
import socket
import stat
import subprocess
import unittest

import support

SOCKETS = ("gpu.sock", "resources.sock", "vsock.sock", "vsock")


def run(*arguments):
    return subprocess.run([support.STUB, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=support.DEADLINE_S, check=False)


def children_of(pid):
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def name_of_device(pid):
    """Which device a child serves, by the socket files it holds open."""
    inodes = {os.readlink(link) for link in pathlib.Path(f"/proc/{pid}/fd").iterdir() if link.exists() or
              link.is_symlink()}
    table = pathlib.Path("/proc/net/unix").read_text().splitlines()
    paths = [line.split()[-1] for line in table if f"socket:[{line.split()[6]}]" in inodes]
    return "gpu" if any(path.endswith("/gpu.sock") for path in paths) else "vsock"


class VirtioTest(support.ProcessTest):
    def setUp(self):
        super().setUp()
        self.dir = self.folder / "vm"

    def start(self, *arguments, count=len(SOCKETS)):
        process = subprocess.Popen([support.STUB, "virtio", "--dir", str(self.dir), *arguments],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        def clean_up():
            if process.poll() is None:
                process.kill()
            process.communicate()
        self.addCleanup(clean_up)
        lines = [process.stdout.readline() for _ in range(count)]
        for line in lines:
            self.assertTrue(line.startswith(f"listening on unix:{self.dir}/"), lines)
        return process

    def present(self):
        return sorted(path.name for path in self.dir.iterdir())

    def connect(self, name, kind=socket.SOCK_STREAM):
        connection = socket.socket(socket.AF_UNIX, kind)
        self.addCleanup(connection.close)
        connection.settimeout(support.DEADLINE_S)
        connection.connect(str(self.dir / name))
        return connection

    def test_every_socket_is_there_when_it_says_so(self):
        self.start()
        self.assertEqual(self.present(), sorted(SOCKETS))
        for name in ("gpu.sock", "vsock.sock", "vsock"):
            self.connect(name)
        self.connect("resources.sock", socket.SOCK_SEQPACKET)

    def test_nobody_else_may_look_into_the_folder(self):
        self.start()
        self.assertEqual(stat.S_IMODE(self.dir.stat().st_mode), 0o700)

    def test_a_signal_ends_it_and_leaves_no_socket(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start()
            process.send_signal(number)
            code, err = self.end_within(process, support.DEADLINE_S)
            self.assertEqual((code, err), (0, ""))
            self.assertEqual(self.present(), [])

    def test_its_devices_do_not_outlive_it(self):
        process = self.start()
        connection = self.connect("vsock")
        process.kill()
        # Reset when the device had not accepted it yet.
        try:
            self.assertEqual(connection.recv(1), b"")
        except ConnectionResetError:
            pass

    def test_only_one_device_when_asked_for_one(self):
        self.start("--only", "vsock", count=2)
        self.assertEqual(self.present(), ["vsock", "vsock.sock"])

    def test_a_folder_in_use_is_an_error_that_says_so(self):
        self.start()
        second = run("virtio", "--dir", str(self.dir))
        self.assertEqual(second.returncode, 1)
        self.assertIn("another process", second.stderr)
        self.connect("gpu.sock")

    def test_a_device_that_dies_takes_no_other_along(self):
        process = self.start()
        devices = {name_of_device(pid): pid for pid in children_of(process.pid)}
        self.assertEqual(sorted(devices), ["gpu", "vsock"])
        os.kill(devices["vsock"], signal.SIGKILL)
        self.assertIn("vsock device ended", process.stderr.readline())
        self.connect("gpu.sock")
        process.send_signal(signal.SIGTERM)
        code, _ = self.end_within(process, support.DEADLINE_S)
        self.assertEqual(code, 1)

    def test_a_host_program_without_a_guest_is_hung_up_on(self):
        self.start()
        connection = self.connect("vsock")
        connection.sendall(b"CONNECT 5001\n")
        self.assertEqual(connection.recv(1), b"")

    def test_qemu_args_name_the_sockets_and_the_sizes(self):
        done = run("qemu-args", "--dir", "/run/vm", "--memory", "512M", "--console", "640x480", "--scanouts", "2")
        words = done.stdout.split()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(words[words.index("-m") + 1], "512M")
        self.assertIn("memory-backend-memfd,id=helix-ram,size=512M,share=on", words)
        self.assertIn("socket,id=helix-gpu,path=/run/vm/gpu.sock", words)
        self.assertIn("socket,id=helix-vsock,path=/run/vm/vsock.sock", words)
        self.assertIn("vhost-user-gpu-pci,chardev=helix-gpu,max_outputs=2,xres=640,yres=480", words)

    def test_qemu_args_refuse_a_folder_that_would_be_taken_apart(self):
        for name in ("/run/a b", "/run/a,b", "/run/*"):
            done = run("qemu-args", "--dir", name)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn("another folder", done.stderr)

    def test_qemu_args_want_a_folder_that_qemu_finds(self):
        done = run("qemu-args", "--dir", "vm1")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("absolute", done.stderr)

    def test_nonsense_is_refused_by_name(self):
        for arguments in (("--cid", "2"), ("--cid", "4294967295"), ("--scanouts", "17"), ("--scanouts", "0"),
                          ("--refresh", "0"), ("--console", "1920"), ("--only", "net"), ("--memory", "2T"),
                          ("--memory", "G"), ("--dir", "/" + "x" * 100), ("--log", "loud")):
            done = run("virtio", *arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(arguments[0], done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)

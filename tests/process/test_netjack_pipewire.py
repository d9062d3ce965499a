#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""PipeWire 1.4's netjack2 driver as the slave: its returns have no number (cycle 0 always), and its latency is 2 by default.

It is that of this machine, or that of the Debian 13 which `./dev guest` makes.
"""

import glob
import os
import re
import shutil
import subprocess
import time
import unittest

import netjack

MODULE = "usr/lib/*/pipewire-0.3/libpipewire-module-netjack2-driver.so"
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "helix-guest")
SECONDS = float(os.environ.get("NETJACK_SECONDS", "2"))

CONFIG = """
context.properties = {
	core.daemon = true
	core.name = slave
	default.clock.rate = 96000
	default.clock.allowed-rates = [ 96000 ]
	default.clock.quantum = 128
	default.clock.min-quantum = 64
	default.clock.max-quantum = 256
	default.clock.force-quantum = 128
	settings.check-quantum = true
	support.dbus = false
}
context.spa-libs = {
	audio.convert.* = audioconvert/libspa-audioconvert
	support.* = support/libspa-support
}
context.modules = [
	{ name = libpipewire-module-protocol-native }
	{ name = libpipewire-module-metadata }
	{ name = libpipewire-module-spa-node-factory }
	{ name = libpipewire-module-client-node }
	{ name = libpipewire-module-adapter }
	{ name = libpipewire-module-link-factory }
	{ name = libpipewire-module-access }
	{ name = libpipewire-module-netjack2-driver args = {
		local.ifname = v1
		net.ip = %s
		netjack2.client-name = pw
		netjack2.latency = 1
		audio.channels = 2
		audio.ports = 2
		midi.ports = 0
		audio.position = [ FL FR ]
	} }
]
context.objects = [
	{ factory = spa-node-factory args = {
		factory.name = support.node.driver
		node.name = Dummy-Driver
		node.group = pipewire.dummy
		priority.driver = 200000
		clock.id = monotonic
	} }
]
"""


def find_root():
    """A folder that has PipeWire with the driver, / is one; None."""
    roots = ["/", *sorted(glob.glob(f"{CACHE}/guest-trixie-*/"), key=os.path.getmtime, reverse=True)]
    return next((root for root in roots
                 if glob.glob(root + MODULE) and os.path.exists(root + "usr/bin/pw-link")), None)


class PipeWire(netjack.Program):
    """A daemon whose graph is the driver alone."""

    def __init__(self, root, master, namespace):
        self.command = [*netjack.in_namespace(namespace), *(["chroot", root] if root != "/" else []), "env", "-i",
                        "PATH=/usr/bin:/bin", "XDG_RUNTIME_DIR=/run", "PIPEWIRE_REMOTE=slave", "PIPEWIRE_DEBUG=3"]
        if root != "/":
            self._furnish(root)
        with open(os.path.join(root, "run/slave.conf"), "w", encoding="ascii") as file:
            file.write(CONFIG % master)
        super().__init__([*self.command, "pipewire", "-c", "/run/slave.conf"])
        self._make_realtime()

    @staticmethod
    def _furnish(root):
        netjack.run("mount", "--bind", "/proc", root + "proc")
        netjack.run("mount", "--rbind", "/dev", root + "dev")
        for folder in ("run", "tmp"):
            netjack.run("mount", "-t", "tmpfs", "tmpfs", root + folder)

    def _make_realtime(self):
        """module-rt wants the desktop bus for that."""
        if not netjack.realtime():
            return
        netjack.wait_until(self.log, lambda: "data-loop.0" in self._threads())
        netjack.run("chrt", "-f", "-p", "60", self._threads()["data-loop.0"])

    def _threads(self):
        found = {}
        for task in glob.glob(f"/proc/{self.process.pid}/task/*"):
            with open(task + "/comm", encoding="utf-8") as file:
                found[file.read().strip()] = os.path.basename(task)
        return found

    def tool(self, *command):
        done = subprocess.run([*self.command, *command], capture_output=True, text=True, check=False,
                              timeout=netjack.DEADLINE_S)
        return done.stdout

    def _nodes(self):
        """{name: id}"""
        text = self.tool("pw-cli", "ls", "Node")
        return {name: number for number, name in
                re.findall(r"id (\d+), type(?:(?!id \d+, type).)*?node\.name = \"([^\"]*)\"", text, re.S)}

    def make_ports(self):
        """What a session manager does."""
        def ready():
            for name, number in self._nodes().items():
                if name.startswith("netjack2_driver_"):
                    direction = "Input" if name.endswith("send") else "Output"
                    self.tool("pw-cli", "s", number, "PortConfig", f"{{ direction: {direction}, mode: dsp }}")
            return len(self.tool("pw-link", "-i").split()) >= 2 and len(self.tool("pw-link", "-o").split()) >= 2
        netjack.wait_until(lambda: f"ports of {self._nodes()}\n{self.log()}", ready)

    def connect(self):
        def connected():
            for channel in ("FL", "FR"):
                self.tool("pw-link", f"netjack2_driver_receive:capture_{channel}",
                          f"netjack2_driver_send:playback_{channel}")
            return self.tool("pw-link", "-l").count("|->") >= 2
        netjack.wait_until(lambda: f"links\n{self.log()}", connected)


class PipeWireSlave(netjack.NetjackTest):
    def test_returns_without_a_number_are_placed_and_exact(self):
        """Each lost one may misplace the next two; most are where they belong."""
        self.wire()
        master = self.master(namespace="host")
        slave = self.start(PipeWire, find_root(), netjack.MASTER_ADDRESS, "guest")
        master.wait_for_slaves(1)
        slave.make_ports()
        slave.connect()
        time.sleep(2 + SECONDS)
        session = netjack.last_session(master.report(), "pw")
        self.assert_lag(session, 128)
        print(f"{session['measured']['lag']['all']} {session['counters']}", flush=True)
        self.assertGreater(session["counters"]["ok_periods"], session["counters"]["sent_periods"] / 2)

    def test_goodbye_of_the_driver_ends_its_session(self):
        """It says KILL_MASTER to the control port."""
        self.wire()
        master = self.master(namespace="host")
        slave = self.start(PipeWire, find_root(), netjack.MASTER_ADDRESS, "guest")
        master.wait_for_slaves(1)
        slave.end()
        master.wait_for("says goodbye")


if __name__ == "__main__":
    netjack.isolate()
    if not find_root():
        netjack.skip("no PipeWire with a netjack2 driver: ./dev guest boot makes a Debian 13 that has it")
    if not shutil.which("chroot"):
        netjack.skip("no chroot(8)")
    unittest.main(verbosity=2)

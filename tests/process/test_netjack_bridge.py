#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bridge between the JACK graph of a host and a guest's jackd, all on the loopback.

The host's jackd has the dummy driver, the guest's is `jackd -d net` with a cable from capture to playback. The machine may be busy
and nothing is real-time: periods are long, counters and lags are judged, never the clock on the wall.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

import netjack

STUB = os.environ["HELIX_HOST_STUB"]
DEADLINE_S = 60
READINGS = 12  # of jack_iodelay


def until(question, what):
    """Asks until the answer is true; returns it."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        answer = question()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"never: {what}")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class BridgeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bridge-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.status_path = self.folder / "status.json"
        self.port = free_port()
        self.host = "host"

    def start(self, *command, name):
        """A program with its log in the folder, ended with the test."""
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.addCleanup(self.end, process)
        return process

    def start_jackd(self, server, *arguments, name):
        process = self.start("jackd", "-n", server, "-r", "-S", *arguments, name=name)
        until(lambda: process.poll() is not None or self.jack(server, "jack_lsp").returncode == 0, f"jackd {server}")
        self.assertIsNone(process.poll(), self.log(name))
        return process

    def end(self, process):
        if process.poll() is None:
            process.terminate()
        try:
            return process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def log(self, name):
        path = self.folder / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def jack(self, server, *command):
        return subprocess.run(command, env=dict(os.environ, JACK_DEFAULT_SERVER=server, JACK_NO_START_SERVER="1"),
                              capture_output=True, text=True, timeout=DEADLINE_S, check=False)

    def ports(self, server):
        return self.jack(server, "jack_lsp").stdout.split()

    def start_host(self, rate=48000, period=1024):
        jackd = self.start_jackd(self.host, "-d", "dummy", "-r", str(rate), "-p", str(period), "-C", "2", "-P", "2", name="host")
        until(lambda: "system:playback_2" in self.ports(self.host), "a JACK server")
        return jackd

    def start_bridge(self, *options):
        return self.start(STUB, "netjack", "--jack", "--jack-server", self.host, "--address", "127.0.0.1", "--group", "none",
                          "--port", str(self.port), "--status-file", str(self.status_path), "--no-realtime", *options,
                          name="bridge")

    def start_guest(self, *options, name="dsp"):
        server = f"hxbs{os.getpid()}{name}"
        self.start_jackd(server, "-d", "net", "-a", "127.0.0.1", "-p", str(self.port), "-C", "2", "-P", "2", "-n", name,
                         *options, name=name)
        self.lay_cables(server)
        return server

    def lay_cables(self, server):
        until(lambda: "system:playback_2" in self.ports(server), "a slave with a master")
        for channel in "12":
            self.jack(server, "jack_connect", f"system:capture_{channel}", f"system:playback_{channel}")

    def status(self):
        try:
            return json.loads(self.status_path.read_text())
        except FileNotFoundError:
            return None

    def slave(self, name="dsp"):
        found = [slave for slave in (self.status() or {"slaves": []})["slaves"] if slave["name"] == name]
        return found[0] if found else None

    def wait_for_returns(self, name="dsp"):
        def is_there():
            slave = self.slave(name)
            return slave if slave and slave["ok"] > 20 else None
        return until(is_there, f"periods of {name}")

    def connections(self, port):
        lines = self.jack(self.host, "jack_lsp", "-c", port).stdout.splitlines()
        return [line.strip() for line in lines if line.startswith(" ")]

    def round_trip(self):
        """What jack_iodelay reads most often, in frames."""
        command = ["stdbuf", "-oL", "jack_iodelay"]
        environment = dict(os.environ, JACK_DEFAULT_SERVER=self.host, JACK_NO_START_SERVER="1")
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(self.end, process)
        until(lambda: "jack_delay:in" in self.ports(self.host), "jack_iodelay")
        self.jack(self.host, "jack_connect", "jack_delay:out", "netjack:playback_1")
        self.jack(self.host, "jack_connect", "netjack:capture_1", "jack_delay:in")
        readings, end = [], time.monotonic() + DEADLINE_S
        while len(readings) < READINGS and time.monotonic() < end:
            found = re.match(r"\s*([\d.]+) frames", process.stdout.readline())
            if found:
                readings.append(float(found[1]))
        self.assertEqual(len(readings), READINGS, "jack_iodelay hears nothing")
        self.end(process)
        most, _ = collections.Counter(round(reading) for reading in readings).most_common(1)[0]
        return most

    def latency(self):
        """What the ports of the bridge say, there and back together."""
        lines = self.jack(self.host, "jack_lsp", "-l", "netjack").stdout
        playback = re.search(r"playback_1\n\s*port playback latency = \[ (\d+) ", lines)
        capture = re.search(r"capture_1\n.*\n\s*port capture latency = \[ (\d+) ", lines)
        return int(playback[1]) + int(capture[1])


class SharedClock(BridgeTest):
    def test_the_round_trip_is_the_sum_to_the_sample(self):
        for latency in (1, 2):
            with self.subTest(latency=latency):
                host = self.start_host()
                bridge = self.start_bridge()
                self.start_guest("-l", str(latency))
                self.wait_for_returns()
                # The feedback of jack_iodelay costs a period of the host's graph.
                self.assertEqual(self.round_trip(), 1024 * latency + 1024)
                self.assertEqual(self.latency(), 1024 * latency)
                self.assertEqual(self.status()["clock"], "graph")
                self.assertEqual(self.end(bridge), 0)
                self.assertFalse(self.status_path.exists())
                self.end(host)
                self.doCleanups()
                self.setUp()

    def test_the_return_of_the_same_cycle_is_waited_for(self):
        self.start_host()
        self.start_bridge("--jack-wait", "90")
        self.start_guest("-l", "0")
        self.wait_for_returns()
        self.assertEqual(self.round_trip(), 1024)
        self.assertEqual(self.latency(), 0)

    def test_two_slaves_have_ports_of_their_own(self):
        self.start_host()
        self.start_bridge()
        self.start_guest("-l", "2", name="first")
        self.wait_for_returns("first")
        self.start_guest("-l", "2", name="second")
        self.wait_for_returns("second")
        ports = self.ports(self.host)
        for port in ("capture_1", "playback_2", "second_capture_1", "second_playback_2"):
            self.assertIn(f"netjack:{port}", ports)
        self.assertFalse([port for port in ports if "first" in port])
        self.assertEqual({slave["name"] for slave in self.status()["slaves"]}, {"first", "second"})

    def test_a_graph_that_changes_its_period_renegotiates(self):
        self.start_host()
        self.start_bridge("--jack-connect", "capture_1=system:playback_1")
        self.start_guest("-l", "2")
        self.wait_for_returns()
        self.assertEqual(self.jack(self.host, "jack_bufsize", "2048").returncode, 0)
        until(lambda: (self.status() or {}).get("period") == 2048 and self.slave(), "a slave with the new period")
        self.wait_for_returns()
        self.assertEqual(self.slave()["loop-frames"], 4096)
        self.assertEqual(self.connections("netjack:capture_1"), ["system:playback_1"])

    def test_a_clock_that_cannot_be_the_graphs_is_refused(self):
        self.start_host()
        bridge = self.start_bridge("--clock", "graph", "--rate", "96000")
        self.assertEqual(bridge.wait(DEADLINE_S), 1)
        self.assertIn("cannot be the clock", self.log("bridge"))


class OwnClock(BridgeTest):
    def test_another_rate_and_period_are_resampled(self):
        self.start_host(rate=48000, period=1024)
        self.start_bridge("--rate", "44100", "--period", "512", "--jack-margin", "100", "--skew", "100")
        self.start_guest("-l", "2")
        self.wait_for_returns()
        rings = ("capture-ring", "playback-ring")
        until(lambda: all(self.slave()[ring]["running"] for ring in rings), "rings that run")
        reading = self.round_trip()
        self.assertAlmostEqual(reading, self.latency() + 1024, delta=48000 // 100)
        self.assertEqual((self.status()["clock"], self.status()["rate"], self.status()["period"]), ("own", 44100, 512))

        def is_full(ring):
            return ring["running"] and abs(ring["fill"] - ring["target"]) < 44

        # A machine that is busy loses periods, and catches up.
        until(lambda: all(is_full(self.slave()[ring]) for ring in rings), "rings as full as they are to be")


class Servers(BridgeTest):
    def test_a_server_that_dies_comes_back_with_its_connections(self):
        bridge = self.start_bridge("--jack-physical")
        until(lambda: "no JACK server" in self.log("bridge"), "a word about the missing server")
        until(lambda: self.status() and not self.status()["has-jack"], "a status without a server")
        for name in ("a", "b"):
            host = self.start_host()
            until(lambda: "netjack:playback_2" in self.ports(self.host), "ports")
            if name == "a":
                self.start_guest("-l", "2")
            self.wait_for_returns()
            until(lambda: self.connections("netjack:capture_2") == ["system:playback_2"], "a cable to the sound card")
            self.assertEqual(self.connections("netjack:playback_1"), ["system:capture_1"])
            host.kill()
            host.wait()
            until(lambda: self.status() and not self.status()["has-jack"], "a status without the server")
        self.assertEqual(bridge.poll(), None)
        self.assertEqual(self.end(bridge), 0)


class Status(BridgeTest):
    def ask(self, *options, word="status"):
        return subprocess.run([STUB, "netjack", word, *options], capture_output=True, text=True, timeout=DEADLINE_S, check=False)

    def test_exit_codes_say_how_it_is(self):
        path = ("--status-file", str(self.status_path))
        done = self.ask(*path)
        self.assertEqual(done.returncode, 3)
        self.assertIn("-> systemctl --user start", done.stdout)
        done = self.ask("--json", *path)
        self.assertEqual((done.returncode, json.loads(done.stdout)["running"]), (3, False))
        self.assertIn(str(self.status_path), json.loads(done.stdout)["reason"])
        self.assertEqual(self.ask("--nonsense").returncode, 2)
        self.start_host()
        bridge = self.start_bridge()
        until(self.status, "a status")
        done = self.ask(*path)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, f"jackd -R -S -d net -a [0-9.]+ -p {self.port} -l 1 ")
        self.start_guest("-l", "2")
        self.wait_for_returns()
        until(lambda: self.ask(*path).returncode in (0, 1) and "dsp" in self.ask(*path).stdout, "a line of the slave")
        self.assertEqual(json.loads(self.ask("--json", *path).stdout)["slaves"][0]["name"], "dsp")
        bridge.kill()
        bridge.wait()
        done = self.ask(*path)
        self.assertEqual(done.returncode, 3)
        self.assertIn("left behind", done.stdout)

    def test_a_file_that_is_no_status_is_no_bridge(self):
        for text in ("", "{}", "[]", '{"version": 1}', "x" * 100000):
            self.status_path.write_text(text)
            self.assertEqual(self.ask("--status-file", str(self.status_path)).returncode, 3, text[:20])

    def test_restart_says_what_to_do_without_systemd(self):
        done = subprocess.run([STUB, "netjack", "restart"], capture_output=True, text=True, timeout=DEADLINE_S, check=False,
                              env=dict(os.environ, PATH="/nonexistent"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("without systemd", done.stderr)

    def test_restart_asks_the_manager_of_who_has_the_server(self):
        systemctl = self.folder / "systemctl"
        systemctl.write_text("#!/bin/sh\necho \"$@\"\n")
        systemctl.chmod(0o755)
        done = subprocess.run([STUB, "netjack", "restart"], capture_output=True, text=True, timeout=DEADLINE_S, check=False,
                              env=dict(os.environ, PATH=f"{self.folder}:{os.environ['PATH']}"))
        systemctl.write_text("#!/bin/sh\nexit 5\n")
        failed = subprocess.run([STUB, "netjack", "restart"], capture_output=True, text=True, timeout=DEADLINE_S, check=False,
                                env=dict(os.environ, PATH=f"{self.folder}:{os.environ['PATH']}"))
        self.assertEqual(failed.returncode, 5)
        self.assertIn("without systemd", failed.stderr)
        user = "" if os.geteuid() == 0 else "--user "
        self.assertEqual(done.stdout, f"{user}restart helix-netjack-bridge.service\n")


class Unit(unittest.TestCase):
    def setUp(self):
        self.unit = pathlib.Path(os.environ["BRIDGE_UNIT"])

    def test_systemd_understands_the_unit(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("no systemd-analyze here (package systemd)")
        with tempfile.TemporaryDirectory(prefix="verify-") as folder:
            text = re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", self.unit.read_text())
            copy = pathlib.Path(folder) / self.unit.name
            copy.write_text(text)
            done = subprocess.run(["systemd-analyze", "verify", "--user", "--man=no", str(copy)], capture_output=True, text=True,
                                  timeout=DEADLINE_S, check=False,
                                  env=dict(os.environ, XDG_RUNTIME_DIR=folder, SYSTEMD_LOG_LEVEL="warning"))
        if "Failed to initialize manager" in done.stderr:
            self.skipTest(f"systemd-analyze cannot: {done.stderr.strip()}")
        self.assertEqual([line for line in done.stderr.splitlines() if "helix" in line], [])

    def test_the_unit_may_do_little(self):
        text = self.unit.read_text()
        for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "RestrictAddressFamilies=AF_UNIX AF_INET AF_NETLINK",
                     "LimitRTPRIO=95", "LimitMEMLOCK=infinity", "Restart=on-failure"):
            self.assertIn(f"\n{line}\n", text)
        self.assertRegex(text, r"\nExecStart=/\S+/helix-host-stub netjack --jack ")


if __name__ == "__main__":
    netjack.isolate()
    unittest.main(verbosity=2)

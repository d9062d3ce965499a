#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The NETJACK2 master and jackd: where the samples are, that all of them are right, and what goes wrong.

NETJACK_SECONDS (2) is for how long most of them measure; 60 makes them what they are for.
"""

import os
import signal
import time
import unittest

import netjack

SECONDS = float(os.environ.get("NETJACK_SECONDS", "2"))


def measure(seconds=SECONDS):
    """Time in which samples are compared: nothing is waited for."""
    time.sleep(seconds)


class Lag(netjack.NetjackTest):
    def test_loop_is_period_times_latency_and_async_client(self):
        """B * (N + A): six slaves stay up while their master is one of 64, of 128 and of 256 frames."""
        slaves = {f"{'sync' if sync else 'async'}{n}": (sync, n) for sync in (True, False) for n in (0, 1, 2)}
        running = [self.slave(n, sync, name=name, options=("-s",)) for name, (sync, n) in slaves.items()]
        for period in (64, 128, 256):
            report = self.report_of(running, period)
            for name, (sync, n) in slaves.items():
                with self.subTest(period=period, slave=name):
                    self.assert_lag(netjack.last_session(report, name), period * (n + (not sync)))
        self.assertTrue(all(slave.running() for slave in running))

    def report_of(self, slaves, period):
        """Of all of them; once more when a jack_thru hangs and its jackd has nothing to give back for it."""
        for _ in range(3):
            master = self.master("--period", period, "--address", netjack.LOOPBACK)
            master.wait_for_slaves(len(slaves))
            netjack.all_at_once([slave.connect_through for slave in slaves])
            measure(1 + SECONDS)
            report = master.report()
            stuck = [slave for slave in slaves if netjack.last_session(report, slave.name)["counters"]["packets"] == 0]
            if not stuck:
                break
            print(f"jack_thru hangs, is started again: {[slave.name for slave in stuck]}", flush=True)
            for slave in stuck:
                slave.clients.pop().end(signal.SIGKILL)
        return report


class Shapes(netjack.NetjackTest):
    def test_eight_channels_at_two_rates(self):
        """Four packets a period, then eight; the same jackd at 96 and at 44.1 kHz."""
        slave = self.slave(1, channels=8)
        for rate, period in ((96000, 128), (44100, 256)):
            with self.subTest(rate=rate):
                master = self.master("--rate", rate, "--period", period, "--channels", 8)
                slave.connect_directly()
                measure()
                session = netjack.last_session(master.report(), "dsp")
                self.assert_lag(session, period)
                self.assertEqual(len(session["measured"]["channels"]), 8)

    def test_midi_ports_are_carried_beside_audio(self):
        slave = self.slave(1, options=("-i", "2", "-o", "1"))
        master = self.master("--midi-ports", 2)
        slave.connect_directly()
        slave.wait_for_port("system:midi_capture_2")
        slave.connect([("system:midi_capture_1", "system:midi_playback_1")])
        measure()
        self.assert_lag(netjack.last_session(master.report(), "dsp"), 128)


class Reference(netjack.NetjackTest):
    def test_a_minute_of_the_reference_setting_has_no_wrong_sample(self):
        """96 kHz, 128 frames, 2 channels: 11 million samples. What a busy machine has late is not compared, hence some more."""
        slave = self.slave(1)
        master = self.master()
        slave.connect_through()
        measure(66)
        session = netjack.last_session(master.report(), "dsp")
        self.assert_lag(session, 128)
        counted = session["measured"]
        print(f"{counted['samples_exact']} samples, {counted['samples_wrong']} wrong", flush=True)
        self.assertGreaterEqual(counted["samples_exact"] + counted["samples_wrong"], 11_000_000)


class Failures(netjack.NetjackTest):
    def test_slave_that_is_killed_comes_back_to_the_same_master(self):
        first = self.slave(1)
        master = self.master()
        first.connect_directly()
        measure()
        first.end(signal.SIGKILL)
        master.wait_for("is gone")
        second = self.slave(1)
        second.connect_directly()
        measure()
        report = master.report()
        self.assertEqual(report["host"]["connects"], 2)
        self.assertGreater(report["host"]["reconnect_ms"], 0)
        self.assertEqual(len(report["slaves"]), 2)
        for session in report["slaves"]:
            self.assert_lag(session, 128)

    def test_two_slaves_of_one_name_are_told_apart(self):
        slaves = [self.slave(n, name="twin") for n in (1, 2)]
        master = self.master()
        netjack.all_at_once([slave.connect_directly for slave in slaves])
        measure()
        sessions = master.report()["slaves"]
        self.assertEqual(sorted(s["name"] for s in sessions), ["twin", "twin-2"])
        for session in sessions:
            self.assert_lag(session, 128 * session["latency"])

    def test_each_lost_packet_of_audio_costs_its_period_and_no_other(self):
        """0.2 % in each direction. What does not reach jackd is an xrun there, and counted as such."""
        slave = self.slave(1)
        master = self.master()
        slave.connect_directly()
        rules = Loss("0x73"), Loss("0x72")
        Loss.load(rules)
        measure(4 + SECONDS)
        there, back = Loss.unload(rules)
        measure(0.2)
        session = netjack.last_session(master.report(), "dsp")
        counters = session["counters"]
        what = f"{there} lost there, {back} back: {counters}"
        print(what, flush=True)
        self.assert_lag(session, 128)
        # Two in a row are one xrun, and the last ones are still on their way. Stale is what comes back after a standstill
        # of this machine.
        for key, expected in (("lost_periods", there + back), ("slave_xruns", there)):
            self.assertGreaterEqual(counters[key], expected - 2, what)
            self.assertLessEqual(counters[key], expected + 2 + counters["stale_packets"], what)
        self.assertEqual(counters["duplicated_packets"], 0, what)

    def test_slave_of_netmanager_goes_over_to_us(self):
        """By multicast, over a cable; jackd stays up and restores its connections."""
        self.wire()
        other = self.start(netjack.Jack, ("dummy", "-r", "96000", "-p", "128"), namespace="host")
        netjack.wait_until(lambda: other.log(), lambda: "system:playback_1" in other.ports())
        other.tool("jack_load", "netmanager")
        slave = self.slave(1, address=None, namespace="guest", options=("-s",))
        slave.connect_directly()
        netjack.wait_until(lambda: f"{other.ports()}", lambda: "dsp:from_slave_1" in other.ports())
        other.end()
        master = self.master(namespace="host")
        master.wait_for_slaves(1)
        netjack.wait_until(lambda: slave.log(),
                           lambda: ("system:capture_1", "system:playback_1") in slave.connections())
        measure()
        self.assertTrue(slave.running(), slave.log())
        self.assert_lag(netjack.last_session(master.report(), "dsp"), 128)


class Loss:
    """Packets of audio ('a') of one direction ('s'end 0x73, 'r'eturn 0x72) of which 2 in 1000 are lost."""

    def __init__(self, direction):
        # Behind the UDP header: 8 bytes "header", then data and direction, 4 each.
        self.rule = f"@th,128,32 0x61 @th,160,32 {direction} numgen random mod 1000 < 2 counter drop"

    @staticmethod
    def load(rules):
        netjack.run("nft", "-f", "-", input="table inet loss {\nchain i {\ntype filter hook input priority 0\n" +
                    "\n".join(rule.rule for rule in rules) + "\n}\n}\n")

    @staticmethod
    def unload(rules):
        """How many of each are lost."""
        listed = netjack.run("nft", "list", "table", "inet", "loss")
        netjack.run("nft", "delete", "table", "inet", "loss")
        counts = [int(line.split("packets")[1].split()[0]) for line in listed.splitlines() if "packets" in line]
        assert len(counts) == len(rules), listed
        return counts


if __name__ == "__main__":
    netjack.isolate()
    unittest.main(verbosity=2)

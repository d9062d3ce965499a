#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""helix-host-stub netjack against a slave that is forty lines: what it finds out, says and exits with.

No real-time scheduling and periods of 43 ms: the verdicts are on samples, not on time.
"""

import array
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import unittest
import wave

STUB = os.environ["HELIX_HOST_STUB"]
DEADLINE_S = 60
RATE, PERIOD = 48000, 2048
SESSION = struct.Struct(">8sIi64s256s256sIIIiiiiIIIIII")
HEADER = struct.Struct(">8sIIIIIIIIiI")
AVAILABLE, SETUP, START_MASTER = 0, 1, 2


class Slave:
    """Returns every packet as it came, in sync mode; `change` may do something to the samples of each."""

    def __init__(self, port, latency=1, change=None, name=b"dsp"):
        self.master, self.latency, self.change, self.name = ("127.0.0.1", port), latency, change, name
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.2)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _session(self, kind):
        return SESSION.pack(b"params", 8, kind, self.name, b"", b"guest", 1500, 0, 0, 2, 2, 0, 0, 0, 0, 0, 0, 1, self.latency)

    def _run(self):
        while not self.stopped.is_set():
            try:
                data, address = self.socket.recvfrom(9000)
            except socket.timeout:
                self.socket.sendto(self._session(AVAILABLE), self.master)
                continue
            except ConnectionRefusedError:
                continue
            if data.startswith(b"params"):
                self.socket.sendto(data[:12] + struct.pack(">i", START_MASTER) + data[16:], address)
            else:
                self.socket.sendto(self._answer(data), address)

    def _answer(self, data):
        fields = list(HEADER.unpack_from(data))
        fields[2] = ord("r")
        payload = data[HEADER.size:]
        if self.change and fields[1] == ord("a") and payload:
            payload = self.change(fields, payload)
        return HEADER.pack(*fields) + payload

    def stop(self):
        self.stopped.set()
        self.thread.join()
        self.socket.close()


def invert_one_bit(_, payload):
    return payload[:40] + bytes([payload[40] ^ 1]) + payload[41:]


def silence(_, payload):
    return payload[:4] + bytes(len(payload) - 4)


class MeasureTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, *arguments):
        """The stub on a free port, and that port."""
        process = subprocess.Popen([STUB, "netjack", "--port", "0", "--address", "127.0.0.1", "--group", "none", "--no-realtime",
                                    "--rate", str(RATE), "--period", str(PERIOD), "--warm-up", "0.2", *arguments],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        line = process.stderr.readline()
        return process, int(re.search(r"UDP port (\d+)", line).group(1))

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def run_with(self, *arguments, **slave):
        """Exit code, standard output and error of a run with one slave."""
        process, port = self.start(*arguments)
        peer = Slave(port, **slave)
        try:
            out, log = process.communicate(timeout=DEADLINE_S)
        finally:
            peer.stop()
        return process.returncode, out, log

    def test_the_lag_is_n_periods_and_every_bit_is_right(self):
        for latency in 0, 1, 3:
            picture = self.folder / "loop.svg"
            code, out, log = self.run_with("--measure", "--seconds", "1", "--json", "--histogram", str(picture), latency=latency)
            report = json.loads(out)
            self.assertEqual((code, report["outcome"]), (0, "ok"), log)
            measured = report["slaves"][0]["measured"]
            self.assertEqual(measured["lag"]["samples"], latency * PERIOD)
            self.assertTrue(measured["lag"]["as_expected"])
            self.assertEqual(measured["samples_wrong"] + measured["samples_silent"], 0)
            self.assertGreater(measured["samples_exact"], PERIOD)
            self.assertEqual([c["carries_send"] for c in measured["channels"]], [1, 2])
            self.assertIn("</svg>", picture.read_text(encoding="utf-8"))

    def test_a_changed_bit_is_a_failure(self):
        for_a_while = iter([False] * 40)

        def change(fields, payload):
            return payload if next(for_a_while, True) is False else invert_one_bit(fields, payload)

        code, out, log = self.run_with("--measure", "--seconds", "2", "--json", change=change)
        report = json.loads(out)
        self.assertEqual((code, report["outcome"]), (1, "wrong-samples"), log)
        self.assertGreater(report["slaves"][0]["measured"]["samples_wrong"], 0)

    def test_silence_is_explained_and_a_failure(self):
        code, out, log = self.run_with("--measure", "--seconds", "1", "--wait", "5", change=silence)
        self.assertEqual(code, 1)
        self.assertIn("nothing-back", out)
        self.assertIn("jack_connect", log)

    def test_what_is_always_late_is_explained_and_a_failure(self):
        for direction in "both", "return":
            code, out, log = self.run_with("--measure", "--seconds", "1", "--wait", "4", "--latency", "0", "--delay", "100",
                                           "--direction", direction)
            self.assertEqual(code, 1)
            self.assertRegex(out, r"(?m)^result +late$", log)
            self.assertRegex(out, r"everything comes back late: .* but --latency 0 leaves 42\.67 ms; use --latency [3-9] ")
            self.assertNotIn("jack_connect", log)

    def test_the_hint_comes_before_giving_up(self):
        process, port = self.start("--measure", "--seconds", "1", "--wait", "1")
        _, log = process.communicate(timeout=DEADLINE_S)
        self.assertIn(f"jackd -R -S -d net -a 127.0.0.1 -p {port} ", log)

    def test_a_picture_that_cannot_be_written_is_said_at_the_start(self):
        run = subprocess.run([STUB, "netjack", "--port", "0", "--histogram", str(self.folder / "none" / "x.svg")],
                             capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stderr, "--histogram .*: No such file")

    def test_a_word_that_is_none_names_those_there_are(self):
        run = subprocess.run([STUB, "netjack", "statu"], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        self.assertEqual(run.returncode, 2)
        self.assertRegex(run.stderr, "netjack status.*netjack restart")

    def test_nobody_is_explained_and_a_failure(self):
        process, port = self.start("--measure", "--seconds", "1", "--wait", "5", "--json")
        out, log = process.communicate(timeout=DEADLINE_S)
        self.assertEqual((process.returncode, json.loads(out)["outcome"]), (1, "no-slave"))
        self.assertIn(f"jackd -R -S -d net -a 127.0.0.1 -p {port} ", log)
        self.assertIn(f"UDP port {port} must be open", log)

    def test_a_missed_target_is_a_failure_where_it_is_asked_for(self):
        code, out, _ = self.run_with("--measure", "--seconds", "1", "--target", "10", "--json")
        self.assertEqual((code, json.loads(out)["outcome"]), (1, "target-missed"))

    def test_a_port_that_is_taken_is_explained(self):
        _, port = self.start()
        run = subprocess.run([STUB, "netjack", "--address", "127.0.0.1", "--port", str(port)], capture_output=True, text=True,
                             timeout=DEADLINE_S, check=False)
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stderr, f"UDP port {port} is taken by helix-host-stub \\(process \\d+\\)")

    def test_a_signal_ends_it_with_a_report(self):
        process, port = self.start()
        peer = Slave(port)
        for line in process.stderr:
            if "is here" in line:
                break
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=DEADLINE_S)
        peer.stop()
        self.assertEqual(process.returncode, 0)
        self.assertRegex(out, r"(?m)^slave +dsp .*, to the end$")

    def test_a_recording_lines_up_with_what_was_played(self):
        played, recorded = self.folder / "in.wav", self.folder / "out.wav"
        samples = array.array("h", ((i * 7919) % 65521 - 32760 for i in range(2 * RATE)))
        with wave.open(str(played), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples.tobytes())
        code, out, log = self.run_with("--play", str(played), "--loop", "--record", str(recorded), "--record-format", "24",
                                       "--seconds", "2")
        if "built without libsndfile" in log:
            self.skipTest("built without libsndfile")
        self.assertEqual(code, 0, out + log)
        data = recorded.read_bytes()
        frames = data[data.index(b"data") + 8:]
        back = [int.from_bytes(frames[i:i + 3], "little", signed=True) for i in range(0, len(frames) - 5, 6)]
        self.assertGreater(len(back), RATE // 2)
        right = sum(back[PERIOD + i] == samples[2 * (i % RATE)] * 256 for i in range(len(back) - PERIOD))
        # What was late, on a loaded machine, is silence.
        self.assertGreater(right, (len(back) - PERIOD) // 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)

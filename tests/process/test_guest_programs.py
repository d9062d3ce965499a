#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs for tests in a guest that need no guest themselves: what they measure and judge is what is there."""

import json
import os
import pathlib
import socket
import struct
import subprocess
import threading
import unittest

import support
from sanitizer import without_leaks

PROGRAMS = pathlib.Path(os.environ["SCREEN_CHECK"]).parent
COUNT = 8
SCANOUT = 0
FRAME = 320 * 240 * 3 // 2  # bytes, NV12
OTHER = b"\0\0\0\1\x09\xf0"  # an access unit delimiter


class ProgramTest(support.ProcessTest):
    def run_program(self, name, *arguments):
        """(exit status, its last line of output as JSON or None)"""
        done = subprocess.run([PROGRAMS / name, *arguments], stdout=subprocess.PIPE, env=without_leaks(),
                              check=False, text=True, timeout=support.DEADLINE_S)
        lines = done.stdout.splitlines()
        return done.returncode, json.loads(lines[-1]) if lines else None


class HelpTest(ProgramTest):
    def test_every_program_explains_itself(self):
        for name in ("screen-check", "scanout-check", "drm-flipper", "id-probe", "transport-probe", "request-bench"):
            done = subprocess.run([PROGRAMS / name, "--help"], stdout=subprocess.PIPE, check=True, text=True,
                                  env=without_leaks(), timeout=support.DEADLINE_S)
            self.assertIn("Exit status", done.stdout, name)
            self.assertEqual(self.run_program(name, "--no-such-option")[0], 2, name)


class ScanoutHost(threading.Thread):
    """Answers one SUBSCRIBE, then sends these access units, each as the session's it comes with."""

    def __init__(self, path, units, willing=True):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.units, self.willing = units, willing
        self.start()

    def run(self):
        peer, _ = self.listener.accept()
        with self.listener, peer:
            peer.recv(support.HEADER.size + 4, socket.MSG_WAITALL)
            answer = struct.pack("<IB3x", SCANOUT, self.willing)
            peer.sendall(support.HEADER.pack(b"HXFR", support.SUBSCRIBE_RESP, 0, SCANOUT, len(answer)) + answer)
            for i, (session, unit) in enumerate(self.units):
                payload = struct.pack("<qqB3xII", i * 33_000_000, 0, 1, 1, len(unit)) + unit
                peer.sendall(support.HEADER.pack(b"HXFR", support.FRAME_RESPONSE, 0, session, len(payload)) + payload)
            peer.recv(1)  # until the client has seen enough


class ScanoutCheckTest(ProgramTest):
    def setUp(self):
        super().setUp()
        for element in ("x264enc", "avdec_h264"):
            if not support.has_element(element):
                self.skipTest(f"this machine lacks {element}")
        drawn = self.draw("NV12", 320, 240, COUNT).read_bytes()
        self.frames = {i: drawn[i * FRAME:(i + 1) * FRAME] for i in range(COUNT)}
        self.frames[None] = bytes(FRAME)

    def encode(self, numbers):
        """Their access units."""
        raw = self.folder / "raw"
        raw.write_bytes(b"".join(map(self.frames.get, numbers)))
        self.launch_well(f"filesrc location={raw} ! rawvideoparse format=nv12 width=320 height=240 framerate=30/1 ! "
                         "x264enc tune=zerolatency pass=quant quantizer=18 ! video/x-h264,stream-format=byte-stream ! "
                         f"multifilesink location={self.folder}/unit-%d")
        return [(self.folder / f"unit-{i}").read_bytes() for i in range(len(numbers))]

    def check(self, numbers, *options, willing=True, in_front=()):
        """numbers: of the pictures that the host sends; None: a picture without a number. in_front: (session, unit)s"""
        units = [*in_front, *((SCANOUT, unit) for unit in (self.encode(numbers) if numbers else ()))]
        ScanoutHost(self.socket_path, units, willing)
        return self.run_program("scanout-check", "--endpoint", f"unix:{self.socket_path}", "--settle", "0.3", *options)

    def test_pictures_in_order_up_to_the_last_are_well(self):
        status, report = self.check([0, 1, 3, 3, 4], "--last", "4")
        self.assertEqual((status, report["ok"], report["error"]), (0, True, None), report)
        self.assertEqual((report["pictures"], report["repeated"], report["first"], report["last"]), (5, 1, 0, 4))

    def test_what_was_shown_before_does_not_count(self):
        status, report = self.check([None, 5, 6], "--last", "6")
        self.assertEqual((status, report["before"], report["first"]), (0, 1, 5), report)

    def test_what_is_shown_afterwards_does_not_count(self):
        status, report = self.check([5, 6, None], "--last", "6")
        self.assertEqual((status, report["after"], report["unreadable"]), (0, 1, 0), report)

    def test_an_older_picture_goes_backwards(self):
        status, report = self.check([0, 2, 1, 3], "--last", "3")
        self.assertEqual((status, report["ok"], report["backwards"]), (1, False, 1), report)

    def test_a_stale_picture_behind_the_last_is_seen(self):
        status, report = self.check([0, 1, 0], "--last", "1")
        self.assertEqual((status, report["ok"], report["last"]), (1, False, 0), report)

    def test_a_picture_without_a_number_in_between_is_unreadable(self):
        status, report = self.check([0, None, 2], "--last", "2")
        self.assertEqual((status, report["ok"], report["unreadable"]), (1, False, 1), report)

    def test_a_last_picture_that_never_comes_is_missed(self):
        status, report = self.check([0, 1], "--last", "2", "--seconds", "1")
        self.assertEqual((status, report["ok"], report["last"]), (1, False, 1), report)

    def test_other_scanouts_do_not_count(self):
        status, report = self.check([0, 1], "--last", "1", in_front=[(3, OTHER)])
        self.assertEqual((status, report["units"]), (0, 2), report)

    def test_a_host_that_refuses_is_an_error(self):
        status, report = self.check([], willing=False)
        self.assertEqual(status, 1)
        self.assertIn("refuses", report["error"])


class TransportProbeTest(ProgramTest):
    def serve(self, endpoint):
        server = subprocess.Popen([PROGRAMS / "transport-probe", "--serve", endpoint], stdout=subprocess.PIPE, text=True)

        def clean_up():
            server.kill()
            server.communicate()
        self.addCleanup(clean_up)
        return server.stdout.readline().split()[2]

    def assert_measured(self, status, report):
        self.assertEqual(status, 0)
        self.assertGreater(report["send_mb_s"], 0)
        self.assertGreater(report["receive_mb_s"], 0)
        self.assertEqual(report["round_trip"]["count"], 10)
        self.assertLessEqual(report["round_trip"]["p50_us"], report["round_trip"]["p99_us"])

    def test_tcp_and_unix_are_measured(self):
        for endpoint in ("tcp:127.0.0.1:0", f"unix:{self.socket_path}"):
            self.assert_measured(*self.run_program("transport-probe", "--bulk", "3", "--rounds", "10",
                                                   self.serve(endpoint)))

    def test_a_guest_is_reached_through_its_device(self):
        """Here a device that passes the bytes on to a server."""
        server, front = self.serve(f"unix:{self.socket_path}").partition(":")[2], f"{self.folder}/device"
        asked = []

        def copy(source, target):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

        def device():
            peer, _ = listener.accept()
            with socket.socket(socket.AF_UNIX) as far, peer:
                asked.append(peer.recv(64))
                far.connect(server)
                peer.sendall(b"OK 1073741824\n")
                back = threading.Thread(target=copy, args=(far, peer), daemon=True)
                back.start()
                copy(peer, far)
                back.join()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(front)
            listener.listen()
            thread = threading.Thread(target=device, daemon=True)
            thread.start()
            self.assert_measured(*self.run_program("transport-probe", "--bulk", "3", "--rounds", "10",
                                                   "--guest-port", "7000", f"unix:{front}"))
            thread.join(support.DEADLINE_S)
        self.assertEqual(asked, [b"CONNECT 7000\n"])

    def test_nobody_there_is_a_failure(self):
        self.assertEqual(self.run_program("transport-probe", f"unix:{self.socket_path}")[0], 1)


class RequestBenchTest(ProgramTest):
    def bench(self, endpoint):
        return self.run_program("request-bench", "--endpoint", endpoint, "--road", "pixels", "--size", "640x368",
                                "--frames", "20", "--warm-up", "2", "--redraw")

    def test_the_hash_of_the_pixels_comes_back(self):
        stub = self.start_stub("--encoder", "null")
        status, report = self.bench(stub.endpoint)
        self.assertEqual((status, report["latency"]["count"], report["hashed"], report["wrong"]), (0, 20, 22, 0))
        self.assertLess(report["latency"]["p50_us"], 1_000_000)

    def test_pixels_that_arrive_changed_are_wrong(self):
        """A relay in front of the host turns the pixels over."""
        stub = self.start_stub("--encoder", "null")
        front = f"{self.folder}/relay"
        request = support.HEADER.size + 44 + 640 * 368 * 4

        def relay():
            peer, _ = listener.accept()
            with peer, socket.socket(socket.AF_UNIX) as far:
                far.connect(stub.endpoint.partition(":")[2])
                while len(data := peer.recv(request, socket.MSG_WAITALL)) == request:
                    far.sendall(data[:-1] + bytes([data[-1] ^ 1]))
                    peer.sendall(far.recv(65536))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(front)
            listener.listen()
            threading.Thread(target=relay, daemon=True).start()
            status, report = self.bench(f"unix:{front}")
        self.assertEqual((status, report["hashed"], report["wrong"]), (1, 22, 22))

    def test_an_error_of_the_host_is_a_failure(self):
        stub = self.start_stub("--encoder", "null", "--fault", "error=3")
        self.assertEqual(self.bench(stub.endpoint)[0], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)

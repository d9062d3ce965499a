#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hosts that go wrong and guests that go wrong, as a user of gst-launch sees them; scanouts by a tiny client."""

import signal
import struct
import unittest

import support

SOURCE = "videotestsrc num-buffers=60 ! video/x-raw,format=NV12,width=320,height=240,framerate=60/1"
SIGPIPE_CODES = (-signal.SIGPIPE, 128 + signal.SIGPIPE)


class FaultTest(support.ProcessTest):
    def line(self, properties="", sink="fakesink"):
        return f"{SOURCE} ! vsockenc socket-path={self.socket_path} {properties} ! {sink}"

    def expect_error(self, fault, *words, properties=""):
        """gst-launch ends with an error that has these words, not by a signal."""
        stub = self.start_stub("--encoder", "null", *(["--fault", fault] if fault else []))
        code, err = self.launch(self.line(properties))
        self.assertNotIn(code, SIGPIPE_CODES, err)
        self.assertEqual(code, 1, err)
        for word in words:
            self.assertIn(word.lower(), err.lower())
        stub.stop()

    def test_a_host_that_closes_is_an_error_not_a_signal_trap_18(self):
        self.expect_error("close@10", "host")

    def test_an_error_of_the_host_is_shown_trap_12(self):
        self.expect_error("error=-2@10", "-2")

    def test_garbage_is_an_error_trap_25(self):
        self.expect_error("garbage@10", "HXFR")

    def test_half_an_answer_is_an_error_trap_21(self):
        self.expect_error("half@10", "silent", properties="response-timeout=500")

    def test_a_truncated_answer_is_an_error(self):
        self.expect_error("truncate@10", "host")

    def test_a_silent_host_is_an_error_after_response_timeout_trap_19(self):
        self.expect_error("hang@10", "silent", properties="response-timeout=500")

    def test_a_host_without_frame_requests_is_named(self):
        self.expect_error("mute-requests", "FRAME_REQUEST", properties="response-timeout=500")

    def test_a_huge_nal_is_an_error_trap_22(self):
        self.expect_error("huge-nal@10", "host")

    def test_a_huge_count_is_an_error_trap_23(self):
        self.expect_error("huge-count@10", "host")

    def test_a_refusing_host_is_an_error(self):
        self.expect_error("refuse", "host")

    def test_no_host_is_an_error_that_names_the_address_trap_30(self):
        code, err = self.launch(self.line())
        self.assertIn(code, (1, 255), err)  # 255: not even PAUSED was reached
        self.assertIn(self.socket_path, err)

    def test_a_host_that_is_full_of_faults_survives_its_clients(self):
        """Every pipeline above leaves the stub able to serve the next: two in a row here."""
        self.start_stub("--encoder", "null", "--fault", "connection=1,close@3")
        self.assertEqual(self.launch(self.line())[0], 1)
        self.launch_well(self.line())

    def test_reconnect_carries_a_pipeline_over_an_outage(self):
        stub = self.start_stub("--encoder", "null", "--fault", "connection=1,close@10")
        self.launch_well(self.line("reconnect=true"))
        self.assertEqual(stub.stop()["connections"], 2)


class InterruptTest(support.ProcessTest):
    def expect_sigint_ends(self, fault, requests, properties):
        stub = self.start_stub("--encoder", "null", "--log", "debug", "--fault", fault)
        process = self.start_launch(f"{SOURCE} ! vsockenc socket-path={self.socket_path} {properties} ! fakesink")
        stub.wait_for_log("FRAME_REQUEST", requests)
        process.send_signal(signal.SIGINT)
        code, err = self.end_within(process, 10)
        self.assertNotEqual(code, -signal.SIGKILL, err)

    def test_sigint_ends_a_pipeline_on_a_silent_host_trap_19(self):
        self.expect_sigint_ends("hang@10", 11, "response-timeout=600000")

    def test_sigint_ends_a_pipeline_on_a_stalled_answer_trap_21(self):
        self.expect_sigint_ends("half@10", 10, "response-timeout=600000")

    def test_sigint_ends_a_pipeline_that_reconnects(self):
        stub = self.start_stub("--encoder", "null", "--log", "debug")
        process = self.start_launch(f"videotestsrc is-live=true ! video/x-raw,format=NV12,width=320,height=240 ! "
                                    f"vsockenc socket-path={self.socket_path} reconnect=true "
                                    f"reconnect-timeout=600000 ! fakesink")
        stub.wait_for_log("FRAME_REQUEST", 3)
        stub.stop()
        process.send_signal(signal.SIGINT)
        self.end_within(process, 10)


class ClientsTest(support.ProcessTest):
    def connect(self):
        client = support.Client(self.socket_path)
        self.addCleanup(client.close)
        return client

    def test_a_bad_client_costs_a_good_one_nothing(self):
        stub = self.start_stub("--encoder", "null", "--log", "debug", "--fault", "delay=5")
        good = self.start_launch(f"videotestsrc num-buffers=300 ! video/x-raw,format=NV12,width=320,height=240 ! "
                                 f"vsockenc socket-path={self.socket_path} ! fakesink")
        stub.wait_for_log("FRAME_REQUEST", 10)
        bad = self.connect()
        bad.send_raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with self.assertRaises(ConnectionError):
            while True:
                self.assertEqual(bad.receive()[0], support.ERROR)
        self.assertIsNone(good.poll(), "the good one was over already: nothing was shown")
        code, err = self.end_within(good, support.DEADLINE_S)
        self.assertEqual(code, 0, err)
        stats = stub.stop()
        self.assertEqual((stats["responses"], stats["bad_clients"]), (300, 1))

    def test_two_pipelines_at_once_get_their_own_frames(self):
        stub = self.start_stub("--encoder", "null")
        lines = [f"videotestsrc num-buffers=100 ! video/x-raw,format=NV12,width={width},height=240 ! "
                 f"vsockenc socket-path={self.socket_path} ! fakesink" for width in (320, 640)]
        for process in [self.start_launch(line) for line in lines]:
            code, err = self.end_within(process, support.DEADLINE_S)
            self.assertEqual(code, 0, err)
        self.assertEqual(stub.stop()["responses"], 200)

    def test_a_subscriber_gets_its_scanout_unasked(self):
        self.start_stub("--encoder", "null")
        client = self.connect()
        client.send(support.ENABLE_SCANOUT, struct.pack("<4I", 3, 640, 368, 30), session=3)
        kind, _, payload = client.receive()
        self.assertEqual(kind, support.SCANOUT_RESP)
        self.assertEqual(struct.unpack_from("<2I", payload), (3, 1))
        self.assertEqual(payload[8:].rstrip(b"\0"), b"Virtual-4")
        client.send(support.SUBSCRIBE, struct.pack("<I", 3), session=3)
        kind, _, payload = client.receive()
        self.assertEqual((kind, struct.unpack("<2I", payload)), (support.SUBSCRIBE_RESP, (3, 1)))
        for i in range(5):
            kind, session, payload = client.receive()
            pts, _, key, count = struct.unpack_from("<qqB3xI", payload)
            self.assertEqual((kind, session, count), (support.FRAME_RESPONSE, 3, 1))
            self.assertEqual(pts, i * 16_666_667)
            self.assertEqual(key, 1 if i == 0 else key)

    def test_a_ping_is_answered_with_its_session(self):
        self.start_stub("--encoder", "null")
        client = self.connect()
        client.send(support.PING, session=9)
        self.assertEqual(client.receive(), (support.PONG, 9, b""))

    def test_an_unknown_message_is_skipped(self):
        self.start_stub("--encoder", "null")
        client = self.connect()
        client.send(0x77, b"x" * 100_000)
        client.send(support.PING)
        self.assertEqual(client.receive()[0], support.PONG)


if __name__ == "__main__":
    unittest.main(verbosity=2)

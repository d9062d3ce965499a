#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes in comes out: real encoders on the host, real decoders on the result, ids and pts read off the picture."""

import subprocess
import unittest

import support
from sanitizer import without_leaks

WIDTH, HEIGHT, COUNT = 640, 368, 60
MP4_TICK_NS = 1_000_000  # mp4mux counts in less than a millisecond


class EncodeTest(support.ProcessTest):
    def assert_frames(self, frames, expected):
        """expected: [(id, pts)]"""
        self.assertEqual([(code, pts) for _, code, pts in frames], expected)
        first = frames[0][0]
        for buffer_pts, _, pts in frames:
            self.assertLess(abs(buffer_pts - first - pts), MP4_TICK_NS)

    def encode(self, form, endpoint_properties, count=COUNT):
        raw, mp4 = self.draw(form, WIDTH, HEIGHT, count), self.folder / "out.mp4"
        self.launch_well(
            f"filesrc location={raw} ! rawvideoparse format={form.lower()} width={WIDTH} height={HEIGHT} "
            f"framerate=30/1 ! vsockenc {endpoint_properties} ! h264parse ! mp4mux ! filesink location={mp4}")
        return mp4

    def check_round_trip(self, encoder, decoder, form):
        if not support.has_element(encoder) or not support.has_element(decoder):
            self.skipTest(f"this machine lacks {encoder} or {decoder}")
        stub = self.start_stub("--encoder", encoder)
        mp4 = self.encode(form, f"socket-path={self.socket_path}")
        self.assert_frames(self.read(mp4, decoder), [(i, i * 1_000_000_000 // 30) for i in range(COUNT)])
        stats = stub.stop()
        self.assertEqual((stats["frames"], stats["responses"]), (COUNT, COUNT))

    def test_x264enc_to_avdec_h264_keeps_every_frame(self):
        self.check_round_trip("x264enc", "avdec_h264", "NV12")

    def test_x264enc_to_openh264dec_keeps_every_frame(self):
        self.check_round_trip("x264enc", "openh264dec", "NV12")

    def test_openh264enc_to_avdec_h264_keeps_every_frame(self):
        self.check_round_trip("openh264enc", "avdec_h264", "NV12")

    def test_openh264enc_to_openh264dec_keeps_every_frame(self):
        self.check_round_trip("openh264enc", "openh264dec", "NV12")

    def test_bgrx_keeps_every_frame(self):
        self.check_round_trip("x264enc", "avdec_h264", "BGRx")

    def test_one_frame_is_one_frame_trap_1(self):
        self.start_stub("--encoder", "x264enc")
        mp4 = self.encode("NV12", f"socket-path={self.socket_path}", count=1)
        self.assert_frames(self.read(mp4, "avdec_h264"), [(0, 0)])

    def test_tcp_by_name_trap_38(self):
        stub = self.start_stub("--encoder", "x264enc", endpoint="tcp:127.0.0.1:0")
        port = stub.endpoint.rsplit(":", 1)[1]
        mp4 = self.encode("NV12", f"tcp-host=localhost tcp-port={port}", count=5)
        self.assertEqual([code for _, code, _ in self.read(mp4, "avdec_h264")], list(range(5)))

    def test_dmabuf_frames_are_found_by_their_id(self):
        """The host draws the id it was given; guest and picture must agree, for buffers that recur too."""
        stub, mp4 = self.start_stub("--encoder", "x264enc"), self.folder / "out.mp4"
        done = subprocess.run([support.DMABUF_GUEST, stub.endpoint, str(mp4), str(COUNT)], stdout=subprocess.PIPE,
                              env=without_leaks(), text=True, check=True, timeout=support.DEADLINE_S)
        sent = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
        self.assertEqual(len(sent), COUNT)
        self.assertEqual(len({code for code, _ in sent}), 5)
        self.assert_frames(self.read(mp4, "avdec_h264"), sent)
        self.assertEqual(stub.stop()["frames_pixels"], 0)

    def test_a_host_that_sees_no_resources_gets_every_frame_as_pixels(self):
        stub = self.start_stub("--encoder", "null", "--refuse-ids")
        subprocess.run([support.DMABUF_GUEST, stub.endpoint, str(self.folder / "out.mp4"), str(COUNT)],
                       stdout=subprocess.DEVNULL, env=without_leaks(), check=True, timeout=support.DEADLINE_S)
        stats = stub.stop()
        self.assertEqual((stats["connections"], stats["responses"], stats["frames_pixels"]), (2, COUNT, COUNT))

    def test_a_profile_filter_is_what_the_host_makes_trap_33(self):
        self.start_stub("--encoder", "x264enc")
        for profile in ("high", "main", "constrained-baseline"):
            self.launch_well(f"videotestsrc num-buffers=5 ! video/x-raw,format=NV12,width=320,height=240 ! "
                             f"vsockenc socket-path={self.socket_path} ! video/x-h264,profile={profile} ! fakesink")

    def test_frames_the_host_drops_leave_a_decodable_stream(self):
        self.start_stub("--encoder", "x264enc", "--fault", "drop=7")
        mp4 = self.encode("NV12", f"socket-path={self.socket_path}")
        codes = [code for _, code, _ in self.read(mp4, "avdec_h264")]
        self.assertNotIn(None, codes)
        self.assertEqual(codes, sorted(codes))
        self.assertGreaterEqual(len(codes), COUNT - COUNT // 7)
        self.assertLess(len(codes), COUNT)

    def test_encodebin_does_not_choose_it_without_a_host_trap_36(self):
        if not support.has_element("x264enc"):
            self.skipTest("this machine lacks x264enc, nothing else could be chosen")
        self.launch_well("videotestsrc num-buffers=5 ! encodebin profile=video/x-h264 ! fakesink")


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The check that judges streams in the guest sees what is wrong with them, here with pipelines that are wrong on purpose."""

import json
import os
import subprocess
import unittest

import support
from sanitizer import without_leaks

SCREEN_CHECK = os.environ["SCREEN_CHECK"]
COUNT = 30
CODEC = "x264enc tune=zerolatency bitrate=8000 ! h264parse ! avdec_h264 ! appsink"
THROUGH_HOST = "h264parse ! avdec_h264 ! appsink"


class ScreenCheckTest(support.ProcessTest):
    def setUp(self):
        super().setUp()
        for element in ("x264enc", "avdec_h264"):
            if not support.has_element(element):
                self.skipTest(f"this machine lacks {element}")

    def check(self, pipeline, *options, form="NV12"):
        """(exit status, what it reports) of frames from an appsrc through a pipeline."""
        source = f"appsrc caps=video/x-raw,format={form},width=640,height=368,framerate=30/1"
        done = subprocess.run([SCREEN_CHECK, "--frames", str(COUNT), *options, *f"{source} ! {pipeline}".split()],
                              stdout=subprocess.PIPE, env=without_leaks(), check=False, text=True,
                              timeout=support.DEADLINE_S)
        return done.returncode, json.loads(done.stdout) if done.stdout else None

    def assert_bad(self, pipeline, *what, options=()):
        """Those numbers are not 0, and it says so with its exit status."""
        status, report = self.check(pipeline, *options)
        self.assertEqual((status, report["ok"]), (1, False))
        self.assertEqual([kind for kind in what if not report[kind]], [], report)
        return report

    def test_a_stream_without_fault_is_well(self):
        status, report = self.check(f"identity name=encoder ! {CODEC}")
        self.assertEqual((status, report["ok"], report["error"]), (0, True, None), report)
        self.assertEqual((report["entered"], report["left"], report["last"]), (COUNT, COUNT, COUNT - 1))
        self.assertGreater(report["psnr_min"], 40)

    def test_vsockenc_is_found_and_its_numbers_told(self):
        stub = self.start_stub("--encoder", "x264enc")
        for form in ("NV12", "BGRx", "RGBA"):
            status, report = self.check(f"vsockenc endpoint={stub.endpoint} ! {THROUGH_HOST}", form=form)
            self.assertEqual(status, 0, report)
            self.assertEqual(report["stats"]["frames-encoded"], COUNT)
            self.assertGreater(report["psnr_min"], 40)

    def test_frames_dropped_behind_the_encoder_are_lost(self):
        report = self.assert_bad(f"identity name=encoder ! identity drop-probability=0.5 ! {CODEC}", "lost")
        self.assertEqual(report["lost"] + report["left"], COUNT)

    def test_frames_the_host_drops_are_lost_unless_allowed(self):
        stub = self.start_stub("--encoder", "x264enc", "--fault", "drop=7")
        pipeline = f"vsockenc endpoint={stub.endpoint} ! {THROUGH_HOST}"
        self.assertEqual(self.assert_bad(pipeline, "lost")["lost"], COUNT // 7)
        self.assertEqual(self.check(pipeline, "--allow-lost", str(COUNT // 7))[0], 0)

    def test_frames_dropped_in_front_of_the_encoder_are_not_lost(self):
        status, report = self.check(f"identity drop-probability=0.5 ! identity name=encoder ! {CODEC}")
        self.assertEqual((status, report["lost"]), (0, 0), report)
        self.assertLess(report["entered"], COUNT)

    def test_repeated_pictures_are_stale(self):
        rates = "videorate ! video/x-raw,framerate=15/1 ! videorate ! video/x-raw,framerate=30/1"
        report = self.assert_bad(f"identity name=encoder ! {rates} ! {CODEC}", "stale")
        self.assertGreaterEqual(report["stale"], COUNT // 4)

    def test_pictures_without_a_pattern_are_unreadable(self):
        self.assert_bad(f"identity name=encoder ! videoflip video-direction=vert ! {CODEC}", "unreadable")

    def test_pictures_of_another_time_are_unexpected(self):
        self.assert_bad(f"identity name=encoder ! videorate ! video/x-raw,framerate=60/1 ! {CODEC}", "unexpected")

    def test_poor_pictures_are_not_well(self):
        poor = CODEC.replace("tune=zerolatency bitrate=8000", "tune=zerolatency pass=quant quantizer=50")
        report = self.assert_bad(f"identity name=encoder ! {poor}", options=["--psnr", "40"])
        self.assertLess(report["psnr_min"], 40)

    def test_a_host_that_is_not_there_is_an_error(self):
        status, report = self.check(f"vsockenc endpoint=unix:{self.folder}/nobody ! {THROUGH_HOST}")
        self.assertEqual((status, report["left"]), (1, 0))
        self.assertIn("vsockenc", report["error"])

    def test_nothing_in_time_is_an_error(self):
        status, report = self.check(f"valve name=encoder drop=true ! {CODEC}", "--first", "1", "--all", "2")
        self.assertEqual((status, report["ok"]), (1, False))

    def test_a_pipeline_without_encoder_is_a_wrong_command_line(self):
        self.assertEqual(self.check(CODEC), (2, None))


if __name__ == "__main__":
    unittest.main(verbosity=2)

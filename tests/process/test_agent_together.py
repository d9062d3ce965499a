#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The three programs of the agent, as an administrator meets them, on a folder that stands for the machine."""

import json
import os
import re
import signal
import subprocess
import time
import unittest

from agent import DEADLINE_S, AgentTest, Hub
from sanitizer import gstreamer_environment

CTL = os.environ["HELIX_AGENT"]
APPLYD = os.environ["HELIX_APPLYD"]

KNOB = "proc/sys/vm/swappiness"
PROFILE = "[main]\nsummary=Just one\ncheckpoint=calm\n[sysctl:vm.swappiness]\nvalue=10\nreason=To see it change\n"


class TogetherTest(AgentTest):
    def setUp(self):
        super().setUp()
        self.put("proc/sys/kernel/random/boot_id", "boot\n")
        self.put("proc/meminfo", "MemTotal: 4194304 kB\nMemAvailable: 3145728 kB\nHugePages_Total: 7\n")
        self.put("sys/devices/system/cpu/online", "0-3\n")
        self.put("sys/devices/system/cpu/isolated", "2-3\n")
        self.knob = self.put(KNOB, "60\n")
        self.put("etc/helix-agent/profiles/calm.conf", PROFILE)
        self.apply_path.parent.mkdir(parents=True, exist_ok=True)
        self.applier = self.start_applier()
        self.start()

    def start_applier(self):
        hub = Hub(self.root / "applier-notify")
        process = subprocess.Popen([APPLYD, "--root", self.root, "--socket", self.apply_path],
                                   env=dict(os.environ, NOTIFY_SOCKET=hub.path))

        def clean_up():
            if process.poll() is None:
                process.kill()
            process.wait()
        self.addCleanup(clean_up)
        hub.wait_for("READY=1")
        hub.socket.close()
        os.unlink(hub.path)
        return process

    def ctl(self, *words, code=0):
        done = subprocess.run([CTL, "--socket", self.path, *words], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=DEADLINE_S)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_a_profile_is_planned_applied_verified_and_taken_back(self):
        self.assertRegex(self.ctl("profile", "list"), "calm +safe +calm +Just one")
        self.assertIn("To see it change", self.ctl("profile", "show", "calm"))
        self.assertRegex(self.ctl("profile", "plan", "calm"), r"vm\.swappiness\n +- 60\n +\+ 10\n")
        self.assertEqual(self.knob.read_text().strip(), "60")
        self.assertIn("rollback 1", self.ctl("profile", "apply", "--yes", "calm"))
        self.assertEqual(self.knob.read_text().strip(), "10")
        self.assertRegex(self.ctl("profile", "verify"), r"OK +sysctl vm\.swappiness +10")
        self.assertRegex(self.ctl("checkpoint", "list"), r"calm +transaction 1, profile calm, .*\n +sysctl vm\.swappiness: 60 -> 10")
        self.assertRegex(self.ctl("journal", "list"), "1 +committed +calm")
        self.assertRegex(self.ctl("profile", "rollback", "1"), r"OK +sysctl vm\.swappiness +restored")
        self.assertEqual(self.knob.read_text().strip(), "60")
        self.assertIn("empty", self.ctl("journal", "list"))

    def test_what_is_to_be_confirmed_can_be(self):
        self.put("etc/helix-agent/profiles/calm.conf", PROFILE + "risk=medium\n")
        out = self.ctl("profile", "apply", "--yes", "--confirm-timeout-s", "3600", "calm")
        self.assertIn("taken back in 3600 s unless you say: helix-agent profile confirm 1", out)
        self.assertRegex(self.ctl("journal", "list"), "1 +waiting +calm")
        self.ctl("profile", "confirm", "1")
        self.assertRegex(self.ctl("journal", "list"), "1 +committed +calm")

    def test_drift_is_told_and_left_alone(self):
        self.ctl("profile", "apply", "--yes", "calm")
        self.knob.write_text("33\n")
        self.assertRegex(self.ctl("profile", "verify", code=1), r"FAIL +sysctl vm\.swappiness +33, not 10")
        self.assertRegex(self.ctl("profile", "rollback", "1", code=1), "FAIL .* drift")
        self.assertEqual(self.knob.read_text().strip(), "33")
        self.ctl("profile", "rollback", "--force", "1")
        self.assertEqual(self.knob.read_text().strip(), "60")

    def test_an_old_plan_is_not_applied(self):
        plan = json.loads(self.ctl("profile", "plan", "--json", "calm"))
        self.knob.write_text("50\n")
        self.ctl("profile", "apply", "--plan-hash", plan["plan-hash"], "calm", code=1)
        self.assertEqual(self.knob.read_text().strip(), "50")

    def test_without_an_applier_the_user_is_told_what_to_start(self):
        self.applier.send_signal(signal.SIGTERM)
        self.applier.wait(DEADLINE_S)
        self.assertIn("helix-applyd.socket", self.ctl("profile", "list", code=3))

    def test_facts_are_those_of_the_machine(self):
        facts = json.loads(self.ctl("validate", "dsp", "--json", code=None))
        measured = {row["requirement"]: row["measured"] for row in facts}
        self.assertEqual(measured["memory"], "4 GiB, wanted at least 1.8 GiB")
        self.assertEqual(measured["memory in use"], "1 GiB, wanted at most 1.4 GiB")
        self.assertEqual(measured["isolated CPUs"], "2, wanted at least 1")
        self.assertEqual(measured["hugepages"], "7, wanted at least 0")

    def test_a_stream_of_vsockenc_shows_in_health(self):
        build = os.environ["BUILD_ROOT"]
        endpoint = f"unix:{self.root / 'host'}"
        host = subprocess.Popen([f"{build}/host-stub/helix-host-stub", "stream", "--listen", endpoint, "--refuse-ids"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(host.wait)
        self.addCleanup(host.kill)
        environment = dict(gstreamer_environment(), GST_PLUGIN_PATH_1_0=f"{build}/gst-vsockenc",
                           GST_REGISTRY=str(self.root / "registry"),
                           HELIX_ENCODER_SOCKET=str(self.root / "run/helix-agent/encoder.sock"))
        deadline = time.monotonic() + DEADLINE_S
        while not (self.root / "host").exists():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        guest = subprocess.Popen(["gst-launch-1.0", "-q", "videotestsrc", "is-live=true", "!", "vsockenc",
                                  f"endpoint={endpoint}", "!", "fakesink"], env=environment)
        self.addCleanup(guest.wait)
        self.addCleanup(guest.kill)
        while not re.search(r"CRITICAL - gpu.dmabuf_path: 0 % .* user \d+", self.check_dmabuf_path()):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)
        guest.send_signal(signal.SIGINT)  # gst-launch ends the stream first
        guest.wait(DEADLINE_S)
        while "no stream" not in self.check_dmabuf_path():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)

    def check_dmabuf_path(self):
        return self.ctl("health", "--check", "gpu.dmabuf_path", "--refresh", code=None)

    def test_status_of_a_real_machine_has_its_sections(self):
        out = self.ctl("status", "--refresh", "--all", code=None)
        for section in ("Service", "CPU isolation", "Memory", "Hugepages", "GPU", "Encoder link", "Audio",
                        "NETJACK bridge", "Scheduling", "System"):
            self.assertIn(f"=== {section} ===", out)


if __name__ == "__main__":
    unittest.main(verbosity=2)

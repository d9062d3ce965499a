#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""helix-agent against an agent that says what a test wants it to say."""

import json
import os
import pathlib
import pty
import select
import socket
import subprocess
import tempfile
import threading
import unittest

CTL = os.environ["HELIX_AGENT"]
DEADLINE_S = 30


class FakeAgent:
    """Answers each command with what `replies` has for it: a value, or an Exception(class, text)."""

    def __init__(self, path, replies):
        self.replies, self.asked = replies, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(4)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, client.makefile("rw") as stream:
                request = json.loads(stream.readline())
                self.asked.append((request["execute"], request.get("arguments", {})))
                stream.write(self._answer(request["execute"]))

    def _answer(self, command):
        reply = self.replies.get(command, RuntimeError("CommandNotFound", f"no {command} here"))
        if isinstance(reply, bytes):
            return reply.decode()
        if isinstance(reply, Exception):
            return json.dumps({"error": {"class": reply.args[0], "desc": reply.args[1]}}) + "\n"
        return json.dumps({"return": reply}) + "\n"

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(DEADLINE_S)


def probe(name, status="OK", group="System", **more):
    fields = {"id": name, "group": group, "title": name.replace(".", " "), "status": status, "value": None,
              "unit": None, "warn": None, "fail": None, "message": f"{name} says so", "hint": None, "since-ns": 1,
              "na-reason": None}
    return fields | more


def health(*probes):
    order = ["OK", "WARN", "UNKNOWN", "FAIL"]
    worst = max((p["status"] for p in probes if p["status"] != "N/A"), key=order.index, default="OK")
    return {"status": worst, "exit": {"OK": 0, "WARN": 1, "FAIL": 2, "UNKNOWN": 3}[worst], "boot-id": "b",
            "monotonic-ns": 2, "probes": list(probes)}


STEAL = probe("cpu.steal", "WARN", "CPU isolation", value=1.25, unit="%", warn="0.5", fail="5",
              message="the host takes 1.25 %", hint="pin the vCPUs")
PLAN = {"profile": "rt-audio", "boot-id": "b", "risk": "medium", "needs-confirm": True, "changes": 1, "entries": [
    {"kind": "sysctl", "target": "vm.swappiness", "current": "60", "desired": "10", "change": True, "risk": "medium",
     "undo": "yes", "needs-reboot": False, "reason": "pages of audio stay"},
    {"kind": "sysfs", "target": "/sys/x", "current": "a", "desired": "a", "change": False, "risk": "safe",
     "undo": "yes", "needs-reboot": False, "reason": ""}], "plan-hash": "abc123"}


class CtlTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ctl-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "agent.sock"
        self.agent = None

    def serve(self, **replies):
        self.agent = FakeAgent(self.path, {name.replace("_", "-"): reply for name, reply in replies.items()})
        self.addCleanup(self.agent.stop)

    def run_ctl(self, *words, stdin=subprocess.DEVNULL, text=None):
        how = {"input": text} if text is not None else {"stdin": stdin}
        return subprocess.run([CTL, "--socket", str(self.path), *words], capture_output=True, text=True,
                              timeout=DEADLINE_S, check=False, env=dict(os.environ, LC_ALL="C.UTF-8"), **how)

    # --- verdicts ---

    def test_status_has_a_verdict_and_a_hint_on_every_line(self):
        self.serve(helix_health=health(probe("svc.failed", group="Service"), STEAL))
        done = self.run_ctl("status")
        self.assertEqual(done.returncode, 1, done.stderr)
        lines = [line.split() for line in done.stdout.splitlines() if line]
        self.assertEqual([line for line in lines if line[0] == "==="],
                         [["===", "Service", "==="], ["===", "CPU", "isolation", "==="]])
        self.assertIn(["WARN", "cpu", "steal", "the", "host", "takes", "1.25", "%"], lines)
        self.assertIn(["->", "pin", "the", "vCPUs"], lines)
        self.assertEqual(lines[-1], ["WARN", "1", "OK,", "1", "WARN,", "0", "FAIL"])

    def test_status_leaves_out_what_does_not_apply(self):
        self.serve(helix_health=health(probe("gpu.node", "N/A", "GPU"), STEAL))
        self.assertNotIn("GPU", self.run_ctl("status").stdout)
        self.assertIn("=== GPU ===", self.run_ctl("status", "--all").stdout)

    def test_exit_codes_are_those_of_monitoring_plugins(self):
        for status, code in (("OK", 0), ("WARN", 1), ("FAIL", 2), ("UNKNOWN", 3)):
            with self.subTest(status=status):
                self.path.unlink(missing_ok=True)
                self.serve(helix_health=health(probe("a.b", status)))
                for words in (["status"], ["health"], ["health", "--json"], ["health", "--check", "all"]):
                    self.assertEqual(self.run_ctl(*words).returncode, code, words)

    def test_check_is_one_line_with_performance_data(self):
        self.serve(helix_health=health(probe("a.b", value=3, unit="1/s"), STEAL | {"message": "a|b\nc"}))
        self.assertEqual(self.run_ctl("health", "--check", "all").stdout,
                         "HELIX WARNING - 1 OK, 1 WARN, 0 FAIL; cpu.steal WARN: a/b c"
                         " | 'a.b'=3 'cpu.steal'=1.25%;0.5;5\n")

    def test_check_of_one_probe_says_its_message(self):
        self.serve(helix_health=health(STEAL | {"status": "FAIL"}) | {"status": "FAIL", "exit": 2})
        done = self.run_ctl("health", "--check", "cpu.steal")
        self.assertEqual((done.returncode, done.stdout),
                         (2, "HELIX CRITICAL - cpu.steal: the host takes 1.25 % | 'cpu.steal'=1.25%;0.5;5\n"))
        self.assertEqual(self.agent.asked, [("helix-health", {"probes": ["cpu.steal"]})])

    def test_check_without_an_agent_is_unknown_on_standard_output(self):
        done = self.run_ctl("health", "--check", "all")
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stdout, r"^HELIX UNKNOWN - .*agent\.sock: No such file")

    def test_openmetrics_is_passed_through(self):
        text = "helix_health_status 0\n# EOF\n"
        self.serve(helix_health=text)
        done = self.run_ctl("health", "--openmetrics")
        self.assertEqual((done.returncode, done.stdout), (0, text))
        self.assertEqual(self.agent.asked, [("helix-health", {"format": "openmetrics"})])

    def test_json_is_the_reply(self):
        reply = health(STEAL)
        self.serve(helix_health=reply)
        self.assertEqual(json.loads(self.run_ctl("health", "--json").stdout), reply)

    def test_watch_asks_again(self):
        self.serve(helix_health=health(STEAL))
        process = subprocess.Popen([CTL, "health", "--watch", "1", "--socket", str(self.path)], stdout=subprocess.PIPE,
                                   text=True)
        try:
            seen = 0
            while seen < 2:
                seen += process.stdout.readline().startswith("WARN    cpu.steal")
        finally:
            process.kill()
            process.communicate()
        self.assertGreaterEqual(len(self.agent.asked), 2)

    def test_watch_needs_no_number(self):
        self.serve(helix_health=health(STEAL))
        for words in (["health", "--watch"], ["status", "-w", "--all"], ["status", "-w", "1"]):
            with subprocess.Popen([CTL, *words, "--socket", str(self.path)], stdout=subprocess.PIPE,
                                  text=True) as process:
                self.assertRegex(process.stdout.readline(), "WARN|===")
                process.kill()
        for number in ("0", "-1", "1s", "86401"):
            self.assertEqual(self.run_ctl("health", f"--watch={number}").returncode, 3, number)
        self.assertEqual(self.run_ctl("health", "--watch", "--check", "all").returncode, 3)

    # --- what goes to a terminal ---

    def on_terminal(self, **environment):
        ours, theirs = pty.openpty()
        with subprocess.Popen([CTL, "status", "-s", str(self.path)], stdin=theirs, stdout=theirs,
                              env={"TERM": "xterm", **environment}) as process:
            os.close(theirs)
            text = b""
            while select.select([ours], [], [], DEADLINE_S)[0]:
                try:
                    text += os.read(ours, 4096)
                except OSError:
                    break
            process.wait(DEADLINE_S)
        os.close(ours)
        return text

    def test_colours_are_for_terminals(self):
        self.serve(helix_health=health(STEAL))
        self.assertIn(b"\033[33mWARN\033[0m", self.on_terminal())
        self.assertNotIn(b"\033", self.on_terminal(NO_COLOR="1"))
        self.assertNotIn("\033", self.run_ctl("status").stdout)

    def test_messages_cannot_steer_a_terminal(self):
        self.serve(helix_health=health(STEAL | {"message": "\033[2Jgone\r", "hint": "\033]0;x\007"}))
        self.assertNotRegex(self.run_ctl("status").stdout, "[\033\r\007]")

    # --- what goes wrong says what to do ---

    def test_missing_agent_says_how_to_start_it(self):
        done = self.run_ctl("status")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("systemctl start helix-agentd", done.stderr)
        self.assertIn("without systemd, as root: helix-applyd & helix-agentd &", done.stderr)

    def test_failures_say_what_to_do(self):
        for reply, advice in ((RuntimeError("CommandNotFound", "no"), "systemctl restart helix-agentd"),
                              (RuntimeError("CommandDisabled", "no"), "run it as root"),
                              (RuntimeError("GenericError", "the desc"), "the desc"),
                              (RuntimeError("GenericError", "permission denied"), "usermod -aG helix"),
                              (b"HTTP/1.1 400 Bad Request\r\n", "Something else listens"),
                              (b"", "group 'helix'")):
            with self.subTest(advice=advice):
                self.path.unlink(missing_ok=True)
                self.serve(helix_health=reply)
                done = self.run_ctl("health")
                self.assertEqual(done.returncode, 3)
                self.assertIn(advice, done.stderr)

    def test_wrong_words_are_refused(self):
        for words in (["nonsense"], ["profile"], ["profile", "plan"], ["profile", "plan", "a", "b"],
                      ["status", "--nonsense"], ["profile", "confirm", "12x"], ["profile", "rollback", "-1"],
                      ["health", "--json", "--openmetrics"], []):
            with self.subTest(words=words):
                done = self.run_ctl(*words)
                self.assertEqual((done.returncode, done.stdout), (3, ""))
                self.assertNotEqual(done.stderr, "")

    def test_a_group_of_commands_lists_them(self):
        err = self.run_ctl("profile").stderr
        for name in ("list", "plan NAME", "render NAME"):
            self.assertIn(f"  profile {name} ", err)
        self.assertNotIn("journal", err)

    def test_render_names_the_profiles_there_are(self):
        folder = self.path.parent / "windows"
        folder.mkdir()
        words = ("profile", "render", "--target", "windows", "--source", str(folder), "rt-audio")
        self.assertIn(f"{folder} has no Windows profiles; --source DIR", self.run_ctl(*words).stderr)
        for name in ("gaming", "quiet"):
            (folder / f"{name}.conf").write_text("[main]\n")
        self.assertIn("rt-audio is no Windows profile; there are: gaming, quiet", self.run_ctl(*words).stderr)

    def test_every_command_has_help(self):
        usage = subprocess.run([CTL, "--help"], capture_output=True, text=True, check=True).stdout
        names = [line.strip().split("  ")[0] for line in usage.splitlines() if line.startswith("  ")]
        self.assertGreater(len(names), 12)
        for name in names:
            words = [word for word in name.split() if word.strip("[]").islower()]
            done = self.run_ctl(*words, "--help")
            self.assertEqual(done.returncode, 0, words)
            self.assertIn("--socket", done.stdout)

    # --- profiles ---

    def test_plan_shows_what_changes(self):
        self.serve(helix_profile_plan=PLAN)
        out = self.run_ctl("profile", "plan", "rt-audio").stdout
        for part in ("sysctl vm.swappiness", "- 60", "+ 10", "risk medium", "pages of audio stay", "abc123",
                     "1 of 2 settings change"):
            self.assertIn(part, out)
        self.assertNotIn("/sys/x", out)
        self.assertIn("\n1 do not: 1 are so already, 0 do not apply here; --all shows them\n", out)
        self.assertIn("/sys/x", self.run_ctl("profile", "plan", "--all", "rt-audio").stdout)

    def test_plan_says_why_settings_do_not_apply(self):
        skipped = [{"kind": "cmdline", "target": str(i), "change": False, "risk": "high", "na-reason": reason}
                   for i, reason in enumerate(["no GRUB", "no GRUB", "one CPU", "no disk", "no bus"])]
        self.serve(helix_profile_plan=PLAN | {"entries": PLAN["entries"] + skipped})
        self.assertIn("\n6 do not: 1 are so already, 5 do not apply here (no GRUB; one CPU; no disk; ...); --all",
                      self.run_ctl("profile", "plan", "rt-audio").stdout)

    def test_apply_applies_the_plan_that_was_shown(self):
        done = {"txn": 7, "confirm-s": 120, "results": [{"kind": "sysctl", "target": "vm.swappiness",
                                                          "result": "applied"}]}
        self.serve(helix_profile_plan=PLAN, helix_profile_apply=done)
        ran = self.run_ctl("profile", "apply", "--yes", "--confirm-timeout-s", "60", "rt-audio")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(self.agent.asked[1], ("helix-profile-apply", {
            "name": "rt-audio", "plan-hash": "abc123", "confirm-timeout-s": 60}))
        self.assertIn("helix-agent profile confirm 7", ran.stdout)

    def test_apply_asks_nobody_when_nobody_is_there(self):
        self.serve(helix_profile_plan=PLAN)
        ran = self.run_ctl("profile", "apply", "rt-audio")
        self.assertEqual(ran.returncode, 3)
        self.assertIn("--yes", ran.stderr)
        self.assertEqual([name for name, _ in self.agent.asked], ["helix-profile-plan"])

    def test_apply_with_nothing_to_change_changes_nothing(self):
        self.serve(helix_profile_plan=PLAN | {"changes": 0})
        self.assertEqual(self.run_ctl("profile", "apply", "--yes", "rt-audio").returncode, 0)
        self.assertEqual([name for name, _ in self.agent.asked], ["helix-profile-plan"])

    def test_refused_apply_fails(self):
        self.serve(helix_profile_plan=PLAN, helix_profile_apply=RuntimeError("GenericError", "the machine changed"))
        ran = self.run_ctl("profile", "apply", "--yes", "rt-audio")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("the machine changed", ran.stderr)

    def test_rollback_fails_where_something_drifted(self):
        rows = [{"txn": 7, "kind": "sysctl", "target": "vm.swappiness", "result": "drift", "message": "is 30"}]
        self.serve(helix_profile_rollback=rows)
        ran = self.run_ctl("profile", "rollback", "7", "--force")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("drift: is 30", ran.stdout)
        self.assertEqual(self.agent.asked, [("helix-profile-rollback", {"txn": 7, "force": True})])

    def test_verify_tells_what_is_from_what_should_be(self):
        rows = [{"txn": 7, "profile": "p", "kind": "sysctl", "target": "a", "desired": "1", "effective": "1",
                 "same": True, "needs-reboot": False},
                {"txn": 7, "profile": "p", "kind": "cmdline", "target": "", "desired": "x", "effective": None,
                 "same": False, "needs-reboot": True}]
        self.serve(helix_profile_verify=rows)
        ran = self.run_ctl("profile", "verify")
        self.assertEqual(ran.returncode, 1)
        self.assertRegex(ran.stdout, r"OK +sysctl a +1\nWARN +cmdline +\(absent\), not x\n +-> reboot\n")
        self.assertEqual(self.run_ctl("profile", "verify", "--json").returncode, 1)

    def test_lists_are_tables(self):
        self.serve(helix_profile_list=[{"name": "rt-audio", "risk": "high", "summary": "Low latency"}],
                   helix_journal_list=[])
        self.assertRegex(self.run_ctl("profile", "list").stdout, r"PROFILE .*SUMMARY\nrt-audio +high +- +Low latency\n")
        self.assertIn("empty", self.run_ctl("journal", "list").stdout)

    def test_no_profiles_say_where_they_were_looked_for(self):
        self.serve(helix_profile_list=[])
        out = self.run_ctl("profile", "list").stdout
        for part in ("/etc/helix-agent/profiles", "share/helix-agent/profiles", "--profile-dir DIR"):
            self.assertIn(part, out)

    def test_checkpoints_say_what_they_changed(self):
        changes = [{"kind": "sysctl", "target": "vm.swappiness", "original": "60", "desired": "10"},
                   {"kind": "file", "target": "/etc/x", "original": None, "desired": "0644 a\nb\n"}]
        self.serve(helix_checkpoint_list=[
            {"checkpoint": "base", "txn": 0, "settings": 0, "changes": []},
            {"checkpoint": "rt-ready", "txn": 3, "profile": "rt-audio", "time": 86400, "changes": changes}])
        lines = self.run_ctl("checkpoint", "list").stdout.splitlines()
        self.assertEqual(lines[0], "base  the machine as it was found")
        self.assertRegex(lines[1], "^rt-ready  transaction 3, profile rt-audio, 1970-01-0[12] [0-9:]+$")
        self.assertEqual(lines[2:], ["    sysctl vm.swappiness: 60 -> 10",
                                     "    file /etc/x: (absent) -> 0644 a ... (2 lines)"])

    # --- validate ---

    def validate(self, role, facts=(), *probes):
        self.path.unlink(missing_ok=True)
        wanted = {"role": role, "rate-hz": 96000, "period-frames": 128, "periods": 2, "hugepages": 0}
        everything = {"isolated": 2, "memory-b": 4 << 30, "memory-used-b": 1 << 30, "hugepages": 0, "rate-hz": 96000,
                      "disk-used-b": 8 << 30, "boot-ms": 12000, "wanted": wanted} | dict(facts)
        names = ("audio.xruns", "audio.netjack", "audio.server", "kernel.preempt", "cpu.isolation", "sched.latency.rt",
                 "gpu.node", "gpu.caps", "link.encoder", "svc.failed")
        usual = [probe("audio.latency", value=1.333, unit="ms"), probe("audio.quantum", value=128),
                 *map(probe, names)]
        changed = [one["id"] for one in probes]
        self.serve(helix_facts=everything,
                   helix_health=health(*probes, *(one for one in usual if one["id"] not in changed)))
        return self.run_ctl("validate", role)

    def test_validate_passes_a_machine_that_measures_up(self):
        for role in ("dsp", "desktop"):
            done = self.validate(role)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertNotIn("->", done.stdout)

    def test_validate_names_what_falls_short(self):
        for facts, probes, line in (
                ({"boot-ms": 31000}, (), "boot time +31 s, wanted at most 30 s"),
                ({"isolated": 0}, (), "isolated CPUs +0, wanted at least 1"),
                ({"memory-b": 1 << 30}, (), "memory +1 GiB, wanted at least 1.8 GiB"),
                ({"memory-used-b": 2 << 30}, (), "memory in use +2 GiB, wanted at most 1.4 GiB"),
                ({"disk-used-b": 36 << 30}, (), "disk in use +36 GiB, wanted at most 35 GiB"),
                ({"rate-hz": 48000}, (), "sample rate +48 kHz, wanted at least 96 kHz"),
                ({}, [probe("audio.latency", "WARN", value=2.667)], r"round trip B\*\(N\+A\) +2.667 ms, wanted at most 2 ms"),
                ({}, [probe("audio.quantum", value=1024)], "period +1024 frames, wanted at most 128 frames"),
                ({}, [probe("audio.xruns", "FAIL", message="many")], "xruns +many")):
            with self.subTest(line=line):
                done = self.validate("dsp", facts, *probes)
                self.assertEqual(done.returncode, 2, done.stdout)
                self.assertRegex(done.stdout, "FAIL +" + line)

    def test_validate_does_not_guess(self):
        done = self.validate("dsp", {"boot-ms": None}, probe("audio.latency", "N/A", message="no server"))
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stdout, "UNKNOWN boot time +wanted at most 30 s; cannot be read here")
        self.assertRegex(done.stdout, "UNKNOWN round trip .*; no server")
        done = self.validate("dsp", {"rate-hz": None}, probe("audio.latency", value=1.3, message="if the master's"))
        self.assertRegex(done.stdout, "UNKNOWN round trip .*; if the master's")

    # --- latency, link ---

    def test_latency_draws_a_bar_for_every_late_wake_up(self):
        run = {"policy": "SCHED_FIFO", "priority": 80, "n": 1001, "p50-us": 12, "p99-us": 40, "p999-us": 80,
               "max-us": 900, "histogram": [{"below-us": 25, "count": 0}, {"below-us": 50, "count": 1000}, {"below-us": 100, "count": 0},
                                            {"below-us": None, "count": 1}]}
        self.serve(helix_latency_run=run)
        ran = self.run_ctl("latency", "--cpu", "1", "-d", "500")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertNotIn("< 25 us", ran.stdout)
        self.assertRegex(ran.stdout, r"< 50 us +1000 #{50}\n +< 100 us +0 \n +more +1 #\n")
        self.assertEqual(self.agent.asked, [("helix-latency-run", {
            "duration-ms": 500, "priority": 80, "interval-us": 1000, "cpu": 1})])

    def test_link_says_where_and_how(self):
        config = {"codec": "h264", "profile": "high", "level": "4.0", "bitrate": 6000000, "width": 0, "height": 0,
                  "framerate-num": 60000, "framerate-den": 1001, "realtime": True}
        link = health(probe("link.encoder", "WARN", hint="look")) | {
            "endpoint": "vsock:2:5000", "monotonic-ns": 90 * 10**9,
            "last-error": {"message": "no PONG\033", "monotonic-ns": 20 * 10**9},
            "peer": {"version": 2, "features": 0, "config": config},
            "pings": {"sent": 4, "answered": 3, "loss-percent": 25.0, "p50-us": 300.5, "p99-us": 900, "max-us": 900,
                      "histogram": [{"below-us": 512, "count": 2}, {"below-us": 1024, "count": 1}]}}
        self.serve(helix_link_status=link)
        ran = self.run_ctl("link", "--refresh")
        self.assertEqual((ran.returncode, ran.stderr), (1, ""))
        self.assertEqual(self.agent.asked, [("helix-link-status", {"refresh": True})])
        for text in ("Encoder: vsock:2:5000\n", "HXFR version 2\n",
                     "h264 high level 4.0, 6.00 Mbit/s, 59.94 frames a second, low latency\n",
                     "3 of 4 answered, 25 % lost\n", "  p99    900 us\n", "< 512 us        2 ###",
                     "Last error, 70 s ago: no PONG \n", "WARN    link.encoder", "-> look\n"):
            self.assertIn(text, ran.stdout)
        self.assertEqual(json.loads(self.run_ctl("link", "--json").stdout), link)

    def test_link_without_an_encoder_says_so(self):
        self.serve(helix_link_status=health(probe("link.encoder", "N/A")) | {
            "endpoint": None, "last-error": None, "peer": None,
            "pings": {"sent": 0, "answered": 0, "loss-percent": None, "p50-us": None, "histogram": []}})
        ran = self.run_ctl("link")
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertRegex(ran.stdout, r"^Encoder: none is configured -> encoder=vsock:2:5000 in /etc\S+\nN/A")


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""helix-applyd on a folder that stands for the machine: activated, killed, asked by strangers."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

APPLYD = os.environ["HELIX_APPLYD"]
DEADLINE_S = 60
KILLS = 25
NOBODY = 65534
KEY = ("org.gnome.desktop.interface", "enable-animations")

KNOBS = {f"/proc/sys/vm/knob{i}": f"{i}\n" for i in range(40)}
PROFILE = "".join(f"[sysctl:vm.knob{i}]\nvalue={i + 100}\n" for i in range(40)) + (
    "[file:/etc/sysctl.d/90-helix.conf]\nvalue=new\\n\n"
)


class Machine:
    def __init__(self, test):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="helix-applyd-"))
        test.addCleanup(shutil.rmtree, self.root, True)
        self.put("/proc/sys/kernel/random/boot_id", "boot\n")
        self.put("/etc/helix-agent/profiles/all.conf", PROFILE)
        self.put("/etc/sysctl.d/90-helix.conf", "old\n")
        for path, text in KNOBS.items():
            self.put(path, text)
        self.socket = self.root / "apply.sock"

    def put(self, path, text):
        path = self.root / path[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def state(self):
        """What a crash must not leave half done."""
        paths = [*KNOBS, "/etc/sysctl.d/90-helix.conf"]
        folder = sorted(p.name for p in (self.root / "etc/sysctl.d").iterdir())
        return [(self.root / p[1:]).read_text() for p in paths] + folder

    def reboot(self):
        """What is in files stays; knobs are as another kernel has them."""
        self.put("/proc/sys/kernel/random/boot_id", "another boot\n")
        for path, text in KNOBS.items():
            self.put(path, f"{int(text) + 1000}\n")

    def apply(self, **arguments):
        plan = self.ask("helix-profile-plan", name="all")
        return self.ask("helix-profile-apply", name="all", **{"plan-hash": plan["plan-hash"]}, **arguments)["txn"]

    def command(self, *options):
        return [APPLYD, "--root", str(self.root), "--socket", str(self.socket), *options]

    def start(self, test):
        process = subprocess.Popen(self.command())
        test.addCleanup(end, process)
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            try:
                self.ask("guest-ping")
                return process
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.01)
        raise AssertionError("helix-applyd never listened")

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(DEADLINE_S)
        try:
            client.connect(str(self.socket))
        except OSError:
            client.close()
            raise
        return client

    def send(self, command, **arguments):
        client = self.connect()
        client.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        return client

    def ask(self, command, **arguments):
        with self.send(command, **arguments) as client:
            line = client.makefile().readline()
        reply = json.loads(line)
        if "error" in reply:
            raise AssertionError(reply["error"]["desc"])
        return reply["return"]


class User:
    """alice, of a machine that has a store of settings: who runs this test, or who is nobody."""

    target = "alice/" + "/".join(KEY)

    def __init__(self, test, machine):
        for program in ("dconf", "gsettings", "dbus-run-session"):
            if not shutil.which(program):
                test.skipTest(f"there is no {program} here (packages dconf-cli, libglib2.0-bin, dbus-daemon)")
        if subprocess.run(["gsettings", "range", *KEY], capture_output=True, check=False).returncode:
            test.skipTest("there is no schema to set (package gsettings-desktop-schemas)")
        if not list(pathlib.Path("/usr/lib").glob("*/gio/modules/libdconfsettings.so")):
            test.skipTest("GSettings keeps nothing here (package dconf-gsettings-backend)")
        self.test, self.machine = test, machine
        self.uid = os.geteuid() or NOBODY
        self.home = machine.root / "home/alice"
        self.home.mkdir(parents=True)
        os.chmod(machine.root, 0o755)
        os.chown(self.home, self.uid, -1)
        machine.put("/etc/login.defs", "UID_MIN 1\nUID_MAX 65534\n")
        machine.put("/etc/passwd", f"alice:x:{self.uid}:{os.getegid() or NOBODY}::{self.home}:/bin/sh\n"
                    f"homeless:x:{self.uid}:{os.getegid() or NOBODY}::{self.home}/gone:/bin/sh\n")
        machine.start(test)

    def options(self, runtime=None):
        group = os.getegid() or NOBODY
        who = {"user": self.uid, "group": group, "extra_groups": []} if os.geteuid() == 0 else {}
        env = {"HOME": str(self.home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        if runtime:
            env |= {"XDG_RUNTIME_DIR": str(runtime), "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}
        return {"env": env, "cwd": self.home, "text": True, **who}

    def run(self, *command):
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              timeout=DEADLINE_S, **self.options()).stdout

    def gsettings(self, *arguments):
        return self.run("dbus-run-session", "--", "gsettings", *arguments)

    def own(self):
        """What alice's own database says."""
        path = "/" + KEY[0].replace(".", "/") + "/" + KEY[1]
        return self.run("dconf", "read", path).strip() or None

    def plan(self, value):
        section = f"[gsettings:*/{'/'.join(KEY)}]\nvalue={value}\noptional=true\n"
        self.machine.put("/etc/helix-agent/profiles/all.conf", section)
        plan = self.machine.ask("helix-profile-plan", name="all")
        targets = {entry["target"]: entry for entry in plan["entries"]}
        self.test.assertTrue(targets[self.target]["change"], plan)
        return plan

    def apply(self, value):
        plan = self.plan(value)
        applied = self.machine.ask("helix-profile-apply", name="all", **{"plan-hash": plan["plan-hash"]})
        self.test.assertEqual([(one["target"], one["result"]) for one in applied["results"]],
                              [(self.target, "applied")])
        return applied["txn"]

    def log_in(self):
        """A bus where systemd-logind has it, and a program of the session that looks at the key."""
        runtime = pathlib.Path(f"/run/user/{self.uid}")
        if os.geteuid() != 0 or runtime.exists():
            self.test.skipTest(f"cannot make {runtime}")
        runtime.mkdir(parents=True)
        self.test.addCleanup(shutil.rmtree, runtime)
        os.chown(runtime, self.uid, -1)
        options = self.options(runtime)
        bus = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--print-address",
                                f"--address=unix:path={runtime}/bus"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options)
        self.test.addCleanup(end, bus)
        self.test.addCleanup(bus.stdout.close)
        bus.stdout.readline()
        monitor = subprocess.Popen(["stdbuf", "-oL", "gsettings", "monitor", *KEY], stdout=subprocess.PIPE, **options)
        self.test.addCleanup(end, monitor)
        self.test.addCleanup(monitor.stdout.close)
        return monitor


def is_helper(process, root):
    """Is it helix-agent-gsettings, at work for that machine?"""
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
        return any(word.startswith(os.fsencode(root)) for word in words) and b"helix-agent-gsettings" in words[0]
    except OSError:
        return False


def end(process):
    if process.poll() is None:
        process.kill()
    process.wait()


class Applyd(unittest.TestCase):
    def setUp(self):
        self.machine = Machine(self)

    def test_killed_at_any_time_it_is_all_or_nothing(self):
        machine = self.machine
        original = machine.state()
        for i in range(KILLS):
            process = machine.start(self)
            plan = machine.ask("helix-profile-plan", name="all")
            client = machine.send("helix-profile-apply", name="all", **{"plan-hash": plan["plan-hash"]})
            time.sleep(i * 0.001)
            process.send_signal(signal.SIGKILL)
            process.wait()
            client.close()
            subprocess.run(machine.command("--recover"), check=True)
            now = machine.state()
            done = now != original
            if done:
                self.assertEqual(now[0], "100\n")
                self.assertEqual(now[len(KNOBS)], "new\n")
                self.assertEqual([int(text) for text in now[: len(KNOBS)]], list(range(100, 140)))
                process = machine.start(self)
                machine.ask("helix-profile-rollback")
                end(process)
            self.assertEqual(machine.state(), original)

    def test_a_socket_that_was_handed_over_is_served_and_left_when_idle(self):
        machine = self.machine
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(machine.socket))
        listener.listen()
        script = 'exec 3<&"$FD"; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"'
        process = subprocess.Popen(
            ["bash", "-c", script, "bash", *machine.command("--idle-exit-s", "1")],
            pass_fds=[listener.fileno()],
            env={**os.environ, "FD": str(listener.fileno())},
        )
        self.addCleanup(end, process)
        self.addCleanup(listener.close)
        self.assertEqual(machine.ask("helix-profile-list")[0]["name"], "all")
        self.assertEqual(process.wait(DEADLINE_S), 0)
        self.assertTrue(machine.socket.exists())

    def test_after_a_reboot_a_confirmed_profile_is_in_effect_upon_what_that_boot_had(self):
        machine = self.machine
        machine.put("/etc/helix-agent/profiles/all.conf", PROFILE.replace("value=new", "risk=medium\nvalue=new"))
        process = machine.start(self)
        applied = machine.state()
        txn = machine.apply()
        self.assertNotEqual(machine.state(), applied)
        applied = machine.state()
        machine.ask("helix-profile-confirm", txn=txn)
        end(process)
        machine.reboot()
        rebooted = machine.state()
        self.assertEqual(rebooted[len(KNOBS)], "new\n")
        machine.start(self)
        self.assertEqual(machine.state(), applied)
        self.assertTrue(all(one["same"] for one in machine.ask("helix-profile-verify")))
        machine.ask("helix-profile-rollback", txn=txn)
        rebooted[len(KNOBS)] = "old\n"
        self.assertEqual(machine.state(), rebooted)

    def test_what_nobody_confirmed_before_a_reboot_is_taken_back_behind_it(self):
        machine = self.machine
        machine.put("/etc/helix-agent/profiles/all.conf", PROFILE.replace("value=new", "risk=medium\nvalue=new"))
        process = machine.start(self)
        machine.apply(**{"confirm-timeout-s": 3600})
        end(process)
        machine.reboot()
        rebooted = machine.state()
        self.assertEqual(rebooted[len(KNOBS)], "new\n")
        machine.start(self)
        rebooted[len(KNOBS)] = "old\n"
        self.assertEqual(machine.state(), rebooted)
        self.assertEqual(machine.ask("helix-journal-list"), [])

    def test_it_stays_while_somebody_has_to_confirm(self):
        machine = self.machine
        machine.put("/etc/helix-agent/profiles/all.conf", "[sysctl:vm.knob1]\nvalue=7\nrisk=medium\n")
        original = machine.state()
        machine.start(self)
        plan = machine.ask("helix-profile-plan", name="all")
        self.assertTrue(plan["needs-confirm"])
        machine.ask(
            "helix-profile-apply", name="all", **{"plan-hash": plan["plan-hash"], "confirm-timeout-s": 1}
        )
        self.assertNotEqual(machine.state(), original)
        deadline = time.monotonic() + DEADLINE_S
        while machine.state() != original and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(machine.state(), original)
        self.assertEqual(machine.ask("helix-journal-list"), [])

    def test_latency_is_measured_while_others_are_answered_and_not_too_often(self):
        machine = self.machine
        machine.start(self)
        with machine.send("helix-latency-run", **{"duration-ms": 500, "priority": 0}) as first:
            self.assertEqual(machine.ask("helix-journal-list"), [])
            with self.assertRaisesRegex(AssertionError, "under way"):
                machine.ask("helix-latency-run")
            run = json.loads(first.makefile().readline())["return"]
        self.assertEqual(run["policy"], "SCHED_OTHER")
        self.assertEqual(sum(bucket["count"] for bucket in run["histogram"]), run["n"])
        self.assertLessEqual(run["p50-us"], run["p99-us"])
        self.assertLessEqual(run["p999-us"], run["max-us"])
        with self.assertRaisesRegex(AssertionError, "ask again in [0-9]+ s"):
            machine.ask("helix-latency-run")

    def test_latency_that_could_not_be_measured_may_be_asked_for_again(self):
        machine = self.machine
        online = machine.root / "sys/devices/system/cpu/online"
        online.parent.mkdir(parents=True, exist_ok=True)
        online.write_text("0-1\n")
        machine.start(self)
        with self.assertRaisesRegex(AssertionError, "there is no CPU 77; CPUs 0-1"):
            machine.ask("helix-latency-run", cpu=77)
        online.unlink()
        for _ in range(2):
            with self.assertRaisesRegex(AssertionError, "CPU: Invalid argument"):
                machine.ask("helix-latency-run", cpu=1023, priority=0)
        machine.ask("helix-latency-run", **{"duration-ms": 1, "priority": 0})
        with self.assertRaisesRegex(AssertionError, "priority 0 to"):
            machine.ask("helix-latency-run", priority=99)

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_a_stranger_is_told_so(self):
        machine = self.machine
        machine.start(self)
        os.chmod(machine.root, 0o755)
        os.chmod(machine.socket, 0o666)
        script = (
            "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
            "s.sendall(b'{\"execute\":\"helix-profile-list\"}'); print(s.recv(4096).decode())"
        )
        run = subprocess.run(
            ["python3", "-c", script, str(machine.socket)],
            user=65534, group=65534, capture_output=True, text=True, timeout=DEADLINE_S,
        )
        self.assertNotIn("return", run.stdout)

    @unittest.skipUnless(os.geteuid() == 0, "only root can give files away")
    def test_a_file_of_somebody_else_comes_back_with_its_owner(self):
        machine = self.machine
        path = machine.root / "etc/sysctl.d/90-helix.conf"
        os.chown(path, NOBODY, NOBODY)
        path.chmod(0o640)
        machine.start(self)
        plan = machine.ask("helix-profile-plan", name="all")
        machine.ask("helix-profile-apply", name="all", **{"plan-hash": plan["plan-hash"]})
        self.assertEqual((path.stat().st_uid, path.read_text()), (0, "new\n"))
        machine.ask("helix-profile-rollback")
        now = path.stat()
        self.assertEqual((now.st_uid, now.st_gid, now.st_mode & 0o777, path.read_text()),
                         (NOBODY, NOBODY, 0o640, "old\n"))

    def test_a_user_who_is_not_logged_in_gets_settings_and_has_none_again(self):
        user = User(self, self.machine)
        user.plan("false")
        self.assertEqual(list(user.home.iterdir()), [])
        self.assertIsNone(user.own())
        txn = user.apply("false")
        self.assertEqual(user.own(), "false")
        verified = {one["target"]: one for one in self.machine.ask("helix-profile-verify")}
        self.assertTrue(verified[user.target]["same"])
        self.machine.ask("helix-profile-rollback", txn=txn)
        self.assertIsNone(user.own())

    def test_what_a_user_had_set_comes_back_and_what_he_set_since_stays(self):
        user = User(self, self.machine)
        user.gsettings("set", *KEY, "true")
        self.machine.ask("helix-profile-rollback", txn=user.apply("false"))
        self.assertEqual(user.own(), "true")
        txn = user.apply("false")
        user.gsettings("set", *KEY, "true")
        user.gsettings("reset", *KEY)
        result = self.machine.ask("helix-profile-rollback", txn=txn)
        self.assertEqual([(one["kind"], one["result"]) for one in result], [("gsettings", "drift")])
        self.assertIsNone(user.own())

    def test_a_session_sees_at_once_what_is_set_for_its_user(self):
        user = User(self, self.machine)
        monitor = user.log_in()
        too_late = threading.Timer(DEADLINE_S, monitor.kill)
        too_late.start()
        self.addCleanup(too_late.cancel)
        user.apply("false")
        self.assertIn(f"{KEY[1]}: false\n", monitor.stdout)
        self.machine.ask("helix-profile-rollback")
        self.assertIn(f"{KEY[1]}: true\n", monitor.stdout)

    def test_what_users_cannot_have_is_not_applied_and_says_why(self):
        user = User(self, self.machine)
        for section, reason in (
            ("[gsettings:alice/no.such.schema/x]\nvalue=1", "no such schema"),
            ("[gsettings:alice/org.gnome.desktop.interface/x]\nvalue=1", "no such key"),
            ("[gsettings:homeless/org.gnome.desktop.interface/enable-animations]\nvalue=false", "no home"),
        ):
            self.machine.put("/etc/helix-agent/profiles/all.conf", section)
            entry = self.machine.ask("helix-profile-plan", name="all")["entries"][0]
            self.assertIn(reason, entry["na-reason"])
        self.assertIsNone(user.own())

    def test_a_user_who_lets_root_wait_does_so_once_and_leaves_nothing_behind(self):
        user = User(self, self.machine)
        (user.home / ".config/dconf").mkdir(parents=True)
        os.mkfifo(user.home / ".config/dconf/user")
        subprocess.run(["chown", "-R", str(user.uid), str(user.home)], check=True)
        keys = [KEY[1], "clock-show-date", "clock-show-seconds", "clock-show-weekday"]
        self.machine.put("/etc/helix-agent/profiles/all.conf",
                         "".join(f"[gsettings:alice/{KEY[0]}/{key}]\nvalue=false\n" for key in keys))
        started = time.monotonic()
        plans = [self.machine.ask("helix-profile-plan", name="all") for _ in range(2)]
        self.assertLess(time.monotonic() - started, 20)
        self.assertEqual(plans[0]["plan-hash"], plans[1]["plan-hash"])
        for entry in plans[0]["entries"]:
            self.assertIn("does not end", entry["na-reason"])
        deadline = time.monotonic() + DEADLINE_S
        while any(is_helper(process, self.machine.root) for process in pathlib.Path("/proc").glob("[0-9]*")):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)

    def test_its_exit_says_what_was_wrong(self):
        machine = self.machine
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.assertEqual(subprocess.run([APPLYD, "--help"], **quiet).returncode, 0)
        self.assertEqual(subprocess.run([APPLYD, "--version"], **quiet).returncode, 0)
        self.assertEqual(subprocess.run([APPLYD, "--nonsense"], **quiet).returncode, 2)
        self.assertEqual(subprocess.run([APPLYD, "word"], **quiet).returncode, 2)
        machine.start(self)
        self.assertEqual(subprocess.run(machine.command("--recover"), **quiet).returncode, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""helix-agentd as its clients meet it."""

import errno
import grp
import json
import os
import pathlib
import pty
import pwd
import random
import re
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
import unittest

from agent import AGENTD, DEADLINE_S, AgentTest

NOBODY = 65534
AS_ROOT = os.geteuid() == 0

ASK_AS_ANOTHER = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(60)
s.connect(sys.argv[1])
try:
    s.sendall(sys.argv[2].encode())
    s.shutdown(socket.SHUT_WR)
except BrokenPipeError:
    pass  # refused: why is to be read
try:
    for line in s.makefile():
        sys.stdout.write(line)
except ConnectionResetError:
    pass
"""


class Talking(AgentTest):
    def test_a_client_library_syncs_and_asks(self):
        self.start()
        client = self.client()
        client.send(b'{"execute":"guest-pi')  # of a client that died
        client.sync(1700000000000)
        self.assertEqual(client.value("guest-ping"), {})
        names = [command["name"] for command in client.value("guest-info")["supported_commands"]]
        for name in ("guest-sync", "guest-get-osinfo", "helix-health", "helix-profile-apply"):
            self.assertIn(name, names)

    def test_a_client_may_close_its_side_before_the_answer(self):
        self.start()
        client = self.client()
        client.send(b'{"execute":"guest-ping"}{"execute":"guest-get-host-name"}')
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(client.line(), {"return": {}})
        self.assertEqual(client.line(), {"return": {"host-name": socket.gethostname()}})
        self.assertIsNone(client.line())

    def test_what_the_machine_is_comes_from_the_root(self):
        self.put("etc/os-release", 'ID=helix\nPRETTY_NAME="Helix 1"\n')
        self.put("proc/loadavg", "1.00 2.00 3.50 1/2 3\n")
        self.start()
        client = self.client()
        self.assertEqual(client.value("guest-get-osinfo")["pretty-name"], "Helix 1")
        self.assertEqual(client.value("guest-get-load"), {"load1m": 1, "load5m": 2, "load15m": 3.5})

    def start_on_a_silent_bus(self):
        bus = socket.socket(socket.AF_UNIX)
        bus.settimeout(DEADLINE_S)
        self.addCleanup(bus.close)
        bus.bind(str(self.root / "bus"))
        bus.listen()
        return bus, self.start(DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={self.root / 'bus'}")

    def test_it_ends_at_once_while_a_question_hangs(self):
        bus, process = self.start_on_a_silent_bus()
        client = self.client()
        client.send(b'{"execute":"helix-facts"}')
        caller, _ = bus.accept()
        self.addCleanup(caller.close)
        started = time.monotonic()
        self.assertEqual(self.stop(process), (0, ""))
        self.assertLess(time.monotonic() - started, 5)

    def test_a_bus_that_says_nothing_does_not_keep_a_client_waiting(self):
        self.start_on_a_silent_bus()
        client = self.client()
        self.assertIn("does not answer", client.ask("helix-facts")["error"]["desc"])
        self.assertEqual(client.value("guest-ping"), {})

    def test_garbage_is_survived(self):
        self.start()
        noise = random.Random(4)
        client = self.client()
        for number in range(50):
            client.send(bytes(noise.choice(b'{}[]",:\\ax0\n\xff') for _ in range(noise.randrange(200))))
            client.sync(number)

    def test_more_requests_than_are_read_end_the_client_and_no_other(self):
        self.start()
        greedy, other = self.client(), self.client()
        greedy.socket.settimeout(0.2)
        ended = threading.Event()
        deadline = time.monotonic() + DEADLINE_S
        while not ended.is_set() and time.monotonic() < deadline:
            try:
                greedy.send(b'{"execute":"guest-info"}' * 100)
            except socket.timeout:
                self.assertEqual(other.value("guest-ping"), {})
            except (BrokenPipeError, ConnectionResetError):
                ended.set()
        self.assertTrue(ended.is_set())
        self.assertEqual(other.value("guest-ping"), {})

    def test_a_request_that_does_not_end_ends_the_client(self):
        self.start()
        client = self.client()
        client.send(b'{"execute":')
        started = time.monotonic()
        self.assertIsNone(client.line())
        self.assertGreater(time.monotonic() - started, 4)

    def test_a_client_that_asks_nothing_is_closed(self):
        self.start("--idle-timeout-s=1")
        client = self.client()
        self.assertEqual(client.value("guest-ping"), {})
        self.assertIsNone(client.line())

    def test_a_fifth_client_is_refused_until_there_is_room(self):
        self.start()
        clients = [self.client() for _ in range(4)]
        for client in clients:
            self.assertEqual(client.value("guest-ping"), {})
        fifth = self.client()
        self.assertEqual(fifth.line()["error"]["desc"], "too many clients")
        self.assertIsNone(fifth.line())
        clients[0].close()
        deadline = time.monotonic() + DEADLINE_S
        while not self.has_room():
            self.assertLess(time.monotonic(), deadline)

    def has_room(self):
        """Refused is also who finds the door shut before it has asked."""
        try:
            return self.client().ask("guest-ping") == {"return": {}}
        except BrokenPipeError:
            return False


class Access(AgentTest):
    def ask_as(self, groups, *commands):
        """As nobody, with these supplementary groups."""
        requests = "".join('{"execute":"%s"}' % command for command in commands)
        done = subprocess.run([sys.executable, "-c", ASK_AS_ANOTHER, self.path, requests],
                              user=NOBODY, group=NOBODY, extra_groups=groups, stdout=subprocess.PIPE,
                              timeout=DEADLINE_S, check=True, text=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    @unittest.skipUnless(AS_ROOT, "only root can be another user")
    def test_a_stranger_is_refused(self):
        self.start()
        self.assertEqual(self.ask_as([], "guest-ping")[0]["error"]["desc"], "permission denied")

    @unittest.skipUnless(AS_ROOT, "only root can be another user")
    def test_the_group_reads_and_does_not_write(self):
        self.start("--group=daemon")
        groups = [grp.getgrnam("daemon").gr_gid]
        read, write = self.ask_as(groups, "guest-ping", "helix-profile-apply")
        self.assertEqual(read, {"return": {}})
        self.assertEqual(write["error"]["class"], "CommandDisabled")

    @unittest.skipUnless(AS_ROOT, "only root can be another user")
    def test_the_group_has_a_rate(self):
        self.start("--group=daemon", "--requests-per-s=1")
        groups = [grp.getgrnam("daemon").gr_gid]
        replies = self.ask_as(groups, *["guest-ping"] * 20)
        self.assertEqual(replies[0], {"return": {}})
        self.assertIn("too many requests", replies[-1]["error"]["desc"])

    def test_a_vsock_client_of_this_machine_is_refused(self):
        process = self.start("--vsock-port=35001")
        try:
            client = socket.socket(socket.AF_VSOCK)
            self.addCleanup(client.close)
            client.settimeout(5)
            client.connect((1, 35001))
        except OSError as error:
            self.assertEqual(self.stop(process)[0], 0)
            self.skipTest(f"no vsock loopback here: {error}")
        self.assertIn(b"permission denied", client.makefile("rb").readline())


    @unittest.skipUnless(AS_ROOT, "only root can become another user")
    def test_it_keeps_the_groups_of_its_user(self):
        users = {entry.pw_name for entry in pwd.getpwall()}
        user, groups = next(((group.gr_mem[0], os.getgrouplist(group.gr_mem[0], pwd.getpwnam(group.gr_mem[0]).pw_gid))
                             for group in grp.getgrall() if group.gr_mem and group.gr_mem[0] in users), (None, None))
        if not user:
            self.skipTest("no user here is in a second group")
        process = self.start(f"--user={user}")
        with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
            line = next(line for line in file if line.startswith("Groups:"))
        self.assertEqual(sorted(map(int, line.split()[1:])), sorted(groups))

    @unittest.skipUnless(AS_ROOT, "only root can become another user")
    def test_who_is_no_user_to_become_is_told(self):
        process = self.start("--user=no-such-user")
        self.assertEqual(self.stop(process), (0, "helix-agentd: stays root, for there is no user no-such-user to become\n"))

    @unittest.skipUnless(AS_ROOT, "only root can become another user")
    def test_it_stays_root_for_no_longer_than_it_must(self):
        process = self.start("--user=nobody")
        with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        self.assertEqual(status["Uid"].split(), [str(NOBODY)] * 4)
        self.assertEqual(status["NoNewPrivs"], "1")
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[name], 16), 0, name)
        # Its own user is nobody else than itself.
        self.assertEqual(self.ask_as([], "guest-ping"), [{"return": {}}])


class Port(AgentTest):
    """A terminal stands for the virtio-serial port: it can say that its file has ended, and go on."""

    def setUp(self):
        super().setUp()
        self.master, slave = pty.openpty()
        self.addCleanup(os.close, self.master)
        self.addCleanup(os.close, slave)
        attributes = termios.tcgetattr(slave)
        attributes[1] &= ~termios.OPOST
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        path = self.root / "dev/virtio-ports/org.helix.agent.0"
        path.parent.mkdir(parents=True)
        path.symlink_to(os.ttyname(slave))
        self.file = os.fdopen(os.dup(self.master), "rb")
        self.addCleanup(self.file.close)

    def ask(self, request):
        os.write(self.master, request + b"\n")
        return json.loads(self.file.readline())

    def test_the_host_reads_and_does_not_write(self):
        self.start()
        self.assertEqual(self.ask(b'{"execute":"guest-ping"}'), {"return": {}})
        reply = self.ask(b'{"execute":"helix-profile-rollback"}')
        self.assertEqual(reply["error"]["class"], "CommandDisabled")

    def test_the_host_writes_where_it_may(self):
        self.start("--allow-host-write=yes")
        reply = self.ask(b'{"execute":"helix-profile-rollback"}')
        self.assertIn("helix-applyd is not there", reply["error"]["desc"])

    def test_the_end_of_the_file_is_no_end(self):
        self.start()
        for _ in range(3):
            # End of line, so that it is read; end of file.
            os.write(self.master, b'{"execute":\n\x04')
            os.write(self.master, b"\x04")
            self.assertEqual(self.ask_again(), {"return": {}})

    def ask_again(self):
        """As a host does that has just opened it: what was begun before may be there still."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            reply = self.ask(b'{"execute":"guest-ping"}')
            if "return" in reply:
                return reply
        self.fail("the port stays dead")

    def test_the_port_has_a_rate(self):
        self.start("--requests-per-s=1")
        replies = [self.ask(b'{"execute":"guest-ping"}') for _ in range(5)]
        self.assertIn("return", replies[0])
        self.assertIn("too many requests", replies[-1]["error"]["desc"])


class Applier(AgentTest):
    """A thread stands for helix-applyd."""

    def setUp(self):
        super().setUp()
        self.apply_path.parent.mkdir(parents=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.settimeout(DEADLINE_S)
        self.listener.bind(str(self.apply_path))
        self.listener.listen()
        self.addCleanup(self.listener.close)

    def accept(self):
        """The next request that is not a probe's: those come at any time, and are answered, as are those that only
        want to know whether it has started."""
        while True:
            connection, _ = self.listener.accept()
            self.addCleanup(connection.close)
            request = json.loads(connection.makefile().readline())
            if request["execute"] not in ("guest-ping", "helix-profile-verify", "helix-latency-run"):
                return connection, request
            connection.sendall(b'{"return": {}}\n')

    def test_requests_and_answers_pass_as_they_are(self):
        self.start()
        client = self.client()
        client.send(b'{"execute":"helix-profile-plan","arguments":{"name":"rt-audio","n":[1]},"id":7}')
        applier, request = self.accept()
        self.assertEqual(request, {"execute": "helix-profile-plan", "arguments": {"name": "rt-audio", "n": [1]}})
        applier.sendall(b'{"return": {"plan-hash": "ab"}}\n')
        self.assertEqual(client.line(), {"return": {"plan-hash": "ab"}, "id": 7})

    def test_errors_pass_with_their_class(self):
        self.start()
        client = self.client()
        for kind in ("GenericError", "CommandNotFound", "CommandDisabled"):
            error = {"class": kind, "desc": "no"}
            client.send(b'{"execute":"helix-journal-list"}')
            applier, _ = self.accept()
            applier.sendall(json.dumps({"error": error}).encode() + b"\n")
            self.assertEqual(client.line(), {"error": error})

    def test_an_applier_that_hangs_holds_up_nobody_else(self):
        self.start()
        waits, other = self.client(), self.client()
        waits.send(b'{"execute":"helix-profile-show"}{"execute":"guest-ping"}')
        applier, _ = self.accept()
        self.assertEqual(other.value("guest-ping"), {})
        applier.close()
        self.assertIn("hung up", waits.line()["error"]["desc"])
        self.assertEqual(waits.line(), {"return": {}})

    def test_few_requests_are_under_way_at_once(self):
        self.start()
        clients = [self.client() for _ in range(3)]
        for client in clients:
            client.send(b'{"execute":"helix-profile-list"}')
        appliers = [self.accept()[0] for _ in range(2)]
        self.listener.settimeout(0.2)
        with self.assertRaises(socket.timeout):
            self.accept()
        self.listener.settimeout(DEADLINE_S)
        appliers[0].sendall(b'{"return": []}\n')
        appliers[1].sendall(b'{"return": []}\n')
        self.accept()[0].sendall(b'{"return": []}\n')
        self.assertEqual([client.line() for client in clients], [{"return": []}] * 3)

    def test_nonsense_is_called_so(self):
        self.start()
        client = self.client()
        for nonsense in (b"{}\n", b"hello\n", b'{"error": 5}\n'):
            client.send(b'{"execute":"helix-profile-list"}')
            self.accept()[0].sendall(nonsense)
            self.assertIn("nonsense", client.line()["error"]["desc"])

    def test_ending_with_a_request_under_way_is_clean(self):
        process = self.start()
        self.client().send(b'{"execute":"helix-profile-list"}')
        self.accept()
        self.assertEqual(self.stop(process), (0, ""))


class Chain(AgentTest):
    """The real helix-applyd behind it."""

    def setUp(self):
        super().setUp()
        self.put("proc/sys/kernel/random/boot_id", "one\n")
        self.knob = self.put("proc/sys/vm/swappiness", "60\n")
        self.put("etc/helix-agent/profiles/less.conf", "[sysctl:vm.swappiness]\nvalue=10\n")
        process = subprocess.Popen([os.environ["HELIX_APPLYD"], "--root", self.root, "--socket", self.apply_path])
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        self.start("--allow-host-write=yes")
        self.asker = self.client()
        deadline = time.monotonic() + DEADLINE_S
        while "error" in self.asker.ask("helix-profile-list"):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def test_a_profile_is_planned_applied_and_taken_back(self):
        plan = self.asker.value("helix-profile-plan", name="less")
        self.assertEqual((plan["entries"][0]["current"], plan["entries"][0]["desired"]), ("60", "10"))
        self.assertIn("error", self.asker.ask("helix-profile-apply", name="less", plan_hash="0" * 64))
        self.assertEqual(self.knob.read_text(encoding="utf-8").strip(), "60")
        done = self.asker.value("helix-profile-apply", name="less", plan_hash=plan["plan-hash"])
        self.assertEqual(done["results"][0]["result"], "applied")
        self.assertEqual(self.knob.read_text(encoding="utf-8").strip(), "10")
        self.assertTrue(self.asker.value("helix-profile-verify")[0]["same"])
        taken_back = self.asker.value("helix-profile-rollback")
        self.assertEqual(taken_back[0]["result"], "restored")
        self.assertEqual(self.knob.read_text(encoding="utf-8").strip(), "60")

    def test_arguments_are_checked_behind_it(self):
        error = self.asker.ask("helix-profile-plan", nme="less")["error"]
        self.assertEqual(error, {"class": "GenericError", "desc": "Parameter 'name' is missing"})

    def test_every_command_behind_it_is_handed_on(self):
        known = {c["name"] for c in self.asker.value("guest-info")["supported_commands"]}
        behind = {c["name"] for c in self.client(self.apply_path).value("guest-info")["supported_commands"]}
        self.assertIn("helix-profile-plan", behind)
        self.assertEqual(behind - known, set())


class Health(AgentTest):
    def test_answers_are_by_probe(self):
        self.start()
        client = self.client()
        health = client.value("helix-health")
        self.assertIn(health["status"], ("OK", "WARN", "FAIL", "UNKNOWN"))
        first = health["probes"][0]["id"]
        only = client.value("helix-health", probes=[first], refresh=True)
        self.assertEqual([probe["id"] for probe in only["probes"]], [first])
        self.assertNotEqual(only["probes"][0]["message"], None)
        metrics = client.value("helix-health", format="openmetrics")
        self.assertTrue(metrics.endswith("# EOF\n"), metrics)
        some = client.value("helix-health", format="openmetrics", probes=["mem.avail", "cpu.smt"])
        self.assertNotRegex(some, '(?m)^helix.*probe="(?!mem.avail|cpu.smt)')
        self.assertIn("'nope'", client.ask("helix-health", probes=["nope"])["error"]["desc"])
        self.assertIn("format", client.ask("helix-health", format="xml")["error"]["desc"])

    def test_the_manual_knows_every_probe_and_its_period(self):
        self.start()
        manual = (pathlib.Path(__file__).parents[2] / "docs/man/helix-agentd.8").read_text(encoding="utf-8")
        for probe in self.client().value("helix-health")["probes"]:
            heading = next((line for line in manual.splitlines() if line.startswith(".BR")
                            and re.search(rf'[ "]{re.escape(probe["id"])}[ "]', line)), None)
            self.assertIsNotNone(heading, probe["id"])
            self.assertRegex(heading, rf'[ (]{probe["period-s"]} s\)"$')

    def test_limits_and_periods_may_be_set(self):
        self.put("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 100 kB\n")
        self.put("etc/helix-agent/health.d/10-mine.conf",
                 "[mem.avial]\nwarn=1:\n\n[mem.avail]\nwarn=ten\nwarn=9:\nperiod=1\n")
        process = self.start()
        self.assertIn("/etc/helix-agent/health.d/10-mine.conf:1: there is no probe 'mem.avial'",
                      process.stderr.readline())
        self.assertIn("/etc/helix-agent/health.d/10-mine.conf:5: warn: 'ten' is no range", process.stderr.readline())
        client = self.client()
        probe = client.value("helix-health", probes=["mem.avail"], refresh=True)["probes"][0]
        self.assertEqual((probe["status"], probe["value"], probe["warn"], probe["period-s"]), ("OK", 10, "9:", 1))
        self.put("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 80 kB\n")
        deadline = time.monotonic() + DEADLINE_S
        while probe["status"] == "OK":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)
            probe = client.value("helix-health", probes=["mem.avail"])["probes"][0]
        self.assertEqual((probe["status"], probe["value"]), ("WARN", 8))

    def test_the_link_has_figures(self):
        self.start()
        link = self.client().value("helix-link-status")
        self.assertEqual((link["endpoint"], link["peer"], link["last-error"]), (None, None, None))
        self.assertEqual((link["pings"]["sent"], link["pings"]["loss-percent"]), (0, None))
        self.assertEqual([probe["id"] for probe in link["probes"]], ["link.encoder", "link.host_cid"])

    def test_the_link_is_asked_when_that_is_wanted(self):
        path = self.root / "encoder"
        self.start(f"--encoder=unix:{path}")
        client = self.client()
        link = client.value("helix-link-status", refresh=True)
        self.assertIn("No such file", link["last-error"]["message"])
        self.assertEqual((link["exit"], link["pings"]["loss-percent"]), (2, 100))
        self.assertEqual(link["peer"], None)

        host = subprocess.Popen([os.environ["HELIX_HOST_STUB"], "stream", "--listen", f"unix:{path}"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(host.wait)
        self.addCleanup(host.kill)
        deadline = time.monotonic() + DEADLINE_S
        while link["pings"]["answered"] == 0:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)  # an answer of this second is not asked for again
            link = client.value("helix-link-status", refresh=True)
        pings = link["pings"]
        self.assertEqual(sum(bucket["count"] for bucket in pings["histogram"]), pings["answered"])
        self.assertLessEqual(pings["p50-us"], pings["max-us"])
        self.assertLess(pings["loss-percent"], 100)
        self.assertEqual((link["peer"]["version"], link["peer"]["config"]["codec"]), (2, "h264"))
        self.assertGreater(link["peer"]["config"]["bitrate"], 0)

    def test_an_encoder_may_report_its_frames(self):
        self.start()
        client = self.client()
        wanted = {"probes": ["gpu.dmabuf_path"], "refresh": True}
        self.assertEqual(client.value("helix-health", **wanted)["probes"][0]["status"], "N/A")
        encoder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(encoder.close)
        report = b"HXER" + struct.pack("<I5Q", 0, 7, 30, 0, 10, 0)
        encoder.sendto(report, str(self.root / "run/helix-agent/encoder.sock"))
        deadline = time.monotonic() + DEADLINE_S
        while (found := client.value("helix-health", **wanted)["probes"][0])["status"] == "N/A":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)  # an answer of the last seconds is not asked for again
        self.assertEqual((found["status"], found["value"]), ("WARN", 75))
        self.assertIn(f"process {os.getpid()} of user {os.getuid()}", found["message"])

    def test_files_are_written_for_those_without_sockets(self):
        (self.root / "share").mkdir()
        self.start("--health-json=/share/health.json", "--health-openmetrics=/share/helix.prom",
                   "--health-interval-s=1")
        deadline = time.monotonic() + DEADLINE_S
        while not (self.root / "share/helix.prom").exists():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        self.assertIn("probes", json.loads((self.root / "share/health.json").read_text(encoding="utf-8")))
        self.assertIn("helix_probe_status", (self.root / "share/helix.prom").read_text(encoding="utf-8"))

    def test_a_file_that_cannot_be_written_is_told_until_it_can(self):
        process = self.start("--health-json=/share/health.json", "--health-interval-s=1")
        self.assertIn("cannot be written", process.stderr.readline())
        (self.root / "share").mkdir()
        deadline = time.monotonic() + DEADLINE_S
        while not (self.root / "share/health.json").exists():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        self.assertEqual(self.stop(process), (0, ""))


class Life(AgentTest):
    def test_the_service_manager_is_told(self):
        self.start(WATCHDOG_USEC="200000")
        self.hub.wait_for("WATCHDOG=1")
        self.assertRegex(self.hub.wait_for("STATUS="), r"OK \d+")

    def test_it_ends_cleanly_and_takes_its_socket_along(self):
        process = self.start()
        self.client().sync(1)
        self.assertEqual(self.stop(process), (0, ""))
        self.assertFalse(self.path.exists())

    def test_a_second_one_does_not_take_the_socket(self):
        self.start()
        process = self.spawn()
        _, said = process.communicate(timeout=DEADLINE_S)
        self.assertEqual(process.returncode, 1)
        self.assertIn(os.strerror(errno.EADDRINUSE), said)
        self.assertEqual(self.client().value("guest-ping"), {})

    def test_a_socket_may_be_handed_over(self):
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        path = self.root / "given.sock"
        listener.bind(str(path))
        listener.listen()
        self.spawn(program=("/bin/sh", "-c", 'exec 3<&"$0"; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"',
                            str(listener.fileno()), AGENTD), pass_fds=[listener.fileno()])
        self.assertEqual(self.client(path).value("guest-ping"), {})
        self.assertFalse(self.path.exists())

    def test_mistakes_in_the_configuration_are_told(self):
        self.put("etc/helix-agent/agent.conf", "[listen]\nvsock-prt=1\n")
        process = self.spawn()
        _, said = process.communicate(timeout=DEADLINE_S)
        self.assertEqual(process.returncode, 2)
        self.assertIn("vsock-prt", said)

    def test_the_configuration_in_effect_is_printed(self):
        self.put("etc/helix-agent/agent.conf", "[host]\nallow-host-write=yes\n")
        done = subprocess.run([AGENTD, "--root", self.root, "--idle-timeout-s=9", "--dump-conf"],
                              stdout=subprocess.PIPE, text=True, timeout=DEADLINE_S, check=True)
        self.assertIn("allow-host-write=yes\n", done.stdout)
        self.assertIn("idle-timeout-s=9\n", done.stdout)
        self.assertNotIn("health.d", done.stdout)

    def test_without_a_service_manager_it_says_where_it_listens(self):
        environment = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
        with subprocess.Popen([AGENTD, "--root", self.root, "--vsock-port=0", "--virtio-serial=/dev/none", "--user="],
                              stderr=subprocess.PIPE, text=True, env=environment) as process:
            line = process.stderr.readline()
            process.terminate()
        self.assertRegex(line, "listens on .*/agent.sock, virtio-serial .*/dev/none [(]not there yet[)]\n")

    def test_a_user_who_may_not_listen_there_is_told_what_else(self):
        user = {"user": 65534, "group": 65534, "extra_groups": []} if AS_ROOT else {}
        done = subprocess.run([AGENTD, "--socket=/proc/nowhere/agent.sock"], cwd="/", capture_output=True, text=True,
                              timeout=DEADLINE_S, check=False, **user)
        self.assertEqual(done.returncode, 1)
        self.assertIn("start it as root, or say --socket PATH: /proc/nowhere/agent.sock: No such file", done.stderr)

    def test_so_are_limits_and_what_is_wrong_with_them(self):
        self.put("etc/helix-agent/health.d/a.conf", "[cpu.steal]\nwarn=3\nfail=x\n")
        done = subprocess.run([AGENTD, "--root", self.root, "--dump-conf"], capture_output=True, text=True,
                              timeout=DEADLINE_S, check=True)
        self.assertTrue(done.stdout.endswith("\n# /etc/helix-agent/health.d:\n# # /etc/helix-agent/health.d/a.conf:1\n"
                                             "# [cpu.steal]\n# warn=3\n"), done.stdout)
        self.assertIn("a.conf:3: fail: 'x' is no range", done.stderr)
        again = self.put("again.conf", done.stdout)
        subprocess.run([AGENTD, "--config", again, "--dump-conf"], stdout=subprocess.DEVNULL, timeout=DEADLINE_S,
                       check=True)


if __name__ == "__main__":
    unittest.main()

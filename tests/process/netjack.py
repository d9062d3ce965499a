# SPDX-License-Identifier: LGPL-2.1-or-later
"""`helix-host-stub netjack` and real peers: jackd, netmanager, PipeWire.

Each test program lives in namespaces of its own (isolate()): what it starts ends with it, ports, JACK's servers and its
shared memory are nobody else's. No root is needed where the kernel lets users make namespaces. Every wait has a deadline.

A loaded machine is late: what is judged is where samples are, whether they are exact, and what was counted, never how long
something took.
"""

import collections
import concurrent.futures
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

DEADLINE_S = 60
STUB = os.environ["HELIX_HOST_STUB"]
INSIDE = "NETJACK_TEST_INSIDE"
TOOLS = ("jackd", "jack_lsp", "jack_connect", "jack_thru", "jack_load", "jack_iodelay", "jack_bufsize", "nft", "ip", "unshare")

MASTER_ADDRESS, SLAVE_ADDRESS = "10.77.0.1", "10.77.0.2"
LOOPBACK = "127.0.0.1"


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(77)


def isolate():
    """Runs this program again, in namespaces of its own; returns in there."""
    if os.environ.get(INSIDE):
        _furnish()
        return
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        skip(f"not installed: {' '.join(missing)} (./dev test installs jackd2 and nftables)")
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-root-user"]
    tried = subprocess.run([*unshare, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        skip(f"this machine has no namespaces for us: {tried.stderr.strip()}")
    os.execvpe("unshare", [*unshare, sys.executable, "-B", *sys.argv], dict(os.environ, **{INSIDE: "1"}))


def _furnish():
    run("mount", "-t", "tmpfs", "tmpfs", "/dev/shm")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "set", "lo", "up")


def run(*command, **more):
    """Its output; fails with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def realtime():
    """Does this machine let us be real-time?"""
    return subprocess.run(["chrt", "-f", "60", "true"], capture_output=True, check=False).returncode == 0


def wait_until(what, condition):
    """condition()'s first true value"""
    end = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"never happened: {what() if callable(what) else what}")
        time.sleep(0.2)
    return value


def in_namespace(namespace):
    return ["ip", "netns", "exec", namespace] if namespace else []


def wires():
    """Two namespaces, host and guest, and a cable between them that carries multicast."""
    for name in ("host", "guest"):
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
    run("ip", "link", "add", "v0", "netns", "host", "type", "veth", "peer", "name", "v1", "netns", "guest")
    for name, link, address in (("host", "v0", MASTER_ADDRESS), ("guest", "v1", SLAVE_ADDRESS)):
        run("ip", "-n", name, "addr", "add", address + "/24", "dev", link)
        run("ip", "-n", name, "link", "set", link, "up")
        run("ip", "-n", name, "route", "add", "224.0.0.0/4", "dev", link)


def unwire():
    for name in ("host", "guest"):
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


class Program:
    """A process whose lines, of stderr or of both, are kept."""

    def __init__(self, command, namespace=None, stdout=subprocess.STDOUT, env=None):
        self.lines = []
        self.said = threading.Condition()
        both = stdout == subprocess.STDOUT
        self.process = subprocess.Popen([*in_namespace(namespace), *command], stdin=subprocess.DEVNULL, text=True,
                                        stdout=subprocess.PIPE if both else stdout, errors="replace",
                                        stderr=subprocess.STDOUT if both else subprocess.PIPE, env=env)
        self.stream = self.process.stdout if both else self.process.stderr
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.stream:
            with self.said:
                self.lines.append(line)
                self.said.notify_all()

    def wait_for(self, word, count=1):
        """Until `word` was in so many lines."""
        with self.said:
            if not self.said.wait_for(lambda: sum(word in line for line in self.lines) >= count, DEADLINE_S):
                raise AssertionError(f"never said {count} times {word!r}:\n{self.log()}")

    def log(self):
        return "".join(self.lines)

    def running(self):
        return self.process.poll() is None

    def end(self, number=signal.SIGTERM):
        if self.running():
            self.process.send_signal(number)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self.reader.join()
        self.stream.close()


class Master(Program):
    """helix-host-stub netjack --measure; its report is JSON."""

    def __init__(self, *arguments, namespace=None):
        self.output = tempfile.TemporaryFile("w+")
        super().__init__([STUB, "netjack", "--measure", "--json", *map(str, arguments)], namespace, self.output)
        self.wait_for("listening on UDP port")

    def wait_for_slaves(self, count):
        """So many came in, over all."""
        self.wait_for("is here:", count)

    def report(self):
        """Ends it as a user would."""
        self.end(signal.SIGINT)
        self.output.seek(0)
        text = self.output.read()
        if not text or self.process.returncode != 0:
            raise AssertionError(f"status {self.process.returncode}:\n{self.log()}\n{text}")
        return json.loads(text)


    def close(self):
        self.end()
        self.output.close()


class Jack(Program):
    """A jackd, and what its tools do to it."""

    serial = 0

    def __init__(self, driver, sync=True, namespace=None):
        Jack.serial += 1
        self.server = f"s{Jack.serial}"
        self.namespace = namespace
        scheduling = ["-R", "-P", "60"] if realtime() else ["-r"]
        super().__init__(["jackd", "-n", self.server, *scheduling, *(["-S"] if sync else []), "-d", *map(str, driver)],
                         namespace, env=dict(os.environ, JACK_NO_AUDIO_RESERVATION="1"))
        self.clients = []

    def tool(self, name, *arguments):
        """Its output. JACK's tools hang now and then when the graph changes around them: then what they had said."""
        command = [*in_namespace(self.namespace), name, "-s", self.server, *arguments]
        with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              env=dict(os.environ, JACK_NO_START_SERVER="1")) as process:
            try:
                return process.communicate(timeout=5)[0]
            except subprocess.TimeoutExpired:
                process.kill()
                return process.communicate()[0]

    def ports(self):
        return self.tool("jack_lsp").split()

    def wait_for_port(self, name, of_client=None):
        """of_client: who makes it. A busy server may not let a client in at once: then it is started again."""
        def there():
            if of_client and not (self.clients and self.clients[-1].running()):
                self.add_client(*of_client)
            return not self.running() or name in self.ports()
        wait_until(lambda: f"port {name} among {self.ports()}\n{self.log()}", there)
        if not self.running():
            raise AssertionError(f"jackd ended:\n{self.log()}")

    def connections(self):
        """{(from, to)}"""
        found, port = set(), None
        for line in self.tool("jack_lsp", "-c").splitlines():
            if line.startswith(" "):
                found.add((port, line.strip()))
            else:
                port = line
        return found

    def connect(self, pairs, restored=False):
        """Until they are; both ends have to come first. restored: somebody else may do it."""
        next_try = time.monotonic() + (2 if restored else 0)

        def connected():
            nonlocal next_try
            missing = set(pairs) - self.connections()
            if missing and time.monotonic() >= next_try:
                for one, other in missing:
                    self.tool("jack_connect", one, other)
                next_try = time.monotonic() + 1
            return not missing
        wait_until(lambda: f"connections {pairs} among {self.connections()}\n{self.log()}", connected)

    def add_client(self, *command):
        client = Program(command, self.namespace, env=dict(os.environ, JACK_NO_START_SERVER="1",
                                                           JACK_DEFAULT_SERVER=self.server))
        self.clients.append(client)
        return client

    def end(self, number=signal.SIGTERM):
        super().end(number)
        for client in self.clients:
            client.end(signal.SIGKILL)


class Slave(Jack):
    """jackd -d net, and a graph that gives back what it gets."""

    def __init__(self, latency, sync=True, channels=2, name="dsp", address=LOOPBACK, namespace=None, options=()):
        super().__init__(["net", *(["-a", address] if address else []), "-n", name, "-C", channels, "-P", channels,
                          "-l", latency, *options], sync, namespace)
        self.name, self.channels = name, channels

    def wait_until_ready(self):
        self.wait_for_port(f"system:playback_{self.channels}")

    def connect_directly(self):
        """A cable for each channel."""
        self.wait_until_ready()
        self.connect([(f"system:capture_{i + 1}", f"system:playback_{i + 1}") for i in range(self.channels)])

    def connect_through(self):
        """A client, which is not in the same cycle of an async graph; two channels."""
        self.wait_until_ready()
        self.wait_for_port("thru:output_2", of_client=("jack_thru", "thru", self.server))
        self.connect([pair for i in (1, 2) for pair in
                      ((f"system:capture_{i}", f"thru:input_{i}"), (f"thru:output_{i}", f"system:playback_{i}"))],
                     restored=True)


class NetjackTest(unittest.TestCase):
    def start(self, kind, *arguments, **more):
        program = kind(*arguments, **more)
        self.addCleanup(program.end)
        return program

    def master(self, *arguments, **more):
        master = Master(*arguments, **more)
        self.addCleanup(master.close)
        return master

    def slave(self, *arguments, **more):
        return self.start(Slave, *arguments, **more)

    def wire(self):
        self.addCleanup(unwire)
        wires()

    def measured(self, session):
        """A session of the report, which is exact but for what was not in time."""
        what = f"{session['name']}: {session['measured']} {session['counters']}"
        measured = session["measured"]
        self.assertIsNotNone(measured, what)
        self.assertGreater(measured["samples_exact"], 10000, what)
        self.assertEqual(measured["samples_wrong"], 0, what)
        for key in ("malformed_packets", "send_failed"):
            self.assertEqual(session["counters"][key], 0, what)
        for channel in measured["channels"]:
            self.assertEqual(channel["carries_send"], channel["return"], what)
        return measured

    def assert_lag(self, session, samples):
        """Of most periods: one that is late in the slave's graph is played a period later or again."""
        measured = self.measured(session)
        lags = collections.Counter({lag["samples"]: lag["periods"] for lag in measured["lag"]["all"]})
        self.assertEqual(lags.most_common(1)[0][0], samples, f"{session['name']}: {lags} {session['counters']}")
        self.assertEqual(measured["lag"]["samples"], samples)


def last_session(report, name):
    """The connected one of that name, or the latest."""
    found = [s for s in report["slaves"] if s["name"] == name]
    if not found:
        raise AssertionError(f"no slave {name} in {report}")
    return found[0]


def missed(report):
    """Periods that were not there in time, all sessions."""
    return sum(s["counters"]["lost_periods"] + s["counters"]["late_periods"] for s in report["slaves"])


def all_at_once(calls):
    """Each in a thread; the first that fails fails all."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        for done in [pool.submit(call) for call in calls]:
            done.result()

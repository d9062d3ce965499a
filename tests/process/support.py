# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real programs in a temporary folder: the host stub, gst-launch-1.0, and a tiny client.

The environment (tests/process/meson.build) says where the programs are. Every wait has a deadline.
"""

import json
import os
import pathlib
import selectors
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from sanitizer import gstreamer_environment, without_leaks

DEADLINE_S = 60
STUB = os.environ["HELIX_HOST_STUB"]
PATTERN_TOOL = os.environ["PATTERN_TOOL"]
DMABUF_GUEST = os.environ["DMABUF_GUEST"]

HEADER = struct.Struct("<4sBBHI")
FRAME_REQUEST, FRAME_RESPONSE, PING, PONG = 0x01, 0x02, 0x10, 0x11
ENABLE_SCANOUT, SCANOUT_RESP, SUBSCRIBE, SUBSCRIBE_RESP = 0x20, 0x22, 0x30, 0x31
ERROR = 0xFF


class Stub:
    """helix-host-stub stream, listening; its log is kept."""

    def __init__(self, *arguments, endpoint):
        self.log = []
        self.logged = threading.Condition()
        self.process = subprocess.Popen([STUB, "stream", "--listen", endpoint, "--stats", "json", *arguments],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read_log, daemon=True)
        self.reader.start()
        self.endpoint = self._read_ready()

    def _read_ready(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(DEADLINE_S):
                raise AssertionError("the stub does not say that it listens")
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            raise AssertionError(f"the stub says {line!r}: {self.log}")
        return line.split()[2]

    def _read_log(self):
        for line in self.process.stderr:
            with self.logged:
                self.log.append(line)
                self.logged.notify_all()

    def wait_for_log(self, word, count):
        """Until `word` was in `count` lines."""
        with self.logged:
            if not self.logged.wait_for(lambda: sum(word in line for line in self.log) >= count, DEADLINE_S):
                raise AssertionError(f"the stub never logged {count} times {word}: {''.join(self.log)}")

    def stop(self):
        """Ends it as a user would; returns its counters."""
        self.process.send_signal(signal.SIGINT)
        try:
            out, _ = self.process.stdout.read(), self.process.wait(DEADLINE_S)
        finally:
            self.kill()
        if self.process.returncode != 0:
            raise AssertionError(f"the stub ended with {self.process.returncode}: {''.join(self.log)}")
        return json.loads(out.strip().splitlines()[-1])

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()


class Client:
    """Speaks HXFR bare."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(path)

    def send(self, kind, payload=b"", session=1):
        self.socket.sendall(HEADER.pack(b"HXFR", kind, 0, session, len(payload)) + payload)

    def send_raw(self, data):
        self.socket.sendall(data)

    def _read(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise ConnectionResetError
            data += piece
        return data

    def receive(self):
        """(type, session, payload)"""
        magic, kind, _, session, size = HEADER.unpack(self._read(HEADER.size))
        assert magic == b"HXFR"
        return kind, session, self._read(size)

    def close(self):
        self.socket.close()


class ProcessTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="process-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.socket_path = str(self.folder / "host.sock")

    def start_stub(self, *arguments, endpoint=None):
        stub = Stub(*arguments, endpoint=endpoint or f"unix:{self.socket_path}")
        self.addCleanup(stub.kill)
        return stub

    def start_launch(self, line):
        """gst-launch-1.0 with a pipeline as text."""
        process = subprocess.Popen(["gst-launch-1.0", "-q", *line.split()], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=gstreamer_environment())

        def clean_up():
            if process.poll() is None:
                process.kill()
            process.communicate()
        self.addCleanup(clean_up)
        return process

    def launch(self, line):
        """Runs a pipeline to its end: (exit code, stderr)."""
        process = self.start_launch(line)
        _, err = process.communicate(timeout=DEADLINE_S)
        return process.returncode, err

    def launch_well(self, line):
        code, err = self.launch(line)
        self.assertEqual(code, 0, err)

    def end_within(self, process, seconds):
        """Its exit code, which must come in time."""
        started = time.monotonic()
        try:
            _, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.fail(f"still alive {time.monotonic() - started:.1f} s later")
        return process.returncode, err

    def draw(self, form, width, height, count):
        """A file of raw frames that spell their number and pts."""
        path = self.folder / f"{form}.raw"
        with path.open("wb") as file:
            subprocess.run([PATTERN_TOOL, "draw", form, str(width), str(height), str(count)], stdout=file,
                           check=True, timeout=DEADLINE_S)
        return path

    def read(self, path, decoder):
        """[(buffer pts, id, pts)] of the decoded frames, None for an id that cannot be read."""
        done = subprocess.run([PATTERN_TOOL, "read", str(path), decoder], stdout=subprocess.PIPE, text=True,
                              env=without_leaks(), check=True, timeout=DEADLINE_S)
        rows = [line.split() for line in done.stdout.splitlines()]
        return [tuple(map(int, row)) if len(row) == 3 else (int(row[0]), None, None) for row in rows]


def has_element(name):
    done = subprocess.run(["gst-inspect-1.0", "--exists", name], env=gstreamer_environment(), check=False)
    return done.returncode == 0

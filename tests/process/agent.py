# SPDX-License-Identifier: LGPL-2.1-or-later
"""helix-agentd on a folder that stands for the machine, and clients of its dialect."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest

DEADLINE_S = 60
AGENTD = os.environ["HELIX_AGENTD"]


class Hub:
    """Stands for a service manager: sd_notify(3)."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(DEADLINE_S)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o777)
        self.heard = []

    def wait_for(self, state):
        """Until a message with a line that begins so has come, now or before; returns the line."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            for line in self.heard:
                if line.startswith(state):
                    return line
            self.heard += self.socket.recv(4096).decode().splitlines()
        raise AssertionError(f"never heard {state}, but {self.heard}")


class Client:
    """Speaks the dialect on a Unix socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        """The next reply, or None when it hung up."""
        try:
            line = self.file.readline()
        except ConnectionResetError:
            return None
        return json.loads(line.lstrip(b"\xff")) if line else None

    def ask(self, command, **arguments):
        request = {"execute": command}
        if arguments:
            request["arguments"] = {name.replace("_", "-"): value for name, value in arguments.items()}
        self.send(json.dumps(request).encode())
        return self.line()

    def value(self, command, **arguments):
        reply = self.ask(command, **arguments)
        assert "return" in reply, reply
        return reply["return"]

    def sync(self, number):
        """What client libraries do first: whatever is left from before is thrown away."""
        self.send(b'\xff{"execute":"guest-sync-delimited","arguments":{"id":%d}}\n' % number)
        while True:
            line = self.file.readline()
            assert line, "it hung up"
            if line.startswith(b"\xff") and json.loads(line[1:]) == {"return": number}:
                return

    def close(self):
        self.file.close()
        self.socket.close()


class AgentTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="agent-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.root.chmod(0o755)
        self.path = self.root / "run/helix-agent/agent.sock"
        self.apply_path = self.root / "run/helix-agent/apply.sock"

    def put(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def spawn(self, *arguments, program=(AGENTD,), **options):
        """Whatever becomes of it."""
        process = subprocess.Popen([*program, "--root", self.root, "--user=", "--vsock-port=0", *arguments],
                                   stderr=subprocess.PIPE, text=True, **options)

        def clean_up():
            if process.poll() is None:
                process.kill()
            process.communicate()
        self.addCleanup(clean_up)
        return process

    def start(self, *arguments, **environment):
        """Until it is ready."""
        self.hub = Hub(self.root / "notify")
        self.addCleanup(self.hub.socket.close)
        process = self.spawn(*arguments, env=dict(os.environ, NOTIFY_SOCKET=self.hub.path, **environment))
        self.hub.wait_for("READY=1")
        return process

    def stop(self, process):
        """Its exit code and what it said."""
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=DEADLINE_S)
        return process.returncode, err

    def client(self, path=None):
        client = Client(path or self.path)
        self.addCleanup(client.close)
        return client

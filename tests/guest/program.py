# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of the host that die with this one, and how a promise is broken."""

import ctypes
import os
import re
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1


class Failure(Exception):
    """A promise that was not kept; the text says which."""


def require(condition, text):
    if not condition:
        raise Failure(text)


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    """A process of the host, with its output in files."""

    def __init__(self, argv, log, keep=(), environment=None):
        """keep: file descriptors that it inherits. environment: added to that of this process."""
        self.out, self.log = log.with_suffix(".out"), log
        with self.out.open("wb") as out, log.open("wb") as err:
            self.process = subprocess.Popen(list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            pass_fds=keep, preexec_fn=die_with_parent,
                                            env=dict(os.environ, **(environment or {})))

    def wait_for_line(self, pattern, seconds=20):
        """The first line of its standard output that matches."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.out.read_text(), re.M)
            if match:
                return match
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"{self.process.args[0]} never printed '{pattern}'; it said:\n{self.log.read_text()}")
            time.sleep(0.02)

    def wait_for_log(self, pattern, count, seconds=30):
        """Until its log has that many matches."""
        deadline = time.monotonic() + seconds
        while len(re.findall(pattern, self.log.read_text())) < count:
            require(time.monotonic() < deadline, f"'{pattern}' was not logged {count} times: {self.log.read_text()[-4000:]}")
            time.sleep(0.05)

    def end(self, number=signal.SIGTERM, seconds=20):
        """Its output, after a signal."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(seconds)
        finally:
            self.kill()
        return self.out.read_text()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

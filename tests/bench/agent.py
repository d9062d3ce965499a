#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the guest agent costs: memory and CPU time at rest, start, answers. Next to what it may cost.

The daemons are the real ones, on this machine, with their default periods; nothing is applied.
"""

import argparse
import contextlib
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

DEADLINE_S = 30
ASKED = 500
PLANNED = 30
STARTS = 5
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

# name: (unit, at most)
TARGETS = {"resident memory": ("MB", 6.0), "CPU time": ("% of a CPU", 0.1), "start to READY": ("ms", 100.0),
           "cached helix-health": ("ms", 1.0), "plan of rt-audio": ("ms", 50.0)}


class Daemon:
    """Started as a service manager would; when it is ready, and how long that took."""

    def __init__(self, folder, *command):
        path = str(folder / "notify.sock")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(DEADLINE_S)
            begun = time.perf_counter()
            self.process = subprocess.Popen(command, env=dict(os.environ, NOTIFY_SOCKET=path),
                                            stderr=subprocess.DEVNULL)
            while b"READY=1" not in notify.recv(4096):
                pass
            self.start_ms = (time.perf_counter() - begun) * 1000

    def cpu_s(self):
        """Its own and that of the programs it ran."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / TICKS_PER_S

    def resident_mb(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1000
        raise RuntimeError("no VmRSS")

    def stop(self):
        self.process.terminate()
        self.process.wait(DEADLINE_S)


def ask_repeatedly(path, request, times):
    """How long each answer took, ms, on one connection."""
    took = []
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE_S)
        client.connect(path)
        with client.makefile("rwb") as stream:
            for _ in range(times):
                begun = time.perf_counter()
                stream.write(json.dumps(request).encode() + b"\n")
                stream.flush()
                answer = stream.readline()
                took.append((time.perf_counter() - begun) * 1000)
                if b'"return"' not in answer:
                    sys.exit(f"bench: {path} answers {answer[:200]!r}")
    return took


def measure(build, profiles, folder, rest_s):
    agent = [str(build / "agent/helix-agentd"), f"--socket={folder}/agent.sock", f"--apply-socket={folder}/apply.sock",
             "--vsock-port=0", "--virtio-serial=", "--user="]
    applier = Daemon(folder, str(build / "agent/helix-applyd"), "--socket", f"{folder}/apply.sock", "--state-dir",
                     f"{folder}/state", "--profile-dir", str(profiles))
    started = []
    for _ in range(STARTS - 1):
        daemon = Daemon(folder, *agent)
        started.append(daemon.start_ms)
        daemon.stop()
    daemon = Daemon(folder, *agent)
    started.append(daemon.start_ms)
    try:
        time.sleep(rest_s / 6)  # its first round is not what it costs at rest
        before, begun = daemon.cpu_s(), time.monotonic()
        time.sleep(rest_s)
        share = (daemon.cpu_s() - before) / (time.monotonic() - begun) * 100
        resident = daemon.resident_mb()
        health = ask_repeatedly(f"{folder}/agent.sock", {"execute": "helix-health"}, ASKED)
        plan = ask_repeatedly(f"{folder}/agent.sock",
                              {"execute": "helix-profile-plan", "arguments": {"name": "rt-audio"}}, PLANNED)
    finally:
        daemon.stop()
        applier.stop()
    return {"resident memory": [resident], "CPU time": [share], "start to READY": started,
            "cached helix-health": health, "plan of rt-audio": plan}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--profiles", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true", help="look at the agent at rest for 20 s instead of 120 s")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-agent-") as folder:
        measured = measure(arguments.build, arguments.profiles, pathlib.Path(folder), 20 if arguments.quick else 120)
    print(f"{'':<22}{'median':>9}{'worst':>9}   target")
    for name, values in measured.items():
        unit, most = TARGETS[name]
        middle = statistics.median(values)
        print(f"{name:<22}{middle:>9.3f}{max(values):>9.3f}   <= {most:g} {unit}{'' if middle <= most else '   MISSED'}")
    if arguments.json:
        arguments.json.write_text(json.dumps({name: {"unit": TARGETS[name][0], "target": TARGETS[name][1],
                                                     "median": statistics.median(values), "worst": max(values)}
                                              for name, values in measured.items()}, indent=1) + "\n")


if __name__ == "__main__":
    main()

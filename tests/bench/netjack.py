#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The NETJACK2 master at 96 kHz against a real `jackd -S -d net` with a client in its graph, on this machine: where the
samples are, how long a period takes to the slave and back, what the master costs. Beside it a master on libjacknet with the
same slave, and two zita-njbridges between two free jackds.

`net` is the round trip by the kernel's stamps; `back` is from before a period is sent until it is in the hands of the
caller, which is all that libjacknet can tell: with -l 0 both are the same way, and are compared.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "process"))
os.environ.setdefault("HELIX_HOST_STUB", "")

import netjack  # noqa: E402: the rig of the tests

RATE = 96000
PERIODS, LATENCIES = (64, 128, 256), (0, 1, 2)
REFERENCE = (128, 1)
WARM_UP_S, ZITA_WARM_UP_S = 1.5, 5  # before it counts: zita's resamplers look for their ratio
REFUSED_S = 0.5  # a client that lives so long was let in


def cpu_s(pid):
    """Of all its threads, in the kernel too: sending to a slave on the same machine is also receiving there."""
    return sum(int(file.read_text(encoding="ascii").split()[0])
               for file in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


class Libjacknet(netjack.Program):
    """Measures for so long once its payload comes back, then ends."""

    def __init__(self, program, period, seconds, namespace):
        self.output = open(f"/run/libjacknet-{period}", "w+", encoding="ascii")
        # It may begin before its graph is known to be complete.
        super().__init__([str(program), str(RATE), str(period), str(int(seconds) + 3)], namespace, self.output)

    def report(self, seconds):
        self.process.wait(netjack.DEADLINE_S + seconds)
        self.output.seek(0)
        text = self.output.read()
        return json.loads(text) if text else None


def run_ours(slave, period, seconds):
    master = netjack.Master("--rate", RATE, "--period", period, namespace="host")
    try:
        master.wait_for_slaves(1)
        slave.connect_through()
        time.sleep(WARM_UP_S)
        before, begun = cpu_s(master.process.pid), time.monotonic()
        time.sleep(seconds)
        share = (cpu_s(master.process.pid) - before) / (time.monotonic() - begun) * 100
        report = master.report()
    finally:
        master.end()
    session = netjack.last_session(report, slave.name)
    measured, rtt, lag = session["measured"], session["rtt_us"], session["measured"]["lag"]
    return {"lag": lag["samples"], "other_lags": lag["other_periods"], "exact": measured["samples_exact"],
            "wrong": measured["samples_wrong"], "periods": measured["periods"],
            "missed": measured["periods_late"] + measured["periods_lost"], "late_ticks": report["host"]["late_ticks"],
            "wakeup_p99": report["host"]["wakeup_us"]["p99"], "cpu": share,
            **{key: rtt[key] for key in ("p50", "p99", "p99.9", "max")}}


def run_libjacknet(program, slave, period, seconds):
    master = Libjacknet(program, period, seconds, "host")
    try:
        master.wait_for("is here:")
        slave.connect_through()
        time.sleep(WARM_UP_S)
        before, begun = cpu_s(master.process.pid), time.monotonic()
        time.sleep(seconds)
        share = (cpu_s(master.process.pid) - before) / (time.monotonic() - begun) * 100
        report = master.report(seconds)
    finally:
        master.end()
    return report and dict(report, cpu=share)


def attempt(what, function, *arguments):
    """None when a peer did not do its part; says so."""
    try:
        return function(*arguments)
    except (AssertionError, OSError, subprocess.SubprocessError, TypeError) as problem:
        print(f"{what}: {str(problem).splitlines()[0] if str(problem) else problem!r}", file=sys.stderr, flush=True)
        return None


def matrix(libjacknet, seconds, reference_s):
    rows = []
    for latency in LATENCIES:
        slave = netjack.Slave(latency, address=netjack.MASTER_ADDRESS, namespace="guest", options=("-s",))
        try:
            for period in PERIODS:
                here = reference_s if (period, latency) == REFERENCE else seconds
                row = {"period": period, "latency": latency,
                       "ours": attempt(f"{period} -l {latency}", run_ours, slave, period, here)}
                if libjacknet:
                    row["libjacknet"] = attempt(f"{period} -l {latency}, libjacknet", run_libjacknet, libjacknet, slave,
                                                period, seconds)
                print_row(row)
                rows.append(row)
        finally:
            slave.end()
    return rows


def add_bridge(server, *command):
    """jackd refuses a client now and then when several come at once."""
    for _ in range(5):
        client = server.add_client(*command)
        time.sleep(REFUSED_S)
        if client.running():
            return
    raise AssertionError(f"{command[0]}: {client.log()}")


def stable(readings):
    """The median where most are close to it, else None."""
    middle = sorted(readings)[len(readings) // 2] if readings else None
    close = [reading for reading in readings if middle and abs(reading - middle) < middle / 50]
    return middle if len(close) * 2 > len(readings) else None


def zita(seconds):
    """The loop over two bridges, samples by jack_iodelay: {format: samples}"""
    found = {}
    for form in ("--float", "--24bit"):
        servers = [netjack.Jack(("dummy", "-r", RATE, "-p", "128"), sync=False, namespace=name)
                   for name in ("host", "guest")]
        host, guest = servers
        try:
            for server in servers:
                server.wait_for_port("system:playback_1")
            for server, port, address in ((host, "30002", netjack.MASTER_ADDRESS),
                                          (guest, "30001", netjack.SLAVE_ADDRESS)):
                add_bridge(server, "zita-n2j", "--jserv", server.server, "--buff", "2", address, port)
            for server, port, address in ((host, "30001", netjack.SLAVE_ADDRESS),
                                          (guest, "30002", netjack.MASTER_ADDRESS)):
                add_bridge(server, "zita-j2n", "--jserv", server.server, form, address, port)
            guest.wait_for_port("zita-n2j:out_1")
            guest.connect([("zita-n2j:out_1", "zita-j2n:in_1")])
            delay = host.add_client("stdbuf", "-oL", "jack_iodelay")
            host.wait_for_port("zita-n2j:out_1")
            host.connect([("jack_delay:out", "zita-j2n:in_1"), ("zita-n2j:out_1", "jack_delay:in")])
            time.sleep(ZITA_WARM_UP_S + seconds)
            readings = [float(m.group(1)) for m in map(re.compile(r"([\d.]+) frames").search, list(delay.lines)) if m]
            found[form.strip("-")] = stable(readings)
        finally:
            for server in servers:
                server.end()
    return found


def ms(samples):
    return samples * 1000 / RATE


def ratio(one, other, key):
    return f"{one[key] / other[key]:6.2f}" if one and other and other[key] else "     -"


def print_head():
    print(f"{'':10}|{'this master':^68}|{'on libjacknet':^49}| ratio, this to it")
    print(f"{'B    -l':10}|{'loop':>12}{'net p50':>9}{'p99':>8}{'p99.9':>8}{'missed':>8}{'wrong':>7}{'CPU %':>7}{'':>9}"
          f"|{'loop':>12}{'back p50':>10}{'p99':>8}{'wrong':>10}{'CPU %':>8} |   p50    p99    CPU")


def print_row(row):
    ours, theirs = row["ours"], row.get("libjacknet")
    line = f"{row['period']:<4} {row['latency']:>3}  |"
    if ours:
        line += (f"{ours['lag']:>4}{ms(ours['lag']):>6.3f} ms{ours['p50']:>8.0f}{ours['p99']:>8.0f}{ours['p99.9']:>8.0f}"
                 f"{ours['missed']:>8}{ours['wrong']:>7}{ours['cpu']:>7.2f}{'':>9}")
    else:
        line += f"{'failed':^68}"
    if theirs:
        line += (f"|{theirs['lag']:>4}{ms(theirs['lag']):>6.3f} ms{theirs['p50']:>9.0f}{theirs['p99']:>8.0f}"
                 f"{theirs['wrong']:>10}{theirs['cpu']:>8.2f} |")
        same_way = row["latency"] == 0
        line += (ratio(ours, theirs, "p50") + " " + ratio(ours, theirs, "p99") if same_way else "     -      -")
        line += " " + ratio(ours, theirs, "cpu")
    print(line, flush=True)


def print_targets(rows):
    by = {(row["period"], row["latency"]): row["ours"] for row in rows}
    quick, reference = by.get((128, 0)), by.get(REFERENCE)
    targets = []
    if quick:
        targets += [("128 -l 0, round trip p50", quick["p50"] / 1000, 0.17, "ms"),
                    ("128 -l 0, round trip p99", quick["p99"] / 1000, 0.45, "ms")]
    if reference:
        targets += [("128 -l 1, loop", ms(reference["lag"]), round(ms(128), 6), "ms"),
                    ("128 -l 1, wrong samples", reference["wrong"], 0, f"of {reference['exact'] + reference['wrong']}"),
                    ("128 -l 1, CPU of this master", reference["cpu"], 2.0, "% of a core")]
    print("\ntargets")
    for name, value, most, unit in targets:
        print(f"  {name:<30}{value:>9.3f}   <= {most:.3f} {unit}{'' if round(value, 6) <= most else '   MISSED'}")
    return [{"name": n, "value": v, "target": m, "met": round(v, 6) <= m} for n, v, m, _ in targets]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true", help="3 s a row instead of 10 s, and 60 s for the reference")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    os.environ["HELIX_HOST_STUB"] = netjack.STUB = str(arguments.build.resolve() / "host-stub/helix-host-stub")
    netjack.isolate()
    netjack.wires()
    libjacknet = arguments.build.resolve() / "tests/bench/libjacknet-master"
    if not libjacknet.exists():
        print("no libjacknet here: without its columns")
        libjacknet = None
    if not netjack.realtime():
        print("NOT real-time: SCHED_FIFO is refused here; what follows measures this machine's scheduler")
    print(f"96 kHz, 2 channels, jackd -S with jack_thru, µs; load of this machine {os.getloadavg()[0]:.1f}")
    print_head()
    rows = matrix(libjacknet, *((3, 3) if arguments.quick else (10, 60)))
    bridges = {}
    if shutil.which("zita-j2n") and shutil.which("jack_iodelay"):
        bridges = attempt("zita-njbridge", zita, 2 if arguments.quick else 8) or {}
        for form, samples in bridges.items():
            print(f"zita-njbridge, there and back, --{form} --buff 2: " +
                  (f"{samples:.1f} samples = {ms(samples):.3f} ms by jack_iodelay (which adds 128 samples of its own)"
                   if samples else "no stable reading"))
    targets = print_targets(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": rows, "zita-njbridge": bridges, "targets": targets}, indent=1) + "\n",
                                  encoding="ascii")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the roads of a frame cost in a real guest, beside what a user would take instead: one run, one table.

./dev bench guest starts it. The guest's processors are emulated (unless there is KVM) and share the host's with
QEMU, devices and encoder: the numbers are of that machine, the ratios tell. Nothing is asserted.
"""

import argparse
import json
import os
import pathlib
import signal
import statistics
import sys

import run
from rig import Rig

SIZE = "--width 1920 --height 1080"
PACE = 30
# label, options of guest-bench, frames, repetitions. "none" is what the benchmark itself costs.
ROADS = [
    ("by id", "--encoder vsockenc --dmabuf", 120, 3),
    ("upload", "--encoder vsockenc", 120, 3),
    ("pixels", "--encoder vsockenc --no-upload", 60, 1),
    ("x264enc", "--encoder x264enc", 40, 1),
    ("none", "--encoder none", 120, 1),
]
REPEAT = 3
FLIP_SECONDS = 5


class Report:
    """Tables as they come, and targets at the end."""

    def __init__(self):
        self.numbers, self.targets = {}, []

    def put(self, section, row, **values):
        self.numbers.setdefault(section, {})[row] = values

    def target(self, text, wanted, measured, at_most=True, remark=""):
        reached = measured <= wanted if at_most else measured >= wanted
        self.targets.append({"target": text, "wanted": wanted, "at_most": at_most, "measured": measured,
                             "reached": reached, "remark": remark})

    def print_targets(self):
        print("\nTargets")
        for t in self.targets:
            print(f"{'reached' if t['reached'] else 'MISSED ':<8} {t['target']:<58} "
                  f"{'<=' if t['at_most'] else '>='} {t['wanted']:<6g} measured {t['measured']:.3g}{t['remark']}")


def last_json(text):
    return json.loads([line for line in text.splitlines() if line.startswith("{")][-1])


def median_of(measure, repeat):
    """The median of each number over the repetitions: others use the machine too."""
    runs = [measure() for _ in range(repeat)]
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def section(title):
    print(f"\n-- {title}", flush=True)


def guest_of(rig, machine):
    guest = rig.guest(machine)
    guest.where = "/"
    return guest


def bench_roads(rig, report, quick):
    """CPU of the guest's process per frame, 1080p, by each road."""
    guest = guest_of(rig, "devices")
    rig.start_stream(options=("--encoder", "null"))
    for form in ("NV12", "BGRx"):
        section(f"1080p {form}, {PACE} fps at most, over vsock to a null encoder: CPU of the guest's process")
        rows = {}
        for label, options, frames, repeat in ROADS:
            endpoint = "--endpoint vsock:2:5000" if "vsockenc" in options else ""
            command = (f"guest-bench {options} --format {form} {SIZE} --pace {PACE} --frames {frames} --warmup 10 "
                       f"{endpoint}")
            row = median_of(lambda command=command: last_json(guest.run(command, 240)), 1 if quick else repeat)
            rows[label] = row
            report.put(f"roads {form}", label, **row)
            print(f"{label:<10} {row['cpu_ms']:>9.3f} ms/frame  {row['fps']:>6.1f} fps  p50 {row['p50_ms']:>8.2f} ms",
                  flush=True)
        cpu = {label: row["cpu_ms"] for label, row in rows.items()}
        for label in ("by id", "upload", "pixels"):
            print(f"{label} costs 1/{cpu['x264enc'] / cpu[label]:.0f} of x264enc, "
                  f"1/{cpu['pixels'] / cpu[label]:.1f} of pixels")
        for rival, wanted in (("x264enc", 1 / 50), ("pixels", 1 / 10)):
            own = (cpu["by id"] - cpu["none"]) / (cpu[rival] - cpu["none"])
            report.target(f"{form}: CPU by id / {rival}", wanted, cpu["by id"] / cpu[rival],
                          remark=f" ({own:.3g} without what 'none' costs)")
    rig.end()


def bench_requests(rig, report, quick):
    """From a request by id to its answer, one in flight."""
    section("1080p BGRx: request by id over vsock -> answer, one in flight")
    guest, frames = guest_of(rig, "devices"), 100 if quick else 300
    for encoder, what in (("null", "a hash of the frame's 8.3 MB"), ("x264enc", "H.264")):
        rig.start_stream(options=("--encoder", encoder))
        row = last_json(guest.run(f"request-bench --frames {frames}", 240))
        rig.end()
        report.put("requests", encoder, **row)
        print(f"{encoder:<10} p50 {row['latency']['p50_us'] / 1e3:.2f} ms  p99 {row['latency']['p99_us'] / 1e3:.2f} ms"
              f"  guest CPU {row['cpu_us'] / 1e3:.3f} ms  ({what})", flush=True)
        if encoder == "null":
            report.target("request -> hash of 8.3 MB -> reply, p50 ms", 2.2, row["latency"]["p50_us"] / 1e3)


def bench_transports(rig, report, quick):
    """Bytes to the host and back."""
    section("bulk and round trips of 64 bytes between guest and host")
    guest = guest_of(rig, "devices")
    roads = {"vhost-user-vsock": (f"unix:{guest.devices.dir}/vsock_7000", "vsock:2:7000"),
             "slirp TCP": ("tcp:127.0.0.1:0", "tcp:10.0.2.2:{port}")}
    addresses = {label: rig.start(rig.probe, "--serve", served).wait_for_line(r"^listening on (.*)$")[1]
                 for label, (served, _) in roads.items()}
    runs = {label: [] for label in roads}
    for _ in range(1 if quick else REPEAT):
        for label, (_, reached) in roads.items():
            port = addresses[label].rpartition(":")[2]
            row = last_json(guest.run(f"transport-probe --bulk {32 if quick else 64} {reached.format(port=port)}", 120))
            runs[label].append({"send_mb_s": row["send_mb_s"], "receive_mb_s": row["receive_mb_s"],
                                "p50_us": row["round_trip"]["p50_us"]})
    rows = {}
    for label, measured in runs.items():
        rows[label] = row = {key: statistics.median(run[key] for run in measured) for key in measured[0]}
        report.put("transports", label, **row)
        print(f"{label:<18} to the host {row['send_mb_s']:>6.0f} MB/s  to the guest {row['receive_mb_s']:>6.0f} MB/s  "
              f"round trip p50 {row['p50_us']:.0f} us", flush=True)
    rig.end_programs()
    for way in ("send_mb_s", "receive_mb_s"):
        ratio = rows["vhost-user-vsock"][way] / rows["slirp TCP"][way]
        report.target(f"vsock / slirp TCP, {way[:-5]}", 1.4, ratio, at_most=False)


def flips_per_second(rig, machine):
    guest = guest_of(rig, machine)
    row = last_json(guest.run(f"drm-flipper --still --size 1920x1080 --seconds {FLIP_SECONDS}", 60))
    rig.end()
    return row["flips_per_s"]


def bench_flips(rig, report, quick):
    """Page flips as fast as the device takes them."""
    section("1080p page flips, as fast as the device takes them")
    flips = {"devices": [], "stock": []}
    for _ in range(1 if quick else REPEAT):
        for machine, runs in flips.items():
            runs.append(flips_per_second(rig, machine))
    ours, stock = (statistics.median(flips[machine]) for machine in ("devices", "stock"))
    print(f"vhost-user-gpu {ours:.0f}/s, QEMU's virtio-gpu-pci {stock:.0f}/s: {ours / stock:.2f}x")
    report.put("flips", "ours", per_s=ours)
    report.put("flips", "stock", per_s=stock)
    report.target("page flips, ours / virtio-gpu-pci", 0.85, ours / stock, at_most=False)


BENCHES = {"roads": bench_roads, "requests": bench_requests, "transports": bench_transports,
           "flips": bench_flips}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    run.add_rig_arguments(parser)
    parser.add_argument("--probe", required=True, help="transport-probe of the host")
    parser.add_argument("--quick", action="store_true", help="fewer frames and repetitions")
    parser.add_argument("--only", choices=BENCHES, help="just that part")
    parser.add_argument("--kvm", action="store_const", dest="accel", const="kvm", help="do not emulate the processor")
    parser.add_argument("--json", type=pathlib.Path, help="write everything to this file too")
    settings = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    report, rig = Report(), Rig(settings)
    rig.probe = settings.probe
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before; guest with {settings.accel}")
    try:
        for name in [settings.only] if settings.only else BENCHES:
            rig.begin(f"bench-{name}")
            BENCHES[name](rig, report, settings.quick)
    finally:
        rig.close()
    report.print_targets()
    if settings.json:
        settings.json.write_text(json.dumps({"numbers": report.numbers, "targets": report.targets}, indent=1) + "\n")


if __name__ == "__main__":
    main()

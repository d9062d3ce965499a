#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vsockenc against software encoders in the guest's role: one run, one table.

Every row is a process of its own (tests/bench/bench), so that peak memory is the row's; vsockenc's host is
another (tests/support/fake-host), whose CPU time is not the guest's. Nothing is asserted: the table
shows what was measured next to what the project wants to reach.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}
DELAYS_MS = (0, 5, 10, 20)
ROW_TIMEOUT_S = 120


@dataclasses.dataclass(frozen=True)
class Row:
    encoder: str
    memory: str = "system"
    format: str = "NV12"
    size: str = "1080p"
    pace: int = 0  # frames a second; 0: as fast as it goes
    delay_ms: int = 0
    window: int = 2

    @property
    def peer(self):
        """The row of x264enc that this one is compared with."""
        return Row("x264enc", "system", self.format, self.size, self.pace)

    def label(self):
        if self.encoder != "vsockenc":
            return self.encoder
        return "vsockenc " + ("DMA-BUF" if self.memory == "dmabuf" else "pixels")


@dataclasses.dataclass(frozen=True)
class Target:
    row: Row
    metric: str
    at_most: bool
    value: float
    ancestor: str = ""

    def met(self, measured):
        return measured <= self.value if self.at_most else measured >= self.value

    def text(self):
        return f"{self.metric} {'<=' if self.at_most else '>='} {self.value:g}"


DMABUF_60 = Row("vsockenc", "dmabuf", pace=60)
PIXELS_60 = Row("vsockenc", pace=60)
DMABUF_60_20MS = Row("vsockenc", "dmabuf", pace=60, delay_ms=20)
DMABUF_10MS_W4 = Row("vsockenc", "dmabuf", delay_ms=10, window=4)

TARGETS = [
    Target(DMABUF_60, "cpu_ms", True, 0.05, "0.051 unpaced, 0.13-0.17 paced; x264enc 6.3"),
    Target(DMABUF_60, "p50_ms", True, 1.0, "16.7"),
    Target(PIXELS_60, "p50_ms", True, 2.0, "16.7"),
    Target(DMABUF_60_20MS, "fps", False, 59.5, "49"),
    Target(DMABUF_60_20MS, "p50_ms", True, 21.0, "40"),
    Target(DMABUF_10MS_W4, "fps", False, 380, "98"),
]


def vsockenc_rows(memory, fmt, size, pace):
    return [Row("vsockenc", memory, fmt, size, pace, delay) for delay in DELAYS_MS]


def full_rows():
    rows = []
    for size in SIZES:
        for fmt in ("NV12", "BGRx"):
            for pace in (0, 60):
                rows += vsockenc_rows("dmabuf", fmt, size, pace)
                if (size, fmt, pace) == ("1080p", "NV12", 0):
                    rows.append(DMABUF_10MS_W4)
                rows += vsockenc_rows("system", fmt, size, pace)
                rows.append(Row("x264enc", "system", fmt, size, pace))
                rows.append(Row("openh264enc", "system", fmt, size, pace))
                rows.append(Row("none", "system", fmt, size, pace))
    return rows


def quick_rows():
    return [
        Row("vsockenc", "dmabuf"),
        DMABUF_10MS_W4,
        Row("vsockenc"),
        Row("x264enc"),
        Row("openh264enc"),
        DMABUF_60,
        DMABUF_60_20MS,
        PIXELS_60,
        Row("vsockenc", pace=60, delay_ms=20),
        Row("x264enc", pace=60),
        Row("openh264enc", pace=60),
        Row("none", pace=60),
    ]


def frame_count(row, quick):
    if row.pace:
        return 120 if quick else 240
    if row.encoder == "vsockenc" and row.delay_ms == 0:
        return 20000 if row.memory == "dmabuf" else 600
    if row.encoder == "none":
        return 20000
    return 120 if quick and row.encoder != "vsockenc" else 300


class Host:
    """A fake-host in a process of its own."""

    def __init__(self, build, row, directory):
        command = [build / "tests/support/fake-host", "--endpoint", f"unix:{directory}/host.sock",
                   "--delay-ms", str(row.delay_ms)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ready = self.process.stdout.readline().split()
        if not ready:
            sys.exit("bench: the fake host does not start")
        self.endpoint = ready[1]

    def stop(self):
        out, _ = self.process.communicate(timeout=10)
        return json.loads(out)


def guest_command(build, row, quick):
    width, height = SIZES[row.size]
    return [str(build / "tests/bench/bench"), "--encoder", row.encoder, "--format", row.format,
            "--width", str(width), "--height", str(height), "--pace", str(row.pace),
            "--frames", str(frame_count(row, quick)), "--warmup", "30" if row.pace else "60"]


def guest_environment(build):
    env = dict(os.environ, GST_PLUGIN_PATH_1_0=str(build / "gst-vsockenc"))
    env["GST_REGISTRY"] = str(build / "tests/bench/registry.bin")
    return env


def measure_once(build, row, quick, directory):
    command = guest_command(build, row, quick)
    host = None
    if row.encoder == "vsockenc":
        host = Host(build, row, directory)
        command += ["--endpoint", host.endpoint, "--max-in-flight", str(row.window)]
        if row.memory == "dmabuf":
            command.append("--dmabuf")
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=guest_environment(build), timeout=ROW_TIMEOUT_S, check=False)
    finally:
        counted = host.stop() if host else None
    if done.returncode != 0:
        print(done.stderr, file=sys.stderr)
        return None
    result = json.loads(done.stdout)
    if counted:
        result["host_cpu_ms"] = counted["cpu_ms"] / max(counted["requests"], 1)
    return result


def measure(build, row, quick, repeat, directory):
    """The median of each number over the repetitions, or None when the encoder failed."""
    runs = [measure_once(build, row, quick, directory) for _ in range(repeat)]
    runs = [run for run in runs if run]
    if not runs:
        return None
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def environment():
    version = subprocess.run(["gst-launch-1.0", "--version"], stdout=subprocess.PIPE, text=True, check=False)
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "gstreamer": version.stdout.splitlines()[1].split()[-1] if version.returncode == 0 else "?",
        "load_before": os.getloadavg()[0],
    }


HEADER = (f"{'encoder':<18} {'delay':>5} {'win':>3} {'fps':>9} {'CPU ms/f':>9} {'x264/it':>8} {'p50 ms':>8}"
          f" {'p99 ms':>8} {'RSS MB':>7} {'frames':>7}  out/in")


def format_row(row, result, peer):
    delay = f"{row.delay_ms}" if row.encoder == "vsockenc" else "-"
    window = f"{row.window}" if row.encoder == "vsockenc" else "-"
    start = f"{row.label():<18} {delay:>5} {window:>3} "
    if not result:
        return start + "failed"
    ratio = peer["cpu_ms"] / result["cpu_ms"] if peer and result["cpu_ms"] else None
    return (start + f"{result['fps']:>9.1f} {result['cpu_ms']:>9.3f} "
            + (f"{ratio:>7.1f}x" if ratio else f"{'-':>8}")
            + f" {result['p50_ms']:>8.2f} {result['p99_ms']:>8.2f} {result['rss_mb']:>7.0f}"
            f" {result['rss_frames_mb']:>7.0f}  {result['out']:.0f}/{result['in']:.0f}")


def print_table(results):
    group = None
    print(HEADER)
    for row, result in results.items():
        here = (row.size, row.format, row.pace)
        if here != group:
            group = here
            print(f"-- {row.size} {row.format}, {f'paced at {row.pace} fps' if row.pace else 'unpaced'}")
        print(format_row(row, result, results.get(row.peer)))


def judge_targets(results):
    judged = []
    for target in TARGETS:
        result = results.get(target.row)
        if result:
            measured = result[target.metric]
            empty = results.get(dataclasses.replace(target.row.peer, encoder="none"))
            judged.append({"row": dataclasses.asdict(target.row), "target": target.text(),
                           "measured": measured, "reached": target.met(measured), "ancestor": target.ancestor,
                           "empty": empty[target.metric] if empty and target.metric == "cpu_ms" else None})
    return judged


def print_targets(judged):
    print("\nTargets (1080p NV12)")
    for j in judged:
        row = Row(**j["row"])
        empty = f", {j['empty']:.3f} of them without any encoder" if j["empty"] else ""
        what = f"{row.label()}, {f'{row.pace} fps' if row.pace else 'unpaced'}, +{row.delay_ms} ms, window {row.window}"
        print(f"{'reached' if j['reached'] else 'MISSED ':<8} {what:<46} {j['target']:<16}"
              f" measured {j['measured']:.3f}{empty} (ancestor: {j['ancestor']})")


def run_all(args, rows):
    results = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        for n, row in enumerate(rows, 1):
            if sys.stderr.isatty():
                print(f"\r\033[K[{n}/{len(rows)}] {row.label()} {row.size} {row.format}", end="", file=sys.stderr)
            results[row] = measure(args.build, row, args.quick, args.repeat, directory)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return results


def write_json(path, env, results, judged):
    rows = [dict(dataclasses.asdict(row), **(result or {"failed": True})) for row, result in results.items()]
    path.write_text(json.dumps({"environment": env, "rows": rows, "targets": judged}, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="build folder")
    parser.add_argument("--quick", action="store_true", help="the rows with targets and their rivals; under a minute")
    parser.add_argument("--repeat", type=int, default=1, help="median of so many runs (default 1)")
    parser.add_argument("--json", type=pathlib.Path, help="write everything to this file too")
    args = parser.parse_args()
    args.build = args.build.resolve()
    env = environment()
    print(f"{env['cpu']}, {env['cores']} cores, Linux {env['kernel']}, GStreamer {env['gstreamer']}, "
          f"load {env['load_before']:.1f} before")
    print("CPU and RSS of the guest process; 'frames' is the share of the 24 preloaded ones; p50, p99 from the sink "
          "pad\n(blocked time included) to the src pad; 'none' is what the benchmark itself costs\n")
    results = run_all(args, quick_rows() if args.quick else full_rows())
    judged = judge_targets(results)
    print_table(results)
    print_targets(judged)
    if args.json:
        write_json(args.json, env, results, judged)
    return 0 if all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

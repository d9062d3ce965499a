#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ./dev demo prints at its end: demo-report.py SCRATCH FRAMES DECODED NAME

Figures come from where they are known: the counters that vsockenc logs when it stops, the times of the processes,
the counters of the host stub. Fails when a frame is missing.
"""
import json
import os
import re
import sys


def read(*path):
    try:
        with open(os.path.join(*path), encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def element_stats(log):
    """{name: number} of the last 'stats: application/x-vsockenc-stats, frames-sent=(guint64)600, ...;'"""
    lines = re.findall(r"stats: application/x-vsockenc-stats, (.*);", log)
    return {name: int(value) for name, value in re.findall(r"([\w-]+)=\(\w+\)(\d+)", lines[-1])} if lines else {}


def cpu(text):
    user, system = text.split()[-3:-1]
    return float(user) + float(system)


def main(scratch, frames, decoded, base):
    stats = element_stats(read(scratch, "guest.log"))
    host = json.loads((re.findall(r"^{.*}$", read(scratch, "host.out"), re.M) or ["{}"])[-1])
    ran = re.search(r"Execution ended after (\d+):(\d+):([\d.]+)", read(scratch, "guest.out"))
    seconds = int(ran[1]) * 3600 + int(ran[2]) * 60 + float(ran[3])
    whole, source = (cpu(read(scratch, name)) * 1000 / frames for name in ("guest.time", "source.time"))
    sent = stats.get("frames-by-id", 0), stats.get("frames-by-pixels", 0)
    missing = frames - decoded

    print(f"  encoder        {host.get('encoder', 'of the host given with --endpoint')}")
    print(f"  frames         {stats.get('frames-sent')} sent ({sent[0]} by id, {sent[1]} as pixels), "
          f"{stats.get('frames-encoded')} encoded, {stats.get('frames-dropped')} dropped, {decoded} decoded")
    print(f"  rate           {frames / seconds:.1f} fps for {seconds:.1f} s")
    print(f"  latency        p50 {stats.get('latency-p50', 0) / 1e6:.2f} ms, p99 {stats.get('latency-p99', 0) / 1e6:.2f} ms "
          "(request to response, encoding included)")
    print(f"  guest CPU      {whole:.2f} ms/frame of gst-launch, {source:.2f} of them without the encoder")
    if "cpu_s" in host:
        print(f"  host CPU       {host['cpu_s'] * 1000 / frames:.2f} ms/frame")
    print(f"  stream         {stats.get('bytes', 0)} bytes, {stats.get('bytes', 0) * 8 / seconds / 1e6:.2f} Mbit/s")
    for path in f"{base}.mp4", f"{base}.png":
        print(f"  {os.path.basename(path):14} {path} ({os.path.getsize(path)} bytes)")
    if missing or stats.get("frames-encoded") != frames:
        print(f"error: {frames} frames went in, {stats.get('frames-encoded')} came out of vsockenc and "
              f"{decoded} out of the file", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))

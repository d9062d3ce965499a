#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pipeline of ./dev demo in a real guest: a screen cast, by resource id, over AF_VSOCK, encoded by the host.

Leaves in the folder OUT what ./dev demo makes its report of: demo.mp4, guest.log, guest.out, guest.time,
source.time, host.out.
"""

import argparse
import pathlib
import shutil
import signal
import sys

import run
from checks import start_screen
from program import Failure
from rig import Rig

SIZE, RATE = "1280x720", 30


def cast(guest, name, pipeline, frames):
    """gst-launch-1.0 in the guest; NAME.time is its "user system real"."""
    source = f"pipewiresrc target-object=pw-screen num-buffers={frames}"
    guest.run(f"GST_DEBUG=2,vsockenc:4 busybox time -f '%U %S %e' -o /mnt/host/{name}.time "
              f"gst-launch-1.0 {source} ! {pipeline} >/mnt/host/{name}.out 2>/mnt/host/{name}.log || "
              f"{{ cat /mnt/host/{name}.log; exit 1; }}", frames / RATE + 120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    run.add_rig_arguments(parser)
    parser.add_argument("--encoder", default="auto")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    settings = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rig = Rig(settings)
    try:
        rig.begin("demo")
        guest = rig.guest("devices")
        guest.where = "/"
        host, _ = rig.start_stream(options=("--encoder", settings.encoder))
        start_screen(guest, f"--size {SIZE} --rate {RATE}")
        cast(guest, "source", "'video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=XR24' ! fakesink", settings.frames)
        cast(guest, "guest", "vsockenc ! h264parse ! mp4mux ! filesink location=/mnt/host/demo.mp4", settings.frames)
        (settings.out / "host.out").write_text(host.end(signal.SIGINT))
        for name in ("demo.mp4", "guest.log", "guest.out", "guest.time", "source.time"):
            shutil.copy(guest.share / name, settings.out / name)
    except Failure as failure:
        sys.exit(f"error: {failure}\nall logs: {rig.folder} and {rig.logs}/guest-*")
    finally:
        rig.close()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A source draws straight into the GPU memory that vsockenc offers it; the host reads what would have been sent as pixels."""

import re

from program import require

MACHINE = "devices"
FRAMES = 30
UNIT = re.compile(r"helix-null id=(\d+) .*hash=([0-9a-f]{16})")
STATS = re.compile(r"frames-by-id=\(guint64\)(\d+), frames-in-pool=\(guint64\)(\d+)")
SOURCES = {
    "BGRx": "video/x-raw,format=BGRx,width=640,height=480",
    "NV12": "video/x-raw,format=NV12,width=640,height=480",
    "NV12 of odd size": "video/x-raw,format=NV12,width=321,height=241",
}


def encode(guest, caps, properties):
    """(id, hash of the pixels that the host saw) of every frame, and how many went by id and in the pool."""
    output = guest.run(
        f"GST_DEBUG=vsockenc:4 gst-launch-1.0 -q videotestsrc num-buffers={FRAMES} pattern=ball ! {caps} "
        f"! vsockenc {properties} ! filesink location=/tmp/units 2>&1; LC_ALL=C grep -a -o 'helix-null [ -~]*hash=[0-9a-f]*' /tmp/units")
    return UNIT.findall(output), tuple(map(int, STATS.search(output).groups()))


def run(rig):
    guest = rig.guest(MACHINE)
    rig.start_stream(options=("--encoder", "null"))
    seen = []
    for name, caps in SOURCES.items():
        as_pixels, counts = encode(guest, caps, "upload=false")
        require(len(as_pixels) == FRAMES and counts == (0, 0), f"{name}: upload=false sent ids: {counts}")
        by_id, (n_ids, n_pool) = encode(guest, caps, "")
        require(n_ids == n_pool == FRAMES, f"{name}: {n_ids} of {FRAMES} frames by id, {n_pool} in the pool")
        require(all(int(number) for number, _ in by_id), f"{name}: no id in {by_id}")
        require(len(by_id) == FRAMES, f"{name}: {len(by_id)} of {FRAMES} frames came back")
        other = [i for i in range(FRAMES) if by_id[i][1] != as_pixels[i][1]]
        require(not other, f"{name}: the host saw other pixels in frames {other} of {by_id}")
        seen.append(f"{name} by {len({number for number, _ in by_id})} ids")
    return f"{FRAMES} frames each: {', '.join(seen)}"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest boots: virtio-gpu has its render node, GStreamer finds vsockenc."""


def run(rig):
    return rig.guest().run("sh ./guest.sh").splitlines()[-1]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Environments for programs that run under ./dev asan and ./dev tsan."""

import os

RUNTIME = os.environ.get("SANITIZER_RUNTIME")


def without_leaks():
    """For programs that GStreamer loads other people's plugins into: what those leave behind is not ours."""
    return dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")


def gstreamer_environment():
    """For GStreamer's own tools: they are not instrumented, the plugin they load may be."""
    if not RUNTIME:
        return dict(os.environ)
    preload = [RUNTIME, *os.environ.get("LD_PRELOAD", "").split(":")]
    return dict(without_leaks(), LD_PRELOAD=":".join(filter(None, preload)))

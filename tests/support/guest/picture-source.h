/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Test pictures (pattern.h) in system memory, out of an appsrc. */

#include <gst/app/gstappsrc.h>

/*
 * Has the appsrc, whose caps are set (BGRx, BGRA, RGBx, RGBA or NV12, even size, a framerate), put
 * out n_frames pictures and the end of the stream. Frame number n has that number drawn in and as
 * its offset; its time is n / framerate. As fast as they are taken: a clocksync behind it paces them.
 * 0; -EINVAL for caps that are none of these.
 */
int picture_source_feed(GstAppSrc *source, unsigned n_frames);

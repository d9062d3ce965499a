/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a decoded picture compares with the test picture (pattern.h) that it should show. */

#include "pattern.h"

#include <gst/video/video.h>

#define LIKENESS_SAME 99.0 /* dB, for a picture without any difference */

/* The code drawn into the picture, 4:2:0 (I420, NV12, ...). 0; -ENOTSUP for another format; else
 * what pattern_read() says. */
int likeness_read(const GstVideoFrame *frame, struct pattern_code *ret);

/* Peak signal-to-noise ratio in dB of all planes to the picture drawn anew for that code, at most
 * LIKENESS_SAME. The frame is one that likeness_read() could read. */
double likeness_psnr(const GstVideoFrame *frame, const struct pattern_code *code);

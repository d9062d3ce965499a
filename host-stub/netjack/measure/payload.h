/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a measurement sends: white noise of full-scale 24-bit integers, each computed from its place
 * alone, so that whoever has a sample and its place knows whether it is the one that was sent. */

#include <stdint.h>

/* Sample `frame` of `channel`: a signed 24-bit integer, times 2^-23. */
float payload_sample(uint64_t frame, unsigned channel);

/* The same bits? Unlike ==, it tells 0 from -0 and knows NaN. */
int payload_is(float sample, uint64_t frame, unsigned channel);

/* The latest of the `n` frames up to `last` at which `sample` was sent, as *ret; then `next` must be
 * the sample behind it. -ENOENT. Takes about a nanosecond a frame. */
int payload_find(
	float sample, float next, uint64_t last, uint64_t n, unsigned channel, uint64_t *ret_frame);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Percentiles of durations in constant memory: buckets are 1/16 of a power of two wide, so that a
 * percentile is at most 6.25 % above the truth. No allocation, no locks.
 */

#include <stdint.h>

#define HISTOGRAM_BUCKETS 640u /* up to 2^40 ns, 18 minutes; longer ones count as that */

struct histogram {
	uint64_t total;
	uint32_t counts[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t ns);
/* The duration in ns that percent (0 to 100) of the samples do not exceed: the upper edge of its
 * bucket. 0 without samples. */
uint64_t histogram_percentile(const struct histogram *h, unsigned percent);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Counts of durations: percentiles of any length of run in fixed memory. A bucket is 1/32 of a power
 * of two wide, and 64 ns at least. Plain data: copied by assignment. */

#include <stdint.h>

#define HISTOGRAM_BUCKETS 768u /* up to 17 s; what is longer counts as that */

struct histogram {
	uint64_t n;
	int64_t min_ns, max_ns; /* exact; valid when n > 0 */
	uint64_t counts[HISTOGRAM_BUCKETS];
};

void histogram_init(struct histogram *histogram);
/* Negative ones count as 0. */
void histogram_add(struct histogram *histogram, int64_t ns);
/* The duration that `share` (0..1) of all are not above; 0 when there is none. At most 2 % or 64 ns
 * beside the truth, and never outside min_ns and max_ns. */
int64_t histogram_percentile(const struct histogram *histogram, double share);
/* What came since `before`, an earlier copy of `now`. min_ns and max_ns are as exact as a percentile,
 * and exact where `before` had not reached them. */
void histogram_since(
	const struct histogram *now, const struct histogram *before, struct histogram *ret);
/* The lower edge of a bucket, ns; that of HISTOGRAM_BUCKETS is where the last one ends. */
int64_t histogram_edge(unsigned bucket);

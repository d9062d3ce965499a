/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Counts of durations in buckets of equal relative width (2 %): percentiles of any length of run in
 * fixed memory. Plain data: copied by assignment. */

#include <stdint.h>

#define HISTOGRAM_BUCKETS 768u

struct histogram {
	uint64_t n;
	int64_t min_ns, max_ns; /* exact; valid when n > 0 */
	uint32_t counts[HISTOGRAM_BUCKETS];
};

void histogram_init(struct histogram *histogram);
/* Negative ones count as 0. */
void histogram_add(struct histogram *histogram, int64_t ns);
/* The duration that `share` (0..1) of all are not above; 0 when there is none. Exact to 2 %. */
int64_t histogram_percentile(const struct histogram *histogram, double share);
/* The lower edge of a bucket, ns. */
int64_t histogram_edge(unsigned bucket);

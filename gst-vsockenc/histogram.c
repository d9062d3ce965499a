/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "histogram.h"

#define SUB_BITS 4u /* log2 of the buckets in a power of two */

static unsigned bucket_of(uint64_t ns)
{
	unsigned exponent, bucket;

	if (ns < 1u << SUB_BITS)
		return (unsigned)ns;

	exponent = 63u - (unsigned)__builtin_clzll(ns);
	bucket = ((exponent - SUB_BITS + 1) << SUB_BITS) +
		 (unsigned)((ns >> (exponent - SUB_BITS)) & ((1u << SUB_BITS) - 1));
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t bucket_upper_edge(unsigned bucket)
{
	unsigned shift;

	if (bucket < 1u << SUB_BITS)
		return bucket;

	shift = (bucket >> SUB_BITS) - 1;
	return ((((uint64_t)1 << SUB_BITS) + (bucket & ((1u << SUB_BITS) - 1)) + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t ns)
{
	h->counts[bucket_of(ns)]++;
	h->total++;
}

uint64_t histogram_percentile(const struct histogram *h, unsigned percent)
{
	uint64_t rank = (h->total * percent + 99) / 100, seen = 0;

	if (h->total == 0)
		return 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->counts[i];
		if (seen >= rank && seen > 0)
			return bucket_upper_edge(i);
	}
	return bucket_upper_edge(HISTOGRAM_BUCKETS - 1);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "histogram.h"

#include <math.h>
#include <stdbool.h>

#define UNIT_BITS 6u /* log2 of the ns that the smallest buckets are wide */
#define SUB_BITS  5u /* log2 of the buckets in a power of two */
#define SUB       (1u << SUB_BITS)

static unsigned bucket_of(int64_t ns)
{
	uint64_t units = ns > 0 ? (uint64_t)ns >> UNIT_BITS : 0;
	unsigned shift, bucket;

	if (units < SUB)
		return (unsigned)units;
	shift = 63u - SUB_BITS - (unsigned)__builtin_clzll(units);
	bucket = shift * SUB + (unsigned)(units >> shift);
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

void histogram_init(struct histogram *histogram)
{
	*histogram = (struct histogram){ 0 };
}

void histogram_add(struct histogram *histogram, int64_t ns)
{
	if (ns < 0)
		ns = 0;
	if (histogram->n == 0 || ns < histogram->min_ns)
		histogram->min_ns = ns;
	if (histogram->n == 0 || ns > histogram->max_ns)
		histogram->max_ns = ns;
	histogram->counts[bucket_of(ns)]++;
	histogram->n++;
}

static int64_t clamp(int64_t ns, int64_t min, int64_t max)
{
	return ns < min ? min : ns > max ? max : ns;
}

int64_t histogram_percentile(const struct histogram *histogram, double share)
{
	uint64_t rank = (uint64_t)ceil(share * (double)histogram->n), seen = 0;
	unsigned bucket;

	if (histogram->n == 0)
		return 0;
	if (rank >= histogram->n)
		return histogram->max_ns;
	if (rank <= 1)
		return histogram->min_ns;
	for (bucket = 0; bucket < HISTOGRAM_BUCKETS - 1; bucket++) {
		seen += histogram->counts[bucket];
		if (seen >= rank)
			break;
	}
	return clamp((histogram_edge(bucket) + histogram_edge(bucket + 1)) / 2, histogram->min_ns,
		histogram->max_ns);
}

void histogram_since(
	const struct histogram *now, const struct histogram *before, struct histogram *ret)
{
	struct histogram since = { .n = now->n - before->n };
	bool first = true;

	for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++) {
		since.counts[b] = now->counts[b] - before->counts[b];
		if (since.counts[b] == 0)
			continue;
		if (first)
			since.min_ns = histogram_edge(b);
		since.max_ns = histogram_edge(b + 1) - 1;
		first = false;
	}
	if (since.n > 0 && (before->n == 0 || now->min_ns < before->min_ns))
		since.min_ns = now->min_ns;
	if (since.n > 0 &&
		(before->n == 0 || now->max_ns > before->max_ns || since.max_ns > now->max_ns))
		since.max_ns = now->max_ns;
	*ret = since;
}

int64_t histogram_edge(unsigned bucket)
{
	unsigned shift;

	if (bucket < SUB)
		return (int64_t)bucket << UNIT_BITS;
	shift = bucket / SUB - 1;
	return (int64_t)(SUB + bucket % SUB) << (shift + UNIT_BITS);
}

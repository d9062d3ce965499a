/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STEPS 4u /* buckets for each power of two */

struct field {
	const char *name;
	size_t offset;
};

#define FIELD(member)                                                                              \
	{                                                                                          \
#member, offsetof(struct stats, member)                                            \
	}

static const struct field fields[] = {
	FIELD(connections),
	FIELD(refused),
	FIELD(bad_clients),
	FIELD(stalled_clients),
	FIELD(frames),
	FIELD(frames_pixels),
	FIELD(frames_resource),
	FIELD(unknown_resources),
	FIELD(responses),
	FIELD(keyframes),
	FIELD(errors),
	FIELD(dropped),
	FIELD(scanout_frames),
	FIELD(scanout_lost),
	FIELD(encoders),
	FIELD(bytes_in),
	FIELD(bytes_out),
};

static uint64_t *member_at(struct stats *stats, size_t offset)
{
	return (uint64_t *)(void *)((char *)stats + offset);
}

void stats_counter_init(struct stats_counter *counter)
{
	*counter = (struct stats_counter){ .lock = PTHREAD_MUTEX_INITIALIZER };
}

void stats_counter_finish(struct stats_counter *counter)
{
	pthread_mutex_destroy(&counter->lock);
}

void stats_add_at(struct stats_counter *counter, size_t offset, uint64_t n)
{
	pthread_mutex_lock(&counter->lock);
	*member_at(&counter->stats, offset) += n;
	pthread_mutex_unlock(&counter->lock);
}

void stats_get(struct stats_counter *counter, struct stats *ret)
{
	pthread_mutex_lock(&counter->lock);
	*ret = counter->stats;
	pthread_mutex_unlock(&counter->lock);
}

/* 0 to 3 are buckets of their own; then four for each power of two. */
static unsigned find_bucket(uint64_t v)
{
	if (v < STEPS)
		return (unsigned)v;
	unsigned log2 = 63u - (unsigned)__builtin_clzll(v);
	unsigned bucket = (log2 - 1) * STEPS + (unsigned)(v >> (log2 - 2) & (STEPS - 1));
	return bucket < STATS_BUCKETS ? bucket : STATS_BUCKETS - 1;
}

static uint64_t bucket_end(unsigned bucket)
{
	if (bucket < STEPS)
		return bucket;
	unsigned log2 = bucket / STEPS + 1;
	return ((uint64_t)(STEPS + bucket % STEPS + 1) << (log2 - 2)) - 1;
}

void stats_add_latency(struct stats_counter *counter, uint64_t us_taken)
{
	pthread_mutex_lock(&counter->lock);
	counter->stats.latency[find_bucket(us_taken)]++;
	counter->stats.latency_count++;
	pthread_mutex_unlock(&counter->lock);
}

uint64_t stats_latency(const struct stats *stats, unsigned percent)
{
	uint64_t wanted = (stats->latency_count * percent + 99) / 100;
	uint64_t seen = 0;

	if (stats->latency_count == 0)
		return 0;
	for (unsigned i = 0; i < STATS_BUCKETS; i++) {
		seen += stats->latency[i];
		if (seen >= wanted)
			return bucket_end(i);
	}
	return bucket_end(STATS_BUCKETS - 1);
}

int stats_json(const struct stats *stats, const char *encoder, double cpu_s, char *ret, size_t size)
{
	char text[STATS_JSON_SIZE];
	struct stats copy = *stats;
	size_t at = 0;
	unsigned cpu_ms = (unsigned)(cpu_s * 1000);

	at += (size_t)snprintf(text, sizeof text, "{\"encoder\": \"%s\"", encoder);
	for (size_t i = 0; i < sizeof fields / sizeof fields[0] && at < sizeof text; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, ", \"%s\": %" PRIu64,
			fields[i].name, *member_at(&copy, fields[i].offset));
	/* No %f: a locale may write a comma. */
	if (at < sizeof text)
		at += (size_t)snprintf(text + at, sizeof text - at,
			", \"latency_p50_us\": %" PRIu64 ", \"latency_p99_us\": %" PRIu64
			", \"cpu_s\": %u.%03u}",
			stats_latency(stats, 50), stats_latency(stats, 99), cpu_ms / 1000,
			cpu_ms % 1000);
	if (at >= sizeof text || at >= size)
		return -ENOSPC;
	memcpy(ret, text, at + 1);
	return 0;
}

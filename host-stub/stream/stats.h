/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a server did, counted by all of its threads. */

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define STATS_BUCKETS   128u
#define STATS_JSON_SIZE 2048u /* the text never needs more */

struct stats {
	uint64_t connections;       /* accepted, those below included */
	uint64_t refused;           /* closed at once: by --fault refuse, or too many */
	uint64_t bad_clients;       /* closed because of a bad message */
	uint64_t stalled_clients;   /* closed because they did not read, or go on with a message */
	uint64_t frames;            /* FRAME_REQUESTs */
	uint64_t frames_pixels;     /* of these, with pixels */
	uint64_t frames_resource;   /* of these, with pixels of the guest's resources */
	uint64_t unknown_resources; /* of these, with an id the guest has not */
	uint64_t responses;         /* FRAME_RESPONSEs to requests */
	uint64_t keyframes;         /* of these and of scanout frames */
	uint64_t errors;            /* ERRORs sent */
	uint64_t dropped;           /* frames not answered: faults, clients gone */
	uint64_t scanout_frames;    /* FRAME_RESPONSEs of subscriptions */
	uint64_t scanout_lost;      /* not sent because the client does not read */
	uint64_t encoders;      /* created: one a stream, more when geometry or profile change */
	uint64_t bytes_in;      /* payloads and headers of messages received */
	uint64_t bytes_out;     /* access units sent */
	uint64_t latency_count; /* request complete to response handed to the kernel */
	uint64_t latency[STATS_BUCKETS];
};

struct stats_counter {
	pthread_mutex_t lock;
	struct stats stats;
};

void stats_counter_init(struct stats_counter *counter);
void stats_counter_finish(struct stats_counter *counter);

/* Adds n to the member of struct stats that lies at offset. */
void stats_add_at(struct stats_counter *counter, size_t offset, uint64_t n);
#define stats_add(counter, member, n) stats_add_at(counter, offsetof(struct stats, member), n)
/* A response left us_taken microseconds after its request came. */
void stats_add_latency(struct stats_counter *counter, uint64_t us_taken);
void stats_get(struct stats_counter *counter, struct stats *ret);

/* Microseconds that `percent` of the latencies did not exceed, to 1/4 of their value; 0 when there
 * are none. */
uint64_t stats_latency(const struct stats *stats, unsigned percent);

/* One line of JSON (RFC 8259) without newline; keys are the members' names, latency_p50_us,
 * latency_p99_us, encoder, cpu_s. encoder is printed as it is: a name without quotes and control
 * characters. -ENOSPC. */
int stats_json(
	const struct stats *stats, const char *encoder, double cpu_s, char *ret, size_t size);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How late a thread wakes up: absolute sleeps, one interval apart, and how far behind each was. */

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

#define LATENCY_SAMPLES_MAX 10000u
#define LATENCY_BUCKETS     24u /* the last takes all that is longer */
#define LATENCY_CPU_ANY     (-1)

struct latency_config {
	unsigned samples;     /* 1 to LATENCY_SAMPLES_MAX */
	unsigned interval_us; /* 100 to 100000 */
	unsigned priority;    /* of SCHED_FIFO, 1 to 98; 0: SCHED_OTHER */
	int cpu;              /* to run on, or LATENCY_CPU_ANY */
};
struct latency {
	unsigned n; /* samples taken */
	unsigned
		histogram[LATENCY_BUCKETS]; /* [i]: from 2^i us (0 for i = 0) to below 2^(i+1) us */
	double p50_us, p99_us, p999_us, max_us;
};

/* On the calling thread, whose policy, CPUs and timer slack are put back. Takes samples *
 * interval_us, and stops at twice that. False and error (G_IO_ERROR: INVALID_ARGUMENT,
 * PERMISSION_DENIED where SCHED_FIFO is not allowed, FAILED). */
bool latency_measure(const struct latency_config *config, struct latency *ret, GError **error);
/* From n delays in ns (sorted by it). n > 0. */
void latency_summarise(uint32_t *delays_ns, unsigned n, struct latency *ret);

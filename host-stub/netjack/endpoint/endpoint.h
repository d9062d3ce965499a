/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The NETJACK2 master: lets slaves in, sends them a period each tick and takes what returns. It has the
 * clock: tick k is at t0 + k * period / rate of CLOCK_MONOTONIC, computed from k. A dead slave costs
 * the others nothing.
 *
 * One wake-up a period: it takes what is due in the period that ends, and sends the next one. What came
 * in between was stamped by the kernel, so a round trip is known to the microsecond all the same.
 */

#include "audio.h"
#include "door.h"

#define ENDPOINT_GUARD_NS  30000 /* before the next tick datagrams are not held back any more */
#define ENDPOINT_SILENT_MS 2000  /* a slave that says nothing for so long is gone */
#define ENDPOINT_REPORT_MS 100

struct endpoint_config {
	struct door_config door;
	const struct audio_ops *audio;
	void *user;      /* audio->open()'s */
	double skew_ppm; /* the clock runs so much faster; for tests of drift */
	int rt_priority; /* SCHED_FIFO, and mlockall(2); 0: leave the process as it is */
};

struct endpoint;

struct endpoint_report {
	uint64_t ticks;
	uint64_t
		late_ticks; /* skipped: woken up more than a period late. Slaves do not see a gap */
	struct histogram wakeup; /* ns late: the host's own jitter */
	bool realtime;           /* SCHED_FIFO was granted */
	bool locked;             /* mlockall(2) was */
	uint64_t connects;       /* sessions begun */
	int64_t reconnect_ns;    /* from the last slave gone to the next one connected; 0: never */
	struct door_counters door;
	unsigned n_slaves;
	struct slave_report slaves[DOOR_SLAVES_MAX]; /* connected now, then those that left last */
	unsigned n_left;
};

int endpoint_new(const struct endpoint_config *config, struct endpoint **ret);
/* Stops it. NULL is fine. */
void endpoint_destroy(struct endpoint *endpoint);
uint16_t endpoint_port(const struct endpoint *endpoint);
/* Until endpoint_stop(), or until so many ticks after the first slave came in (0: no end). The door is
 * in the calling thread, as are audio->open() and close(); the periods are in a thread of their own.
 * At the end all slaves are told and gone. 0, or -errno. Once only. */
int endpoint_run(struct endpoint *endpoint, uint64_t n_ticks);
/* Async-signal-safe; any thread. */
void endpoint_stop(struct endpoint *endpoint);
/* Any thread, never makes the process thread wait; not older than ENDPOINT_REPORT_MS. */
void endpoint_report(struct endpoint *endpoint, struct endpoint_report *ret);

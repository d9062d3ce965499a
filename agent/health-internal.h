/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What health.c (when probes run) and health-text.c (what is told of them) share. */

#include "health.h"
#include "probe/steady.h"

/* The machine and the wishes, for as long as a thread may look at them. g_atomic_rc_box. */
struct health_machine {
	struct env env;
	struct probe_wanted *wanted;
};

enum health_state {
	HEALTH_IDLE,
	HEALTH_QUEUED,
	HEALTH_RUNNING,
	HEALTH_LATE, /* hangs; its answer will be dropped */
};

/* A probe. g_atomic_rc_box: owned by health and by the thread that runs it. */
struct health_entry {
	const struct probe *probe;
	const struct override *override; /* of the machine's wishes; NULL: none */
	struct health_machine *machine;
	GMainContext *context;
	void *memory; /* of the probe */

	/* what the thread hands over */
	GMutex mutex;
	struct probe_result result;

	/* of the main context */
	struct health *health; /* NULL: gone */
	enum health_state state;
	GSource *timer; /* next run, or deadline; NULL: none */
	struct steady steady;
	const struct probe_result *answer; /* of steady; NULL: never asked */
	double value;                      /* the newest, when the answer has one */
	int64_t since_ns, answered_us;     /* change of status; g_get_monotonic_time() */
	GPtrArray *waiting;                /* of struct refresh */
};

struct health {
	struct health_machine *machine;
	GMainContext *context;
	GPtrArray *entries;
	GPtrArray *refreshes; /* under way; owned */
	GQueue queue;         /* entries to run, in order */
	unsigned running, late;
	char *boot_id;
	bool started;
	void (*changed)(void *user);
	void *user;
};

#define HEALTH_RETRY_S 60u /* what is not known is asked again so soon */

/* How long it rests after this answer. */
unsigned health_entry_rest_s(const struct health_entry *entry, enum probe_status status);
/* In effect. */
unsigned health_entry_period_s(const struct health_entry *entry);
/* PROBE_UNKNOWN when it was never asked. */
enum probe_status health_entry_status(const struct health_entry *entry);

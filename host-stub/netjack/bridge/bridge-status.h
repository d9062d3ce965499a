/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a running bridge says of itself: a JSON file, written once a second, and what people read of it.
 * Numbers count since the session began, unless they are called recent. */

#include "../endpoint/slave.h"
#include "resample.h"

#define BRIDGE_RECENT_S   10
#define BRIDGE_STALE_S    5 /* a file that is older is of a bridge that hangs or was killed */
#define BRIDGE_STATUS_MAX ((size_t)65536) /* bytes of the file */

struct bridge_status_slave {
	unsigned seat; /* 0: has the ports without a name */
	char name[NETJACK_NAME_SIZE];
	char address[INET_ADDRSTRLEN];
	bool sync;
	uint32_t latency;
	uint32_t send, returned; /* channels */
	uint32_t loop_frames;    /* B * (N + A) */
	uint64_t verdicts[N_VERDICTS];
	uint64_t malformed, xruns, send_failed;
	uint64_t recent_good, recent_bad; /* periods of the last BRIDGE_RECENT_S */
	double rtt_us[4];                 /* p50, p99, p99.9, max */
	/* With a clock of its own; target is 0 otherwise, or without channels. */
	struct resample_report capture, playback;
};

struct bridge_status {
	int64_t updated_s; /* CLOCK_REALTIME */
	int32_t pid;
	bool has_jack; /* otherwise it waits for a server, and what follows is 0 */
	char client[64], server[64];
	char clock[8]; /* "graph", "own" */
	uint32_t graph_rate, graph_period;
	uint32_t rate, period; /* of the session */
	uint16_t port;
	uint64_t xruns, servers; /* of the graph; JACK servers so far */
	uint64_t late_ticks;     /* of the own clock */
	unsigned n_slaves;
	struct bridge_status_slave slaves[8];
};

/* Periods of the last seconds. */
struct bridge_recent {
	uint64_t good[BRIDGE_RECENT_S + 1], bad[BRIDGE_RECENT_S + 1]; /* counters, a second apart */
	unsigned n;
};

/* The next row, or NULL. */
struct bridge_status_slave *bridge_status_add(
	struct bridge_status *status, unsigned seat, const struct slave_report *report);
/* Once a second: fills recent_good and recent_bad of the row. */
void bridge_recent_update(struct bridge_recent *recent, struct bridge_status_slave *slave);

/* Owned by the caller, free(). NULL: no memory. */
char *bridge_status_json(const struct bridge_status *status);
/* -EBADMSG: not what bridge_status_json() makes. */
int bridge_status_parse(const char *text, struct bridge_status *ret);
/* Replaces the file at once: whoever reads it has the old or the new one, whole. -EEXIST: it is a device
 * or the like, which stays; -errno. */
int bridge_status_write(const char *path, const struct bridge_status *status);
/* -ENOENT, ...; -EFBIG, -EBADMSG. */
int bridge_status_read(const char *path, struct bridge_status *ret);

enum bridge_health {
	BRIDGE_HEALTHY,
	BRIDGE_DEGRADED,
	BRIDGE_NOT_RUNNING = 3,
};
/* Is it the status of a bridge that runs? */
bool bridge_status_is_current(const struct bridge_status *status, int64_t now_s);
/* A line with its verdict for each thing. */
typedef void (*bridge_line)(void *user, bool is_good, const char *topic, const char *text);
enum bridge_health bridge_status_judge(
	const struct bridge_status *status, bridge_line line, void *user);

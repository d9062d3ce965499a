/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The endpoint as a client of the host's JACK graph: what clients of the graph play into
 * netjack:playback_N goes to the guest, what the guest returns comes out of netjack:capture_N. The
 * first slave has these ports; further ones have NAME_capture_N and NAME_playback_N. Ports stay when
 * their slave goes, and are silent.
 *
 * Where the graph's rate and period are the session's, the graph is the clock: a process cycle is a
 * period. Else the endpoint has a clock of its own and both directions are resampled (resample.h).
 *
 * A JACK server that is not there, or ends, is waited for; a graph whose rate or period changes makes
 * the slaves start again with the new ones.
 */

#include "../endpoint/door.h"

#define BRIDGE_CLIENT         "netjack"
#define BRIDGE_STATUS_PATH    "/run/helix-netjack/status.json"
#define BRIDGE_WAIT_SHARE     0.5 /* of a period, for the return of the same cycle */
#define BRIDGE_MARGIN_MS      1.0
#define BRIDGE_PORT_NAME_SIZE 512 /* of CLIENT:PORT, with the NUL */

enum bridge_clock {
	BRIDGE_CLOCK_AUTO,  /* the graph's, unless the session's rate or period is another */
	BRIDGE_CLOCK_GRAPH, /* -EINVAL when the session's rate or period is another */
	BRIDGE_CLOCK_OWN,
};

struct bridge_config {
	struct door_config door; /* rate and period: 0: the graph's (a power of two of it) */
	const char *client;      /* name in the graph; NULL: BRIDGE_CLIENT. Borrowed */
	const char *server;      /* of the JACK server; NULL: the default one. Borrowed */
	enum bridge_clock clock;
	/* "FROM=TO" names of ports, made when both are there; NULL-terminated or NULL. Ports of ours
	 * may be without the client's name. Borrowed */
	const char *const *connections;
	bool connect_physical;   /* the first slave's ports to the sound card's */
	double wait_share;       /* 0..0.9, at latency 0; 0: BRIDGE_WAIT_SHARE */
	double margin_ms;        /* what a ring holds beyond what it must; 0: BRIDGE_MARGIN_MS */
	double skew_ppm;         /* of the own clock; for tests of drift */
	int rt_priority;         /* of the own clock's thread, SCHED_FIFO; 0: leave it as it is */
	const char *status_path; /* written once a second; NULL: no file. Borrowed */
	const struct log_sink *log;
};

struct bridge;

/* Is JACK compiled in? If not, bridge_new() is -ENOTSUP. */
bool bridge_is_available(void);
/* Is this a "FROM=TO"? Says why not. */
const char *bridge_connection_problem(const char *text);

/* config is copied, what it borrows is not. -ENOTSUP, -EINVAL, -ENOMEM. */
int bridge_new(const struct bridge_config *config, struct bridge **ret);
/* NULL is fine. */
void bridge_destroy(struct bridge *bridge);
/* Until bridge_stop(). 0, or -errno: -EADDRINUSE (the control port), -EINVAL (BRIDGE_CLOCK_GRAPH and
 * a session that the graph does not fit), ... said in the log. */
int bridge_run(struct bridge *bridge);
/* Async-signal-safe; any thread. */
void bridge_stop(struct bridge *bridge);

/* Where the status file is when nobody says: below $RUNTIME_DIRECTORY (systemd's), a user's
 * $XDG_RUNTIME_DIR/helix-netjack, or BRIDGE_STATUS_PATH. g_free(). */
char *bridge_status_path(void);
/* The same where its folder is there, or can be made, to be written to; or NULL. */
char *bridge_status_path_made(void);
/* `helix-host-stub netjack status` and `... restart`: argv[0] is the name of the sub-command. Return
 * the exit code: 0 healthy, 1 degraded, 2 wrong usage, 3 not running. */
int bridge_status_command(int argc, char **argv);
int bridge_restart_command(int argc, char **argv);

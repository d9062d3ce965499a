/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where slaves come in: the control port, AVAILABLE, SETUP, START_MASTER, KILL_MASTER. A state machine
 * that never waits: several slaves may be on their way in at once.
 */

#include "slave.h"

#include "../log.h"

#define DOOR_SLAVES_MAX  8u  /* connected and on their way in together */
#define DOOR_SETUP_MS    500 /* until a SETUP without an answer is sent again */
#define DOOR_SETUP_TRIES 5u  /* SLAVE_SETUP_RETRY */

struct door_config {
	struct in_addr address; /* of the interface to listen on; INADDR_ANY: all */
	struct in_addr group;   /* multicast; INADDR_ANY: unicast only */
	uint16_t port;          /* 0: any, for tests */
	uint32_t rate, period;
	int32_t send_audio, return_audio; /* -1: the slave's, or 2 when it leaves that to us, too */
	int32_t send_midi, return_midi;   /* -1: the slave's, or 0 */
	int32_t latency;                  /* periods; -1: the slave's */
	const char *const *names;         /* only slaves of these names; NULL: any. Borrowed */
	const char *host;                 /* the master's name. Borrowed */
	const struct inject_config *inject; /* of all slaves. Borrowed */
	const struct log_sink *log;         /* borrowed */
};

struct door;

enum door_event_type {
	DOOR_NOTHING,
	DOOR_ARRIVED, /* slave is ready and the caller's now */
	DOOR_GONE, /* the slave with this id says goodbye, or announces itself anew: destroy it */
};
struct door_event {
	enum door_event_type type;
	struct slave *slave;
	uint32_t id;
};

/* -EADDRINUSE, -EADDRNOTAVAIL, ...; a group that cannot be joined is a warning only: slaves that are
 * told our address still come in. */
int door_open(const struct door_config *config, struct door **ret);
/* Says KILL_MASTER for those that are on their way in. NULL is fine. */
void door_close(struct door *door);
uint16_t door_port(const struct door *door);

/* An epoll descriptor: readable when door_dispatch() has something to do. */
int door_fd(const struct door *door);
/* When it has to be called at the latest: CLOCK_MONOTONIC ns, INT64_MAX: when readable. */
int64_t door_next_ns(const struct door *door);
/* One thing that happened; call until DOOR_NOTHING. */
void door_dispatch(struct door *door, int64_t now_ns, struct door_event *ret);
/* The slave is no more: its place is free, its id is not used again soon. */
void door_forget(struct door *door, uint32_t id);
/* Tells the slave with the session that its master ends. */
void door_say_goodbye(struct door *door, const struct netjack_session *session);

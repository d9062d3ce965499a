/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where slaves come in: the control port, AVAILABLE, SETUP, START_MASTER, KILL_MASTER. A state machine
 * that never waits: several slaves may be on their way in at once. One thread at a time; it need not
 * be the one that uses the slaves.
 *
 * Anybody can send to the control port. What has no effect on the slaves that are connected: a forged
 * AVAILABLE is answered by one SETUP of the same size, and only who has received that can begin a
 * session or replace one (same address and port); KILL_MASTER needs the slave's address and its id, a
 * random number. A flood costs DOOR_RATE answers a second.
 */

#include "slave.h"

#include "../../log.h"

#define DOOR_PACKETS_S_MAX                                                                         \
	50000u /* of one direction of a slave: twice 64 channels at 96 kHz in 1500 bytes */
#define DOOR_SLAVES_MAX 8u   /* connected and on their way in together */
#define DOOR_SETUP_MS   2000 /* a SETUP that nobody answers is forgotten */
#define DOOR_FRESH_MS   500  /* AVAILABLE of a slave that came in just now is an old one */
#define DOOR_RATE       64u  /* AVAILABLE answered in a second, and at once; more are dropped */

struct door_config {
	struct in_addr address; /* of the interface to listen on; INADDR_ANY: all */
	struct in_addr
		group; /* multicast, on all interfaces or that one; INADDR_ANY: unicast only */
	uint16_t port; /* 0: any, for tests */
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
	/* slave is ready and the caller's now. Its name is made unique among those that are here:
	 * "name-2". */
	DOOR_ARRIVED,
	/* The slave with this id says goodbye, or its successor is about to arrive: destroy it and
	 * door_forget() it. */
	DOOR_GONE,
};
struct door_event {
	enum door_event_type type;
	struct slave *slave;
	uint32_t id;
};

/* Datagrams at the control port. */
struct door_counters {
	uint64_t announced; /* AVAILABLE that were answered */
	uint64_t refused;   /* that ask for what is not spoken here, or are not ours */
	uint64_t throttled; /* beyond DOOR_RATE, or all places are taken */
	uint64_t malformed; /* not session packets, or of another version */
	uint64_t
		foreign; /* KILL_MASTER of who is not that slave, and kinds that nobody sends here */
};

/* -EADDRINUSE: another master has the port; -EADDRNOTAVAIL: not an address of this machine; ... A
 * group that cannot be joined is a warning only: slaves that are told our address still come in. */
int door_open(const struct door_config *config, struct door **ret);
/* Who is on the way in finds the port closed. NULL is fine. */
void door_close(struct door *door);
uint16_t door_port(const struct door *door);

/* An epoll descriptor: readable when door_dispatch() has something to do. */
int door_fd(const struct door *door);
/* When it has to be called at the latest: CLOCK_MONOTONIC ns, INT64_MAX: when readable. */
int64_t door_next_ns(const struct door *door);
/* One thing that happened; call until DOOR_NOTHING. */
void door_dispatch(struct door *door, int64_t now_ns, struct door_event *ret);
/* The slave with the id is no more: its place is free. */
void door_forget(struct door *door, uint32_t id);
const struct door_counters *door_counters(const struct door *door);

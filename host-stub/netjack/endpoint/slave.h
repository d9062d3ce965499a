/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One connected slave: its socket, what goes out and what comes back. Nothing blocks, and nothing but
 * slave_new() and slave_destroy() allocates. Used by one thread at a time, which need not be the one
 * that made it: the door gives it away, a process thread sends and receives, the door's thread destroys
 * it. Whoever hands it over sees to a memory barrier.
 *
 * A period:    slave_send(); until slave_ready() or the patience is over: wait for slave_fd() while
 *              slave_may_receive(), slave_receive(); slave_take().
 */

#include "histogram.h"
#include "inject.h"
#include "returns.h"

#include <netinet/in.h>

struct slave;

struct slave_config {
	struct netjack_session session; /* agreed on: no count of channels is -1 */
	struct sockaddr_in peer;
	int fd; /* connected, non-blocking UDP socket, taken over on success; SO_TIMESTAMPNS is on */
	int64_t handshake_ns;               /* for the report */
	const struct inject_config *inject; /* copied; NULL: none */
};

/* What of a slave is to be seen from outside. */
struct slave_report {
	struct netjack_session session;
	struct sockaddr_in peer;
	uint64_t ticks;       /* periods sent */
	int64_t handshake_ns; /* SETUP to START_MASTER */
	struct returns_counters returns;
	uint64_t send_failed; /* datagrams the kernel did not take (EAGAIN, ENOBUFS, ENETUNREACH) */
	uint64_t throttled;   /* periods in which the slave sent more than it can have to */
	struct inject_counters injected;
	struct histogram rtt; /* ns: network round trip by kernel stamps */
};

/* -ENOMEM; -EMSGSIZE: the MTU does not take one frame of all channels. */
int slave_new(const struct slave_config *config, struct slave **ret);
/* Closes the socket. NULL is fine. */
void slave_destroy(struct slave *slave);

const struct netjack_session *slave_session(const struct slave *slave);
int slave_fd(const struct slave *slave);
/* The next period: sync and audio packets of the ports that the slave wants (all, until it says).
 * channels: session.send_audio. Sets *ret_tick, from 0. -ECONNREFUSED: nobody listens there any more
 * (ICMP); datagrams that the kernel does not take are lost, and counted. */
int slave_send(struct slave *slave, const float *const *channels, uint64_t *ret_tick);
/* Takes what has come, and passes on what was held back. -ECONNREFUSED as above; -ESHUTDOWN: the slave
 * said KILL_MASTER; else 0. */
int slave_receive(struct slave *slave);
/* False: it has sent so much in this period that the rest waits until the next slave_send(): do not
 * wait for slave_fd(), which stays readable. */
bool slave_may_receive(const struct slave *slave);
/* Are packets held back on purpose? Then slave_receive() is to be called when they come, and at
 * slave_next_ns(). */
bool slave_is_injected(const struct slave *slave);
/* When a packet that is held back has to go on: CLOCK_MONOTONIC ns, INT64_MAX: none. */
int64_t slave_next_ns(const struct slave *slave);
/* Has all come of what is due in the period of the last slave_send()? */
bool slave_ready(const struct slave *slave);
/* What is due in that period, complete or not; once a period. As returns_take(). */
enum verdict slave_take(struct slave *slave, uint64_t *ret_sent, const float *const **ret_channels);
/* How long it has not answered: ns of the periods that were sent since its last packet that was one of
 * the session's. Periods, not time: who is not asked cannot answer. */
int64_t slave_silent_ns(const struct slave *slave);
/* The master ends: says so, and closes the socket, so that the slave looks for a new one. Only for
 * slave_report() and slave_destroy() after that. */
void slave_goodbye(struct slave *slave);
/* By the thread that uses it, or when none does. */
void slave_report(const struct slave *slave, struct slave_report *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One connected slave: its socket, what goes out and what comes back. Nothing blocks. Used by one
 * thread at a time. */

#include "histogram.h"
#include "inject.h"
#include "returns.h"

#include <netinet/in.h>

struct slave;

struct slave_config {
	struct netjack_session session; /* agreed on */
	struct sockaddr_in peer;
	int fd; /* connected UDP socket, taken over on success; SO_TIMESTAMPNS is on */
	const struct inject_config *inject; /* borrowed; NULL: none */
};

/* What of a slave is to be seen from outside. */
struct slave_report {
	struct netjack_session session;
	struct sockaddr_in peer;
	uint64_t ticks;       /* periods sent */
	int64_t handshake_ns; /* SETUP to START_MASTER */
	struct returns_counters returns;
	uint64_t send_failed; /* datagrams the kernel did not take (EAGAIN, ENOBUFS) */
	struct inject_counters injected;
	struct histogram rtt; /* ns: network round trip by kernel stamps */
};

/* -ENOMEM. */
int slave_new(const struct slave_config *config, struct slave **ret);
/* Closes the socket. NULL is fine. */
void slave_destroy(struct slave *slave);

int slave_fd(const struct slave *slave);
/* The next period: sync, MIDI and audio packets. channels: session.send_audio. -ECONNREFUSED: the
 * slave is gone (ICMP). */
int slave_send(struct slave *slave, const float *const *channels);
/* Takes what has come. -ECONNREFUSED as above; else 0. */
int slave_receive(struct slave *slave);
/* When a packet that is held back has to go on: CLOCK_MONOTONIC ns, INT64_MAX: none. */
int64_t slave_next_ns(const struct slave *slave);
/* The period of the last slave_send() is over, or returns_ready(): what is due. */
bool slave_ready(const struct slave *slave);
enum verdict slave_take(struct slave *slave, uint64_t *ret_sent, const float *const **ret_channels);
/* ns since the last packet of the slave. */
int64_t slave_silent_ns(const struct slave *slave);
void slave_report(const struct slave *slave, struct slave_report *ret);

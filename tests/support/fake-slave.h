/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's side of NETJACK2, over a UDP socket of 127.0.0.1: a slave whose graph copies what it gets
 * into what it returns. Step by step on the calling thread, or by itself on a thread of its own. Waits
 * end after 10 s and abort.
 *
 *	fake_slave_init(&slave, "guest", door_port(door));
 *	fake_slave_announce(&slave);
 *	fake_slave_await_setup(&slave);     // slave.session is what was agreed on
 *	fake_slave_start(&slave);
 *	fake_slave_await_period(&slave);    // slave.channels is what came
 *	fake_slave_answer(&slave);
 *	fake_slave_finish(&slave);
 */

#include "netjack/wire/packet.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

/* What it does wrong; periods count from 1, 0: never. */
struct fake_slave_faults {
	bool cycle_zero;        /* as PipeWire's: all returns are of cycle 0 */
	unsigned silent_after;  /* answers so many periods, then none */
	unsigned dies_after;    /* then closes its socket */
	unsigned leaves_after;  /* then says KILL_MASTER */
	unsigned drops_every;   /* answers all but these */
	unsigned forgets_after; /* then looks for a master, as after a crash; once */
	unsigned garbage;       /* datagrams of nonsense beside each answer */
};

struct fake_slave {
	int fd;
	uint8_t tos; /* of the datagram that came last */
	struct netjack_session announced;
	struct netjack_session session; /* from SETUP */
	struct sockaddr_in door, master;
	struct sockaddr_in from; /* of the last datagram */
	netjack_ports wants;     /* of the send ports: all, if not set after SETUP */
	netjack_ports asked;     /* of the return ports, by the master */
	netjack_ports brought;   /* the ports that came with the last period */
	uint32_t cycle;          /* of the last period */
	uint32_t n_datagrams;    /* of the last period */
	uint64_t n_periods;
	float *channels[NETJACK_CHANNELS_MAX];
	struct fake_slave_faults faults;
	pthread_t thread;
	bool has_thread;
	atomic_bool stop;
	_Atomic uint64_t n_answered; /* by the thread */
	atomic_bool killed;          /* the master said KILL_MASTER to the thread */
};

/* A sync slave with 2 channels each way, latency 0. announced may be changed afterwards. */
void fake_slave_init(struct fake_slave *slave, const char *name, uint16_t door_port);
/* Stops the thread; closes. */
void fake_slave_finish(struct fake_slave *slave);
/* Closes the socket, as a process that dies. */
void fake_slave_die(struct fake_slave *slave);

/* So many bytes to the control port, from the slave's socket. */
void fake_slave_say(struct fake_slave *slave, const void *data, size_t size);
void fake_slave_announce(struct fake_slave *slave);
void fake_slave_await_setup(struct fake_slave *slave);
/* Did another datagram come than those that were waited for? */
bool fake_slave_heard_more(struct fake_slave *slave);
void fake_slave_start(struct fake_slave *slave);
/* To the control port. */
void fake_slave_kill_master(struct fake_slave *slave, uint32_t id);

/* A sync packet and all that belongs to it; false: KILL_MASTER came instead. */
bool fake_slave_await_period(struct fake_slave *slave);
/* With the session agreed on: sync and audio. */
void fake_slave_answer(struct fake_slave *slave);

/* All of it by itself: announces itself each 100 ms until it is let in, answers, and begins again when
 * the master is gone. */
void fake_slave_run(struct fake_slave *slave);
/* Until the thread has answered so many periods. */
void fake_slave_await_answers(struct fake_slave *slave, uint64_t n);

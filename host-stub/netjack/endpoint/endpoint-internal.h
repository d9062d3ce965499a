/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Between endpoint.c, whose thread has the door, and endpoint-process.c, whose thread has the periods.
 * A slave lives in a seat; the state of the seat says whose it is, and changes hands without a lock.
 */

#include "endpoint.h"
#include "ticker.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

enum seat_state {
	SEAT_FREE,    /* the door's */
	SEAT_NEW,     /* the process thread's, from here... */
	SEAT_PLAYING, /* ...to here */
	SEAT_DONE,    /* the door's: to be cleared */
};

enum seat_end {
	SEAT_ASKED,   /* goodbye, replaced, or the endpoint ends */
	SEAT_REFUSED, /* its port is closed */
	SEAT_SILENT,
	SEAT_KILLED, /* goodbye on its own socket */
};

struct seat {
	_Atomic enum seat_state state;
	atomic_bool leave; /* the door wants it back */
	uint32_t id;
	struct slave *slave;
	void *audio;
	float **channels; /* session.send_audio, of a period */
	/* The process thread's. */
	uint64_t tick;   /* the one that was sent last */
	uint64_t n_sent; /* ticks */
	bool pending;    /* that one's return is not taken yet */
	enum seat_end end;
	/* Under the endpoint's lock. */
	bool connected;
	struct slave_report report;
};

struct endpoint {
	struct endpoint_config config;
	struct door *door;
	int door_wake_fd, process_wake_fd; /* eventfds */
	int epoll_fd;                      /* of the door and its wake */
	atomic_bool stop;                  /* asked for, or done */
	pthread_t thread;
	uint64_t n_ticks_max;
	struct seat seats[DOOR_SLAVES_MAX];
	char refused[NETJACK_NAME_SIZE]; /* the last slave that audio->open() did not take */
	/* The process thread's. */
	struct ticker ticker;
	uint64_t n_ticks, late_ticks;
	bool realtime;
	struct histogram wakeup;
	struct pollfd pollfds[DOOR_SLAVES_MAX];
	int64_t published_ns;
	/* The process thread only tries to take it. What is below it belongs to it, and the seats' reports. */
	pthread_mutex_t lock;
	struct endpoint_report report;             /* but the slaves that are connected */
	struct slave_report left[DOOR_SLAVES_MAX]; /* the last one first */
	int64_t gone_ns;                           /* the door's: when one left; 0: none did */
};

/* The process thread; user: the endpoint. */
void *endpoint_process(void *user);
/* Copies what is to be seen from outside; only tries to lock, unless forced. */
void endpoint_publish(struct endpoint *endpoint, bool force);
int64_t endpoint_now_ns(void);

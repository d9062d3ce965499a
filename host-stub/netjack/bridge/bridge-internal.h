/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Threads of the bridge:
 *   the caller of bridge_run()  opens the client, has the door (graph clock), clears seats, writes the
 *                               status
 *   JACK's process thread       bridge_drive.cycle(): seats that are NEW or PLAYING are its own
 *   JACK's other threads        flags and a wake-up, latencies
 *   the endpoint's (own clock)  open() and close() where its door is, periods where its ticks are
 *
 * A slave sits in a seat, which has its ports. The state of the seat says whose the guest in it is, and
 * changes hands without a lock.
 */

#include "../endpoint/endpoint.h"
#include "bridge-status.h"
#include "bridge.h"
#include "conceal.h"
#include "resample.h"

#include <jack/jack.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#define BRIDGE_SEATS     DOOR_SLAVES_MAX
#define BRIDGE_SILENT_MS ENDPOINT_SILENT_MS

enum bridge_seat_state {
	BRIDGE_SEAT_FREE,
	BRIDGE_SEAT_NEW,     /* the process thread's, from here... */
	BRIDGE_SEAT_PLAYING, /* ...to here */
	BRIDGE_SEAT_DONE,    /* to be cleared by the caller of bridge_run() */
};

/* A connected slave and what its audio goes through. Made and destroyed by its drive. */
struct bridge_guest {
	struct netjack_session session;
	uint32_t id;
	/* Graph clock. */
	struct slave *slave;
	bool taken;  /* the return of this cycle */
	int failure; /* -errno: why the slave is gone; 0: asked to leave, or silent */
	/* Own clock: between the two threads. */
	struct resample *to_guest, *from_guest;
	struct bridge *bridge;
	/* Both. */
	struct conceal *conceal;
	float *samples;                        /* of the rows below */
	float *returned[NETJACK_CHANNELS_MAX]; /* a period, session.return_audio */
	float *heard[NETJACK_CHANNELS_MAX];    /* own clock: the same in the graph's period */
	float *spare;                          /* for channels without a port */
	_Atomic uint64_t concealed;            /* periods */
};

struct bridge_seat {
	_Atomic enum bridge_seat_state state;
	atomic_bool leave; /* the process thread is to give it back */
	struct bridge_guest *_Atomic guest;
	char name[NETJACK_NAME_SIZE]; /* of the slave that has or had it; "": nobody yet */
	/* Ports are made outside the process thread, stay as long as the client, and are published by
	 * their numbers. */
	jack_port_t *capture[NETJACK_CHANNELS_MAX], *playback[NETJACK_CHANNELS_MAX];
	atomic_uint n_capture, n_playback;
	/* Frames of the graph. */
	atomic_uint capture_latency, playback_latency;
	/* Under the bridge's lock. */
	bool reported;
	struct slave_report report;
};

struct bridge;

/* Who has the clock. */
struct bridge_drive {
	const char *name;
	/* Slaves may come in now: rate and period of the session are known. -errno. */
	int (*start)(struct bridge *bridge);
	/* Slaves are asked to leave; later, when no seat is taken, what is left is closed. */
	void (*stop)(struct bridge *bridge);
	void (*finish)(struct bridge *bridge);
	/* JACK's process thread: never blocks for longer than the share of the period. */
	void (*cycle)(struct bridge *bridge, uint32_t n_frames);
	/* What is to do outside; returns when it is to be called at the latest, CLOCK_MONOTONIC ns. */
	int64_t (*serve)(struct bridge *bridge, int64_t now_ns);
	/* To be waited for, or -1. */
	int (*fd)(const struct bridge *bridge);
	void (*report)(struct bridge *bridge, struct bridge_status *ret);
	/* The process thread has given it back. */
	void (*free_guest)(struct bridge *bridge, struct bridge_guest *guest);
};
extern const struct bridge_drive bridge_graph_drive, bridge_own_drive;

struct bridge {
	struct bridge_config config;
	double wait_share, margin_ms;
	int wake_fd; /* eventfd */
	atomic_bool stop;
	const struct bridge_drive *drive;           /* NULL: none has started */
	const struct bridge_drive *_Atomic playing; /* the process thread's: the same, or NULL */
	uint32_t rate, period;                      /* the session's */
	bool is_stopping;                           /* the drive: slaves are told so */

	jack_client_t *client;                /* NULL: no server */
	atomic_uint graph_rate, graph_period; /* that the drive was started for */
	atomic_bool is_dead;                  /* the server has ended */
	atomic_bool has_changed;              /* rate or period of the graph */
	atomic_bool ports_changed;
	atomic_bool is_freewheeling;
	_Atomic uint64_t n_xruns;
	pthread_mutex_t jack_lock; /* of requests to the server, and of `made` */
	bool *made;                /* for each of config.connections: was made, may be undone */
	bool made_physical[2][NETJACK_CHANNELS_MAX];

	struct bridge_seat seats[BRIDGE_SEATS];
	struct door *door;         /* graph clock */
	struct endpoint *endpoint; /* own clock */
	pthread_t endpoint_thread;
	atomic_int endpoint_failed; /* -errno of endpoint_run() */
	struct pollfd pollfds[BRIDGE_SEATS];
	int64_t published_ns;
	pthread_mutex_t lock; /* the process thread only tries to take it */

	uint64_t n_servers; /* JACK servers so far */
	bool has_waited;    /* said that there is none */
	int64_t status_ns;  /* of the next one */
	int64_t advice_ns;  /* of the advice, if there is no slave then; 0: not yet listening */
	bool is_advised;
	struct bridge_recent recent[BRIDGE_SEATS];
};

int64_t bridge_now_ns(void);
void bridge_wake(struct bridge *bridge);

/* bridge-jack.c. 0; -ENOTCONN: no server. */
int bridge_client_open(struct bridge *bridge);
/* Reads rate and period of the graph as they are now. */
void bridge_graph_learn(struct bridge *bridge);
/* No callback runs any more after the return. NULL client is fine. */
void bridge_client_close(struct bridge *bridge);
/* Ports for so many channels, of seat 0 or of the slave that seat->name says. -ENOSPC. */
int bridge_ports_make(struct bridge *bridge, unsigned seat, int32_t n_capture, int32_t n_playback);
/* Makes the connections that are asked for and possible. */
void bridge_ports_connect(struct bridge *bridge);
void bridge_ports_silence(const struct bridge_seat *seat, uint32_t n_frames, unsigned from);

/* bridge-seat.c. A seat for this slave: its former one, or the first free one. NULL: none. */
struct bridge_seat *bridge_seat_find(struct bridge *bridge, const char *name);
/* Makes the ports and hands the guest to the process thread. capture and playback: latencies, frames
 * of the graph. -ENOSPC; guest is the caller's then. */
int bridge_seat_take(struct bridge *bridge, struct bridge_seat *seat, struct bridge_guest *guest,
	double capture, double playback);
/* For the process thread: takes in and lets go. */
void bridge_seats_adopt(struct bridge *bridge);
bool bridge_seat_is_playing(const struct bridge_seat *seat);
void bridge_seat_leave(struct bridge *bridge, struct bridge_seat *seat);
/* Frees the guests that the process thread has given back; all: there is no such thread any more. */
void bridge_seats_clear(struct bridge *bridge, bool all);
/* Is somebody still to be given back? */
bool bridge_seats_are_leaving(struct bridge *bridge);

/* Rows of samples and what conceals. latency: B * (N + A). -ENOMEM. */
int bridge_guest_new(
	const struct netjack_session *session, uint32_t graph_period, struct bridge_guest **ret);
void bridge_guest_destroy(struct bridge_guest *guest);
/* What is returned by the slave: goes into guest->returned, concealed where there is none. */
void bridge_guest_returned(
	struct bridge_guest *guest, enum verdict verdict, const float *const *channels);
/* Frames between a period that goes out and the one that is due then, in a loop without work. */
uint32_t bridge_loop_frames(const struct netjack_session *session);

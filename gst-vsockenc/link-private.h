/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of the link, shared by its parts: link.c (life, streaming thread), link-reader.c, and
 * link-connect.c, the reader's connections that come and go. */

#include "link.h"

#include <time.h>

#define NS_PER_MS G_GUINT64_CONSTANT(1000000)

enum link_state {
	LINK_STATE_DOWN,
	LINK_STATE_UP,
	LINK_STATE_GIVEN_UP,
};

struct link {
	struct link_config config;
	link_discard_fn discard;
	int cancel_fd;    /* eventfd, readable from link_cancel() on: ends the reader's waits */
	int interrupt_fd; /* eventfd, readable while flushing or cancelled */
	int kick_fd;      /* eventfd: the send queue wants the reader's attention */

	GMutex lock;
	GCond changed;
	unsigned waiters; /* on changed: spares a system call a frame */
	enum link_state state;
	/* Set and cleared by the reader, under lock. NULL while down, but for the time until
	 * LINK_CONNECTED was dealt with. */
	struct hxfr_connection *connection;
	uint64_t messages; /* sent over it, or queued */
	struct hxfr_config stream;
	bool configured;
	struct window window;
	unsigned epoch;
	bool flushing, cancelled;
	bool ids_work;          /* a tentative flight was answered */
	bool resuming;          /* after LINK_REASON_NO_IDS, until the reader has sent again */
	bool pushing;           /* the streaming thread sends on: the reader need not */
	bool delivering;        /* the reader deals with an event */
	struct link_body *done; /* no longer needed; to be released outside of the lock */

	/* The reader's alone. */
	unsigned to_drop;            /* flights at the head of the window to hand out as dropped */
	bool overdue;                /* why */
	struct hxfr_message message; /* borrows from connection */
	bool answered;               /* message is the response to the flight behind those */
	uint64_t answered_ns;        /* when it was complete; 0: not known */
	uint64_t returned_ns;        /* when the last event was handed out */
	uint64_t behind_until_ns; /* that took long, and responses waited unread; 0: it did not */
	bool responded;           /* a response came over this connection */
	unsigned overdue_in_row;  /* deadlines that passed since the last response */
	uint64_t pinged_ns;       /* when PING went out for the oldest flight; 0: not yet */
	bool ponged;              /* and came back */
	struct link_failure failure; /* the last one */
	uint64_t outage_ns, up_ns;   /* since when it is down (0: it is not); when it came up */
	unsigned backoff_ms;
};

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 * NS_PER_MS + (uint64_t)ts.tv_nsec;
}

/* Eventfds as flags: raised is readable. */
void event_raise(int fd);
void event_clear(int fd);

/* What link_acquire() or link_drain() wait for may have changed. Lock held. */
void link_changed(struct link *link);
/* Takes the bodies that are done. Lock held. */
struct link_body *link_take_done(struct link *link);
/* Releases them. Lock not held: strangers' code runs, buffers go back to their pools. */
void link_release_done(struct link_body *done);
/* Sends a message without bulk data. Lock held. A failure needs no other word: the reader sees the
 * same socket, or the deadline passes. */
void link_send(struct link *link, const struct hxfr_message *m);
/* Sends the CONFIG_REQ of link->stream. Lock held. */
void link_send_config(struct link *link);

/* --- link-connect.c: the reader's --- */

/* The connection is lost: *ret is LINK_LOST or LINK_FAILED. */
void link_fail(struct link *link, enum link_reason reason, int error, struct link_event *ret);
/* One more try to reach the host. true for an event. */
bool link_reconnect(struct link *link, struct link_event *ret);
/* Waits for the end, at most timeout_ms (-1: for ever). */
bool link_is_cancelled_within(struct link *link, int timeout_ms);

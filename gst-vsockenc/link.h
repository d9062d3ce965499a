/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The link to the host: connection, in-flight window, deadlines and reconnection.
 *
 * Two threads use it. The streaming thread acquires a slot of the window, submits a request and
 * pushes it out. The reader (a task of the element) runs link_next(): it reads responses, keeps the
 * deadlines, and sends on what a flush made the streaming thread leave behind. They share the
 * window and the sending half of the connection, under one lock that is never held while something
 * waits.
 *
 * Nothing here posts messages or touches pads: what happened comes out of link_next() as events.
 *
 * Deadlines. Half of response_timeout_ms after the oldest request left without an answer, a PING
 * goes out; at the whole:
 *   no PONG                                  the host is silent             LINK_LOST or LINK_FAILED
 *   PONG, but never a response               it skips FRAME_REQUEST         LINK_LOST or LINK_FAILED
 *   PONG, and responses to others before     it dropped the frame           LINK_DROPPED, overdue set
 *   the same, LINK_OVERDUE_MAX times running its encoder hangs              LINK_LOST or LINK_FAILED
 *
 * Ids. Whether a host can read the resources of this VM shows only when it is asked. The first
 * answer to a tentative flight says that it can. An ERROR about resources before that says that it
 * cannot: the flights come back as LINK_DROPPED, the reader submits them again in another form when
 * LINK_CONNECTED comes, and link_drain() waits for that.
 */

#include "window.h"

#include <hxfr/connection.h>
#include <hxfr/endpoint.h>

#include <glib.h>

#define LINK_OVERDUE_MAX 3u

struct link_config {
	struct hxfr_endpoint endpoint;
	unsigned max_in_flight; /* 1 to WINDOW_MAX */
	unsigned connect_timeout_ms;
	unsigned response_timeout_ms;
	bool reconnect;
	unsigned reconnect_timeout_ms; /* how long one outage may last before it is a failure */
};

/* Why a link is down. */
enum link_reason {
	LINK_REASON_CONNECT, /* error: what hxfr_socket_connect() said */
	LINK_REASON_CLOSED,  /* the host closed the connection, or died */
	LINK_REASON_GARBAGE, /* error: what the framer or decoder said */
	LINK_REASON_SILENT,  /* no answer, not even to PING */
	LINK_REASON_SKIPS,   /* answers PING, never FRAME_REQUEST */
	LINK_REASON_STALLED, /* answers PING, but let LINK_OVERDUE_MAX deadlines running pass */
	LINK_REASON_REFUSED, /* an ERROR message: code and text */
	/* Likewise, about resources, from a host that never answered a tentative flight and was
	 * sent some: it cannot read ids. Only LINK_LOST, whatever reconnect says. */
	LINK_REASON_NO_IDS,
};

struct link_failure {
	enum link_reason reason;
	int error;                           /* -errno, or 0 */
	int32_t code;                        /* of REFUSED and NO_IDS: enum hxfr_code */
	char text[HXFR_ERROR_TEXT_SIZE + 1]; /* likewise: the host's words */
};

enum link_event_type {
	LINK_RESPONSE, /* flight was answered: response */
	LINK_DROPPED,  /* flight will never be answered */
	LINK_LOST,     /* the connection is gone: failure; link_next() goes on trying */
	/* After LINK_LOST: requests flow again once this was dealt with; the host knows nothing of
	 * the stream. What is submitted meanwhile (by the reader) goes out first. */
	LINK_CONNECTED,
	LINK_FAILED, /* the connection is gone for good: failure; report it, then call link_give_up() */
	LINK_CANCELLED, /* link_cancel() was called */
};

struct link_event {
	enum link_event_type type;
	struct flight flight; /* now the caller's */
	/* LINK_RESPONSE: ns from submit to the response's last byte; 0: it waited unread. */
	uint64_t latency_ns;
	bool overdue; /* LINK_DROPPED: given up at its deadline, not overtaken by a later response */
	const struct hxfr_frame_response *response; /* borrowed until the next link_next() */
	const struct link_failure *failure;         /* borrowed likewise */
};

struct link;

/* Bulk data of a request: embedded in what owns the data. */
struct link_body {
	const struct iovec *pieces; /* at most HXFR_SEND_IOV_MAX; borrowed until release() */
	size_t n_pieces;
	/* Called once, without locks and from either thread, when the data is sent or given up. */
	void (*release)(struct link_body *body);
	/* private */
	struct link *link;
	struct link_body *next;
};

/* Releases the frame of a flight that nobody will be told of (link_free). */
typedef void (*link_discard_fn)(void *frame);

/* 0, or -errno for descriptors. */
int link_new(const struct link_config *config, link_discard_fn discard, struct link **ret);
/* Only when neither thread is inside. NULL is fine. */
void link_free(struct link *link);

/* Connects, within connect_timeout_ms. 0, or -errno of hxfr_socket_connect(): with reconnect set
 * the link may be used all the same, and link_next() goes on trying. Before the reader starts. */
int link_open(struct link *link);
/* Where to; borrowed for the link's life. Any thread. */
const struct hxfr_endpoint *link_endpoint(const struct link *link);
/* Ends every wait now and for good. Any thread. */
void link_cancel(struct link *link);

/* --- streaming thread --- */

/* While flushing, link_acquire() and link_drain() return at once. Any thread. */
void link_set_flushing(struct link *link, bool flushing);
/* A new epoch: flights of older ones stay in the window until answered (the host may still read
 * their buffers), but nobody drains them. Returns its number. */
unsigned link_begin_epoch(struct link *link);
/* Readable while flushing or cancelled: for the streaming thread's own waits. Not to be read
 * from. */
int link_interrupt_fd(const struct link *link);
/* Waits for a free slot on a working connection. 0, -ECANCELED when flushing or cancelled, -EIO
 * after link_give_up(). The slot stays free for this thread until it submits. */
int link_acquire(struct link *link);
/*
 * Sends a request, after link_acquire(). The flight (its frame included) is the link's from now on
 * and comes back in an event; if the connection broke meanwhile, as LINK_DROPPED. body (NULL: none)
 * is the link's until its release(). true when the socket did not take it all at once: call
 * link_push().
 */
bool link_submit(struct link *link, const struct flight *flight,
	const struct hxfr_frame_request *request, struct link_body *body);
/* Sends on what the socket did not take at once. Waits; leaves the rest to the reader when
 * flushing, cancelled, or after response_timeout_ms. */
void link_push(struct link *link);
/* Sends CONFIG_REQ now, and again after every reconnection. */
void link_configure(struct link *link, const struct hxfr_config *config);
/* Waits until every flight of the current epoch came back and its event was dealt with. Results as
 * link_acquire(). */
int link_drain(struct link *link);
/* false from the loss of the connection until LINK_CONNECTED was dealt with. */
bool link_is_up(struct link *link);
/* Flights in the window. Any thread. */
unsigned link_in_flight(struct link *link);

/* --- reader --- */

/* Waits for the next event. Being called again means that the last event was dealt with. */
void link_next(struct link *link, struct link_event *ret);
/* After LINK_FAILED was reported to the user: ends the streaming thread's waits with -EIO. What is
 * in flight comes back as LINK_DROPPED; then link_next() waits for link_cancel(). */
void link_give_up(struct link *link);

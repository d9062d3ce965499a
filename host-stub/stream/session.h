/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One client: a thread of its own that reads its messages, has its frames encoded and answers in
 * the order of the requests. Nothing it does wrong touches another session.
 *
 * Bounds: SESSION_PENDING_MAX frames wait to be encoded, SESSION_PIXELS_MAX bytes of pixels and
 * those of one frame more, and SESSION_QUEUE_MAX bytes wait to be sent; a session beyond one stops
 * reading. What all sessions share is taken by quota; a frame for which nothing is left is answered
 * by an ERROR. A client that takes nothing for stall_timeout_ms is dropped; subscribed scanouts
 * lose frames before that.
 */

#include "../quota.h"
#include "encoder.h"
#include "fault.h"
#include "frame-source.h"

#define SESSION_PENDING_MAX       256u
#define SESSION_PIXELS_MAX        (128u * 1024 * 1024)
#define SESSION_QUEUE_MAX         (16u * 1024 * 1024)
#define SESSION_TRACKS_MAX        16u /* session ids with FRAME_REQUESTs on one connection */
#define SESSION_STALL_TIMEOUT_MS  10000u
#define SESSION_ENCODE_TIMEOUT_MS 10000u /* the answer is an ERROR after that */
#define SESSION_LINGER_MS         1000u  /* for a client to read the last ERROR */

/* All pointers outlive the session. */
struct session_config {
	uint64_t number; /* of the connection, from 1; shown in the log */
	struct encoder_choice encoder;
	struct fault fault;
	struct scanout_table *scanouts;
	struct mirror *mirror; /* the guest's resources; NULL: test pictures in their place */
	bool refuse_ids;       /* without a mirror: ids other than 0 are unknown, and not drawn */
	struct stats_counter *stats;
	struct quota *pixels;       /* bytes in encoders; may be NULL: no limit */
	struct quota *encoders;     /* beyond the first of every client; may be NULL */
	const struct log_sink *log; /* may be NULL */
	unsigned stall_timeout_ms;
	int ended_fd; /* an eventfd that is written when the session has ended; -1: none */
};

struct session;

/* Takes fd over (also on failure), a connected non-blocking socket. -ENOMEM, -EMFILE, -EAGAIN (no
 * thread). */
int session_start(int fd, const struct session_config *config, struct session **ret);
/* Has it ended by itself: the client left or was thrown out? Any thread. */
bool session_ended(struct session *session);
/* Since when (CLOCK_MONOTONIC, us) the client owes a message: its first one, or the rest of one it
 * began. INT64_MAX: it owes nothing. Any thread. */
int64_t session_owing_since_us(struct session *session);
/* Asks it to end, and does not wait: session_ended() says when it did. Any thread. */
void session_stop(struct session *session);
/* Ends it, waits for its thread (as long as its encoder takes to stop), frees it. NULL is fine. */
void session_destroy(struct session *session);

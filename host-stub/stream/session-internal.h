/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of a session share: session.c (thread and loop), session-handle.c (messages in),
 * session-send.c (answers out), session-scanout.c (subscriptions). All of it runs on the session's
 * thread. */

#include "frame-source.h"
#include "outbox.h"
#include "session.h"
#include "track.h"

#include <hxfr/connection.h>
#include <stdatomic.h>

#define NEVER_US INT64_MAX

enum session_state {
	SESSION_OPEN,
	SESSION_FLUSHING, /* sends what is queued, then lingers */
	SESSION_LINGERING, /* has sent all; waits for the client to close, so that it reads the last answer */
	SESSION_CLOSED,
};

struct request_track {
	bool used;
	uint16_t session_id;
	struct track track;
};

struct subscription {
	bool active;
	struct track track;
	uint64_t n_frames;
	struct scanout_position position;
	struct outbox frames;
};

struct session {
	struct session_config config;
	pthread_t thread;
	int wake_fd;
	atomic_bool stop, ended;
	_Atomic int64_t owing_since_us; /* NEVER_US: the client owes no message */

	struct hxfr_connection *connection;
	enum session_state state;
	int64_t linger_until_us;
	int64_t stalled_since_us; /* NEVER_US: nothing is queued */
	size_t queued_last;       /* bytes, when last looked at */

	bool no_more; /* the client has shut its sending side down, and gets what answers are left */
	bool gone; /* nothing reaches the client any more; what it sent is done, but nothing encoded */
	bool backlog;  /* messages wait in the connection, though the socket may be empty */
	bool extended; /* the client said HELLO */
	bool hung;     /* fault: takes everything, says nothing */
	bool silent;   /* fault: and sends nothing that is ready */
	uint64_t n_requests;
	int64_t engine_free_us; /* fault serial-delay */

	struct frame_source *inline_source;
	struct frame_source *source; /* of frames without pixels, and of scanouts */
	struct request_track tracks[SESSION_TRACKS_MAX];
	struct subscription subscriptions[SCANOUT_COUNT];
	struct encoder_share encoders;
	struct outbox answers; /* to FRAME_REQUESTs */
	size_t pixels_size;    /* bytes of pixels not encoded yet, of both */
};

int64_t session_now_us(void);

/* session-handle.c: does what a message asks for. A message that is none of a guest closes the
 * session. */
void session_handle(struct session *s, const struct hxfr_message *m);
/* Closes because of a bad message, with an ERROR first. */
void session_reject(struct session *s, int32_t code, const char *text);

/* session.c: has a picture encoded, and counts its pixels until the reply is ready. -EDQUOT: those
 * of all clients are too many; else as track_encode(). */
int session_encode(struct session *s, struct track *track, const struct picture *picture,
	struct encoder_frame *frame, struct reply *reply);
/* The pixels of replies that became ready. */
void session_release_pixels(struct session *s, size_t size);
/* May another frame bring pixels? */
bool session_can_hold_pixels(const struct session *s);

/* session-send.c */
/* Nobody will read an answer any more; what was asked for before, as the end of a scanout, is still
 * done. */
void session_hang_up(struct session *s);
/* Sends what is queued, as far as the socket takes it. */
void session_flush(struct session *s);
/* Sends a message without bulk data; a client that is gone or reads nothing closes the session. */
void session_send(struct session *s, const struct hxfr_message *m);
void session_send_error(struct session *s, uint16_t session_id, int32_t code, const char *text);
/* Sends every answer whose turn it is. */
void session_send_ready(struct session *s, int64_t now_us);
/* When there will be one, as far as that depends on time: its due time, or the end of an encoder's
 * patience. */
int64_t session_next_answer_us(struct session *s);
/* Is there room for another answer in the send queue? */
bool session_can_send(const struct session *s);
/* A FRAME_RESPONSE with the unit of the reply, which it takes. */
void session_send_unit(struct session *s, struct reply *reply);

/* session-scanout.c */
/* -ENOENT: there is no such scanout; -ENOSPC: too many subscribers. */
int session_subscribe(struct session *s, uint32_t scanout_id);
/* The next frame of a scanout the client subscribed to is an IDR, and does not wait for a change
 * where the source has one now. */
void session_refresh_scanout(struct subscription *sub);
/* Encodes the frames that are due. */
void session_run_scanouts(struct session *s, int64_t now_us);
/* Sends those that are ready. */
void session_send_scanouts(struct session *s, int64_t now_us);
int64_t session_next_scanout_us(struct session *s);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Frames that were asked for and not answered yet, in the order of the requests. One thread (the
 * owner) adds and pops; encoders fill the replies in from any thread, and the owner's wake-up
 * descriptor becomes readable when they do.
 */

#include "encoder.h"

#include <pthread.h>

struct outbox;

struct reply {
	/* Owner's, free to use. */
	uint64_t frame; /* number of the request, from 1 */
	uint16_t session_id;
	int64_t pts;        /* ns */
	int64_t arrived_us; /* monotonic */
	int64_t due_us;     /* not to be sent before */
	size_t pixels_size; /* bytes held for it until it is ready */
	int32_t code;       /* enum hxfr_code; not 0: answer ERROR */
	const char *text;   /* with code; static storage */

	/* Outbox's; see outbox_ready(). */
	bool ready;
	int result;
	struct unit unit;
	struct outbox *box;
	struct reply *next;
};

struct outbox {
	pthread_mutex_t lock; /* of ready, result and unit of all replies */
	struct reply *head, *last;
	unsigned count;
	int wake_fd; /* eventfd, borrowed */
	pthread_t owner;
};

/* wake_fd: an eventfd. The calling thread becomes the owner. */
void outbox_init(struct outbox *box, int wake_fd);
/* Releases what is left. No encoder may hold a reply any more. */
void outbox_finish(struct outbox *box);

/* A new last reply, not ready, all members 0. Valid until popped. -ENOMEM. */
int outbox_add(struct outbox *box, struct reply **ret);
/* The first reply, or NULL. */
struct reply *outbox_head(const struct outbox *box);
/* Were result and unit filled in? They are then the caller's to read. */
bool outbox_ready(struct outbox *box, const struct reply *reply);
/* The sum of pixels_size of the replies that became ready, whose pixels_size it makes 0. */
size_t outbox_take_pixels(struct outbox *box);
/* Frees the first reply; its unit is not released. */
void outbox_pop(struct outbox *box);

/* An encoder_done_fn; the token is the reply. */
void outbox_done(void *token, int result, const struct unit *unit);

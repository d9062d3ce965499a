/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Encoders that encode nothing and do what a test needs; all of them share one struct fake. */

#include "encoder.h"

#include <pthread.h>

#define FAKE_HELD_MAX   16u
#define FAKE_TIMEOUT_MS 10000u

struct fake {
	/* Set these before the first frame. */
	unsigned work_ms; /* what encode() takes */
	bool hold;        /* a frame is done when fake_let_go() says so; else at once */
	bool blocked;     /* encode() does not return before fake_unblock() */

	pthread_mutex_t lock; /* of what follows and of blocked */
	pthread_cond_t changed;
	unsigned n_encoded; /* begun */
	uint64_t hash;      /* of the picture given last, looked at when encode() begins and ends */
	unsigned n_held;
	void *tokens[FAKE_HELD_MAX];
	encoder_done_fn done;
};

extern struct fake fake;
/* Looks at no pixels, and at pixels. */
extern const struct encoder_impl fake_blind_impl, fake_pixels_impl;

/* As it was before any test. */
void fake_reset(void);
unsigned fake_encoded(void);
uint64_t fake_hash(void);
/* Until so many frames were begun, or are held; false: not within timeout_ms. */
bool fake_wait_encoded(unsigned n, unsigned timeout_ms);
bool fake_wait_held(unsigned n, unsigned timeout_ms);
/* Waits until exactly n frames are held, and is done with them. */
void fake_let_go(unsigned n);
void fake_unblock(void);

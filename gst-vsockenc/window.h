/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The in-flight window: requests that left and are not answered yet, oldest first. A ring of fixed
 * size; no locks, no clock, no allocation (link.c locks around it).
 *
 * Hosts answer in request order, so a response for the flight at index n says that the n flights in
 * front of it were dropped by the host.
 */

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_MAX 16u /* flights; a deeper window only adds latency (docs/adr/0003-window.md) */

struct flight {
	int64_t pts;      /* ns, as sent; what the response is matched by */
	uint64_t sent_ns; /* CLOCK_MONOTONIC */
	uint64_t message; /* its number among those sent over the connection, from 1 */
	unsigned epoch;   /* of the stream when it was sent; a flush begins a new one */
	bool tentative;   /* the host may say that it cannot read this, and get it otherwise */
	unsigned note;    /* the sender's own */
	void *frame;      /* the GstVideoCodecFrame, owned; it keeps the input buffer alive */
};

struct window {
	struct flight flights[WINDOW_MAX];
	unsigned first, count;
};

/* false when the window is full. */
bool window_push(struct window *w, const struct flight *flight);
/* Takes the oldest flight out. false when there is none. */
bool window_pop(struct window *w, struct flight *ret);
/* The oldest flight, or NULL; valid until the next push or pop. */
const struct flight *window_oldest(const struct window *w);
/* Position (0: oldest) of the oldest flight with this pts, or -1. */
int window_find(const struct window *w, int64_t pts);
/* The flight at a position that window_find() gave; valid until the next push or pop. */
const struct flight *window_at(const struct window *w, unsigned i);
/* How many flights belong to epoch? */
unsigned window_count_epoch(const struct window *w, unsigned epoch);

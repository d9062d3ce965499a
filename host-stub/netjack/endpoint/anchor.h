/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which tick a slave's own number stands for. A slave in async mode counts the cycles it runs, one for
 * each that it gets: a period that never reaches it moves all later numbers by one, for good. The
 * numbers of a slave that has none (PipeWire's) are the order of arrival: any loss moves them. What
 * is true is found by time: an answer is younger than what it answers, and comes within a period. One
 * that does not is late where the next ones are less so: who stood still catches up. Where they
 * are all late alike, something was lost.
 */

#include <stdbool.h>
#include <stdint.h>

#define ANCHOR_WINDOW 3u /* answers in a row that have to agree that something was lost */

struct anchor {
	bool set;
	uint32_t offset;   /* tick = number + offset */
	uint32_t behind;   /* ticks that the latest answer was for an older one than it could be */
	unsigned n_behind; /* answers in a row that were so by as many */
	uint64_t n_moves;
};

/* An answer with this number came after the tick `latest` was sent, and before the next one was. *ret:
 * the tick, latest or before. */
void anchor_place(struct anchor *anchor, uint32_t number, uint64_t latest, uint64_t *ret);
/* The tick of a number, as far as is known; near latest. Only when set. */
uint64_t anchor_tick(const struct anchor *anchor, uint32_t number, uint64_t latest);
/* The tick near `latest` that ends with these 32 bits. */
uint64_t anchor_unwrap(uint32_t tick, uint64_t latest);

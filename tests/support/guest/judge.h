/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Compares the frames that entered an encoder with the pictures that came out of the decoder behind
 * it. Every frame has a number (ever growing) and a time; the number is drawn into the picture too,
 * so that a picture tells which frame it really shows. Frames of one time (pipewiresrc gives time 0
 * to all that are older than its start) come out in the order in which they entered. What the source
 * never sent is nobody's loss: only what was seen to enter counts.
 *
 *   late         entered behind a later one: a source that cannot keep up. Its time is not its own any
 *                more once it was decoded, so only its number counts
 *   lost         entered, and no picture of its time ever came out
 *   stale        a picture shows an older frame than entered at its time, or comes twice
 *   swapped      a picture comes out behind a later one, or shows a newer frame than entered at its time
 *   unreadable   a picture shows no number
 *   unexpected   a picture of a time at which nothing entered
 *
 * Any thread.
 */

#include <stdbool.h>
#include <stdint.h>

#define JUDGE_UNREADABLE UINT64_MAX

struct judge;

struct judge_verdict {
	unsigned entered, left;
	unsigned late, lost, stale, swapped, unreadable, unexpected;
	uint64_t last;              /* number of the last picture that was readable; 0 if none */
	double psnr_min, psnr_mean; /* dB, of the readable ones; NAN if none */
};

struct judge *judge_new(void);
/* NULL is fine. */
void judge_free(struct judge *j);

void judge_enter(struct judge *j, uint64_t time_ns, uint64_t number);
/* number: read off the picture, or JUDGE_UNREADABLE. psnr: to what frame `number` looks like, dB. */
void judge_leave(struct judge *j, uint64_t time_ns, uint64_t number, double psnr);

/* As of now: what is still in the encoder counts as lost. */
struct judge_verdict judge_verdict(struct judge *j);
/* Nothing but `lost_max` losses to complain of, something came out, and every picture is as good as
 * psnr_min. */
bool judge_is_content(const struct judge_verdict *v, unsigned lost_max, double psnr_min);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How two clocks that are nearly the same are kept together: a smooth line through the times at which
 * a side counts its frames, and a loop that turns what a ring holds too much into a speed. Plain data
 * and arithmetic: time is an argument. Times are ns of CLOCK_MONOTONIC, rates Hz.
 */

#include <stdbool.h>
#include <stdint.h>

#define TIMELINE_BANDWIDTH_HZ   0.1 /* once settled; the first seconds are faster */
#define RATE_LOOP_BANDWIDTH_HZ  0.05
#define RATE_LOOP_ACQUIRE_HZ    0.5
#define RATE_LOOP_ACQUIRE_S     4.0
#define RATE_LOOP_CORRECTION    1e-3 /* largest: crystals are within 2e-4 of each other */
#define RATE_LOOP_LEARN_MS      1.0  /* an error that is larger says nothing of the clocks */
#define RATE_LOOP_LOCKED_FRAMES 4.0  /* error below which the loop counts as locked */

/* Frames counted, as a line over time: a second-order delay-locked loop. */
struct timeline {
	double nominal; /* frames a ns */
	double period;  /* frames between two updates */
	double speed;   /* frames a ns, smoothed */
	double frames;  /* at at_ns, smoothed */
	double spread;  /* frames that the times are usually off the line */
	int64_t at_ns;
	int64_t since_ns; /* of the first update after a jump */
	unsigned n_off;   /* updates in a row that were far off */
	bool is_running;
};

void timeline_init(struct timeline *timeline, uint32_t rate, uint32_t period);
/* The side has counted `frames` at now_ns: called for each period, late calls included. A call that is
 * much later than they are usually counts little; times that stay far off the line are believed
 * after a few. */
void timeline_update(struct timeline *timeline, int64_t now_ns, double frames);
/* Of the line: the count at a time, the time of a count. 0 before the first update. */
double timeline_frames(const struct timeline *timeline, int64_t at_ns);
int64_t timeline_time(const struct timeline *timeline, double frames);

struct rate_loop {
	double rate;
	double integral; /* relative: what the clocks differ by, as far as known */
	double elapsed_s;
	double error; /* frames, smoothed; for reports */
};

void rate_loop_init(struct rate_loop *loop, uint32_t rate);
/* After a break: acquires again, from the difference that is known. */
void rate_loop_restart(struct rate_loop *loop);
/* error: frames that the ring holds too much; dt_s since the last call. By how much faster than
 * nominal it is to be emptied, relative; within RATE_LOOP_CORRECTION. */
double rate_loop_update(struct rate_loop *loop, double error, double dt_s);
bool rate_loop_is_locked(const struct rate_loop *loop);

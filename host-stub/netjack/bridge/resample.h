/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Audio from one clock to another: one thread writes periods at its rate, another reads periods at
 * its own. A lock-free ring between them is kept at a constant fill by resampling (libsamplerate) with a
 * ratio that follows the clocks (drift.h). What is missing fades (conceal.h): after an underrun or a
 * gap the reader hears silence until the ring is where it belongs; so it does where one side has lost
 * periods, which the loop alone would take minutes to make good.
 *
 * A sample takes resample_delay() from the start of the period it is written in to the start of the
 * period it is read in, whatever the clocks do.
 */

#include <stdbool.h>
#include <stdint.h>

struct resample;

struct resample_config {
	unsigned n_channels;
	uint32_t in_rate, in_period; /* the writer's, Hz and frames */
	uint32_t out_rate, out_period;
	double margin_ms; /* of the ring, for the jitter of both threads */
};

/* Of a ring, as seen from outside. */
struct resample_report {
	double fill, target;   /* frames of in_rate, the moment before a read */
	double correction_ppm; /* of the nominal ratio, as it is now */
	double drift_ppm;      /* the writer's clock against the reader's: > 0: it is faster */
	uint64_t underruns;    /* reads that found too little, or had to catch up */
	uint64_t overruns;     /* writes that found no room, reads that found far too much */
	bool is_running;       /* data passes */
	bool is_locked;
};

/* Allocates all that is ever needed. -EINVAL: no such ratio; -ENOMEM. */
int resample_new(const struct resample_config *config, struct resample **ret);
/* NULL is fine. */
void resample_destroy(struct resample *resample);

/* One period of the writer; now_ns: CLOCK_MONOTONIC. Never blocks. */
void resample_write(struct resample *resample, int64_t now_ns, const float *const *channels);
/* One period of the reader. false: (partly) silence. Never blocks. */
bool resample_read(struct resample *resample, int64_t now_ns, float *const *channels);

/* Seconds. */
double resample_delay(const struct resample *resample);
/* Any thread. */
void resample_report(const struct resample *resample, struct resample_report *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Audio that measures its way: sends noise that is known sample by sample (payload.h), finds out in
 * which frame each sample comes back, and compares every bit.
 *
 * A return channel is counted from the first period in which it carries what was sent, on whatever
 * send channel: until then the slave's graph is not connected. The first `warm_up` periods after
 * that of the session's first channel are not counted.
 */

#include "../endpoint/audio.h"

#define MEASURE_LAG_PERIODS 64u /* the longest way that is found */
#define MEASURE_LAGS        8u  /* different ones that are kept apart */
#define MEASURE_TRACKS      16u /* sessions that are remembered */

struct measure_lag {
	uint64_t samples; /* from the frame that was sent to the frame in which it came back */
	uint64_t periods; /* that had samples with this lag */
};

/* Where the samples of a session came back. */
struct measure_report {
	struct netjack_session session;
	bool open;       /* the session goes on */
	bool measuring;  /* the warm-up is over */
	uint64_t serial; /* counts the sessions from 1 */

	/* All of them counted since the warm-up was over. */
	uint64_t periods;
	uint64_t verdicts[N_VERDICTS];
	uint64_t exact;  /* samples that came back bit for bit, with any of the lags */
	uint64_t wrong;  /* that were nothing that was sent within MEASURE_LAG_PERIODS */
	uint64_t silent; /* 0 where something was due */
	struct measure_lag
		lags[MEASURE_LAGS]; /* by number of periods, most first; 0 periods: end */
	uint64_t other_lags;        /* periods with still others */

	netjack_ports matched; /* return channels that carry what was sent */
	netjack_ports foreign; /* that carry something else, and always did */
	uint8_t source
		[NETJACK_CHANNELS_MAX]; /* of those matched: the send channel that comes back */
};

struct measure;

/* -ENOMEM. */
int measure_new(uint64_t warm_up, struct measure **ret);
/* Not before all of its audios are closed. NULL is fine. */
void measure_destroy(struct measure *measure);

/* Its user is a struct measure. */
extern const struct audio_ops measure_ops;

/* Sessions, oldest first, at most MEASURE_TRACKS: how many. Any thread; the process thread is never
 * made to wait for it. */
unsigned measure_report(struct measure *measure, struct measure_report ret[MEASURE_TRACKS]);
/* Those that are remembered no more, added up: exact, wrong, silent and periods; serial:
 * how many. */
void measure_forgotten(struct measure *measure, struct measure_report *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What plays and records: the measurement, a file, the JACK graph. One audio is opened for each slave.
 * send() and receive() are called in the process thread, once a period each: they must not block,
 * allocate or log.
 */

#include "../wire/packet.h"

/* What became of one period that was sent. */
enum verdict {
	VERDICT_OK,
	VERDICT_EARLY, /* nothing is due yet: the first periods of a session */
	VERDICT_LATE,  /* not there, or not all of it */
	VERDICT_LOST,  /* not there, and something younger is: it will hardly come any more */
	N_VERDICTS
};
/* "ok", "early", "late", "lost". */
const char *verdict_name(enum verdict verdict);

struct audio_ops {
	/* A slave is connected; session is what was agreed on, its counts are none of them -1.
	 * Not in the process thread's hot path: may allocate. -errno: the slave is let go. */
	int (*open)(void *user, const struct netjack_session *session, void **ret_audio);
	/* Period `tick` (from 0) goes out: fill session->send_audio channels of period frames. */
	void (*send)(void *audio, uint64_t tick, float *const *channels);
	/* The period that is due at `tick`: `sent` is the tick whose return it is (sent = tick - N, 0 if
	 * EARLY), channels session->return_audio, valid unless the verdict is EARLY or LOST or LATE. */
	void (*receive)(void *audio, uint64_t tick, uint64_t sent, enum verdict verdict,
		const float *const *channels);
	/* The session is over. */
	void (*close)(void *audio);
};

/* MIDI is carried, not made: nothing here plays it. */

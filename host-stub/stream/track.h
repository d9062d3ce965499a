/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One encoded stream of a client: its configuration, and the encoder for the geometry its frames
 * have now. One thread. */

#include "../quota.h"
#include "encoder.h"
#include "stats.h"

/* The encoders of one client. The first is always granted, more are taken from what all clients
 * share: a client with many streams cannot keep another one from its only one. One thread. */
struct encoder_share {
	unsigned running;
	struct quota *shared; /* may be NULL: no limit */
};

struct track {
	struct encoder_choice choice;
	struct encoder_config wanted;  /* sizes: of the last frame */
	struct encoder_config running; /* of the encoder */
	struct encoder *encoder;       /* NULL before the first frame */
	encoder_done_fn done;
	struct encoder_share *share;
	struct stats_counter *stats;
};

/* share and stats are borrowed until track_finish(). */
void track_init(struct track *track, const struct encoder_choice *choice, encoder_done_fn done,
	struct encoder_share *share, struct stats_counter *stats);
/* Frames still in the encoder are done with -ECANCELED. May be called again. */
void track_finish(struct track *track);

/* Takes effect with the next frame. */
void track_configure(struct track *track, const struct hxfr_config *wanted);
/* The next frame is an IDR. */
void track_request_keyframe(struct track *track);

/*
 * Encodes a frame; a first one, one of another geometry, or one after a change the encoder cannot
 * follow, gets a new encoder, which begins with an IDR. Waits at most ENCODER_DRAIN_TIMEOUT_MS for
 * the frames in the old one. Returns as encoder_impl.encode and create do; geometry is that of the
 * frame. -EDQUOT: too many encoders run.
 */
int track_encode(struct track *track, const struct encoder_frame *frame, uint32_t width,
	uint32_t height, uint32_t format, void *token);

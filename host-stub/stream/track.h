/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One encoded stream of a client: its configuration, and the encoder for the geometry its frames have now. One thread. */

#include "encoder.h"
#include "stats.h"

struct track {
	struct encoder_choice choice;
	struct encoder_config wanted;  /* sizes: of the last frame */
	struct encoder_config running; /* of the encoder */
	struct encoder *encoder;       /* NULL before the first frame */
	encoder_done_fn done;
	struct stats_counter *stats;
};

void track_init(struct track *track, const struct encoder_choice *choice, encoder_done_fn done,
	struct stats_counter *stats);
/* Frames still in the encoder are done with -ECANCELED. May be called again. */
void track_finish(struct track *track);

/* Takes effect with the next frame. */
void track_configure(struct track *track, const struct hxfr_config *wanted);
/* The next frame is an IDR. */
void track_request_keyframe(struct track *track);

/*
 * Encodes a frame; a first one, one of another geometry, or one after a change the encoder cannot follow, gets a new
 * encoder, which begins with an IDR. Waits at most ENCODER_DRAIN_TIMEOUT_MS for the frames in the old one. Returns as
 * encoder_impl.encode and create do; geometry is that of the frame.
 */
int track_encode(struct track *track, const struct encoder_frame *frame, uint32_t width,
	uint32_t height, uint32_t format, void *token);

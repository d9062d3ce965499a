/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "track.h"

#include <errno.h>
#include <string.h>

void track_init(struct track *track, const struct encoder_choice *choice, encoder_done_fn done,
	struct encoder_share *share, struct stats_counter *stats)
{
	*track = (struct track){ .choice = *choice, .done = done, .share = share, .stats = stats };
	encoder_config_init(&track->wanted);
}

static int share_take(struct encoder_share *share)
{
	int r = share->running > 0 ? quota_take(share->shared, 1) : 0;
	if (r == 0)
		share->running++;
	return r;
}

static void share_give(struct encoder_share *share)
{
	if (--share->running > 0)
		quota_give(share->shared, 1);
}

void track_finish(struct track *track)
{
	if (!track->encoder)
		return;
	track->encoder->impl->destroy(track->encoder);
	track->encoder = NULL;
	share_give(track->share);
}

void track_configure(struct track *track, const struct hxfr_config *wanted)
{
	encoder_config_update(&track->wanted, wanted);
}

void track_request_keyframe(struct track *track)
{
	if (track->encoder)
		track->encoder->impl->request_keyframe(track->encoder);
}

static int start_encoder(struct track *track)
{
	int r = share_take(track->share);
	if (r < 0)
		return r;
	r = track->choice.impl->create(
		&track->choice, &track->wanted, track->done, &track->encoder);
	if (r < 0) {
		share_give(track->share);
		log_write(track->choice.log, LOG_LEVEL_WARNING,
			"encoder %s: does not start with %ux%u %s: %s", track->choice.name,
			track->wanted.width, track->wanted.height,
			picture_format_name(track->wanted.format), strerror(-r));
		return r;
	}
	track->running = track->wanted;
	stats_add(track->stats, encoders, 1);
	return 0;
}

static int prepare_encoder(struct track *track)
{
	if (track->encoder && !encoder_config_equal(&track->wanted, &track->running)) {
		if (track->encoder->impl->reconfigure(track->encoder, &track->wanted) == 0) {
			track->running = track->wanted;
			return 0;
		}
		track->encoder->impl->drain(track->encoder, ENCODER_DRAIN_TIMEOUT_MS);
		track_finish(track);
	}
	return track->encoder ? 0 : start_encoder(track);
}

int track_encode(struct track *track, const struct encoder_frame *frame, uint32_t width,
	uint32_t height, uint32_t format, void *token)
{
	track->wanted.width = width;
	track->wanted.height = height;
	track->wanted.format = format;
	int r = prepare_encoder(track);
	if (r < 0)
		return r;
	r = track->encoder->impl->encode(track->encoder, frame, token);
	if (r != -EIO)
		return r;
	/* It broke with an earlier frame; this one gets a new one. */
	track_finish(track);
	r = start_encoder(track);
	return r < 0 ? r : track->encoder->impl->encode(track->encoder, frame, token);
}

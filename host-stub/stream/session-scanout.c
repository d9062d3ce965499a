/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session-internal.h"

#define SCANOUT_FRAME_NS                                                                           \
	16666667 /* pts counts in this, whatever the refresh rate (WIRE.md section 6) */
#define SCANOUT_PENDING_MAX 8u /* frames of all subscriptions in encoders */
#define SECOND_US           1000000

void session_subscribe(struct session *s, uint32_t scanout_id)
{
	struct subscription *sub = &s->subscriptions[scanout_id];

	if (sub->active) {
		track_request_keyframe(&sub->track);
		return;
	}
	*sub = (struct subscription){ .active = true, .due_us = session_now_us() };
	track_init(&sub->track, &s->config.encoder, outbox_done, &s->encoders, s->config.stats);
}

static int encode_scanout(struct session *s, struct subscription *sub, uint32_t id,
	const struct scanout *scanout, struct reply *reply)
{
	struct hxfr_frame_request request = {
		.resource_id = id,
		.width = scanout->width,
		.height = scanout->height,
		.format = HXFR_FORMAT_NV12,
		.pts = reply->pts,
	};
	struct encoder_frame frame = { .resource_id = id, .pts = reply->pts };
	struct frame_source *source = s->pattern_source;
	struct picture picture;

	int r = session_hold_pixels(s, reply, &request);
	if (r < 0)
		return r;
	if (!s->config.encoder.impl->needs_pixels)
		return track_encode(
			&sub->track, &frame, request.width, request.height, request.format, reply);
	r = source->impl->map(source, &request, &picture);
	if (r < 0)
		return r;
	frame.picture = &picture;
	r = track_encode(&sub->track, &frame, request.width, request.height, request.format, reply);
	source->impl->unmap(source, &picture);
	return r;
}

static void draw_frame(
	struct session *s, struct subscription *sub, uint32_t id, const struct scanout *scanout)
{
	struct reply *reply;

	if (s->scanout_frames.count >= SCANOUT_PENDING_MAX || !session_can_hold_pixels(s) ||
		!session_can_send(s)) {
		stats_add(s->config.stats, scanout_lost, 1);
		return;
	}
	if (outbox_add(&s->scanout_frames, &reply) < 0)
		return;
	reply->session_id = (uint16_t)id;
	reply->pts = (int64_t)sub->n_frames++ * SCANOUT_FRAME_NS;
	reply->arrived_us = session_now_us();
	int r = encode_scanout(s, sub, id, scanout, reply);
	if (r < 0)
		outbox_done(reply, r, NULL);
}

static void run_scanout(struct session *s, uint32_t id, int64_t now_us)
{
	struct subscription *sub = &s->subscriptions[id];
	struct scanout scanout;

	if (scanout_get(s->config.scanouts, id, &scanout) < 0) {
		track_finish(&sub->track);
		sub->active = false;
		return;
	}
	sub->due_us += SECOND_US / scanout.refresh_hz;
	if (sub->due_us < now_us)
		sub->due_us = now_us;
	if (!fault_hit(&s->config.fault, FAULT_STATIC, sub->n_frames + 1))
		draw_frame(s, sub, id, &scanout);
}

void session_run_scanouts(struct session *s, int64_t now_us)
{
	for (uint32_t id = 0; id < SCANOUT_COUNT && !atomic_load(&s->stop); id++)
		if (s->subscriptions[id].active && s->subscriptions[id].due_us <= now_us)
			run_scanout(s, id, now_us);
}

int64_t session_next_scanout_us(const struct session *s)
{
	int64_t next_us = NEVER_US;

	for (uint32_t id = 0; id < SCANOUT_COUNT; id++)
		if (s->subscriptions[id].active && s->subscriptions[id].due_us < next_us)
			next_us = s->subscriptions[id].due_us;
	return next_us;
}

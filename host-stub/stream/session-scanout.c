/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session-internal.h"

#define SCANOUT_FRAME_NS                                                                           \
	16666667        /* pts counts in this, whatever the refresh rate (WIRE.md section 6) */
#define RETRY_US 100000 /* after a frame that failed: the content has not been seen yet */

static const struct frame_scanouts_impl *scanouts_of(const struct session *s)
{
	return s->source->impl->scanouts;
}

void session_refresh_scanout(struct subscription *sub)
{
	track_request_keyframe(&sub->track);
	sub->position.serial = 0;
}

int session_subscribe(struct session *s, uint32_t scanout_id)
{
	const struct scanout_position start = { 0 };
	int64_t due_us;

	int r = scanouts_of(s)->next(s->source, scanout_id, &start, &due_us);
	if (r < 0)
		return r;
	struct subscription *sub = &s->subscriptions[scanout_id];
	if (sub->active) {
		session_refresh_scanout(sub);
		return 0;
	}
	sub->active = true;
	sub->n_frames = 0;
	sub->position = start;
	track_init(&sub->track, &s->config.encoder, outbox_done, &s->encoders, s->config.stats);
	return 0;
}

static bool has_room(const struct session *s, const struct subscription *sub)
{
	return sub->frames.count < scanouts_of(s)->pending_max && session_can_hold_pixels(s) &&
	       session_can_send(s);
}

static void encode_frame(struct session *s, struct subscription *sub, uint32_t id, int64_t pts,
	const struct picture *picture)
{
	struct encoder_frame frame = { .resource_id = id, .pts = pts };
	struct reply *reply;

	if (outbox_add(&sub->frames, &reply) < 0)
		return;
	sub->n_frames++;
	reply->session_id = (uint16_t)id;
	reply->pts = pts;
	reply->arrived_us = session_now_us();
	int r = session_encode(s, &sub->track, picture, &frame, reply);
	if (r < 0)
		outbox_done(reply, r, NULL);
}

static void retry(struct subscription *sub)
{
	sub->position = (struct scanout_position){ .due_us = session_now_us() + RETRY_US };
}

static void show_frame(struct session *s, struct subscription *sub, uint32_t id)
{
	bool is_static = fault_hit(&s->config.fault, FAULT_STATIC, sub->n_frames + 1);
	bool room = has_room(s, sub);
	bool wanted = room && !is_static;
	int64_t pts = (int64_t)sub->n_frames * SCANOUT_FRAME_NS;
	struct picture picture;

	int r = scanouts_of(s)->map(s->source, id, pts,
		wanted && s->config.encoder.impl->needs_pixels, &sub->position, &picture);
	if (r < 0) {
		retry(sub);
		return;
	}
	if (wanted)
		encode_frame(s, sub, id, pts, &picture);
	else if (!is_static)
		stats_add(s->config.stats, scanout_lost, 1);
	s->source->impl->unmap(s->source);
}

static void run_scanout(struct session *s, uint32_t id, int64_t now_us)
{
	struct subscription *sub = &s->subscriptions[id];
	int64_t due_us;

	if (scanouts_of(s)->next(s->source, id, &sub->position, &due_us) < 0) {
		track_finish(&sub->track);
		sub->active = false;
		return;
	}
	if (due_us <= now_us && (has_room(s, sub) || !scanouts_of(s)->waits))
		show_frame(s, sub, id);
}

void session_run_scanouts(struct session *s, int64_t now_us)
{
	for (uint32_t id = 0; id < SCANOUT_COUNT && !atomic_load(&s->stop); id++)
		if (s->subscriptions[id].active)
			run_scanout(s, id, now_us);
}

/* A frame that failed is not spoken of: nobody asked for it. */
static void send_frame(struct session *s, struct subscription *sub, struct reply *reply)
{
	if (reply->result < 0) {
		stats_add(s->config.stats, scanout_lost, 1);
		retry(sub);
		return;
	}
	session_send_unit(s, reply);
	stats_add(s->config.stats, scanout_frames, 1);
}

/* When the encoder of the frame that is next has had its time. */
static int64_t patience_end_us(struct subscription *sub)
{
	struct reply *reply = outbox_head(&sub->frames);

	return reply && !outbox_ready(&sub->frames, reply)
		       ? reply->arrived_us + (int64_t)SESSION_ENCODE_TIMEOUT_MS * 1000
		       : NEVER_US;
}

static void send_frames(struct session *s, struct subscription *sub)
{
	struct reply *reply;

	while (s->state == SESSION_OPEN && !s->silent && (reply = outbox_head(&sub->frames)) &&
		session_can_send(s) && outbox_ready(&sub->frames, reply)) {
		send_frame(s, sub, reply);
		outbox_pop(&sub->frames);
	}
}

void session_send_scanouts(struct session *s, int64_t now_us)
{
	for (uint32_t id = 0; id < SCANOUT_COUNT; id++) {
		struct subscription *sub = &s->subscriptions[id];
		if (!outbox_head(&sub->frames))
			continue;
		if (patience_end_us(sub) <= now_us)
			track_finish(&sub->track);
		session_release_pixels(s, outbox_take_pixels(&sub->frames));
		send_frames(s, sub);
	}
}

static int64_t next_frame_us(struct session *s, uint32_t id)
{
	struct subscription *sub = &s->subscriptions[id];
	int64_t due_us;

	if (has_room(s, sub) || !scanouts_of(s)->waits)
		return scanouts_of(s)->next(s->source, id, &sub->position, &due_us) < 0 ? 0
											: due_us;
	return patience_end_us(sub);
}

int64_t session_next_scanout_us(struct session *s)
{
	int64_t next_us = NEVER_US;

	for (uint32_t id = 0; id < SCANOUT_COUNT; id++) {
		int64_t due_us = s->subscriptions[id].active ? next_frame_us(s, id) : NEVER_US;
		if (due_us < next_us)
			next_us = due_us;
	}
	return next_us;
}

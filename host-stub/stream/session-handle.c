/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session-internal.h"

#include <errno.h>
#include <hxfr/error.h>
#include <stdio.h>
#include <string.h>

#define EXTENDED_VERSION 2u

static void answer(
	struct session *s, const struct hxfr_message *request, struct hxfr_message m, uint8_t type)
{
	m.header.type = type;
	m.header.session_id = request->header.session_id;
	session_send(s, &m);
}

void session_reject(struct session *s, int32_t code, const char *text)
{
	log_write(s->config.log, LOG_LEVEL_WARNING, "client %llu: %s; closing its connection",
		(unsigned long long)s->config.number, text);
	stats_add(s->config.stats, bad_clients, 1);
	session_send_error(s, HXFR_SESSION_MAIN, code, text);
	if (s->state == SESSION_OPEN)
		s->state = SESSION_FLUSHING;
}

static struct track *find_track(struct session *s, uint16_t session_id)
{
	for (unsigned i = 0; i < SESSION_TRACKS_MAX; i++)
		if (s->tracks[i].used && s->tracks[i].session_id == session_id)
			return &s->tracks[i].track;
	return NULL;
}

static struct track *get_track(struct session *s, uint16_t session_id)
{
	struct track *track = find_track(s, session_id);

	for (unsigned i = 0; !track && i < SESSION_TRACKS_MAX; i++) {
		struct request_track *slot = &s->tracks[i];
		if (slot->used)
			continue;
		slot->used = true;
		slot->session_id = session_id;
		track_init(&slot->track, &s->config.encoder, outbox_done, &s->encoders,
			s->config.stats);
		track = &slot->track;
	}
	return track;
}

static struct subscription *find_subscription(struct session *s, uint16_t session_id)
{
	return session_id < SCANOUT_COUNT && s->subscriptions[session_id].active
		       ? &s->subscriptions[session_id]
		       : NULL;
}

static int encode(struct session *s, struct track *track, const struct hxfr_frame_request *request,
	struct reply *reply)
{
	struct frame_source *source = request->pixels ? s->inline_source : s->source;
	struct encoder_frame frame = {
		.resource_id = request->resource_id,
		.pts = request->pts,
		.force_keyframe = request->force_keyframe,
	};
	struct picture picture;

	int r = source->impl->map(source, request, s->config.encoder.impl->needs_pixels, &picture);
	if (r < 0)
		return r;
	r = session_encode(s, track, &picture, &frame, reply);
	source->impl->unmap(source);
	/* What else an encoder says is about itself, and not about the resource. */
	return r == 0 || r == -EDQUOT || r == -ENOMEM ? r : -EIO;
}

static void fail_reply(struct reply *reply, int32_t code, const char *text)
{
	reply->code = code;
	reply->text = text;
	outbox_done(reply, 0, NULL);
}

static const struct {
	int error;
	int32_t code;
	const char *text;
} explanations[] = {
	{ -EINVAL, HXFR_CODE_INVALID_MESSAGE,
		"width, height, stride and pixels contradict each other, the resource or the limits" },
	{ -ENOTSUP, HXFR_CODE_RESOURCE_UNUSABLE, "unknown pixel format" },
	{ -ENOENT, HXFR_CODE_RESOURCE_NOT_FOUND,
		"the guest has no resource of that id with pages behind it, or its scanout 0 shows nothing" },
	{ -ENODEV, HXFR_CODE_RESOURCE_NOT_FOUND,
		"this host was started without --resources and sees none of the guest's" },
	{ -ENOTCONN, HXFR_CODE_INTERNAL,
		"the host is not connected to the process that has the guest's resources" },
	{ -ETIMEDOUT, HXFR_CODE_INTERNAL,
		"the process that has the guest's resources does not answer" },
	{ -EFAULT, HXFR_CODE_NO_SURFACE,
		"the resource lies outside the guest's memory, or in huge pages" },
	{ -EDQUOT, HXFR_CODE_INTERNAL,
		"the clients of this host have too many streams or too large frames waiting" },
	{ -ENOMEM, HXFR_CODE_INTERNAL, "out of memory" },
};

static void explain(struct reply *reply, int error)
{
	for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++)
		if (explanations[i].error == error) {
			fail_reply(reply, explanations[i].code, explanations[i].text);
			return;
		}
	fail_reply(reply, HXFR_CODE_ENCODE_FAILED,
		"the encoder does not take frames of this size or configuration");
}

static int64_t due_time(struct session *s, uint64_t frame, int64_t arrived_us)
{
	const struct fault_item *delay = fault_hit(&s->config.fault, FAULT_DELAY, frame);
	const struct fault_item *serial = fault_hit(&s->config.fault, FAULT_SERIAL_DELAY, frame);
	int64_t due_us = arrived_us + (delay ? delay->value * 1000 : 0);

	if (!serial)
		return due_us;
	if (s->engine_free_us < arrived_us)
		s->engine_free_us = arrived_us;
	s->engine_free_us += serial->value * 1000;
	return due_us > s->engine_free_us ? due_us : s->engine_free_us;
}

static bool dropped(struct session *s, uint64_t frame)
{
	if (fault_hit(&s->config.fault, FAULT_HANG, frame))
		s->hung = true;
	if (!s->hung && !s->gone && !fault_hit(&s->config.fault, FAULT_DROP, frame))
		return false;
	stats_add(s->config.stats, dropped, 1);
	return true;
}

static void handle_frame_request(struct session *s, const struct hxfr_message *m)
{
	const struct hxfr_frame_request *request = &m->frame_request;
	struct reply *reply;

	if (fault_has(&s->config.fault, FAULT_MUTE_REQUESTS))
		return;
	uint64_t frame = ++s->n_requests;
	stats_add(s->config.stats, frames, 1);
	if (request->pixels)
		stats_add(s->config.stats, frames_pixels, 1);
	if (dropped(s, frame))
		return;
	if (outbox_add(&s->answers, &reply) < 0) {
		session_reject(s, HXFR_CODE_INTERNAL, "out of memory");
		return;
	}
	reply->frame = frame;
	reply->session_id = m->header.session_id;
	reply->pts = request->pts;
	reply->arrived_us = session_now_us();
	reply->due_us = due_time(s, frame, reply->arrived_us);

	const struct fault_item *error = fault_hit(&s->config.fault, FAULT_ERROR, frame);
	struct track *track = get_track(s, m->header.session_id);
	if (error) {
		fail_reply(reply, (int32_t)error->value, "fault injected");
		return;
	}
	if (!track) {
		fail_reply(reply, HXFR_CODE_NOT_CONFIGURED, "too many sessions on one connection");
		return;
	}
	int r = encode(s, track, request, reply);
	if (r < 0)
		explain(reply, r);
}

static void handle_keyframe_req(struct session *s, const struct hxfr_message *m)
{
	struct track *track = find_track(s, m->header.session_id);
	struct subscription *sub = find_subscription(s, m->header.session_id);

	if (track)
		track_request_keyframe(track);
	if (sub)
		session_refresh_scanout(sub);
}

static void handle_config_req(struct session *s, const struct hxfr_message *m)
{
	struct subscription *sub = find_subscription(s, m->header.session_id);
	struct track *scanout = sub ? &sub->track : NULL;
	struct track *track = get_track(s, m->header.session_id);

	if (scanout)
		track_configure(scanout, &m->config);
	if (track)
		track_configure(track, &m->config);
	if (!s->extended || !track)
		return;
	const struct encoder_config *now = &(scanout ? scanout : track)->wanted;
	answer(s, m,
		(struct hxfr_message){ .config = { .width = now->width,
					       .height = now->height,
					       .bitrate = now->bitrate,
					       .framerate_num = now->framerate_num,
					       .framerate_den = now->framerate_den,
					       .profile = now->profile,
					       .level = now->level,
					       .realtime = now->realtime } },
		HXFR_CONFIG_RESP);
}

static void handle_ping(struct session *s, const struct hxfr_message *m)
{
	if (!fault_has(&s->config.fault, FAULT_NO_PONG))
		answer(s, m, (struct hxfr_message){ 0 }, HXFR_PONG);
}

static void handle_enable_scanout(struct session *s, const struct hxfr_message *m)
{
	const struct hxfr_enable_scanout *wanted = &m->enable_scanout;
	struct hxfr_message resp = { .scanout_resp = { .scanout_id = wanted->scanout_id } };

	resp.scanout_resp.success = s->source->impl->scanouts->enable(s->source, wanted) == 0;
	if (resp.scanout_resp.success)
		snprintf(resp.scanout_resp.connector, sizeof resp.scanout_resp.connector,
			"Virtual-%u", wanted->scanout_id + 1);
	answer(s, m, resp, HXFR_SCANOUT_RESP);
}

static void handle_disable_scanout(struct session *s, const struct hxfr_message *m)
{
	s->source->impl->scanouts->disable(s->source, m->scanout_id);
}

static void handle_subscribe(struct session *s, const struct hxfr_message *m)
{
	bool success = session_subscribe(s, m->scanout_id) == 0;

	answer(s, m,
		(struct hxfr_message){
			.subscribe_resp = { .scanout_id = m->scanout_id, .success = success } },
		HXFR_SUBSCRIBE_RESP);
}

static void handle_hello(struct session *s, const struct hxfr_message *m)
{
	s->extended = true;
	answer(s, m, (struct hxfr_message){ .hello = { .version = EXTENDED_VERSION } },
		HXFR_HELLO_RESP);
}

static void handle_quietly(struct session *s, const struct hxfr_message *m)
{
	(void)s;
	(void)m;
}

static const struct {
	uint8_t type;
	void (*handle)(struct session *s, const struct hxfr_message *m);
} handlers[] = {
	{ HXFR_FRAME_REQUEST, handle_frame_request },
	{ HXFR_KEYFRAME_REQ, handle_keyframe_req },
	{ HXFR_CONFIG_REQ, handle_config_req },
	{ HXFR_PING, handle_ping },
	{ HXFR_PONG, handle_quietly },
	{ HXFR_ENABLE_SCANOUT, handle_enable_scanout },
	{ HXFR_DISABLE_SCANOUT, handle_disable_scanout },
	{ HXFR_SUBSCRIBE, handle_subscribe },
	{ HXFR_HELLO, handle_hello },
};

void session_handle(struct session *s, const struct hxfr_message *m)
{
	char text[HXFR_DUMP_SIZE];

	if (log_wants(s->config.log, LOG_LEVEL_DEBUG)) {
		hxfr_message_dump(m, text, sizeof text);
		log_write(s->config.log, LOG_LEVEL_DEBUG, "client %llu: < %s",
			(unsigned long long)s->config.number, text);
	}
	stats_add(s->config.stats, bytes_in, HXFR_HEADER_SIZE + (uint64_t)m->header.payload_size);
	if (s->hung)
		return;
	for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
		if (handlers[i].type == m->header.type) {
			handlers[i].handle(s, m);
			return;
		}
	snprintf(text, sizeof text, "%s is not for a host", hxfr_type_name(m->header.type));
	session_reject(s, HXFR_CODE_INVALID_MESSAGE, text);
}

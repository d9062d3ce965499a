/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session-internal.h"

#include <errno.h>
#include <hxfr/error.h>
#include <hxfr/wire.h>
#include <stdio.h>
#include <string.h>

#define QUEUE_SLOTS_FREE 16u /* of HXFR_SEND_QUEUE_MAX: kept for answers that are no frames */
#define GARBAGE_SIZE     64u
#define GARBAGE_BYTE     0xa5
#define HUGE_SIZE        0xfffffff0u
#define HUGE_COUNT       0xffffffffu

/* Offsets in an encoded FRAME_RESPONSE, header included. */
enum {
	PAYLOAD_SIZE_AT = 8,
	NAL_COUNT_AT = HXFR_HEADER_SIZE + 20,
	NAL_SIZE_AT = HXFR_HEADER_SIZE + 24,
};

/* What goes out for one answer. */
struct outgoing {
	uint8_t head[HXFR_HEAD_MAX];
	size_t head_size;
	size_t body_size; /* of the unit's bytes */
	struct unit unit; /* released when sent */
};

bool session_can_send(const struct session *s)
{
	return hxfr_connection_queued(s->connection) + QUEUE_SLOTS_FREE < HXFR_SEND_QUEUE_MAX &&
	       hxfr_connection_queued_bytes(s->connection) < SESSION_QUEUE_MAX;
}

static void trace(struct session *s, const struct hxfr_message *m)
{
	char text[HXFR_DUMP_SIZE];

	if (!log_wants(s->config.log, LOG_LEVEL_DEBUG))
		return;
	hxfr_message_dump(m, text, sizeof text);
	log_write(s->config.log, LOG_LEVEL_DEBUG, "client %llu: > %s",
		(unsigned long long)s->config.number, text);
}

void session_hang_up(struct session *s)
{
	if (s->state == SESSION_OPEN && !s->no_more)
		s->gone = s->silent = true;
	else
		s->state = SESSION_CLOSED;
}

static void give_up(struct session *s, int error)
{
	if (s->state == SESSION_CLOSED)
		return;
	if (error == -ECONNRESET) {
		session_hang_up(s);
		return;
	}
	if (error == -ENOBUFS) {
		stats_add(s->config.stats, stalled_clients, 1);
		log_write(s->config.log, LOG_LEVEL_WARNING,
			"client %llu: sends and does not read; dropped",
			(unsigned long long)s->config.number);
	}
	s->state = SESSION_CLOSED;
}

void session_flush(struct session *s)
{
	int r = hxfr_connection_flush(s->connection);
	if (r < 0)
		give_up(s, r);
}

void session_send(struct session *s, const struct hxfr_message *m)
{
	if (s->silent)
		return;
	trace(s, m);
	int r = hxfr_connection_send_message(s->connection, m);
	if (r < 0)
		give_up(s, r);
}

void session_send_error(struct session *s, uint16_t session_id, int32_t code, const char *text)
{
	struct hxfr_message m = {
		.header = { .type = HXFR_ERROR, .session_id = session_id },
		.error = { .code = code },
	};
	snprintf(m.error.message, sizeof m.error.message, "%.*s", (int)HXFR_ERROR_TEXT_SIZE - 1,
		text);
	stats_add(s->config.stats, errors, 1);
	session_send(s, &m);
}

static void send_bytes(struct session *s, struct outgoing *out)
{
	struct iovec body = { .iov_base = (void *)(uintptr_t)out->unit.data,
		.iov_len = out->body_size };

	int r = hxfr_connection_send(s->connection, out->head, out->head_size, &body,
		out->body_size ? 1 : 0, out->unit.release, out->unit.owner);
	if (r < 0) {
		unit_release(&out->unit);
		give_up(s, r);
		return;
	}
	stats_add(s->config.stats, bytes_out, out->body_size);
}

static void put_u32(struct outgoing *out, size_t at, uint32_t v)
{
	struct hxfr_writer w;

	hxfr_writer_init(&w, out->head + at, 4);
	hxfr_writer_u32(&w, v);
}

static void cut_in_half(struct outgoing *out)
{
	size_t half = (out->head_size + out->body_size) / 2;

	if (half < out->head_size) {
		out->head_size = half;
		out->body_size = 0;
	} else {
		out->body_size = half - out->head_size;
	}
}

static void fill_garbage(struct outgoing *out)
{
	out->head_size = GARBAGE_SIZE;
	out->body_size = 0;
	memset(out->head, GARBAGE_BYTE, GARBAGE_SIZE);
}

static void spoil(struct session *s, uint64_t frame, struct outgoing *out)
{
	const struct fault *fault = &s->config.fault;

	if (fault_hit(fault, FAULT_HUGE_PAYLOAD, frame))
		put_u32(out, PAYLOAD_SIZE_AT, HUGE_SIZE);
	if (fault_hit(fault, FAULT_HUGE_COUNT, frame))
		put_u32(out, NAL_COUNT_AT, HUGE_COUNT);
	if (fault_hit(fault, FAULT_HUGE_NAL, frame) && out->body_size)
		put_u32(out, NAL_SIZE_AT, HUGE_SIZE);
	if (fault_hit(fault, FAULT_GARBAGE, frame))
		fill_garbage(out);
	if (fault_hit(fault, FAULT_HALF, frame) || fault_hit(fault, FAULT_TRUNCATE, frame))
		cut_in_half(out);
}

static void act_behind(struct session *s, uint64_t frame)
{
	const struct fault *fault = &s->config.fault;

	if (fault_hit(fault, FAULT_HALF, frame))
		s->hung = s->silent = true;
	if (fault_hit(fault, FAULT_TRUNCATE, frame) || fault_hit(fault, FAULT_CLOSE, frame))
		if (s->state == SESSION_OPEN)
			s->state = SESSION_FLUSHING;
}

static struct hxfr_message describe(struct session *s, const struct reply *reply)
{
	const struct fault *fault = &s->config.fault;
	const struct fault_item *wrong = fault_hit(fault, FAULT_WRONG_PTS, reply->frame);
	bool empty = fault_hit(fault, FAULT_NO_NALS, reply->frame);
	struct hxfr_message m = {
		.header = { .type = HXFR_FRAME_RESPONSE, .session_id = reply->session_id },
		.frame_response = {
			.pts = reply->pts + (wrong ? wrong->value : 0),
			.dts = reply->pts,
			.is_keyframe = reply->unit.is_keyframe,
			.nal_count = empty ? 0 : 1,
			.nals_size = empty ? 0 : 4 + reply->unit.size,
		},
	};
	return m;
}

void session_send_unit(struct session *s, struct reply *reply)
{
	struct hxfr_message m = describe(s, reply);
	struct outgoing out = { .unit = reply->unit };

	if (reply->unit.size > HXFR_ACCESS_UNIT_MAX - 4 ||
		hxfr_message_encode(&m, out.head, sizeof out.head, &out.head_size) < 0) {
		unit_release(&reply->unit);
		session_send_error(s, reply->session_id, HXFR_CODE_INTERNAL,
			"the access unit is beyond the limit of the protocol");
		return;
	}
	out.body_size = m.frame_response.nal_count ? reply->unit.size : 0;
	reply->unit = (struct unit){ 0 };
	trace(s, &m);
	spoil(s, reply->frame, &out);
	if (m.frame_response.is_keyframe)
		stats_add(s->config.stats, keyframes, 1);
	send_bytes(s, &out);
}

/* ERROR whose text fills all of its room. */
static void send_error_no_nul(struct session *s, uint16_t session_id)
{
	struct hxfr_message m = {
		.header = { .type = HXFR_ERROR, .session_id = session_id },
		.error = { .code = HXFR_CODE_ENCODE_FAILED },
	};
	struct outgoing out = { 0 };

	if (hxfr_message_encode(&m, out.head, sizeof out.head, &out.head_size) < 0)
		return;
	memset(out.head + out.head_size - HXFR_ERROR_TEXT_SIZE, 'x', HXFR_ERROR_TEXT_SIZE);
	stats_add(s->config.stats, errors, 1);
	send_bytes(s, &out);
}

static const char *explain_result(int result)
{
	switch (result) {
	case -ENODATA:
		return "the encoder skipped this frame";
	case -ECANCELED:
		return "the encoder did not answer in time";
	default:
		return "the encoder failed";
	}
}

static void send_answer(struct session *s, struct reply *reply)
{
	uint64_t frame = reply->frame;

	if (reply->code == 0 && reply->result < 0)
		session_send_error(s, reply->session_id, HXFR_CODE_ENCODE_FAILED,
			explain_result(reply->result));
	else if (reply->code != 0)
		session_send_error(s, reply->session_id, reply->code, reply->text);
	else if (fault_hit(&s->config.fault, FAULT_ERROR_NO_NUL, frame))
		send_error_no_nul(s, reply->session_id);
	else {
		session_send_unit(s, reply);
		stats_add(s->config.stats, responses, 1);
		stats_add_latency(
			s->config.stats, (uint64_t)(session_now_us() - reply->arrived_us));
	}
	unit_release(&reply->unit);
	act_behind(s, frame);
}

static void send_answers(struct session *s, int64_t now_us)
{
	struct reply *reply;

	while (s->state == SESSION_OPEN && !s->silent && session_can_send(s) &&
		(reply = outbox_head(&s->answers)) && reply->due_us <= now_us &&
		outbox_ready(&s->answers, reply)) {
		send_answer(s, reply);
		outbox_pop(&s->answers);
	}
}

static void reset_stuck_encoders(struct session *s, int64_t now_us)
{
	struct reply *reply = outbox_head(&s->answers);

	if (!reply || outbox_ready(&s->answers, reply) ||
		now_us - reply->arrived_us < (int64_t)SESSION_ENCODE_TIMEOUT_MS * 1000)
		return;
	log_write(s->config.log, LOG_LEVEL_WARNING,
		"client %llu: encoder %s is stuck; started anew",
		(unsigned long long)s->config.number, s->config.encoder.name);
	for (unsigned i = 0; i < SESSION_TRACKS_MAX; i++)
		track_finish(&s->tracks[i].track);
}

void session_send_ready(struct session *s, int64_t now_us)
{
	reset_stuck_encoders(s, now_us);
	session_release_pixels(s, outbox_take_pixels(&s->answers));
	send_answers(s, now_us);
	session_send_scanouts(s, now_us);
}

int64_t session_next_answer_us(struct session *s)
{
	struct reply *reply = outbox_head(&s->answers);

	if (!reply || s->silent || !session_can_send(s))
		return NEVER_US;
	if (!outbox_ready(&s->answers, reply))
		return reply->arrived_us + (int64_t)SESSION_ENCODE_TIMEOUT_MS * 1000;
	return reply->due_us;
}

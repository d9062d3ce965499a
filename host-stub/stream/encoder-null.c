/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "encoder-null.h"

#include "encoder.h"
#include "h264-writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct null_encoder {
	struct encoder base;
	struct encoder_config config;
	encoder_done_fn done;
	uint64_t n_frames;
	unsigned since_idr;
	unsigned idr_id;
	bool keyframe_wanted;
};

static int null_create(const struct encoder_choice *choice, const struct encoder_config *config,
	encoder_done_fn done, struct encoder **ret)
{
	(void)choice;
	struct null_encoder *e = calloc(1, sizeof *e);
	if (!e)
		return -ENOMEM;
	e->base.impl = &encoder_null_impl;
	e->config = *config;
	e->done = done;
	e->keyframe_wanted = true;
	*ret = &e->base;
	return 0;
}

static struct h264_stream describe_stream(const struct encoder_config *c)
{
	return (struct h264_stream){
		.width = (c->width + 1) / 2 * 2,
		.height = (c->height + 1) / 2 * 2,
		.framerate_num = c->framerate_num,
		.framerate_den = c->framerate_den,
		.profile = c->profile ? c->profile : HXFR_PROFILE_BASELINE,
		.level = c->level,
		.bt709 = picture_is_bt709(c->height),
	};
}

static void spell(const struct null_encoder *e, const struct encoder_frame *frame, bool key,
	char ret[ENCODER_NULL_TEXT_SIZE])
{
	uint64_t hash = frame->picture ? picture_hash(frame->picture) : 0;

	snprintf(ret, ENCODER_NULL_TEXT_SIZE,
		"helix-null id=%" PRIu32 " size=%" PRIu32 "x%" PRIu32 " format=%s pts=%" PRId64
		" key=%d n=%" PRIu64 " hash=%016" PRIx64,
		frame->resource_id, e->config.width, e->config.height,
		picture_format_name(e->config.format), frame->pts, key, e->n_frames, hash);
}

static void write_unit(struct null_encoder *e, const struct encoder_frame *frame, bool key,
	struct h264_buffer *buffer)
{
	struct h264_stream stream = describe_stream(&e->config);
	char text[ENCODER_NULL_TEXT_SIZE];

	if (key) {
		h264_write_sps(buffer, &stream);
		h264_write_pps(buffer);
	}
	spell(e, frame, key, text);
	h264_write_sei_text(buffer, ENCODER_NULL_UUID, text);
	if (key)
		h264_write_idr(buffer, &stream, e->idr_id);
	else
		h264_write_skipped(buffer, &stream, e->since_idr);
}

static int null_encode(struct encoder *base, const struct encoder_frame *frame, void *token)
{
	struct null_encoder *e = (struct null_encoder *)base;
	struct h264_buffer buffer = { 0 };
	bool key = frame->force_keyframe || e->keyframe_wanted || e->since_idr >= ENCODER_GOP_SIZE;

	if (key) {
		e->since_idr = 0;
		e->idr_id ^= 1;
	}
	write_unit(e, frame, key, &buffer);
	if (buffer.error) {
		h264_buffer_finish(&buffer);
		return -ENOMEM;
	}
	e->keyframe_wanted = false;
	e->since_idr++;
	e->n_frames++;
	struct unit unit = {
		.data = buffer.data,
		.size = buffer.size,
		.is_keyframe = key,
		.release = free,
		.owner = buffer.data,
	};
	e->done(token, 0, &unit);
	return 0;
}

static void null_request_keyframe(struct encoder *base)
{
	((struct null_encoder *)base)->keyframe_wanted = true;
}

static int null_reconfigure(struct encoder *base, const struct encoder_config *config)
{
	struct null_encoder *e = (struct null_encoder *)base;

	/* What the SPS says may change at an IDR only. */
	if (config->width != e->config.width || config->height != e->config.height ||
		config->profile != e->config.profile || config->level != e->config.level)
		e->keyframe_wanted = true;
	e->config = *config;
	return 0;
}

static int null_drain(struct encoder *base, unsigned timeout_ms)
{
	(void)base;
	(void)timeout_ms;
	return 0;
}

static void null_destroy(struct encoder *base)
{
	free(base);
}

const struct encoder_impl encoder_null_impl = {
	.create = null_create,
	.encode = null_encode,
	.request_keyframe = null_request_keyframe,
	.reconfigure = null_reconfigure,
	.drain = null_drain,
	.destroy = null_destroy,
};

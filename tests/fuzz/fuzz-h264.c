/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The input is an access unit of a host. It is looked at, made Annex B, and caps are made of its
 * SPS, as vsockenc does with every response. What was readable begins with a start code then; the
 * bytes behind it stay as they were.
 */

#include "fuzz-target.h"
#include "h264.h"

#include <errno.h>
#include <string.h>

#define GUARD 0xa5

static void check_caps(const struct h264_sps *sps)
{
	GstCaps *any = gst_caps_new_any(), *caps = h264_caps(sps, any);

	PROMISE(gst_caps_is_fixed(caps));
	gst_caps_unref(caps);
	gst_caps_unref(any);
}

static void check_unit(struct h264_stream *stream, uint8_t *data, size_t size)
{
	static const uint8_t start_code[] = { 0, 0, 0, 1 };
	struct h264_unit unit;
	int r = h264_inspect(stream, data, size, &unit);

	PROMISE(r == 0 || r == -EBADMSG);
	h264_make_annex_b(data, size);
	if (r < 0)
		return;
	PROMISE(stream->sps.size <= H264_SPS_MAX);
	PROMISE(!unit.new_sps || stream->sps.size > 0);
	PROMISE(!memcmp(data, start_code, 4) || !memcmp(data, start_code + 1, 3));
	h264_inspect(stream, data, size, &unit); /* a start code inside of a unit splits it now */
	if (stream->sps.size > 0)
		check_caps(&stream->sps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct h264_stream stream;
	uint8_t *unit = malloc(size + 1);

	if (!gst_is_initialized())
		gst_init(NULL, NULL);
	PROMISE(unit);
	if (size > 0)
		memcpy(unit, data, size);
	unit[size] = GUARD;

	h264_stream_init(&stream);
	check_unit(&stream, unit, size);
	h264_stream_finish(&stream);
	PROMISE(unit[size] == GUARD);
	free(unit);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "h264.h"

#include <errno.h>
#include <gst/pbutils/pbutils.h>
#include <string.h>

#define LENGTH_SIZE 4u /* of AVCC: lengthSizeMinusOne is 3 wherever it is met */

/* --- framing --- */

static uint32_t length_at(const uint8_t *data)
{
	/* Not GST_READ_UINT32_BE, which is a cast: the stream decides where data lies. */
	return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static bool has_start_code(const uint8_t *data, size_t size, unsigned zeros)
{
	static const uint8_t code[] = { 0, 0, 0, 1 };

	return size > zeros + 1 && memcmp(data, code + 3 - zeros, zeros + 1) == 0;
}

/* Lengths that lead exactly to the end. */
static bool is_avcc(const uint8_t *data, size_t size)
{
	size_t pos = 0;

	while (size - pos > LENGTH_SIZE) {
		uint32_t length = length_at(data + pos);

		if (length == 0 || length > size - pos - LENGTH_SIZE)
			return false;
		pos += LENGTH_SIZE + length;
	}
	return pos > 0 && pos == size;
}

enum framing {
	FRAMING_ANNEX_B,
	FRAMING_AVCC,
};

/* A length of 256 to 511 looks like a short start code, so that one counts only where the lengths
 * lead nowhere. */
static int framing_of(const uint8_t *data, size_t size, enum framing *ret)
{
	if (has_start_code(data, size, 3))
		*ret = FRAMING_ANNEX_B;
	else if (is_avcc(data, size))
		*ret = FRAMING_AVCC;
	else if (has_start_code(data, size, 2))
		*ret = FRAMING_ANNEX_B;
	else
		return -EBADMSG;
	return 0;
}

void h264_make_annex_b(uint8_t *data, size_t size)
{
	static const uint8_t start_code[LENGTH_SIZE] = { 0, 0, 0, 1 };
	enum framing framing;
	size_t pos = 0;

	if (framing_of(data, size, &framing) < 0 || framing != FRAMING_AVCC)
		return;
	while (pos < size) {
		size_t length =
			length_at(data + pos); /* is_avcc() saw that it leads to size at most */

		memcpy(data + pos, start_code, sizeof(start_code));
		pos += LENGTH_SIZE + length;
	}
}

/* --- SPS --- */

static void sps_read_colour(const GstH264SPS *sps, struct h264_sps *ret)
{
	const GstH264VUIParams *vui = &sps->vui_parameters;

	ret->has_colour = sps->vui_parameters_present_flag && vui->colour_description_present_flag;
	if (!ret->has_colour)
		return;

	ret->colour.range = vui->video_full_range_flag ? GST_VIDEO_COLOR_RANGE_0_255
						       : GST_VIDEO_COLOR_RANGE_16_235;
	ret->colour.matrix = gst_video_color_matrix_from_iso(vui->matrix_coefficients);
	ret->colour.transfer = gst_video_transfer_function_from_iso(vui->transfer_characteristics);
	ret->colour.primaries = gst_video_color_primaries_from_iso(vui->colour_primaries);
}

static int sps_parse(GstH264NalParser *parser, GstH264NalUnit *nalu, struct h264_sps *ret)
{
	struct h264_sps mine = { .size = nalu->size };
	GstH264SPS sps;

	if (nalu->size > sizeof(mine.data) ||
		gst_h264_parser_parse_sps(parser, nalu, &sps) != GST_H264_PARSER_OK)
		return -EBADMSG;

	memcpy(mine.data, nalu->data + nalu->offset, nalu->size);
	mine.width = (guint)(sps.frame_cropping_flag ? sps.crop_rect_width : sps.width);
	mine.height = (guint)(sps.frame_cropping_flag ? sps.crop_rect_height : sps.height);
	sps_read_colour(&sps, &mine);
	gst_h264_sps_clear(&sps);

	*ret = mine;
	return 0;
}

static bool sps_is_same(const struct h264_sps *sps, const GstH264NalUnit *nalu)
{
	return sps->size == nalu->size &&
	       memcmp(sps->data, nalu->data + nalu->offset, nalu->size) == 0;
}

/* --- access units --- */

/* The NAL unit at *pos, and *pos behind it. Annex B units before the first slice are short, so that
 * looking for their end is cheap; a slice is taken to be the last. */
static bool next_nal(GstH264NalParser *parser, enum framing framing, const uint8_t *data,
	size_t size, size_t *pos, GstH264NalUnit *ret)
{
	GstH264ParserResult r;

	if (*pos >= size)
		return false;

	if (framing == FRAMING_AVCC) {
		r = gst_h264_parser_identify_nalu_avc(
			parser, data, (guint)*pos, size, LENGTH_SIZE, ret);
	} else {
		r = gst_h264_parser_identify_nalu_unchecked(parser, data, (guint)*pos, size, ret);
		if (r == GST_H264_PARSER_OK && ret->type > GST_H264_NAL_SLICE_IDR)
			r = gst_h264_parser_identify_nalu(parser, data, (guint)*pos, size, ret);
	}

	*pos = ret->offset + ret->size;
	return r == GST_H264_PARSER_OK || r == GST_H264_PARSER_NO_NAL_END;
}

static int stream_read_sps(struct h264_stream *stream, GstH264NalUnit *nalu, bool *ret_new)
{
	int r;

	if (sps_is_same(&stream->sps, nalu))
		return 0;

	r = sps_parse(stream->parser, nalu, &stream->sps);
	if (r == 0)
		*ret_new = true;
	return r;
}

void h264_stream_init(struct h264_stream *stream)
{
	*stream = (struct h264_stream){ .parser = gst_h264_nal_parser_new() };
}

void h264_stream_finish(struct h264_stream *stream)
{
	g_clear_pointer(&stream->parser, gst_h264_nal_parser_free);
}

int h264_inspect(
	struct h264_stream *stream, const uint8_t *data, size_t size, struct h264_unit *ret)
{
	struct h264_unit unit = { 0 };
	enum framing framing;
	GstH264NalUnit nalu;
	size_t pos = 0;

	if (framing_of(data, size, &framing) < 0)
		return -EBADMSG;

	while (next_nal(stream->parser, framing, data, size, &pos, &nalu)) {
		if (nalu.type == GST_H264_NAL_SPS &&
			stream_read_sps(stream, &nalu, &unit.new_sps) < 0)
			return -EBADMSG;
		if (nalu.type >= GST_H264_NAL_SLICE && nalu.type <= GST_H264_NAL_SLICE_IDR) {
			unit.is_idr = nalu.type == GST_H264_NAL_SLICE_IDR;
			break;
		}
	}

	*ret = unit;
	return 0;
}

/* --- caps --- */

/* Every stream of the first profile is one of the others too (annex A.2). */
static const struct {
	const char *profile;
	const char *supersets[4];
} profile_supersets[] = {
	{ "constrained-baseline", { "baseline", "main", "high" } },
	{ "main", { "high" } },
	{ "constrained-high", { "progressive-high", "high" } },
	{ "progressive-high", { "high" } },
};

static bool caps_are_allowed(GstCaps *caps, GstCaps *allowed)
{
	return gst_caps_can_intersect(caps, allowed);
}

/* Names the first superset of the stream's profile that is allowed; leaves caps alone when none
 * is. */
static void caps_relax_profile(GstCaps *caps, GstCaps *allowed)
{
	const char *profile = gst_structure_get_string(gst_caps_get_structure(caps, 0), "profile");

	for (gsize i = 0; i < G_N_ELEMENTS(profile_supersets); i++) {
		if (g_strcmp0(profile_supersets[i].profile, profile) != 0)
			continue;
		for (const char *const *s = profile_supersets[i].supersets; *s; s++) {
			GstCaps *relaxed = gst_caps_copy(caps);
			bool fits;

			gst_caps_set_simple(relaxed, "profile", G_TYPE_STRING, *s, NULL);
			fits = caps_are_allowed(relaxed, allowed);
			gst_caps_unref(relaxed);
			if (fits) {
				gst_caps_set_simple(caps, "profile", G_TYPE_STRING, *s, NULL);
				return;
			}
		}
	}
}

GstCaps *h264_caps(const struct h264_sps *sps, GstCaps *allowed)
{
	GstCaps *caps = gst_caps_new_simple("video/x-h264", "stream-format", G_TYPE_STRING,
		"byte-stream", "alignment", G_TYPE_STRING, "au", NULL);

	gst_codec_utils_h264_caps_set_level_and_profile(caps, sps->data + 1, (guint)sps->size - 1);
	if (!caps_are_allowed(caps, allowed))
		caps_relax_profile(caps, allowed);
	return caps;
}

/* --- CONFIG_REQ --- */

static const struct {
	const char *name;
	uint8_t idc;
} profiles[] = {
	{ "constrained-baseline", HXFR_PROFILE_BASELINE },
	{ "baseline", HXFR_PROFILE_BASELINE },
	{ "main", HXFR_PROFILE_MAIN },
	{ "high", HXFR_PROFILE_HIGH },
	{ "progressive-high", HXFR_PROFILE_HIGH },
	{ "constrained-high", HXFR_PROFILE_HIGH },
};

/* Table A-1: macroblocks a second, macroblocks a frame, kbit/s (of Baseline and Main). */
static const struct {
	uint8_t idc;
	uint32_t mb_rate, mb_frame, kbits;
} levels[] = {
	{ 10, 1485, 99, 64 },
	{ 11, 3000, 396, 192 },
	{ 12, 6000, 396, 384 },
	{ 13, 11880, 396, 768 },
	{ 20, 11880, 396, 2000 },
	{ 21, 19800, 792, 4000 },
	{ 22, 20250, 1620, 4000 },
	{ 30, 40500, 1620, 10000 },
	{ 31, 108000, 3600, 14000 },
	{ 32, 216000, 5120, 20000 },
	{ 40, 245760, 8192, 20000 },
	{ 41, 245760, 8192, 50000 },
	{ 42, 522240, 8704, 50000 },
	{ 50, 589824, 22080, 135000 },
	{ 51, 983040, 36864, 240000 },
	{ 52, 2073600, 36864, 240000 },
	{ 60, 4177920, 139264, 240000 },
	{ 61, 8355840, 139264, 480000 },
	{ 62, 16711680, 139264, 800000 },
};

static uint8_t lowest_level(const struct hxfr_config *c)
{
	uint64_t frame = (uint64_t)((c->width + 15) / 16) * ((c->height + 15) / 16);
	uint64_t rate = frame * c->framerate_num / MAX(c->framerate_den, 1);
	gsize i = 0;

	while (i < G_N_ELEMENTS(levels) - 1 &&
		(rate > levels[i].mb_rate || frame > levels[i].mb_frame ||
			c->bitrate > levels[i].kbits * 1000))
		i++;
	return levels[i].idc;
}

/* The string in a field, or the first of a list of them; NULL when it says nothing. */
static const char *first_string(const GstStructure *s, const char *field)
{
	const GValue *v = gst_structure_get_value(s, field);

	if (v && GST_VALUE_HOLDS_LIST(v) && gst_value_list_get_size(v) > 0)
		v = gst_value_list_get_value(v, 0);
	return v && G_VALUE_HOLDS_STRING(v) ? g_value_get_string(v) : NULL;
}

void h264_choose(GstCaps *allowed, struct hxfr_config *config)
{
	const char *profile = NULL, *level = NULL;

	if (allowed && !gst_caps_is_any(allowed) && !gst_caps_is_empty(allowed)) {
		const GstStructure *s = gst_caps_get_structure(allowed, 0);

		profile = first_string(s, "profile");
		level = first_string(s, "level");
	}

	config->profile = HXFR_PROFILE_HIGH;
	for (gsize i = 0; i < G_N_ELEMENTS(profiles); i++)
		if (g_strcmp0(profiles[i].name, profile) == 0)
			config->profile = profiles[i].idc;
	config->level = level ? gst_codec_utils_h264_get_level_idc(level) : 0;
	if (config->level == 0)
		config->level = lowest_level(config);
}

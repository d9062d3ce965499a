/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the null encoder writes, read by the parser of GStreamer. */
#include "h264-writer.h"
#include "suite.h"

#define GST_USE_UNSTABLE_API
#include <gst/codecparsers/gsth264parser.h>
#include <string.h>

static struct h264_stream stream(uint32_t width, uint32_t height)
{
	return (struct h264_stream){ .width = width,
		.height = height,
		.framerate_num = 60,
		.framerate_den = 1,
		.profile = 66 };
}

static GstH264NalUnit identify(GstH264NalParser *parser, const struct h264_buffer *buffer)
{
	GstH264NalUnit nal;

	ck_assert_int_eq(buffer->error, 0);
	ck_assert_int_eq(gst_h264_parser_identify_nalu_unchecked(
				 parser, buffer->data, 0, buffer->size, &nal),
		GST_H264_PARSER_OK);
	ck_assert_uint_eq(nal.offset, 4);
	nal.size = (guint)buffer->size - nal.offset;
	return nal;
}

static GstH264SPS parse_sps(const struct h264_stream *s)
{
	GstH264NalParser *parser = gst_h264_nal_parser_new();
	struct h264_buffer buffer = { 0 };
	GstH264SPS sps;

	h264_write_sps(&buffer, s);
	GstH264NalUnit nal = identify(parser, &buffer);
	ck_assert_uint_eq(nal.type, GST_H264_NAL_SPS);
	ck_assert_int_eq(gst_h264_parser_parse_sps(parser, &nal, &sps), GST_H264_PARSER_OK);
	h264_buffer_finish(&buffer);
	gst_h264_nal_parser_free(parser);
	return sps;
}

START_TEST(the_sps_has_the_size_of_the_frame)
{
	const uint32_t sides[][2] = { { 2, 2 }, { 16, 16 }, { 320, 240 }, { 1366, 768 },
		{ 1920, 1080 }, { 642, 362 }, { 8192, 8192 } };

	for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
		struct h264_stream s = stream(sides[i][0], sides[i][1]);
		GstH264SPS sps = parse_sps(&s);
		uint32_t w = sps.frame_cropping_flag ? (uint32_t)sps.crop_rect_width
						     : (uint32_t)sps.width;
		uint32_t h = sps.frame_cropping_flag ? (uint32_t)sps.crop_rect_height
						     : (uint32_t)sps.height;
		ck_assert_uint_eq(w, sides[i][0]);
		ck_assert_uint_eq(h, sides[i][1]);
	}
}
END_TEST

START_TEST(the_sps_has_the_profile_and_level_asked_for)
{
	const uint8_t profiles[] = { 66, 77, 100 };

	for (size_t i = 0; i < sizeof profiles; i++) {
		struct h264_stream s = stream(640, 480);
		s.profile = profiles[i];
		s.level = 42;
		GstH264SPS sps = parse_sps(&s);
		ck_assert_uint_eq(sps.profile_idc, profiles[i]);
		ck_assert_uint_eq(sps.level_idc, 42);
	}
}
END_TEST

START_TEST(the_level_follows_from_size_and_rate)
{
	const struct {
		uint32_t width, height, rate;
		uint8_t level;
	} cases[] = { { 320, 240, 30, 13 }, { 1280, 720, 30, 31 }, { 1280, 720, 60, 32 },
		{ 1920, 1080, 30, 40 }, { 1920, 1080, 60, 42 }, { 3840, 2160, 60, 52 } };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct h264_stream s = stream(cases[i].width, cases[i].height);
		s.framerate_num = cases[i].rate;
		ck_assert_uint_eq(parse_sps(&s).level_idc, cases[i].level);
	}
}
END_TEST

START_TEST(the_colour_description_is_said)
{
	struct h264_stream s = stream(1280, 720);

	ck_assert_uint_eq(parse_sps(&s).vui_parameters.matrix_coefficients, 6);
	s.bt709 = true;
	ck_assert_uint_eq(parse_sps(&s).vui_parameters.matrix_coefficients, 1);
	ck_assert_uint_eq(parse_sps(&s).vui_parameters.num_reorder_frames, 0);
}
END_TEST

START_TEST(only_an_idr_is_an_idr)
{
	struct h264_stream s = stream(64, 64);
	struct h264_buffer buffer = { 0 };

	ck_assert(!h264_unit_is_idr((const uint8_t *)"\0\0\1", 3));
	h264_write_sps(&buffer, &s);
	h264_write_pps(&buffer);
	h264_write_sei_text(&buffer, "0123456789abcdef", "text");
	ck_assert(!h264_unit_is_idr(buffer.data, buffer.size));
	h264_write_idr(&buffer, &s, 0);
	ck_assert(h264_unit_is_idr(buffer.data, buffer.size));
	buffer.size = 0;
	h264_write_skipped(&buffer, &s, 1);
	ck_assert(!h264_unit_is_idr(buffer.data, buffer.size));
	h264_buffer_finish(&buffer);
}
END_TEST

static bool has_start_code(const struct h264_buffer *buffer)
{
	for (size_t i = 4; i + 2 < buffer->size; i++)
		if (!buffer->data[i] && !buffer->data[i + 1] && buffer->data[i + 2] < 3)
			return true;
	return false;
}

START_TEST(no_start_code_arises_within_a_unit)
{
	static const char uuid[16] = { 0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0, 4, 0 };
	static const uint8_t escaped[] = { 0, 0, 3, 0, 0, 3, 0, 1, 0, 0, 3, 2, 0, 0, 3, 3, 0, 0,
		4 };
	struct h264_buffer buffer = { 0 };

	h264_write_sei_text(&buffer, uuid, "text");
	ck_assert_int_eq(buffer.error, 0);
	ck_assert(!has_start_code(&buffer));
	ck_assert_ptr_nonnull(memmem(buffer.data + 5, buffer.size - 5, escaped, sizeof escaped));
	h264_buffer_finish(&buffer);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_sps_has_the_size_of_the_frame,
		the_sps_has_the_profile_and_level_asked_for,
		the_level_follows_from_size_and_rate,
		the_colour_description_is_said,
		only_an_idr_is_an_idr,
		no_start_code_arises_within_a_unit,
		NULL,
	};
	return suite_run("h264", tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "h264.h"
#include "suite.h"

#include <errno.h>

/* x264's: High, level 3.2, 1280x720, BT.709 in the VUI; and the slice of an IDR picture. */
#define SPS_720P                                                                                   \
	0x67, 0x64, 0x00, 0x20, 0xac, 0xb4, 0x02, 0x80, 0x2d, 0xd8, 0x0b, 0x50, 0x10, 0x10, 0x14,  \
		0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x01, 0xe2, 0x3c, 0x60, 0xca, 0x80
#define PPS       0x68, 0xee, 0x3c, 0xb0
#define IDR       0x65, 0x88, 0x84, 0x00, 0x33
#define DELTA     0x41, 0x9a, 0x00, 0x00, 0x33
#define CODE4     0x00, 0x00, 0x00, 0x01
#define CODE3     0x00, 0x00, 0x01
#define LENGTH(n) 0x00, 0x00, 0x00, (n)

static const uint8_t key_unit[] = { CODE4, SPS_720P, CODE4, PPS, CODE3, IDR };
static const uint8_t key_unit_avcc[] = { LENGTH(29), SPS_720P, LENGTH(4), PPS, LENGTH(5), IDR };
static const uint8_t delta_unit[] = { CODE4, DELTA };

static struct h264_stream stream;

static void setup(void)
{
	gst_init(NULL, NULL);
	h264_stream_init(&stream);
}

static void teardown(void)
{
	h264_stream_finish(&stream);
}

static struct h264_unit inspect(const uint8_t *data, size_t size)
{
	struct h264_unit unit;

	ck_assert_int_eq(h264_inspect(&stream, data, size, &unit), 0);
	return unit;
}

START_TEST(a_key_unit_is_an_idr_with_a_new_sps)
{
	struct h264_unit unit = inspect(key_unit, sizeof(key_unit));

	ck_assert(unit.is_idr && unit.new_sps);
	ck_assert_uint_eq(stream.sps.width, 1280);
	ck_assert_uint_eq(stream.sps.height, 720);
}
END_TEST

START_TEST(the_same_sps_again_is_no_new_one)
{
	inspect(key_unit, sizeof(key_unit));
	ck_assert(!inspect(key_unit, sizeof(key_unit)).new_sps);
}
END_TEST

START_TEST(a_delta_unit_is_none)
{
	struct h264_unit unit = inspect(delta_unit, sizeof(delta_unit));

	ck_assert(!unit.is_idr && !unit.new_sps);
	ck_assert_uint_eq(stream.sps.size, 0);
}
END_TEST

START_TEST(colour_is_that_of_the_vui)
{
	inspect(key_unit, sizeof(key_unit));
	ck_assert(stream.sps.has_colour);
	ck_assert(gst_video_colorimetry_matches(&stream.sps.colour, GST_VIDEO_COLORIMETRY_BT709));
}
END_TEST

START_TEST(lengths_in_place_of_start_codes_are_read_and_mended)
{
	static const uint8_t mended[] = { CODE4, SPS_720P, CODE4, PPS, CODE4, IDR };
	uint8_t data[sizeof(key_unit_avcc)];
	struct h264_unit unit;

	memcpy(data, key_unit_avcc, sizeof(data));
	unit = inspect(data, sizeof(data));
	ck_assert(unit.is_idr && unit.new_sps);

	h264_make_annex_b(data, sizeof(data));
	ck_assert_mem_eq(data, mended, sizeof(data));
}
END_TEST

START_TEST(what_has_start_codes_or_is_broken_is_left_alone)
{
	uint8_t data[sizeof(key_unit)], cut[sizeof(key_unit_avcc)];

	memcpy(data, key_unit, sizeof(data));
	h264_make_annex_b(data, sizeof(data));
	ck_assert_mem_eq(data, key_unit, sizeof(data));

	for (size_t size = 0; size < sizeof(cut); size++) {
		memcpy(cut, key_unit_avcc, sizeof(cut));
		h264_make_annex_b(cut, size);
		ck_assert_mem_eq(cut + size, key_unit_avcc + size, sizeof(cut) - size);
	}
}
END_TEST

START_TEST(a_length_that_looks_like_a_start_code_is_a_length)
{
	uint8_t data[4 + 300] = { 0x00, 0x00, 0x01, 0x2c, 0x41, 0x9a };

	memset(data + 6, 0x55, sizeof(data) - 6);
	inspect(data, sizeof(data));
	h264_make_annex_b(data, sizeof(data));
	ck_assert_mem_eq(data, "\0\0\0\1\x41\x9a", 6);
}
END_TEST

START_TEST(what_is_neither_framing_is_refused)
{
	static const uint8_t text[] = "HTTP/1.1 400 Bad Request";
	struct h264_unit unit;

	poison(&unit);
	for (size_t size = 0; size < sizeof(text); size++)
		ck_assert_int_eq(h264_inspect(&stream, text, size, &unit), -EBADMSG);
	assert_poisoned(&unit);
}
END_TEST

START_TEST(a_unit_cut_anywhere_is_looked_at_without_harm)
{
	struct h264_unit unit;

	for (size_t size = 0; size < sizeof(key_unit); size++) {
		uint8_t *exact = malloc(size + 1); /* a read behind it is seen by the sanitizer */

		memcpy(exact, key_unit, size);
		h264_inspect(&stream, exact, size, &unit);
		free(exact);
	}
	for (size_t size = 0; size < sizeof(key_unit_avcc); size++)
		h264_inspect(&stream, key_unit_avcc, size, &unit);
}
END_TEST

START_TEST(a_broken_sps_leaves_the_stream_as_it_was)
{
	static const uint8_t broken[] = { CODE4, 0x67, 0xff, 0xff, 0xff, CODE4, IDR };
	struct h264_unit unit;

	inspect(key_unit, sizeof(key_unit));
	ck_assert_int_eq(h264_inspect(&stream, broken, sizeof(broken), &unit), -EBADMSG);
	ck_assert_uint_eq(stream.sps.width, 1280);
}
END_TEST

static const char *caps_profile(const char *allowed_text, char ret[64])
{
	GstCaps *allowed = gst_caps_from_string(allowed_text);
	GstCaps *caps = h264_caps(&stream.sps, allowed);

	g_strlcpy(ret, gst_structure_get_string(gst_caps_get_structure(caps, 0), "profile"), 64);
	gst_caps_unref(caps);
	gst_caps_unref(allowed);
	return ret;
}

START_TEST(caps_say_profile_and_level_of_the_sps)
{
	GstCaps *any = gst_caps_new_any(), *caps, *expected;

	inspect(key_unit, sizeof(key_unit));
	caps = h264_caps(&stream.sps, any);
	expected = gst_caps_from_string("video/x-h264, stream-format=byte-stream, alignment=au, "
					"profile=high, level=(string)3.2");
	ck_assert(gst_caps_is_equal(caps, expected));
	gst_caps_unref(caps);
	gst_caps_unref(expected);
	gst_caps_unref(any);
}
END_TEST

START_TEST(a_profile_that_contains_the_streams_may_be_named_instead)
{
	/* x264's: Constrained Baseline, 320x240. */
	static const uint8_t unit[] = { CODE4, 0x67, 0x42, 0xc0, 0x15, 0xd9, 0x01, 0x41, 0xfb, 0x01,
		0x6a, 0x0c, 0x0c, 0x0c, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x47,
		0x8b, 0x17, 0x24, CODE4, IDR };
	char profile[64];

	inspect(unit, sizeof(unit));
	ck_assert_str_eq(caps_profile("video/x-h264", profile), "constrained-baseline");
	ck_assert_str_eq(caps_profile("video/x-h264, profile=main", profile), "main");
	ck_assert_str_eq(caps_profile("video/x-h264, profile=high", profile), "high");
	ck_assert_str_eq(
		caps_profile("video/x-h264, profile=high-4:4:4", profile), "constrained-baseline");
}
END_TEST

static struct hxfr_config choose(const char *allowed_text, uint32_t width, uint32_t height)
{
	struct hxfr_config c = {
		.width = width,
		.height = height,
		.bitrate = 4000000,
		.framerate_num = 60,
		.framerate_den = 1,
	};
	GstCaps *allowed = allowed_text ? gst_caps_from_string(allowed_text) : NULL;

	h264_choose(allowed, &c);
	gst_clear_caps(&allowed);
	return c;
}

START_TEST(the_host_is_asked_for_what_downstream_filters)
{
	struct hxfr_config c =
		choose("video/x-h264, profile=constrained-baseline, level=(string)4.1", 320, 240);

	ck_assert_uint_eq(c.profile, HXFR_PROFILE_BASELINE);
	ck_assert_uint_eq(c.level, 41);
	c = choose("video/x-h264, profile={ main, high }", 320, 240);
	ck_assert_uint_eq(c.profile, HXFR_PROFILE_MAIN);
}
END_TEST

START_TEST(without_a_filter_it_is_high_at_the_lowest_level_that_fits)
{
	ck_assert_uint_eq(choose(NULL, 1920, 1080).profile, HXFR_PROFILE_HIGH);
	ck_assert_uint_eq(choose(NULL, 1920, 1080).level, 42);
	ck_assert_uint_eq(choose("ANY", 1280, 720).level, 32);
	ck_assert_uint_eq(choose(NULL, 3840, 2160).level, 52);
	ck_assert_uint_eq(choose(NULL, 16384, 16384).level, 62);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_key_unit_is_an_idr_with_a_new_sps,
		the_same_sps_again_is_no_new_one,
		a_delta_unit_is_none,
		colour_is_that_of_the_vui,
		lengths_in_place_of_start_codes_are_read_and_mended,
		what_has_start_codes_or_is_broken_is_left_alone,
		a_length_that_looks_like_a_start_code_is_a_length,
		what_is_neither_framing_is_refused,
		a_unit_cut_anywhere_is_looked_at_without_harm,
		a_broken_sps_leaves_the_stream_as_it_was,
		caps_say_profile_and_level_of_the_sps,
		a_profile_that_contains_the_streams_may_be_named_instead,
		the_host_is_asked_for_what_downstream_filters,
		without_a_filter_it_is_high_at_the_lowest_level_that_fits,
		NULL,
	};

	return suite_run_with("h264", tests, setup, teardown);
}

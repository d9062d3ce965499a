/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Negotiation: what the host is told, what the output claims, latency, key units. */

#include "fixture.h"

#include <string.h>

#define RAW(format) "video/x-raw,format=" format ",width=320,height=240,framerate=30/1"

/* Any framerate the caps system knows, and variable. */
GST_START_TEST(a_variable_framerate_divides_by_nothing_trap_31)
{
	struct fixture f;
	struct hxfr_config c;

	fixture_prepare(&f, NULL);
	fixture_play(&f, "video/x-raw,format=NV12,width=320,height=240,framerate=0/1");
	fixture_push_many(&f, 0, 3);
	fixture_expect_many(&f, 0, 3);
	c = fake_host_config(f.host, 0);
	fail_unless(c.framerate_den != 0);
	fail_unless(gst_harness_query_latency(f.h) != GST_CLOCK_TIME_NONE);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(interlaced_input_is_refused_trap_40)
{
	struct fixture f;
	GstFlowReturn flow;

	fixture_prepare(&f, NULL);
	fixture_play(&f, "video/x-raw,format=NV12,width=320,height=240,framerate=30/1,"
			 "interlace-mode=interleaved");
	flow = fixture_push(&f, 0);
	fail_unless(flow == GST_FLOW_NOT_NEGOTIATED || flow == GST_FLOW_ERROR);
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_REQUESTS), 0);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(the_host_is_told_the_configuration_trap_32)
{
	struct fixture f;
	struct hxfr_config c;

	fixture_prepare(&f, NULL);
	g_object_set(f.enc, "bitrate", 123456, NULL);
	fixture_play(&f, "video/x-raw,format=NV12,width=320,height=240,framerate=30000/1001");
	fixture_push_many(&f, 0, 1);
	fixture_expect(&f, 0);
	c = fake_host_config(f.host, 0);
	fail_unless_equals_int(c.width, 320);
	fail_unless_equals_int(c.height, 240);
	fail_unless_equals_int(c.bitrate, 123456);
	fail_unless_equals_int(c.framerate_num, 30000);
	fail_unless_equals_int(c.framerate_den, 1001);
	fail_unless_equals_int(c.realtime, 1);
	fail_unless(c.profile == 66 || c.profile == 77 || c.profile == 100);
	fixture_finish(&f);
}
GST_END_TEST;

static GstStructure *output_caps(struct fixture *f)
{
	GstCaps *caps = gst_pad_get_current_caps(f->h->sinkpad);
	GstStructure *s;

	fail_unless(caps != NULL, "no output caps");
	s = gst_structure_copy(gst_caps_get_structure(caps, 0));
	gst_caps_unref(caps);
	return s;
}

static void assert_field(const GstStructure *s, const char *field, const char *value)
{
	fail_unless_equals_string(gst_structure_get_string(s, field), value);
}

static void expect_profile(const char *filter, guint8 idc, guint8 host_idc, const char *name)
{
	struct fixture f;
	g_autoptr(GstStructure) s = NULL;

	fixture_prepare(
		&f, &(struct fake_host_options){ .profile_idc = host_idc, .level_idc = 31 });
	f.h = gst_harness_new_with_element(f.enc, "sink", "src");
	gst_object_unref(f.enc);
	if (filter)
		gst_harness_set_sink_caps_str(f.h, filter);
	gst_harness_set_src_caps_str(f.h, FIXTURE_CAPS);
	fixture_push_many(&f, 0, 1);
	fixture_expect(&f, 0);
	if (idc)
		fail_unless_equals_int(fake_host_config(f.host, 0).profile, idc);
	s = output_caps(&f);
	assert_field(s, "profile", name);
	assert_field(s, "level", "3.1");
	assert_field(s, "stream-format", "byte-stream");
	assert_field(s, "alignment", "au");
	fixture_finish(&f);
}

GST_START_TEST(profile_and_level_are_the_sps_trap_33)
{
	expect_profile(NULL, 0, 66, "constrained-baseline");
	expect_profile(NULL, 0, 77, "main");
	expect_profile(NULL, 0, 100, "high");
}
GST_END_TEST;

GST_START_TEST(a_profile_filter_reaches_the_host_trap_33)
{
	expect_profile("video/x-h264,profile=main", 77, 0, "main");
	expect_profile("video/x-h264,profile=high", 100, 0, "high");
	expect_profile("video/x-h264,profile=constrained-baseline", 66, 0, "constrained-baseline");
	expect_profile("video/x-h264,profile=baseline", 66, 0, "baseline");
}
GST_END_TEST;

GST_START_TEST(a_host_that_ignores_the_profile_filter_is_an_error_trap_33)
{
	struct fixture f;
	g_autofree char *text = NULL;

	fixture_prepare(&f, &(struct fake_host_options){ .profile_idc = 100 });
	f.h = gst_harness_new_with_element(f.enc, "sink", "src");
	gst_object_unref(f.enc);
	gst_harness_set_sink_caps_str(f.h, "video/x-h264,profile=constrained-baseline");
	gst_harness_set_src_caps_str(f.h, FIXTURE_CAPS);
	for (guint i = 0; i < 50 && fixture_push(&f, i) == GST_FLOW_OK; i++)
		;
	text = fixture_wait_error(&f);
	fixture_assert_mentions(text, "profile");
	fail_unless_equals_int(gst_harness_buffers_received(f.h), 0);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(size_framerate_and_pixel_aspect_are_the_inputs)
{
	struct fixture f;
	g_autoptr(GstStructure) s = NULL;
	gint n, d, width, height;

	fixture_prepare(&f, NULL);
	fixture_play(&f, "video/x-raw,format=NV12,width=320,height=240,framerate=25/1,"
			 "pixel-aspect-ratio=4/3");
	fixture_push_many(&f, 0, 1);
	gst_buffer_unref(gst_harness_pull(f.h));
	s = output_caps(&f);
	fail_unless(gst_structure_get_fraction(s, "pixel-aspect-ratio", &n, &d));
	fail_unless_equals_int(n, 4);
	fail_unless_equals_int(d, 3);
	fail_unless(gst_structure_get_fraction(s, "framerate", &n, &d));
	fail_unless_equals_int(n, 25);
	fail_unless(gst_structure_get_int(s, "width", &width));
	fail_unless(gst_structure_get_int(s, "height", &height));
	fail_unless_equals_int(width, 320);
	fail_unless_equals_int(height, 240);
	fixture_finish(&f);
}
GST_END_TEST;

/* The matrix of the output must be a YUV one, whatever the input was. */
static void expect_colorimetry(const char *caps, gsize size, const char *wanted)
{
	struct fixture f;
	g_autoptr(GstStructure) s = NULL;
	const char *text;
	GstVideoColorimetry c;

	fixture_prepare(&f, NULL);
	fixture_play(&f, caps);
	fail_unless_equals_int(gst_harness_push(f.h, fixture_frame(0, size)), GST_FLOW_OK);
	fixture_expect(&f, 0);
	s = output_caps(&f);
	text = gst_structure_get_string(s, "colorimetry");
	if (wanted)
		fail_unless_equals_string(text, wanted);
	if (text) {
		fail_unless(gst_video_colorimetry_from_string(&c, text));
		fail_if(c.matrix == GST_VIDEO_COLOR_MATRIX_RGB, "H.264 said to be %s", text);
	}
	fixture_finish(&f);
}

GST_START_TEST(rgb_input_does_not_make_srgb_h264_trap_14)
{
	expect_colorimetry(RAW("BGRx"), 320 * 240 * 4, NULL);
	expect_colorimetry("video/x-raw,format=RGBA,width=1280,height=720,framerate=30/1",
		1280 * 720 * 4, NULL);
}
GST_END_TEST;

GST_START_TEST(yuv_colorimetry_is_kept_trap_14)
{
	expect_colorimetry(
		"video/x-raw,format=NV12,width=320,height=240,framerate=30/1,colorimetry=bt709",
		FIXTURE_SIZE, "bt709");
	expect_colorimetry(
		"video/x-raw,format=NV12,width=320,height=240,framerate=30/1,colorimetry=bt601",
		FIXTURE_SIZE, "bt601");
}
GST_END_TEST;

GST_START_TEST(latency_is_reported_trap_31)
{
	struct fixture f;

	fixture_start(&f, &(struct fake_host_options){ .delay_ms = 20 });
	fixture_push_many(&f, 0, 5);
	fixture_expect_many(&f, 0, 5);
	fail_unless(gst_harness_query_latency(f.h) > 0, "latency 0");
	fail_unless(gst_harness_query_latency(f.h) < GST_SECOND);
	fixture_finish(&f);
}
GST_END_TEST;

static void assert_keys(struct fixture *f, const char *keys)
{
	for (guint i = 0; keys[i]; i++)
		fail_unless_equals_int(
			fake_host_request(f->host, i).frame.force_keyframe, keys[i] == 'K');
}

GST_START_TEST(keyframe_interval_counts_frames_trap_34)
{
	struct fixture f;

	fixture_prepare(&f, NULL);
	g_object_set(f.enc, "keyframe-interval", 3, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 8);
	fixture_expect_many(&f, 0, 8);
	assert_keys(&f, "K..K..K.");
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(keyframe_interval_0_asks_only_once_trap_34)
{
	struct fixture f;

	fixture_prepare(&f, NULL);
	g_object_set(f.enc, "keyframe-interval", 0, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 70);
	fixture_expect_many(&f, 0, 70);
	fail_unless(fake_host_request(f.host, 0).frame.force_keyframe);
	for (guint i = 1; i < 70; i++)
		fail_if(fake_host_request(f.host, i).frame.force_keyframe);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_forced_key_restarts_the_interval_trap_34)
{
	struct fixture f;

	fixture_prepare(&f, NULL);
	g_object_set(f.enc, "keyframe-interval", 4, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 2);
	fixture_expect_many(&f, 0, 2);
	fail_unless(gst_harness_push_event(
		f.h, gst_video_event_new_downstream_force_key_unit(GST_CLOCK_TIME_NONE,
			     GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, TRUE, 1)));
	fixture_push_many(&f, 2, 6);
	fixture_expect_many(&f, 2, 6);
	assert_keys(&f, "K.K...K.");
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(an_upstream_force_key_unit_is_obeyed_and_answered_trap_34)
{
	struct fixture f;
	GstEvent *event;
	gboolean seen = FALSE;

	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 2);
	fixture_expect_many(&f, 0, 2);
	while ((event = gst_harness_try_pull_event(f.h)))
		gst_event_unref(event);
	fail_unless(gst_harness_push_upstream_event(
		f.h, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 7)));
	fixture_push_many(&f, 2, 2);
	fixture_expect_many(&f, 2, 2);
	assert_keys(&f, "K.K.");
	while ((event = gst_harness_try_pull_event(f.h))) {
		guint count = 0;

		if (gst_video_event_is_force_key_unit(event)) {
			gst_video_event_parse_downstream_force_key_unit(
				event, NULL, NULL, NULL, NULL, &count);
			seen |= count == 7;
		}
		gst_event_unref(event);
	}
	fail_unless(seen, "no downstream force-key-unit event in front of the key frame");
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(the_allocation_answer_has_video_meta_and_no_big_pool)
{
	struct fixture f;
	g_autoptr(GstCaps) caps = gst_caps_from_string(FIXTURE_CAPS);
	GstQuery *query = gst_query_new_allocation(caps, TRUE);

	fixture_prepare(&f, NULL);
	g_object_set(f.enc, "max-in-flight", 3, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 1);
	fixture_expect(&f, 0);
	fail_unless(gst_pad_peer_query(f.h->srcpad, query));
	fail_unless(gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL));
	if (gst_query_get_n_allocation_pools(query) > 0) {
		GstBufferPool *pool = NULL;
		guint size, min, max;

		gst_query_parse_nth_allocation_pool(query, 0, &pool, &size, &min, &max);
		gst_clear_object(&pool);
		fail_unless(min >= 4, "window + 1 buffers are needed, %u offered", min);
	}
	gst_query_unref(query);
	fixture_finish(&f);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, a_variable_framerate_divides_by_nothing_trap_31);
	tcase_add_test(tc, interlaced_input_is_refused_trap_40);
	tcase_add_test(tc, the_host_is_told_the_configuration_trap_32);
	tcase_add_test(tc, profile_and_level_are_the_sps_trap_33);
	tcase_add_test(tc, a_profile_filter_reaches_the_host_trap_33);
	tcase_add_test(tc, a_host_that_ignores_the_profile_filter_is_an_error_trap_33);
	tcase_add_test(tc, size_framerate_and_pixel_aspect_are_the_inputs);
	tcase_add_test(tc, rgb_input_does_not_make_srgb_h264_trap_14);
	tcase_add_test(tc, yuv_colorimetry_is_kept_trap_14);
	tcase_add_test(tc, latency_is_reported_trap_31);
	tcase_add_test(tc, keyframe_interval_counts_frames_trap_34);
	tcase_add_test(tc, keyframe_interval_0_asks_only_once_trap_34);
	tcase_add_test(tc, a_forced_key_restarts_the_interval_trap_34);
	tcase_add_test(tc, an_upstream_force_key_unit_is_obeyed_and_answered_trap_34);
	tcase_add_test(tc, the_allocation_answer_has_video_meta_and_no_big_pool);
}

FIXTURE_MAIN(caps)

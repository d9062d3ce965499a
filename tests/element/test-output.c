/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What comes out, and whose it is. trap_N: notes on the ancestor, docs/testing.md. */

#include "fixture.h"

GST_START_TEST(a_frame_comes_out_without_another_going_in_trap_2)
{
	struct fixture f;

	fixture_start(&f, NULL);
	for (guint i = 0; i < 3; i++) {
		fixture_push_many(&f, i, 1);
		fixture_expect(&f, i);
	}
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(the_input_buffer_is_given_back_once_answered_trap_2)
{
	struct fixture f;
	GstBuffer *frame = fixture_frame(0, FIXTURE_SIZE);

	fixture_start(&f, &(struct fake_host_options){ .hold = true });
	fail_unless_equals_int(gst_harness_push(f.h, gst_buffer_ref(frame)), GST_FLOW_OK);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 1));
	fail_unless(GST_MINI_OBJECT_REFCOUNT_VALUE(frame) > 1, "let go before the answer");
	fake_host_hold(f.host, false);
	fixture_expect(&f, 0);
	fixture_wait_stat(f.enc, "frames-encoded", 1);
	ASSERT_BUFFER_REFCOUNT(frame, "frame", 1);
	gst_buffer_unref(frame);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(every_frame_carries_its_own_payload_trap_5)
{
	struct fixture f;

	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 40);
	fixture_expect_many(&f, 0, 40);
	fixture_finish(&f);
}
GST_END_TEST;

static void expect_all_of_20(const struct fake_host_options *options)
{
	struct fixture f;

	fixture_start(&f, options);
	fixture_push_many(&f, 0, 20);
	fixture_expect_many(&f, 0, 20);
	fail_unless_equals_int(fixture_stat(f.enc, "frames-dropped"), 0);
	fixture_finish(&f);
}

GST_START_TEST(a_stray_pong_shifts_nothing_trap_5)
{
	expect_all_of_20(&(struct fake_host_options){ .fault = FAKE_HOST_PONG, .fault_at = 5 });
}
GST_END_TEST;

GST_START_TEST(an_unknown_message_shifts_nothing_trap_5)
{
	expect_all_of_20(&(struct fake_host_options){ .fault = FAKE_HOST_UNKNOWN, .fault_at = 5 });
}
GST_END_TEST;

GST_START_TEST(a_response_given_twice_comes_out_once)
{
	expect_all_of_20(
		&(struct fake_host_options){ .fault = FAKE_HOST_DUPLICATE, .fault_at = 5 });
}
GST_END_TEST;

GST_START_TEST(a_negative_dts_of_the_host_does_no_harm_trap_15)
{
	expect_all_of_20(
		&(struct fake_host_options){ .fault = FAKE_HOST_DTSNEG, .fault_count = 20 });
}
GST_END_TEST;

GST_START_TEST(dts_grow_and_never_pass_pts_trap_15)
{
	struct fixture f;
	GstClockTime last = 0;

	fixture_start(&f, &(struct fake_host_options){ .fault = FAKE_HOST_DTSNEG, .fault_at = 3 });
	fixture_push_many(&f, 0, 10);
	for (guint i = 0; i < 10; i++) {
		GstBuffer *buffer = gst_harness_pull(f.h);

		fail_unless(GST_BUFFER_DTS_IS_VALID(buffer));
		fail_unless(GST_BUFFER_DTS(buffer) <= GST_BUFFER_PTS(buffer));
		fail_unless(i == 0 || GST_BUFFER_DTS(buffer) > last);
		last = GST_BUFFER_DTS(buffer);
		gst_buffer_unref(buffer);
	}
	fixture_finish(&f);
}
GST_END_TEST;

/* Frame `lost` of 20 has no output; the others have theirs, and the host is asked for an IDR. */
static void expect_one_lost(const struct fake_host_options *options)
{
	struct fixture f;
	guint lost = options->fault_at;
	bool idr = false;

	fixture_start(&f, options);
	fixture_push_many(&f, 0, 20);
	fixture_expect_many(&f, 0, lost);
	fixture_expect_many(&f, lost + 1, 19 - lost);
	fail_unless_equals_int(fixture_stat(f.enc, "frames-dropped"), 1);
	fail_unless_equals_int(fixture_stat(f.enc, "frames-encoded"), 19);
	for (guint i = lost + 1; i < 20; i++)
		idr |= fake_host_request(f.host, i).frame.force_keyframe;
	fail_unless(idr || fake_host_count(f.host, FAKE_HOST_KEYFRAME_REQS) > 0,
		"no IDR was asked for after the loss");
	fixture_finish(&f);
}

GST_START_TEST(a_frame_the_host_drops_is_counted_and_an_idr_asked)
{
	expect_one_lost(&(struct fake_host_options){ .fault = FAKE_HOST_DROP, .fault_at = 5 });
}
GST_END_TEST;

/* Its SPS is lost with it: nothing can come out until the IDR that is asked for then. */
GST_START_TEST(the_very_first_frame_may_be_dropped)
{
	struct fixture f;
	guint i = 0;
	GstBuffer *buffer;

	fixture_start(&f, &(struct fake_host_options){ .fault = FAKE_HOST_DROP });
	while (gst_harness_buffers_received(f.h) == 0 && i < 1000)
		fixture_push_many(&f, i++, 1);
	buffer = gst_harness_pull(f.h);
	fail_if(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT));
	fail_unless_equals_uint64(fixture_payload_pts(buffer), GST_BUFFER_PTS(buffer));
	fail_unless(fixture_stat(f.enc, "frames-dropped") >= 1);
	gst_buffer_unref(buffer);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_response_without_nal_units_is_a_dropped_frame_trap_13)
{
	expect_one_lost(&(struct fake_host_options){ .fault = FAKE_HOST_NONALS, .fault_at = 5 });
}
GST_END_TEST;

GST_START_TEST(a_response_for_nobody_is_given_to_nobody)
{
	expect_one_lost(&(struct fake_host_options){ .fault = FAKE_HOST_WRONGPTS, .fault_at = 5 });
}
GST_END_TEST;

GST_START_TEST(several_drops_in_a_row_are_all_counted)
{
	struct fixture f;

	fixture_prepare(&f, &(struct fake_host_options){
				    .fault = FAKE_HOST_DROP, .fault_at = 2, .fault_count = 3 });
	g_object_set(f.enc, "max-in-flight", 8, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 8);
	fixture_expect_many(&f, 0, 2);
	fixture_expect_many(&f, 5, 3);
	fail_unless_equals_int(fixture_stat(f.enc, "frames-dropped"), 3);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(only_key_frames_are_sync_points_trap_34)
{
	struct fixture f;

	fixture_prepare(&f, NULL);
	g_object_set(f.enc, "keyframe-interval", 4, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 9);
	for (guint i = 0; i < 9; i++) {
		GstBuffer *buffer = gst_harness_pull(f.h);

		fail_unless_equals_int(
			GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT), i % 4 != 0);
		gst_buffer_unref(buffer);
	}
	fixture_finish(&f);
}
GST_END_TEST;

static int nal_type(GstBuffer *buffer, unsigned n)
{
	GstMapInfo map;
	int type;

	fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
	type = h264_unit_nal_type(map.data, map.size, n);
	gst_buffer_unmap(buffer, &map);
	return type;
}

/* The first unit is SPS, PPS, IDR in Annex B, whole, in one memory. */
static void expect_annex_b(const struct fake_host_options *options)
{
	struct fixture f;
	GstBuffer *buffer;

	fixture_start(&f, options);
	fixture_push_many(&f, 0, 2);
	buffer = gst_harness_pull(f.h);
	fail_unless_equals_int(nal_type(buffer, 0), 7);
	fail_unless_equals_int(nal_type(buffer, 1), 8);
	fail_unless_equals_int(nal_type(buffer, 2), 5);
	fail_unless_equals_int(nal_type(buffer, 3), -1);
	fail_unless_equals_int(gst_buffer_get_size(buffer), FAKE_HOST_UNIT_SIZE);
	fail_unless_equals_int(gst_buffer_n_memory(buffer), 1);
	fail_unless_equals_uint64(fixture_payload_pts(buffer), 0);
	gst_buffer_unref(buffer);
	fixture_expect(&f, 1);
	fixture_finish(&f);
}

GST_START_TEST(an_access_unit_is_one_buffer_with_one_memory)
{
	expect_annex_b(NULL);
}
GST_END_TEST;

GST_START_TEST(blobs_are_joined_into_one_access_unit)
{
	expect_annex_b(&(struct fake_host_options){ .split = true });
}
GST_END_TEST;

GST_START_TEST(avcc_is_made_annex_b_trap_17)
{
	expect_annex_b(&(struct fake_host_options){ .avcc = true });
}
GST_END_TEST;

GST_START_TEST(avcc_in_many_blobs_is_made_annex_b_trap_17)
{
	expect_annex_b(&(struct fake_host_options){ .avcc = true, .split = true });
}
GST_END_TEST;

GST_START_TEST(a_unit_before_the_first_sps_is_dropped_and_an_idr_asked_trap_17)
{
	struct fixture f;

	fixture_start(&f, &(struct fake_host_options){ .no_sps = 1 });
	fixture_push_many(&f, 0, 1);
	fixture_wait_stat(f.enc, "frames-dropped", 1);
	fixture_push_many(&f, 1, 1);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 2));
	fail_unless(fake_host_request(f.host, 1).frame.force_keyframe ||
		    fake_host_count(f.host, FAKE_HOST_KEYFRAME_REQS) > 0);
	fixture_expect(&f, 1);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_stream_that_never_has_an_sps_is_an_error_trap_17)
{
	struct fixture f;
	g_autofree char *text = NULL;

	fixture_start(&f, &(struct fake_host_options){ .no_sps = 1000 });
	for (guint i = 0; i < 60 && fixture_push(&f, i) == GST_FLOW_OK; i++)
		;
	text = fixture_wait_error(&f);
	fixture_assert_mentions(text, "SPS");
	fail_unless_equals_int(gst_harness_buffers_received(f.h), 0);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(durations_are_the_inputs)
{
	struct fixture f;
	GstBuffer *buffer;

	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 1);
	buffer = gst_harness_pull(f.h);
	fail_unless_equals_uint64(GST_BUFFER_DURATION(buffer), FIXTURE_INTERVAL);
	fail_unless_equals_uint64(fake_host_request(f.host, 0).frame.duration, FIXTURE_INTERVAL);
	gst_buffer_unref(buffer);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(the_tags_name_codec_and_encoder_trap_33)
{
	struct fixture f;
	gboolean codec = FALSE;
	GstEvent *event;

	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 1);
	fixture_expect(&f, 0);
	while ((event = gst_harness_try_pull_event(f.h))) {
		GstTagList *tags;

		if (GST_EVENT_TYPE(event) == GST_EVENT_TAG) {
			gst_event_parse_tag(event, &tags);
			codec |= gst_tag_list_get_tag_size(tags, GST_TAG_VIDEO_CODEC) > 0 ||
				 gst_tag_list_get_tag_size(tags, GST_TAG_ENCODER) > 0;
		}
		gst_event_unref(event);
	}
	fail_unless(codec, "no codec or encoder tag");
	fixture_finish(&f);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, a_frame_comes_out_without_another_going_in_trap_2);
	tcase_add_test(tc, the_input_buffer_is_given_back_once_answered_trap_2);
	tcase_add_test(tc, every_frame_carries_its_own_payload_trap_5);
	tcase_add_test(tc, a_stray_pong_shifts_nothing_trap_5);
	tcase_add_test(tc, an_unknown_message_shifts_nothing_trap_5);
	tcase_add_test(tc, a_response_given_twice_comes_out_once);
	tcase_add_test(tc, a_negative_dts_of_the_host_does_no_harm_trap_15);
	tcase_add_test(tc, dts_grow_and_never_pass_pts_trap_15);
	tcase_add_test(tc, a_frame_the_host_drops_is_counted_and_an_idr_asked);
	tcase_add_test(tc, the_very_first_frame_may_be_dropped);
	tcase_add_test(tc, a_response_without_nal_units_is_a_dropped_frame_trap_13);
	tcase_add_test(tc, a_response_for_nobody_is_given_to_nobody);
	tcase_add_test(tc, several_drops_in_a_row_are_all_counted);
	tcase_add_test(tc, only_key_frames_are_sync_points_trap_34);
	tcase_add_test(tc, an_access_unit_is_one_buffer_with_one_memory);
	tcase_add_test(tc, blobs_are_joined_into_one_access_unit);
	tcase_add_test(tc, avcc_is_made_annex_b_trap_17);
	tcase_add_test(tc, avcc_in_many_blobs_is_made_annex_b_trap_17);
	tcase_add_test(tc, a_unit_before_the_first_sps_is_dropped_and_an_idr_asked_trap_17);
	tcase_add_test(tc, a_stream_that_never_has_an_sps_is_an_error_trap_17);
	tcase_add_test(tc, durations_are_the_inputs);
	tcase_add_test(tc, the_tags_name_codec_and_encoder_trap_33);
}

FIXTURE_MAIN(output)

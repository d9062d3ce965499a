/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether a host can read the resources of this VM shows when it is sent an id. One that cannot gets
 * pixels, and no frame is lost over it. */

#include "dmabuf-fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PLENTY 1000u /* resources */

static const struct fake_host_options no_ids = { .fault = FAKE_HOST_NOIDS };

static void prepare(struct fixture *f, const struct fake_host_options *options)
{
	fake_drm_reset();
	fake_drm_allow_create(PLENTY);
	fixture_prepare(f, options);
}

/* The connection, and everything after the one refused, is by pixels. */
static void assert_pixels_after_the_refusal(struct fixture *f)
{
	unsigned n = fake_host_count(f->host, FAKE_HOST_REQUESTS);

	fail_unless_equals_int(fake_host_count(f->host, FAKE_HOST_CONNECTIONS), 2);
	for (unsigned i = 0; i < n; i++) {
		struct fake_host_request r = fake_host_request(f->host, i);

		fail_unless_equals_int(r.frame.resource_id != 0, r.connection == 0);
	}
}

static void assert_one_warning(struct fixture *f)
{
	g_autofree char *warning = fixture_wait_warning(f);

	fixture_assert_mentions(warning, "resource not found");
	fixture_assert_mentions(warning, "pixels");
	fail_unless_equals_int(fixture_take_warnings(f), 0);
}

static void expect_every_frame(guint max_in_flight)
{
	struct fixture f;

	prepare(&f, &no_ids);
	g_object_set(f.enc, "max-in-flight", max_in_flight, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 40);
	fixture_expect_many(&f, 0, 40);
	assert_one_warning(&f);
	assert_pixels_after_the_refusal(&f);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-sent"), 40);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-pixels"), 40);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-id"), 0);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-dropped"), 0);
	fixture_finish(&f);
	fail_unless_equals_int(dmabuf_counts().open, 0);
}

GST_START_TEST(a_host_without_ids_gets_every_frame_as_pixels)
{
	expect_every_frame(2);
}
GST_END_TEST;

GST_START_TEST(the_depth_of_the_window_makes_no_difference)
{
	expect_every_frame(1);
	expect_every_frame(16);
}
GST_END_TEST;

GST_START_TEST(a_stream_of_one_frame_has_one_frame)
{
	struct fixture f;

	prepare(&f, &no_ids);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 1);
	gst_harness_push_event(f.h, gst_event_new_eos());
	fail_unless_equals_int(fixture_count_until_eos(&f), 1);
	assert_one_warning(&f);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(the_first_frame_by_pixels_is_an_idr)
{
	struct fixture f;

	prepare(&f, &no_ids);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 2);
	fixture_expect_many(&f, 0, 2);
	for (unsigned i = 0; i < fake_host_count(f.host, FAKE_HOST_REQUESTS); i++) {
		struct fake_host_request r = fake_host_request(f.host, i);

		fail_unless(r.frame.pts != 0 || r.frame.force_keyframe);
	}
	assert_one_warning(&f);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(dmabufs_whose_ids_are_refused_go_out_as_pixels)
{
	struct fixture f;

	prepare(&f, &no_ids);
	fixture_play(&f, DMABUF_CAPS);
	for (guint i = 0; i < 10; i++)
		fail_unless_equals_int(gst_harness_push(f.h, dmabuf_frame(i)), GST_FLOW_OK);
	fixture_expect_many(&f, 0, 10);
	assert_one_warning(&f);
	assert_pixels_after_the_refusal(&f);
	fixture_finish(&f);
}
GST_END_TEST;

/* What the CPU sees of a texture is not what was rendered. */
GST_START_TEST(textures_whose_ids_are_refused_are_an_error)
{
	struct fixture f;
	g_autofree char *text = NULL;

	prepare(&f, &no_ids);
	fake_drm_set_3d(true);
	fixture_play(&f, DMABUF_CAPS);
	gst_harness_push(f.h, dmabuf_frame(0));
	text = fixture_wait_error(&f);
	fixture_assert_mentions(text, "resource not found");
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(with_reconnect_it_is_the_same)
{
	struct fixture f;

	prepare(&f, &no_ids);
	g_object_set(f.enc, "reconnect", TRUE, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 10);
	fixture_expect_many(&f, 0, 10);
	assert_one_warning(&f);
	fixture_finish(&f);
}
GST_END_TEST;

/* Then it can read ids, and this one is lost. */
GST_START_TEST(an_id_that_is_refused_after_others_were_answered_is_an_error)
{
	struct fixture f;
	g_autofree char *text = NULL;

	prepare(&f, &(struct fake_host_options){ .fault = FAKE_HOST_NOIDS, .fault_at = 3 });
	fixture_play(&f, NULL);
	for (guint i = 0; i < 3; i++) {
		fixture_push_many(&f, i, 1);
		fixture_expect(&f, i);
	}
	fixture_push(&f, 3);
	text = fixture_wait_error(&f);
	fixture_assert_mentions(text, "resource not found");
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_CONNECTIONS), 1);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(after_a_lost_frame_ids_go_on)
{
	struct fixture f;

	prepare(&f, &(struct fake_host_options){ .fault = FAKE_HOST_ALLERROR, .fault_at = 3 });
	g_object_set(f.enc, "reconnect", TRUE, NULL);
	fixture_play(&f, NULL);
	for (guint i = 0; i < 3; i++) {
		fixture_push_many(&f, i, 1);
		fixture_expect(&f, i);
	}
	fixture_push_many(&f, 3, 1);
	g_free(fixture_wait_warning(&f));
	fake_host_set_fault(f.host, FAKE_HOST_NO_FAULT, 1);
	fixture_wait_stat(f.enc, "frames-dropped", 1);
	fixture_push_many(&f, 4, 1);
	fixture_expect(&f, 4);
	fail_unless(fake_host_request(f.host, 4).frame.resource_id != 0);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-pixels"), 0);
	fixture_finish(&f);
}
GST_END_TEST;

/* It is not the ids, then. */
GST_START_TEST(a_host_that_refuses_pixels_too_is_an_error)
{
	struct fixture f;
	g_autofree char *text = NULL;

	prepare(&f, &(struct fake_host_options){ .fault = FAKE_HOST_ALLERROR });
	fixture_play(&f, NULL);
	fixture_push(&f, 0);
	assert_one_warning(&f);
	text = fixture_wait_error(&f);
	fixture_assert_mentions(text, "resource not found");
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_CONNECTIONS), 2);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(a_host_that_refuses_ids_and_goes_away_is_an_error)
{
	struct fixture f;
	g_autofree char *text = NULL;

	prepare(&f, &(struct fake_host_options){ .fault = FAKE_HOST_NOIDS, .hold = true });
	g_object_set(f.enc, "connect-timeout", 200, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 1);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 1));
	fake_host_set_refuse(f.host, true);
	fake_host_hold(f.host, false);
	text = fixture_wait_error(&f);
	fixture_take_warnings(&f);
	fixture_teardown(&f);
	fail_unless_equals_int(dmabuf_counts().open, 0);
}
GST_END_TEST;

/* The frame is of before the flush: nobody waits for it. */
GST_START_TEST(a_flush_takes_a_refused_frame_along)
{
	GstSegment segment;
	struct fixture f;

	prepare(&f, &(struct fake_host_options){ .fault = FAKE_HOST_NOIDS, .hold = true });
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 2);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 2));
	gst_segment_init(&segment, GST_FORMAT_TIME);
	gst_harness_push_event(f.h, gst_event_new_flush_start());
	gst_harness_push_event(f.h, gst_event_new_flush_stop(TRUE));
	gst_harness_push_event(f.h, gst_event_new_segment(&segment));
	fake_host_hold(f.host, false);
	assert_one_warning(&f);
	fixture_push_many(&f, 2, 2);
	fixture_expect_many(&f, 2, 2);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-encoded"), 2);
	fixture_finish(&f);
	fail_unless_equals_int(dmabuf_counts().open, 0);
}
GST_END_TEST;

static void move_socket(struct fixture *f, gboolean away)
{
	const char *path = strchr(fake_host_endpoint(f->host), ':') + 1;
	g_autofree char *aside = g_strconcat(path, ".aside", NULL);

	fail_unless(rename(away ? path : aside, away ? aside : path) == 0);
}

GST_START_TEST(a_flush_takes_a_frame_along_that_waits_to_go_out_again)
{
	struct fixture f;
	GstSegment segment;

	prepare(&f, &(struct fake_host_options){ .fault = FAKE_HOST_NOIDS, .hold = true });
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 2);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 2));
	move_socket(&f, TRUE);
	fake_host_hold(f.host, false);
	assert_one_warning(&f);
	fixture_wait_idle(f.enc);
	gst_segment_init(&segment, GST_FORMAT_TIME);
	gst_harness_push_event(f.h, gst_event_new_flush_start());
	gst_harness_push_event(f.h, gst_event_new_flush_stop(TRUE));
	gst_harness_push_event(f.h, gst_event_new_segment(&segment));
	move_socket(&f, FALSE);
	fixture_push_many(&f, 2, 2);
	fixture_expect_many(&f, 2, 2);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-encoded"), 2);
	fixture_finish(&f);
	fail_unless_equals_int(dmabuf_counts().open, 0);
}
GST_END_TEST;

/* Frame number i, which cannot go by its own id, and whose fence is pending. */
static GstBuffer *frame_of_two_memories(guint i, int *ret_fence)
{
	GstBuffer *frame = dmabuf_frame(i), *pending = dmabuf_frame_pending(i, ret_fence);

	gst_buffer_append_memory(frame, gst_memory_ref(gst_buffer_peek_memory(pending, 0)));
	gst_buffer_unref(pending);
	return frame;
}

static void refuse_while_a_frame_has_its_place(void)
{
	struct fixture_pusher *p;
	struct fixture f;
	int fence;

	prepare(&f, &(struct fake_host_options){ .fault = FAKE_HOST_NOIDS, .hold = true });
	fixture_play(&f, DMABUF_CAPS);
	fail_unless_equals_int(gst_harness_push(f.h, dmabuf_frame(0)), GST_FLOW_OK);
	p = fixture_push_caps_async(&f, NULL, frame_of_two_memories(1, &fence));
	fixture_wait_blocked(p);
	GST_VIDEO_ENCODER_STREAM_LOCK(f.enc);
	dmabuf_signal(fence);
	fixture_wait_blocked(p);
	fake_host_hold(f.host, false);
	assert_one_warning(&f);
	GST_VIDEO_ENCODER_STREAM_UNLOCK(f.enc);
	fail_unless_equals_int(fixture_push_join(p), GST_FLOW_OK);
	fixture_expect_many(&f, 0, 2);
	close(fence);
	fixture_finish(&f);
	fail_unless_equals_int(dmabuf_counts().open, 0);
}

/* Which thread goes first then is the scheduler's choice. */
GST_START_TEST(a_frame_that_was_about_to_go_is_not_lost_and_goes_second)
{
	for (guint i = 0; i < 20; i++)
		refuse_while_a_frame_has_its_place();
}
GST_END_TEST;

GST_START_TEST(pixels_that_go_out_again_may_be_more_than_the_socket_takes)
{
	struct fixture f;

	prepare(&f, &no_ids);
	fixture_play(&f, FIXTURE_HUGE_CAPS);
	for (guint i = 0; i < 6; i++)
		fail_unless_equals_int(
			gst_harness_push(f.h, fixture_frame(i, FIXTURE_HUGE_SIZE)), GST_FLOW_OK);
	fixture_expect_many(&f, 0, 6);
	assert_one_warning(&f);
	assert_pixels_after_the_refusal(&f);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(the_next_stream_asks_again)
{
	struct fixture f;

	prepare(&f, &no_ids);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 1);
	fixture_expect(&f, 0);
	assert_one_warning(&f);
	gst_element_set_state(f.enc, GST_STATE_READY);
	fake_host_set_fault(f.host, FAKE_HOST_NO_FAULT, 1);
	gst_element_set_state(f.enc, GST_STATE_PLAYING);
	gst_harness_push_event(f.h, gst_event_new_stream_start("again"));
	gst_harness_set_src_caps_str(f.h, FIXTURE_CAPS);
	fixture_push_many(&f, 1, 1);
	fixture_wait_stat(f.enc, "frames-encoded", 1);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-id"), 1);
	fixture_finish(&f);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, a_host_without_ids_gets_every_frame_as_pixels);
	tcase_add_test(tc, the_depth_of_the_window_makes_no_difference);
	tcase_add_test(tc, a_stream_of_one_frame_has_one_frame);
	tcase_add_test(tc, the_first_frame_by_pixels_is_an_idr);
	tcase_add_test(tc, dmabufs_whose_ids_are_refused_go_out_as_pixels);
	tcase_add_test(tc, textures_whose_ids_are_refused_are_an_error);
	tcase_add_test(tc, with_reconnect_it_is_the_same);
	tcase_add_test(tc, an_id_that_is_refused_after_others_were_answered_is_an_error);
	tcase_add_test(tc, after_a_lost_frame_ids_go_on);
	tcase_add_test(tc, a_host_that_refuses_pixels_too_is_an_error);
	tcase_add_test(tc, a_host_that_refuses_ids_and_goes_away_is_an_error);
	tcase_add_test(tc, a_flush_takes_a_refused_frame_along);
	tcase_add_test(tc, a_flush_takes_a_frame_along_that_waits_to_go_out_again);
	tcase_add_test(tc, a_frame_that_was_about_to_go_is_not_lost_and_goes_second);
	tcase_add_test(tc, pixels_that_go_out_again_may_be_more_than_the_socket_takes);
	tcase_add_test(tc, the_next_stream_asks_again);
}

FIXTURE_MAIN(ids)

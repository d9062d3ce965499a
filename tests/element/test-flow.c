/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* EOS, flush, seek, caps change and what downstream says. */

#include "fixture.h"

static GstEvent *segment_from(GstClockTime start)
{
	GstSegment segment;

	gst_segment_init(&segment, GST_FORMAT_TIME);
	segment.start = segment.time = segment.position = start;
	return gst_event_new_segment(&segment);
}

static void flush(struct fixture *f)
{
	fail_unless(gst_harness_push_event(f->h, gst_event_new_flush_start()));
	fail_unless(gst_harness_push_event(f->h, gst_event_new_flush_stop(TRUE)));
}

static void seek_to(struct fixture *f, GstClockTime start)
{
	flush(f);
	fail_unless(gst_harness_push_event(f->h, segment_from(start)));
}

GST_START_TEST(every_frame_comes_out_before_eos_trap_1)
{
	struct fixture f;

	fixture_start(&f, &(struct fake_host_options){ .delay_ms = 5 });
	fixture_push_many(&f, 0, 50);
	fail_unless(gst_harness_push_event(f.h, gst_event_new_eos()));
	fail_unless_equals_int(fixture_count_until_eos(&f), 50);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_single_frame_comes_out_before_eos_trap_1)
{
	struct fixture f;

	fixture_start(&f, &(struct fake_host_options){ .delay_ms = 50 });
	fixture_push_many(&f, 0, 1);
	fail_unless(gst_harness_push_event(f.h, gst_event_new_eos()));
	fail_unless_equals_int(fixture_count_until_eos(&f), 1);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(eos_without_frames_passes)
{
	struct fixture f;

	fixture_start(&f, NULL);
	fail_unless(gst_harness_push_event(f.h, gst_event_new_eos()));
	fail_unless_equals_int(fixture_count_until_eos(&f), 0);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(eos_does_not_wait_for_frames_the_host_dropped)
{
	struct fixture f;

	fixture_start(&f, &(struct fake_host_options){
				  .fault = FAKE_HOST_DROP, .fault_at = 3, .fault_count = 1 });
	fixture_push_many(&f, 0, 5);
	fail_unless(gst_harness_push_event(f.h, gst_event_new_eos()));
	fail_unless_equals_int(fixture_count_until_eos(&f), 4);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_last_frame_that_was_dropped_holds_eos_up_to_the_deadline_only)
{
	struct fixture f;

	fixture_prepare(&f, &(struct fake_host_options){ .fault = FAKE_HOST_DROP, .fault_at = 4 });
	g_object_set(f.enc, "response-timeout", 300, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 5);
	fail_unless(gst_harness_push_event(f.h, gst_event_new_eos()));
	fail_unless_equals_int(fixture_count_until_eos(&f), 4);
	fail_unless_equals_int(fixture_stat(f.enc, "frames-dropped"), 1);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(eos_with_a_silent_host_ends_in_an_error_trap_1)
{
	struct fixture f;

	fixture_prepare(&f, &(struct fake_host_options){ .fault = FAKE_HOST_SILENT });
	g_object_set(f.enc, "response-timeout", 300, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 1);
	gst_harness_push_event(f.h, gst_event_new_eos());
	g_free(fixture_wait_error(&f));
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(a_flush_leaves_nothing_of_the_old_stream_trap_3)
{
	struct fixture f;
	guint first = 300;

	fixture_prepare(&f, &(struct fake_host_options){ .hold = true });
	g_object_set(f.enc, "max-in-flight", 8, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 2);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 2));
	seek_to(&f, first * FIXTURE_INTERVAL);
	fixture_push_many(&f, first, 3);
	fake_host_hold(f.host, false);
	fixture_expect_many(&f, first, 3);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_flush_with_a_full_window_does_not_stop_the_stream_trap_3)
{
	struct fixture f;
	struct fixture_pusher *p;

	fixture_start(&f, &(struct fake_host_options){ .hold = true });
	fixture_push_many(&f, 0, 2);
	seek_to(&f, 300 * FIXTURE_INTERVAL);
	p = fixture_push_async(&f, 300);
	fake_host_hold(f.host, false);
	fail_unless_equals_int(fixture_push_join(p), GST_FLOW_OK);
	fixture_expect(&f, 300);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(answers_to_flushed_frames_with_the_same_pts_are_not_taken_for_new_ones_trap_3)
{
	struct fixture f;

	fixture_prepare(&f, &(struct fake_host_options){ .hold = true });
	g_object_set(f.enc, "max-in-flight", 8, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 2);
	seek_to(&f, 0);
	fixture_push_many(&f, 0, 2);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 4));
	fake_host_answer(f.host, 2);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_RESPONSES, 2));
	fixture_push_many(&f, 2, 1);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 5));
	fail_unless_equals_int(gst_harness_buffers_received(f.h), 0);
	fake_host_hold(f.host, false);
	fixture_expect_many(&f, 0, 3);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(the_first_frame_after_a_flush_is_an_idr_trap_34)
{
	struct fixture f;

	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 3);
	fixture_expect_many(&f, 0, 3);
	seek_to(&f, 300 * FIXTURE_INTERVAL);
	fixture_push_many(&f, 300, 2);
	fixture_expect_many(&f, 300, 2);
	fail_unless(fake_host_request(f.host, 0).frame.force_keyframe);
	fail_if(fake_host_request(f.host, 2).frame.force_keyframe);
	fail_unless(fake_host_request(f.host, 3).frame.force_keyframe);
	fail_if(fake_host_request(f.host, 4).frame.force_keyframe);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(many_flushes_in_a_row_leave_a_working_stream)
{
	struct fixture f;

	fixture_start(&f, &(struct fake_host_options){ .delay_ms = 2 });
	for (guint round = 1; round <= 20; round++) {
		fixture_push_many(&f, round * 100, 2);
		seek_to(&f, round * 100 * FIXTURE_INTERVAL);
	}
	while (gst_harness_buffers_in_queue(f.h) > 0)
		gst_buffer_unref(gst_harness_pull(f.h));
	fixture_push_many(&f, 5000, 3);
	fixture_expect_many(&f, 5000, 3);
	fixture_finish(&f);
}
GST_END_TEST;

static GstCaps *pull_caps(struct fixture *f)
{
	GstEvent *event;
	GstCaps *caps = NULL;

	while ((event = gst_harness_try_pull_event(f->h))) {
		if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
			gst_clear_caps(&caps);
			gst_event_parse_caps(event, &caps);
			gst_caps_ref(caps);
		}
		gst_event_unref(event);
	}
	return caps;
}

struct order {
	guint before, after; /* buffers relative to the second caps event */
	guint caps;
};

static GstPadProbeReturn note_order(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
	struct order *order = data;

	if (GST_IS_EVENT(info->data)) {
		order->caps += GST_EVENT_TYPE(GST_EVENT(info->data)) == GST_EVENT_CAPS;
		return GST_PAD_PROBE_OK;
	}
	if (order->caps < 2)
		order->before++;
	else
		order->after++;
	return GST_PAD_PROBE_OK;
}

GST_START_TEST(a_caps_change_comes_after_the_old_frames_trap_4)
{
	struct fixture f;
	struct order order = { 0 };
	GstCaps *caps;
	gint width = 0;

	fixture_prepare(&f, &(struct fake_host_options){ .delay_ms = 30 });
	g_object_set(f.enc, "max-in-flight", 4, NULL);
	fixture_play(&f, NULL);
	gst_pad_add_probe(f.h->sinkpad,
		GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, note_order, &order,
		NULL);
	fixture_push_many(&f, 0, 2);
	gst_harness_set_src_caps_str(f.h, FIXTURE_BIG_CAPS);
	fail_unless_equals_int(
		gst_harness_push(f.h, fixture_frame(2, FIXTURE_BIG_SIZE)), GST_FLOW_OK);
	/* The window had room: only a drain makes the push wait for the old frames. */
	fail_unless(gst_harness_buffers_received(f.h) >= 2, "not drained");
	fixture_expect_many(&f, 0, 3);
	fail_unless_equals_int(order.before, 2);
	fail_unless_equals_int(order.after, 1);
	caps = pull_caps(&f);
	fail_unless(gst_structure_get_int(gst_caps_get_structure(caps, 0), "width", &width));
	fail_unless_equals_int(width, 640);
	gst_caps_unref(caps);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_caps_change_tells_the_host_and_asks_for_an_idr_trap_34)
{
	struct fixture f;

	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 2);
	gst_harness_set_src_caps_str(f.h, FIXTURE_BIG_CAPS);
	fail_unless_equals_int(
		gst_harness_push(f.h, fixture_frame(2, FIXTURE_BIG_SIZE)), GST_FLOW_OK);
	fixture_expect_many(&f, 0, 3);
	fail_unless_equals_int(fake_host_config(f.host, 1).width, 640);
	fail_unless_equals_int(fake_host_config(f.host, 1).height, 480);
	fail_unless(fake_host_request(f.host, 2).frame.force_keyframe);
	fail_unless_equals_int(fake_host_request(f.host, 2).frame.width, 640);
	fixture_finish(&f);
}
GST_END_TEST;

/* Downstream answers this to every buffer. */
static GstFlowReturn downstream_flow;

static GstFlowReturn refuse_buffer(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
	gst_buffer_unref(buffer);
	return downstream_flow;
}

/* Pushes until the flow comes back; every frame waits for the answer to the one before. */
static GstFlowReturn push_until_refused(struct fixture *f)
{
	GstFlowReturn flow = GST_FLOW_OK;

	for (guint i = 0; i < 50 && flow == GST_FLOW_OK; i++) {
		flow = fixture_push(f, i);
		fake_host_wait(f->host, FAKE_HOST_RESPONSES, flow == GST_FLOW_OK ? i + 1 : 0);
	}
	return flow;
}

static void expect_upstream_learns(GstFlowReturn flow)
{
	struct fixture f;

	downstream_flow = flow;
	fixture_start(&f, NULL);
	gst_pad_set_chain_function(f.h->sinkpad, refuse_buffer);
	fail_unless_equals_int(push_until_refused(&f), flow);
	fail_unless_equals_int(fixture_push(&f, 60), flow);
	fixture_teardown(&f);
}

GST_START_TEST(downstream_eos_reaches_upstream_trap_29)
{
	expect_upstream_learns(GST_FLOW_EOS);
}
GST_END_TEST;

GST_START_TEST(downstream_error_reaches_upstream_trap_29)
{
	expect_upstream_learns(GST_FLOW_ERROR);
}
GST_END_TEST;

GST_START_TEST(downstream_flushing_reaches_upstream_trap_29)
{
	expect_upstream_learns(GST_FLOW_FLUSHING);
}
GST_END_TEST;

GST_START_TEST(a_src_pad_without_peer_reaches_upstream_trap_29)
{
	struct fixture f;
	GstPad *src;

	fixture_start(&f, NULL);
	src = gst_element_get_static_pad(f.enc, "src");
	fail_unless(gst_pad_unlink(src, f.h->sinkpad));
	fail_unless_equals_int(push_until_refused(&f), GST_FLOW_NOT_LINKED);
	gst_object_unref(src);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(a_flush_forgets_what_downstream_said)
{
	struct fixture f;
	GstPadChainFunction chain;

	downstream_flow = GST_FLOW_EOS;
	fixture_start(&f, NULL);
	chain = GST_PAD_CHAINFUNC(f.h->sinkpad);
	gst_pad_set_chain_function(f.h->sinkpad, refuse_buffer);
	fail_unless_equals_int(push_until_refused(&f), GST_FLOW_EOS);
	seek_to(&f, 300 * FIXTURE_INTERVAL);
	gst_pad_set_chain_function(f.h->sinkpad, chain);
	fixture_push_many(&f, 300, 2);
	fixture_expect_many(&f, 300, 2);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_drain_query_brings_everything_out)
{
	struct fixture f;
	GstQuery *query = gst_query_new_drain();

	fixture_start(&f, &(struct fake_host_options){ .delay_ms = 30 });
	fixture_push_many(&f, 0, 2);
	gst_pad_peer_query(f.h->srcpad, query);
	gst_query_unref(query);
	/* The base class forwards DRAIN downstream; nothing may be lost or stuck by it. */
	fixture_expect_many(&f, 0, 2);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_seek_event_passes_upstream)
{
	struct fixture f;
	GstEvent *event;

	fixture_start(&f, NULL);
	fail_unless(gst_harness_push_upstream_event(
		f.h, gst_event_new_seek(1.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
			     GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, 0)));
	while ((event = gst_harness_pull_upstream_event(f.h)) &&
		GST_EVENT_TYPE(event) != GST_EVENT_SEEK)
		gst_event_unref(event);
	fail_unless(event != NULL);
	gst_event_unref(event);
	fixture_finish(&f);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, every_frame_comes_out_before_eos_trap_1);
	tcase_add_test(tc, a_single_frame_comes_out_before_eos_trap_1);
	tcase_add_test(tc, eos_without_frames_passes);
	tcase_add_test(tc, eos_does_not_wait_for_frames_the_host_dropped);
	tcase_add_test(tc, a_last_frame_that_was_dropped_holds_eos_up_to_the_deadline_only);
	tcase_add_test(tc, eos_with_a_silent_host_ends_in_an_error_trap_1);
	tcase_add_test(tc, a_flush_leaves_nothing_of_the_old_stream_trap_3);
	tcase_add_test(tc, a_flush_with_a_full_window_does_not_stop_the_stream_trap_3);
	tcase_add_test(
		tc, answers_to_flushed_frames_with_the_same_pts_are_not_taken_for_new_ones_trap_3);
	tcase_add_test(tc, the_first_frame_after_a_flush_is_an_idr_trap_34);
	tcase_add_test(tc, many_flushes_in_a_row_leave_a_working_stream);
	tcase_add_test(tc, a_caps_change_comes_after_the_old_frames_trap_4);
	tcase_add_test(tc, a_caps_change_tells_the_host_and_asks_for_an_idr_trap_34);
	tcase_add_test(tc, downstream_eos_reaches_upstream_trap_29);
	tcase_add_test(tc, downstream_error_reaches_upstream_trap_29);
	tcase_add_test(tc, downstream_flushing_reaches_upstream_trap_29);
	tcase_add_test(tc, a_src_pad_without_peer_reaches_upstream_trap_29);
	tcase_add_test(tc, a_flush_forgets_what_downstream_said);
	tcase_add_test(tc, a_drain_query_brings_everything_out);
	tcase_add_test(tc, a_seek_event_passes_upstream);
}

FIXTURE_MAIN(flow)

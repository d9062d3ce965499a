/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hostile answers, hosts that hang, and pipelines that flush, block, relink and stop at the wrong
 * moment. */

#include "fixture.h"

#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS   300  /* response-timeout where it has to pass */
#define STOP_MS      3000 /* deadline for a stop */
#define NAL_SLICE    0x41 /* nal_unit_type 1, nal_ref_idc 2 */
#define OVERDUE_MAX  3    /* deadlines in a row until the encoder counts as hung */
#define WINDOW_MAX   16   /* largest max-in-flight */
#define FLUSH_ROUNDS 50

/* Frame 0 went through; frames 1 to n are with a host that keeps its answers back. */
static void start_held(struct fixture *f, guint n)
{
	fixture_prepare(f, NULL);
	g_object_set(f->enc, "max-in-flight", MAX(n, 1), NULL);
	fixture_play(f, NULL);
	fixture_push_many(f, 0, 1);
	fixture_expect(f, 0);
	fake_host_hold(f->host, true);
	fixture_push_many(f, 1, n);
	fail_unless(fake_host_wait(f->host, FAKE_HOST_REQUESTS, 1 + n));
}

static void expect_bytes(struct fixture *f, const void *data, gsize size)
{
	GstBuffer *buffer = gst_harness_pull(f->h);

	fail_unless(buffer != NULL, "no output");
	gst_check_buffer_data(buffer, data, size);
	gst_buffer_unref(buffer);
}

/* --- hostile answers --- */

GST_START_TEST(blobs_of_mixed_framing_are_converted_each_by_its_own)
{
	/* taken for a length, the bytes after the start code lead far behind the buffer */
	static const guint8 annex_b[] = { 0, 0, 0, 1, NAL_SLICE, 0, 0x10, 0, 0, 9, 9, 9 };
	static const guint8 avcc[] = { 0, 0, 0, 3, NAL_SLICE, 1, 2 };
	static const guint8 expected[] = { 0, 0, 0, 1, NAL_SLICE, 0, 0x10, 0, 0, 9, 9, 9, 0, 0, 0,
		1, NAL_SLICE, 1, 2 };
	const struct fixture_blob blobs[] = { { annex_b, sizeof(annex_b) },
		{ avcc, sizeof(avcc) } };
	struct fixture f;

	start_held(&f, 1);
	fixture_answer(&f, 1, blobs, G_N_ELEMENTS(blobs));
	expect_bytes(&f, expected, sizeof(expected));
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(an_avcc_length_that_looks_like_a_start_code_is_a_length)
{
	guint8 unit[4 + 0x12c] = { 0, 0, 0x01, 0x2c, NAL_SLICE };
	const struct fixture_blob blob = { unit, sizeof(unit) };
	guint8 expected[sizeof(unit)];
	struct fixture f;

	memset(unit + 5, 0x55, sizeof(unit) - 5);
	memcpy(expected, unit, sizeof(unit));
	GST_WRITE_UINT32_BE(expected, 1);
	start_held(&f, 1);
	fixture_answer(&f, 1, &blob, 1);
	expect_bytes(&f, expected, sizeof(expected));
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_stream_of_garbage_is_one_error)
{
	static const struct fixture_blob garbage = { "garbage!", 8 };
	struct fixture f;
	guint n = 8;

	start_held(&f, n);
	for (guint i = 1; i <= n; i++)
		fixture_answer(&f, i, &garbage, 1);
	fixture_wait_stat(f.enc, "frames-dropped", n);
	fail_unless_equals_int(fixture_push(&f, n + 1), GST_FLOW_ERROR);
	fail_unless_equals_int(fixture_take_errors(&f), 1);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(an_answer_to_a_request_that_has_not_left_is_an_error)
{
	static const guint8 unit[] = { 0, 0, 0, 1, NAL_SLICE, 1 };
	static const struct fixture_blob blob = { unit, sizeof(unit) };
	g_autofree char *text = NULL;
	struct fixture_pusher *p;
	struct fixture f;
	gint alive = 0;

	fixture_prepare(&f, NULL);
	g_object_set(f.enc, "response-timeout", 30000, NULL);
	fixture_play(&f, FIXTURE_HUGE_CAPS);
	fake_host_pause(f.host, true);
	p = fixture_push_caps_async(&f, NULL, fixture_counted_frame(0, FIXTURE_HUGE_SIZE, &alive));
	fixture_wait_blocked(p);
	fixture_answer(&f, 0, &blob, 1);
	text = fixture_wait_error(&f);
	fixture_assert_mentions(text, "HXFR");
	fixture_push_join(p);
	fixture_wait_freed(&alive);
	fixture_teardown(&f);
}
GST_END_TEST;

/* --- hosts that hang --- */

GST_START_TEST(a_host_whose_encoder_hung_is_reported)
{
	g_autofree char *text = NULL;
	struct fixture f;

	fixture_prepare(&f, &(struct fake_host_options){ .fault = FAKE_HOST_MUTE, .fault_at = 1 });
	g_object_set(f.enc, "response-timeout", TIMEOUT_MS, NULL);
	fixture_play(&f, NULL);
	for (guint i = 0; i < 10 * OVERDUE_MAX && fixture_push(&f, i) == GST_FLOW_OK; i++)
		;
	text = fixture_wait_error(&f);
	fixture_assert_mentions(text, "encoder hang");
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_PINGS), OVERDUE_MAX);
	fail_unless_equals_int(fixture_take_errors(&f), 0);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(late_frames_with_answers_between_them_are_no_hang)
{
	struct fixture f;

	fixture_prepare(&f, NULL);
	g_object_set(f.enc, "response-timeout", TIMEOUT_MS, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 1);
	fixture_expect(&f, 0);
	for (guint i = 1; i <= OVERDUE_MAX + 1; i++) {
		fake_host_set_fault(f.host, FAKE_HOST_DROP, 1);
		fixture_push_many(&f, 2 * i, 1);
		fixture_wait_stat(f.enc, "frames-dropped", i);
		fixture_push_many(&f, 2 * i + 1, 1);
		fixture_expect(&f, 2 * i + 1);
	}
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(frames_that_are_late_together_are_given_up_together)
{
	struct fixture f;

	fixture_prepare(&f, &(struct fake_host_options){ .fault = FAKE_HOST_MUTE, .fault_at = 1 });
	g_object_set(f.enc, "response-timeout", 2 * TIMEOUT_MS, "max-in-flight", WINDOW_MAX, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 1);
	fixture_expect(&f, 0);
	fixture_push_many(&f, 1, WINDOW_MAX);
	fail_unless(gst_harness_push_event(f.h, gst_event_new_eos()));
	fail_unless_equals_int(fixture_count_until_eos(&f), 0);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-dropped"), WINDOW_MAX);
	fixture_finish(&f);
}
GST_END_TEST;

/* The reader takes the OBJECT_LOCK once it is connected again: whoever holds it meanwhile sees what
 * the streaming thread does without waiting for the reader. */
GST_START_TEST(the_first_request_after_an_outage_asks_for_an_idr)
{
	g_autofree char *directory = g_dir_make_tmp("resilience-XXXXXX", NULL);
	g_autofree char *endpoint = g_strdup_printf("unix:%s/host.sock", directory);
	const struct fake_host_options options = { .endpoint = endpoint };
	struct fixture_pusher *p;
	struct fixture f;

	fixture_prepare(&f, &options);
	g_object_set(f.enc, "reconnect", TRUE, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 1);
	fixture_expect(&f, 0);
	fake_host_free(f.host);
	g_free(fixture_wait_warning(&f));
	p = fixture_push_async(&f, 1);
	fixture_wait_blocked(p);
	GST_OBJECT_LOCK(f.enc);
	f.host = fake_host_new(&options);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_CONNECTIONS, 1));
	fixture_wait_blocked(p);
	GST_OBJECT_UNLOCK(f.enc);
	fail_unless_equals_int(fixture_push_join(p), GST_FLOW_OK);
	fixture_expect(&f, 1);
	fail_unless(fake_host_request(f.host, 0).frame.force_keyframe);
	fixture_finish(&f);
	rmdir(directory);
}
GST_END_TEST;

/* --- impatient pipelines --- */

static void to_null(gpointer enc)
{
	gst_element_set_state(enc, GST_STATE_NULL);
}

GST_START_TEST(stop_with_a_blocked_src_pad_does_not_wait)
{
	struct fixture_block *block;
	struct fixture f;

	fixture_start(&f, NULL);
	block = fixture_block_src(&f);
	fixture_push_many(&f, 0, 1);
	fixture_wait_held(block);
	fixture_must_end(to_null, f.enc, STOP_MS);
	fixture_unblock(block);
	fixture_finish(&f);
}
GST_END_TEST;

static void flush_start(struct fixture *f)
{
	fail_unless(gst_harness_push_event(f->h, gst_event_new_flush_start()));
}

static void flush_stop(struct fixture *f)
{
	GstSegment segment;

	gst_segment_init(&segment, GST_FORMAT_TIME);
	fail_unless(gst_harness_push_event(f->h, gst_event_new_flush_stop(TRUE)));
	fail_unless(gst_harness_push_event(f->h, gst_event_new_segment(&segment)));
}

GST_START_TEST(a_flush_before_the_first_output_is_no_error)
{
	struct fixture f;

	fixture_start(&f, &(struct fake_host_options){ .hold = true });
	fixture_push_many(&f, 0, 1);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 1));
	flush_start(&f);
	fake_host_hold(f.host, false);
	fixture_wait_stat(f.enc, "frames-dropped", 1);
	flush_stop(&f);
	fixture_push_many(&f, 1, 1);
	fixture_expect(&f, 1);
	fixture_finish(&f);
}
GST_END_TEST;

/* The flush cuts the drain in front of the new caps short: they must not be lost with it. */
GST_START_TEST(caps_that_a_flush_cut_short_are_in_force_after_it)
{
	struct fixture_pusher *p;
	struct fixture f;

	fixture_start(&f, &(struct fake_host_options){ .hold = true });
	fixture_push_many(&f, 0, 1);
	p = fixture_push_caps_async(&f, FIXTURE_BIG_CAPS, fixture_frame(1, FIXTURE_BIG_SIZE));
	fixture_wait_blocked(p);
	flush_start(&f);
	fail_unless(fixture_push_join(p) != GST_FLOW_OK);
	flush_stop(&f);
	fake_host_hold(f.host, false);
	fail_unless_equals_int(
		gst_harness_push(f.h, fixture_frame(1, FIXTURE_BIG_SIZE)), GST_FLOW_OK);
	fixture_expect(&f, 1);
	fail_unless_equals_int(fake_host_request(f.host, 1).frame.width, 640);
	fixture_finish(&f);
}
GST_END_TEST;

struct flusher {
	GstPad *pad;
	gint begun, over;
};

static gpointer flush_on(gpointer data)
{
	struct flusher *flusher = data;

	while (!g_atomic_int_get(&flusher->over)) {
		gst_pad_push_event(flusher->pad, gst_event_new_flush_start());
		gst_pad_push_event(flusher->pad, gst_event_new_flush_stop(TRUE));
		g_atomic_int_set(&flusher->begun, 1);
	}
	return NULL;
}

static void stop_amid_flushes(struct fixture *f)
{
	struct flusher flusher = { .pad = f->h->srcpad };
	GThread *thread = g_thread_new("flusher", flush_on, &flusher);

	while (!g_atomic_int_get(&flusher.begun))
		g_thread_yield();
	fail_unless_equals_int(
		gst_element_set_state(f->enc, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
	g_atomic_int_set(&flusher.over, 1);
	g_thread_join(thread);
}

GST_START_TEST(flushes_that_meet_a_stop_do_no_harm)
{
	struct fixture f;

	fixture_start(&f, NULL);
	for (guint i = 0; i < FLUSH_ROUNDS; i++) {
		stop_amid_flushes(&f);
		fail_unless_equals_int(
			gst_element_set_state(f.enc, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
	}
	fixture_finish(&f);
}
GST_END_TEST;

/* Pushes from frame *i on until the flow comes back; every frame waits for the answer to the one
 * before. */
static void push_until_not_linked(struct fixture *f, guint *i)
{
	GstFlowReturn flow = GST_FLOW_OK;
	unsigned n = fake_host_count(f->host, FAKE_HOST_RESPONSES);

	for (guint tries = 0; tries < 50 && flow == GST_FLOW_OK; tries++) {
		flow = fixture_push(f, (*i)++);
		if (flow == GST_FLOW_OK)
			fail_unless(fake_host_wait(f->host, FAKE_HOST_RESPONSES, ++n));
	}
	fail_unless_equals_int(flow, GST_FLOW_NOT_LINKED);
}

/* The next output must be frame i, after older ones that were in flight when the pad was linked
 * again. */
static void expect_after_older_ones(struct fixture *f, guint i)
{
	GstClockTime pts = GST_CLOCK_TIME_NONE;

	while (pts != i * FIXTURE_INTERVAL) {
		GstBuffer *buffer = gst_harness_pull(f->h);

		fail_unless(buffer != NULL, "no output for frame %u", i);
		pts = GST_BUFFER_PTS(buffer);
		fail_unless(pts <= i * FIXTURE_INTERVAL);
		gst_buffer_unref(buffer);
	}
}

/* What was refused before may be said again for each frame of the window, then the stream goes on
 * with an IDR. */
GST_START_TEST(relinking_resumes_with_an_idr)
{
	struct fixture f;
	GstFlowReturn flow;
	GstPad *src;
	guint i = 1, refused = 0, in_flight = 2;

	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 1);
	fixture_expect(&f, 0);
	src = gst_element_get_static_pad(f.enc, "src");
	fail_unless(gst_pad_unlink(src, f.h->sinkpad));
	push_until_not_linked(&f, &i);
	fail_unless_equals_int(gst_pad_link(src, f.h->sinkpad), GST_PAD_LINK_OK);
	gst_object_unref(src);
	while ((flow = fixture_push(&f, i)) == GST_FLOW_NOT_LINKED && refused++ < in_flight)
		i++;
	fail_unless_equals_int(flow, GST_FLOW_OK);
	expect_after_older_ones(&f, i);
	fail_unless(fake_host_request(f.host, fake_host_count(f.host, FAKE_HOST_REQUESTS) - 1)
			    .frame.force_keyframe);
	fixture_finish(&f);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, blobs_of_mixed_framing_are_converted_each_by_its_own);
	tcase_add_test(tc, an_avcc_length_that_looks_like_a_start_code_is_a_length);
	tcase_add_test(tc, a_stream_of_garbage_is_one_error);
	tcase_add_test(tc, an_answer_to_a_request_that_has_not_left_is_an_error);
	tcase_add_test(tc, a_host_whose_encoder_hung_is_reported);
	tcase_add_test(tc, late_frames_with_answers_between_them_are_no_hang);
	tcase_add_test(tc, frames_that_are_late_together_are_given_up_together);
	tcase_add_test(tc, the_first_request_after_an_outage_asks_for_an_idr);
	tcase_add_test(tc, stop_with_a_blocked_src_pad_does_not_wait);
	tcase_add_test(tc, a_flush_before_the_first_output_is_no_error);
	tcase_add_test(tc, caps_that_a_flush_cut_short_are_in_force_after_it);
	tcase_add_test(tc, flushes_that_meet_a_stop_do_no_harm);
	tcase_add_test(tc, relinking_resumes_with_an_idr);
}

FIXTURE_MAIN(resilience)

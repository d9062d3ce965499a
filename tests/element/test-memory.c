/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Input buffers are upstream's: none is held longer than its request needs, and they are let go
 * where upstream may do what it likes. Nothing outlives the element. */

#include "fixture.h"

#include <hxfr/messages.h>

#define TIMEOUT_MS 300  /* response-timeout where it has to pass */
#define PUSHES     100u /* far more than anything may hold */
#define WINDOW_MAX 16u  /* largest max-in-flight */

static GstFlowReturn push_counted(struct fixture *f, guint i, gint *alive)
{
	return gst_harness_push(f->h, fixture_counted_frame(i, FIXTURE_SIZE, alive));
}

/* --- frames without output --- */

static GstFlowReturn say_eos(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
	gst_buffer_unref(buffer);
	return GST_FLOW_EOS;
}

GST_START_TEST(frames_after_the_end_of_downstream_are_freed)
{
	GstFlowReturn flow = GST_FLOW_OK;
	struct fixture f;
	gint alive = 0;

	fixture_start(&f, NULL);
	gst_pad_set_chain_function(f.h->sinkpad, say_eos);
	for (guint i = 0; i < PUSHES; i++)
		flow = push_counted(&f, i, &alive);
	fail_unless_equals_int(flow, GST_FLOW_EOS);
	fixture_wait_freed(&alive);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(frames_of_an_unlinked_element_are_freed)
{
	struct fixture f;
	gint alive = 0;
	guint refused = 0;
	GstPad *src;

	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 1);
	fixture_expect(&f, 0);
	src = gst_element_get_static_pad(f.enc, "src");
	fail_unless(gst_pad_unlink(src, f.h->sinkpad));
	for (guint i = 1; i <= PUSHES; i++)
		refused += push_counted(&f, i, &alive) == GST_FLOW_NOT_LINKED;
	fail_unless(refused > 0);
	fixture_wait_freed(&alive);
	gst_object_unref(src);
	fixture_finish(&f);
}
GST_END_TEST;

/* A pool of four buffers would be dry, and nothing would ever come out. */
GST_START_TEST(frames_dropped_before_the_first_output_give_their_buffers_back)
{
	struct fixture f;
	gint alive = 0;

	fixture_start(
		&f, &(struct fake_host_options){ .fault = FAKE_HOST_NONALS, .fault_count = 4 });
	for (guint i = 0; i < 4; i++)
		fail_unless_equals_int(push_counted(&f, i, &alive), GST_FLOW_OK);
	fixture_wait_stat(f.enc, "frames-dropped", 4);
	fixture_wait_freed(&alive);
	fixture_push_many(&f, 4, 1);
	fixture_expect(&f, 4);
	fixture_finish(&f);
}
GST_END_TEST;

/* Frames without output are kept, without their buffers, until the caps are known: not without
 * end. */
GST_START_TEST(a_host_that_comes_and_goes_without_an_output_is_an_error)
{
	GstFlowReturn flow = GST_FLOW_OK;
	struct fixture f;
	gint alive = 0;
	guint n = 0;

	fixture_prepare(&f, &(struct fake_host_options){ .hold = true });
	g_object_set(f.enc, "reconnect", TRUE, "max-in-flight", WINDOW_MAX, NULL);
	fixture_play(&f, NULL);
	while (flow == GST_FLOW_OK && n < PUSHES) {
		for (guint i = 0; i < WINDOW_MAX && flow == GST_FLOW_OK; i++)
			flow = push_counted(&f, n++, &alive);
		if (flow != GST_FLOW_OK)
			break;
		fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, n));
		fake_host_disconnect(f.host);
		g_free(fixture_wait_warning(&f));
	}
	fail_unless_equals_int(flow, GST_FLOW_ERROR);
	g_free(fixture_wait_error(&f));
	fixture_wait_freed(&alive);
	fixture_teardown(&f);
}
GST_END_TEST;

/* --- upstream's code runs when a buffer goes --- */

struct talker {
	GstElement *enc;
	gint alive;
};

static void read_stats(gpointer data, GstMiniObject *memory)
{
	struct talker *t = data;

	fixture_stat(t->enc, "in-flight");
	g_atomic_int_add(&t->alive, -1);
}

/* As a host that reads nothing and still claims to be alive. */
static void pong_until_dropped(struct fixture *f)
{
	const struct hxfr_header pong = { .type = HXFR_PONG, .session_id = HXFR_SESSION_MAIN };
	guint8 bytes[HXFR_HEADER_SIZE];

	hxfr_header_encode(&pong, bytes);
	for (guint i = 0; fixture_stat(f->enc, "frames-dropped") == 0; i++) {
		fail_unless(i < 10 * TIMEOUT_MS, "the frame was never given up");
		fake_host_send(f->host, bytes, sizeof(bytes));
		fixture_stay_quiet(f, 1);
	}
}

/* The frame is given up while its pixels wait for the socket: letting those go lets the buffer
 * go. */
static void expect_let_go_without_locks(void (*let_go)(struct fixture *f))
{
	GstBuffer *frame = fixture_frame(1, FIXTURE_HUGE_SIZE);
	struct talker t = { .alive = 1 };
	struct fixture_pusher *p;
	struct fixture f;

	/* a log takes a hash of the pixels, and too long where that is slow */
	fixture_prepare(&f, &(struct fake_host_options){ .no_log = true });
	g_object_set(f.enc, "response-timeout", TIMEOUT_MS, NULL);
	fixture_play(&f, FIXTURE_HUGE_CAPS);
	fail_unless_equals_int(
		gst_harness_push(f.h, fixture_frame(0, FIXTURE_HUGE_SIZE)), GST_FLOW_OK);
	fixture_expect(&f, 0);
	fake_host_pause(f.host, true);
	t.enc = f.enc;
	gst_mini_object_weak_ref(GST_MINI_OBJECT(gst_buffer_peek_memory(frame, 0)), read_stats, &t);
	p = fixture_push_caps_async(&f, NULL, frame);
	pong_until_dropped(&f);
	fail_unless_equals_int(fixture_push_join(p), GST_FLOW_OK);
	fail_unless_equals_int(g_atomic_int_get(&t.alive), 1);
	let_go(&f);
	fixture_wait_freed(&t.alive);
	fixture_teardown(&f);
}

static void read_on(struct fixture *f)
{
	fake_host_pause(f->host, false);
}

static void hang_up(struct fixture *f)
{
	fake_host_disconnect(f->host);
}

GST_START_TEST(a_buffer_that_was_sent_late_is_let_go_without_locks)
{
	expect_let_go_without_locks(read_on);
}
GST_END_TEST;

GST_START_TEST(a_buffer_of_a_dead_connection_is_let_go_without_locks)
{
	expect_let_go_without_locks(hang_up);
}
GST_END_TEST;

/* --- the element itself --- */

static void run_and_lose_the_host(void)
{
	struct fixture f;
	gpointer enc;

	fixture_start(&f, NULL);
	enc = f.enc;
	g_object_add_weak_pointer(G_OBJECT(f.enc), &enc);
	fixture_push_many(&f, 0, 2);
	fixture_expect_many(&f, 0, 2);
	fake_host_disconnect(f.host);
	g_free(fixture_wait_error(&f));
	fixture_finish(&f);
	fail_unless(enc == NULL, "the element outlives its last reference");
}

GST_START_TEST(nothing_outlives_the_element)
{
	guint before;

	run_and_lose_the_host(); /* what GLib opens once stays open */
	before = fixture_count_fds();
	for (guint i = 0; i < 5; i++)
		run_and_lose_the_host();
	fail_unless_equals_int(fixture_count_fds(), before);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, frames_after_the_end_of_downstream_are_freed);
	tcase_add_test(tc, frames_of_an_unlinked_element_are_freed);
	tcase_add_test(tc, frames_dropped_before_the_first_output_give_their_buffers_back);
	tcase_add_test(tc, a_host_that_comes_and_goes_without_an_output_is_an_error);
	tcase_add_test(tc, a_buffer_that_was_sent_late_is_let_go_without_locks);
	tcase_add_test(tc, a_buffer_of_a_dead_connection_is_let_go_without_locks);
	tcase_add_test(tc, nothing_outlives_the_element);
}

FIXTURE_MAIN(memory)

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A source that agrees on caps and then delivers nothing is warned about, once, and only then. The
 * system's clock is one that stands still. */

#include "fixture.h"

#include <gst/check/gsttestclock.h>

#define PATIENCE (5 * GST_SECOND)

static GstTestClock *test_clock;

/* Playing, without caps. */
static void start(struct fixture *f)
{
	test_clock = GST_TEST_CLOCK(gst_test_clock_new());
	gst_system_clock_set_default(GST_CLOCK(test_clock));
	fixture_prepare(f, NULL);
	f->h = gst_harness_new_with_element(f->enc, "sink", "src");
	gst_object_unref(f->enc);
}

static void finish(struct fixture *f)
{
	fixture_finish(f);
	fail_unless_equals_int(gst_test_clock_peek_id_count(test_clock), 0);
	gst_system_clock_set_default(NULL);
	gst_object_unref(test_clock);
}

static void negotiate(struct fixture *f)
{
	gst_harness_set_src_caps_str(f->h, FIXTURE_CAPS);
}

static void assert_waiting(gboolean waiting)
{
	fail_unless_equals_int(gst_test_clock_peek_id_count(test_clock), waiting ? 1 : 0);
}

/* The time is that many ns; who waits for less is woken. */
static void pass(GstClockTime time)
{
	GstClockID id;

	gst_test_clock_set_time(test_clock, time);
	id = gst_test_clock_process_next_clock_id(test_clock);
	if (id)
		gst_clock_id_unref(id);
}

GST_START_TEST(caps_and_no_frame_is_a_warning_that_names_them)
{
	g_autofree char *text = NULL;
	struct fixture f;

	start(&f);
	negotiate(&f);
	pass(PATIENCE - 1);
	fail_unless_equals_int(fixture_take_warnings(&f), 0);
	pass(PATIENCE);
	text = fixture_wait_warning(&f);
	fixture_assert_mentions(text, "format=(string)NV12");
	fixture_assert_mentions(text, "always-copy");
	finish(&f);
}
GST_END_TEST;

GST_START_TEST(the_warning_comes_once)
{
	struct fixture f;

	start(&f);
	negotiate(&f);
	pass(PATIENCE);
	g_free(fixture_wait_warning(&f));
	gst_harness_set_src_caps_str(f.h, FIXTURE_BIG_CAPS);
	gst_element_set_state(f.enc, GST_STATE_PAUSED);
	gst_element_set_state(f.enc, GST_STATE_PLAYING);
	assert_waiting(FALSE);
	finish(&f);
}
GST_END_TEST;

GST_START_TEST(without_caps_nothing_is_expected)
{
	struct fixture f;

	start(&f);
	assert_waiting(FALSE);
	finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_frame_ends_the_wait_for_good)
{
	struct fixture f;

	start(&f);
	negotiate(&f);
	assert_waiting(TRUE);
	fixture_push_many(&f, 0, 1);
	assert_waiting(FALSE);
	gst_harness_set_src_caps_str(f.h, FIXTURE_BIG_CAPS);
	assert_waiting(FALSE);
	fixture_expect(&f, 0);
	finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_paused_source_owes_nothing)
{
	struct fixture f;

	start(&f);
	gst_element_set_state(f.enc, GST_STATE_PAUSED);
	negotiate(&f);
	assert_waiting(FALSE);
	gst_element_set_state(f.enc, GST_STATE_PLAYING);
	assert_waiting(TRUE);
	gst_element_set_state(f.enc, GST_STATE_PAUSED);
	assert_waiting(FALSE);
	gst_test_clock_set_time(test_clock, PATIENCE);
	gst_element_set_state(f.enc, GST_STATE_PLAYING);
	pass(2 * PATIENCE - 1);
	fail_unless_equals_int(fixture_take_warnings(&f), 0);
	pass(2 * PATIENCE);
	g_free(fixture_wait_warning(&f));
	finish(&f);
}
GST_END_TEST;

GST_START_TEST(after_eos_or_a_flush_nothing_is_expected)
{
	struct fixture f;

	start(&f);
	negotiate(&f);
	gst_harness_push_event(f.h, gst_event_new_eos());
	assert_waiting(FALSE);
	finish(&f);
	start(&f);
	negotiate(&f);
	gst_harness_push_event(f.h, gst_event_new_flush_start());
	assert_waiting(FALSE);
	gst_harness_push_event(f.h, gst_event_new_flush_stop(TRUE));
	assert_waiting(FALSE);
	finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_second_start_waits_again)
{
	struct fixture f;

	start(&f);
	negotiate(&f);
	pass(PATIENCE);
	g_free(fixture_wait_warning(&f));
	gst_element_set_state(f.enc, GST_STATE_READY);
	gst_element_set_state(f.enc, GST_STATE_PLAYING);
	assert_waiting(FALSE);
	gst_harness_push_event(f.h, gst_event_new_stream_start("again"));
	negotiate(&f);
	assert_waiting(TRUE);
	finish(&f);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, caps_and_no_frame_is_a_warning_that_names_them);
	tcase_add_test(tc, the_warning_comes_once);
	tcase_add_test(tc, without_caps_nothing_is_expected);
	tcase_add_test(tc, a_frame_ends_the_wait_for_good);
	tcase_add_test(tc, a_paused_source_owes_nothing);
	tcase_add_test(tc, after_eos_or_a_flush_nothing_is_expected);
	tcase_add_test(tc, a_second_start_waits_again);
}

FIXTURE_MAIN(stall)

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hosts that say nothing, or too little: every wait ends, also by stop or flush, and errors name
 * what is wrong. */

#include "fixture.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#define TIMEOUT_MS 300 /* response-timeout where it has to pass */

static void start(struct fixture *f, const struct fake_host_options *options)
{
	fixture_prepare(f, options);
	g_object_set(f->enc, "response-timeout", TIMEOUT_MS, NULL);
	fixture_play(f, NULL);
}

static void expect_timeout_error(const struct fake_host_options *options, const char *word)
{
	struct fixture f;
	g_autofree char *text = NULL;

	start(&f, options);
	for (guint i = 0; i < 200 && fixture_push(&f, i) == GST_FLOW_OK; i++)
		;
	text = fixture_wait_error(&f);
	fixture_assert_mentions(text, word);
	fail_unless_equals_int(fixture_take_errors(&f), 0);
	fixture_teardown(&f);
}

GST_START_TEST(a_host_silent_from_the_start_is_called_silent_trap_19)
{
	expect_timeout_error(&(struct fake_host_options){ .fault = FAKE_HOST_SILENT }, "silent");
}
GST_END_TEST;

GST_START_TEST(a_host_that_falls_silent_is_called_silent_trap_19)
{
	expect_timeout_error(
		&(struct fake_host_options){ .fault = FAKE_HOST_SILENT, .fault_at = 10 }, "silent");
}
GST_END_TEST;

GST_START_TEST(a_response_that_stalls_half_way_ends_in_an_error_trap_21)
{
	expect_timeout_error(
		&(struct fake_host_options){ .fault = FAKE_HOST_STALLMID, .fault_at = 10 },
		"silent");
}
GST_END_TEST;

GST_START_TEST(a_host_that_skips_frame_requests_is_named)
{
	expect_timeout_error(
		&(struct fake_host_options){ .fault = FAKE_HOST_MUTE }, "FRAME_REQUEST");
}
GST_END_TEST;

GST_START_TEST(an_overdue_frame_is_asked_after_with_a_ping)
{
	struct fixture f;

	start(&f, &(struct fake_host_options){ .fault = FAKE_HOST_SILENT });
	fixture_push_many(&f, 0, 1);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_PINGS, 1));
	g_free(fixture_wait_error(&f));
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(an_overdue_frame_of_a_living_host_is_dropped_and_the_stream_goes_on)
{
	struct fixture f;

	start(&f, &(struct fake_host_options){ .fault = FAKE_HOST_DROP, .fault_at = 2 });
	fixture_push_many(&f, 0, 3);
	fixture_expect_many(&f, 0, 2);
	fixture_wait_stat(f.enc, "frames-dropped", 1);
	fixture_push_many(&f, 3, 2);
	fixture_expect_many(&f, 3, 2);
	fail_unless(fake_host_request(f.host, 3).frame.force_keyframe ||
		    fake_host_count(f.host, FAKE_HOST_KEYFRAME_REQS) > 0);
	fail_unless(fake_host_count(f.host, FAKE_HOST_PINGS) > 0);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_slow_host_within_the_deadline_is_no_error)
{
	struct fixture f;

	fixture_prepare(&f, &(struct fake_host_options){ .delay_ms = 700 });
	g_object_set(f.enc, "response-timeout", 1000, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 2);
	fixture_expect_many(&f, 0, 2);
	fail_unless_equals_int(fixture_stat(f.enc, "frames-dropped"), 0);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_quiet_source_is_no_error_however_long)
{
	struct fixture f;

	start(&f, NULL);
	fixture_push_many(&f, 0, 1);
	fixture_expect(&f, 0);
	/* nothing is in flight: the deadline must not run, so nothing happens; three times over */
	fixture_stay_quiet(&f, 3 * TIMEOUT_MS);
	fixture_push_many(&f, 1, 1);
	fixture_expect(&f, 1);
	fixture_finish(&f);
}
GST_END_TEST;

static void to_null(gpointer data)
{
	gst_element_set_state(data, GST_STATE_NULL);
}

GST_START_TEST(stop_with_frames_in_flight_does_not_wait_trap_20)
{
	struct fixture f;

	fixture_start(&f, &(struct fake_host_options){ .fault = FAKE_HOST_SILENT });
	fixture_push_many(&f, 0, 1);
	fixture_must_end(to_null, f.enc, 2000);
	fixture_finish(&f);
}
GST_END_TEST;

/* Starts f; the host is silent, and the push waits for room in the window. */
static struct fixture_pusher *push_beyond_the_window(struct fixture *f)
{
	struct fixture_pusher *p;

	fixture_start(f, &(struct fake_host_options){ .fault = FAKE_HOST_SILENT });
	fixture_push_many(f, 0, 2);
	p = fixture_push_async(f, 2);
	fixture_wait_blocked(p);
	return p;
}

GST_START_TEST(stop_wakes_a_push_that_waits_for_the_window_trap_19)
{
	struct fixture f;
	struct fixture_pusher *p = push_beyond_the_window(&f);

	fixture_must_end(to_null, f.enc, 2000);
	fail_unless_equals_int(fixture_push_join(p), GST_FLOW_FLUSHING);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(flush_start_wakes_a_push_that_waits_for_the_window_trap_19)
{
	struct fixture f;
	struct fixture_pusher *p = push_beyond_the_window(&f);

	fail_unless(gst_harness_push_event(f.h, gst_event_new_flush_start()));
	fail_unless_equals_int(fixture_push_join(p), GST_FLOW_FLUSHING);
	fail_unless(gst_harness_push_event(f.h, gst_event_new_flush_stop(TRUE)));
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(stop_in_the_middle_of_a_response_does_not_wait_trap_21)
{
	struct fixture f;

	fixture_start(&f, &(struct fake_host_options){ .fault = FAKE_HOST_STALLMID });
	fixture_push_many(&f, 0, 1);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_RESPONSES, 1));
	fixture_must_end(to_null, f.enc, 2000);
	fixture_finish(&f);
}
GST_END_TEST;

static gpointer push_eos(gpointer data)
{
	struct fixture *f = data;

	gst_harness_push_event(f->h, gst_event_new_eos());
	return NULL;
}

GST_START_TEST(stop_wakes_a_drain_trap_20)
{
	struct fixture f;
	GThread *thread;

	fixture_start(&f, &(struct fake_host_options){ .fault = FAKE_HOST_SILENT });
	fixture_push_many(&f, 0, 1);
	thread = g_thread_new("eos", push_eos, &f);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 1));
	fixture_must_end(to_null, f.enc, 2000);
	g_thread_join(thread);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(flush_start_wakes_a_drain_trap_19)
{
	struct fixture f;
	GThread *thread;

	fixture_start(&f, &(struct fake_host_options){ .hold = true });
	fixture_push_many(&f, 0, 2);
	thread = g_thread_new("eos", push_eos, &f);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 2));
	fail_unless(gst_harness_push_event(f.h, gst_event_new_flush_start()));
	g_thread_join(thread);
	fail_unless(gst_harness_push_event(f.h, gst_event_new_flush_stop(TRUE)));
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(stop_wakes_a_send_to_a_host_that_does_not_read_trap_19)
{
	struct fixture f;
	struct fixture_pusher *p;

	fixture_prepare(&f, NULL);
	g_object_set(f.enc, "max-in-flight", 1, NULL);
	fixture_play(&f, FIXTURE_HUGE_CAPS);
	fake_host_pause(f.host, true);
	p = fixture_push_caps_async(&f, NULL, fixture_frame(0, FIXTURE_HUGE_SIZE));
	fixture_wait_blocked(p);
	fixture_must_end(to_null, f.enc, 2000);
	fixture_push_join(p);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_host_that_does_not_read_ends_in_an_error)
{
	struct fixture f;

	start(&f, NULL);
	gst_harness_set_src_caps_str(f.h, FIXTURE_HUGE_CAPS);
	fake_host_pause(f.host, true);
	for (guint i = 0; i < 20; i++)
		if (gst_harness_push(f.h, fixture_frame(i, FIXTURE_HUGE_SIZE)) != GST_FLOW_OK)
			break;
	g_free(fixture_wait_error(&f));
	fixture_teardown(&f);
}
GST_END_TEST;

static gint storm_over;

static void ignore_signal(int number)
{
}

static gpointer storm(gpointer data)
{
	pthread_t *victim = data;

	while (!g_atomic_int_get(&storm_over)) {
		pthread_kill(*victim, SIGUSR1);
		kill(getpid(), SIGUSR1);
		g_usleep(200);
	}
	return NULL;
}

GST_START_TEST(signals_and_small_writes_lose_nothing_trap_27)
{
	const struct sigaction action = { .sa_handler = ignore_signal }; /* no SA_RESTART */
	pthread_t self = pthread_self();
	struct fixture f;
	GThread *thread;

	sigaction(SIGUSR1, &action, NULL);
	fixture_prepare(&f, NULL);
	fixture_play(&f, FIXTURE_HUGE_CAPS);
	g_atomic_int_set(&storm_over, 0);
	thread = g_thread_new("storm", storm, &self);
	for (guint i = 0; i < 10; i++)
		fail_unless_equals_int(
			gst_harness_push(f.h, fixture_frame(i, FIXTURE_HUGE_SIZE)), GST_FLOW_OK);
	fixture_expect_many(&f, 0, 10);
	g_atomic_int_set(&storm_over, 1);
	g_thread_join(thread);
	for (guint i = 0; i < 10; i++) {
		GstBuffer *frame = fixture_frame(i, FIXTURE_HUGE_SIZE);
		GstMapInfo map;

		gst_buffer_map(frame, &map, GST_MAP_READ);
		fail_unless(
			fake_host_request(f.host, i).hash == fake_host_hash(map.data, map.size));
		gst_buffer_unmap(frame, &map);
		gst_buffer_unref(frame);
	}
	fixture_finish(&f);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, a_host_silent_from_the_start_is_called_silent_trap_19);
	tcase_add_test(tc, a_host_that_falls_silent_is_called_silent_trap_19);
	tcase_add_test(tc, a_response_that_stalls_half_way_ends_in_an_error_trap_21);
	tcase_add_test(tc, a_host_that_skips_frame_requests_is_named);
	tcase_add_test(tc, an_overdue_frame_is_asked_after_with_a_ping);
	tcase_add_test(tc, an_overdue_frame_of_a_living_host_is_dropped_and_the_stream_goes_on);
	tcase_add_test(tc, a_slow_host_within_the_deadline_is_no_error);
	tcase_add_test(tc, a_quiet_source_is_no_error_however_long);
	tcase_add_test(tc, stop_with_frames_in_flight_does_not_wait_trap_20);
	tcase_add_test(tc, stop_wakes_a_push_that_waits_for_the_window_trap_19);
	tcase_add_test(tc, flush_start_wakes_a_push_that_waits_for_the_window_trap_19);
	tcase_add_test(tc, stop_in_the_middle_of_a_response_does_not_wait_trap_21);
	tcase_add_test(tc, stop_wakes_a_drain_trap_20);
	tcase_add_test(tc, flush_start_wakes_a_drain_trap_19);
	tcase_add_test(tc, stop_wakes_a_send_to_a_host_that_does_not_read_trap_19);
	tcase_add_test(tc, a_host_that_does_not_read_ends_in_an_error);
	tcase_add_test(tc, signals_and_small_writes_lose_nothing_trap_27);
}

FIXTURE_MAIN(hangs)

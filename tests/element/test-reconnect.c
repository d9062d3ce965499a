/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* reconnect=true: an outage is a warning and a bounded retry. */

#include "fixture.h"

#include <unistd.h>

static void prepare(struct fixture *f, const struct fake_host_options *options)
{
	fixture_prepare(f, options);
	g_object_set(f->enc, "reconnect", TRUE, "reconnect-timeout", 5000, NULL);
}

static void start(struct fixture *f, const struct fake_host_options *options)
{
	prepare(f, options);
	fixture_play(f, NULL);
}

/* Pulls until frame `last`; frames come in order, each with its own payload. Returns how many
 * came. */
static guint expect_in_order_up_to(struct fixture *f, guint last)
{
	GstClockTime previous = 0;
	guint n = 0;

	for (;;) {
		GstBuffer *buffer = gst_harness_pull(f->h);
		GstClockTime pts = GST_BUFFER_PTS(buffer);

		fail_unless_equals_uint64(fixture_payload_pts(buffer), pts);
		fail_unless(n == 0 || pts > previous, "out of order");
		previous = pts;
		gst_buffer_unref(buffer);
		n++;
		if (pts == last * FIXTURE_INTERVAL)
			return n;
	}
}

static struct fake_host_request first_of_connection(struct fixture *f, unsigned connection)
{
	unsigned n = fake_host_count(f->host, FAKE_HOST_REQUESTS);

	for (unsigned i = 0; i < n; i++) {
		struct fake_host_request r = fake_host_request(f->host, i);

		if (r.connection == connection)
			return r;
	}
	fail("no request on connection %u", connection);
	return (struct fake_host_request){ 0 };
}

GST_START_TEST(a_dead_host_is_a_warning_and_the_stream_goes_on_with_an_idr_trap_28)
{
	struct fixture f;

	start(&f, &(struct fake_host_options){ .fault = FAKE_HOST_DIE, .fault_at = 5 });
	fixture_push_many(&f, 0, 20);
	fail_unless(expect_in_order_up_to(&f, 19) >= 17);
	g_free(fixture_wait_warning(&f));
	fail_unless_equals_int(fixture_take_errors(&f), 0);
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_CONNECTIONS), 2);
	fail_unless(first_of_connection(&f, 1).frame.force_keyframe);
	fail_unless_equals_uint64(fixture_stat(f.enc, "reconnects"), 1);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(the_new_connection_is_configured_again)
{
	struct fixture f;

	prepare(&f, &(struct fake_host_options){ .fault = FAKE_HOST_DIE, .fault_at = 5 });
	g_object_set(f.enc, "bitrate", 987000, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 20);
	expect_in_order_up_to(&f, 19);
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_CONFIGS), 2);
	fail_unless_equals_int(fake_host_config(f.host, 1).bitrate, 987000);
	fail_unless_equals_int(fake_host_config(f.host, 1).width, 320);
	fixture_take_warnings(&f);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(many_outages_leak_no_descriptor_trap_28)
{
	struct fixture f;
	guint before, next = 0;

	start(&f, NULL);
	fixture_push_many(&f, next, 1);
	fixture_expect(&f, next++);
	before = fixture_count_fds();
	for (guint round = 0; round < 10; round++) {
		fake_host_disconnect(f.host);
		fixture_wait_stat(f.enc, "reconnects", round + 1);
		fail_unless(fake_host_wait(f.host, FAKE_HOST_CONNECTIONS, round + 2));
		fixture_push_many(&f, next, 1);
		fixture_expect(&f, next++);
	}
	fail_unless_equals_int(fixture_count_fds(), before);
	fixture_take_warnings(&f);
	fixture_finish(&f);
}
GST_END_TEST;

/* Every failure of the table is an outage, not the end. */
static void expect_recovers(enum fake_host_fault fault)
{
	struct fixture f;

	prepare(&f, &(struct fake_host_options){ .fault = fault, .fault_at = 3 });
	g_object_set(f.enc, "response-timeout", 400, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 5);
	g_free(fixture_wait_warning(&f));
	fake_host_set_fault(f.host, FAKE_HOST_NO_FAULT, 0);
	fixture_push_many(&f, 5, 5);
	expect_in_order_up_to(&f, 9);
	fixture_take_warnings(&f);
	fixture_finish(&f);
}

GST_START_TEST(a_truncated_response_is_an_outage)
{
	expect_recovers(FAKE_HOST_TRUNCATE);
}
GST_END_TEST;

GST_START_TEST(garbage_is_an_outage)
{
	expect_recovers(FAKE_HOST_BADMAGIC);
}
GST_END_TEST;

GST_START_TEST(a_silent_host_is_an_outage)
{
	expect_recovers(FAKE_HOST_SILENT);
}
GST_END_TEST;

GST_START_TEST(a_stalled_response_is_an_outage)
{
	expect_recovers(FAKE_HOST_STALLMID);
}
GST_END_TEST;

GST_START_TEST(an_error_message_is_an_outage)
{
	expect_recovers(FAKE_HOST_ERROR);
}
GST_END_TEST;

GST_START_TEST(a_host_that_stays_away_is_an_error_after_reconnect_timeout)
{
	struct fixture f;

	prepare(&f, NULL);
	g_object_set(f.enc, "reconnect-timeout", 500, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 2);
	fixture_expect_many(&f, 0, 2);
	fake_host_free(g_steal_pointer(&f.host));
	g_free(fixture_wait_error(&f));
	fail_unless(fixture_take_warnings(&f) >= 1);
	fail_unless_equals_int(fixture_push(&f, 2), GST_FLOW_ERROR);
	fail_unless_equals_int(fixture_take_errors(&f), 0);
	fixture_teardown(&f);
}
GST_END_TEST;

/* A host that takes connections and drops them must not be asked without end or pause. */
GST_START_TEST(retries_back_off_and_are_bounded)
{
	struct fixture f;

	prepare(&f, &(struct fake_host_options){ .refuse = true });
	g_object_set(f.enc, "reconnect-timeout", 1500, NULL);
	fixture_play(&f, NULL);
	while (fixture_push(&f, 0) == GST_FLOW_OK)
		;
	g_free(fixture_wait_error(&f));
	fail_unless(fake_host_count(f.host, FAKE_HOST_CONNECTIONS) <= 40, "%u connections",
		fake_host_count(f.host, FAKE_HOST_CONNECTIONS));
	fail_unless(fixture_take_warnings(&f) <= 5, "a flood of warnings");
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(without_reconnect_there_is_one_connection)
{
	struct fixture f;

	fixture_start(&f, &(struct fake_host_options){ .fault = FAKE_HOST_DIE, .fault_at = 2 });
	for (guint i = 0; i < 50 && fixture_push(&f, i) == GST_FLOW_OK; i++)
		;
	g_free(fixture_wait_error(&f));
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_CONNECTIONS), 1);
	fail_unless_equals_int(fixture_take_warnings(&f), 0);
	fixture_teardown(&f);
}
GST_END_TEST;

static void to_null(gpointer data)
{
	gst_element_set_state(data, GST_STATE_NULL);
}

/* Starts f; the host is gone for good, and the push waits for another. */
static struct fixture_pusher *push_in_an_outage(struct fixture *f)
{
	struct fixture_pusher *p;

	prepare(f, NULL);
	g_object_set(f->enc, "reconnect-timeout", 60000, NULL);
	fixture_play(f, NULL);
	fixture_push_many(f, 0, 1);
	fixture_expect(f, 0);
	fake_host_free(g_steal_pointer(&f->host));
	g_free(fixture_wait_warning(f));
	p = fixture_push_async(f, 1);
	fixture_wait_blocked(p);
	return p;
}

GST_START_TEST(stop_ends_an_outage_at_once)
{
	struct fixture f;
	struct fixture_pusher *p = push_in_an_outage(&f);

	fixture_must_end(to_null, f.enc, 2000);
	fail_unless_equals_int(fixture_push_join(p), GST_FLOW_FLUSHING);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(a_flush_during_an_outage_does_not_hang)
{
	struct fixture f;
	struct fixture_pusher *p = push_in_an_outage(&f);

	fail_unless(gst_harness_push_event(f.h, gst_event_new_flush_start()));
	fail_unless_equals_int(fixture_push_join(p), GST_FLOW_FLUSHING);
	fail_unless(gst_harness_push_event(f.h, gst_event_new_flush_stop(TRUE)));
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(a_host_may_come_back_at_the_same_address)
{
	struct fixture f;
	g_autofree char *directory = g_dir_make_tmp("reconnect-XXXXXX", NULL);
	g_autofree char *endpoint = g_strdup_printf("unix:%s/host.sock", directory);

	start(&f, &(struct fake_host_options){ .endpoint = endpoint });
	fixture_push_many(&f, 0, 3);
	fixture_expect_many(&f, 0, 3);
	fake_host_free(f.host);
	g_free(fixture_wait_warning(&f));
	f.host = fake_host_new(&(struct fake_host_options){ .endpoint = endpoint });
	fixture_push_many(&f, 3, 3);
	fixture_expect_many(&f, 3, 3);
	fail_unless(fake_host_request(f.host, 0).frame.force_keyframe);
	fail_unless_equals_uint64(fixture_stat(f.enc, "reconnects"), 1);
	fixture_finish(&f);
	rmdir(directory);
}
GST_END_TEST;

GST_START_TEST(a_host_may_come_after_the_pipeline)
{
	struct fixture f;
	g_autofree char *directory = g_dir_make_tmp("reconnect-XXXXXX", NULL);
	g_autofree char *endpoint = g_strdup_printf("unix:%s/host.sock", directory);

	prepare(&f, NULL);
	fake_host_free(f.host);
	g_object_set(f.enc, "endpoint", endpoint, NULL);
	fixture_play(&f, NULL);
	g_free(fixture_wait_warning(&f));
	f.host = fake_host_new(&(struct fake_host_options){ .endpoint = endpoint });
	fixture_push_many(&f, 0, 3);
	fixture_expect_many(&f, 0, 3);
	fixture_finish(&f);
	rmdir(directory);
}
GST_END_TEST;

GST_START_TEST(eos_during_an_outage_ends)
{
	struct fixture f;

	prepare(&f, &(struct fake_host_options){ .hold = true });
	g_object_set(f.enc, "reconnect-timeout", 500, NULL);
	fixture_play(&f, NULL);
	fixture_push_many(&f, 0, 2);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 2));
	fake_host_free(g_steal_pointer(&f.host));
	gst_harness_push_event(f.h, gst_event_new_eos());
	fail_unless_equals_int(gst_harness_buffers_received(f.h), 0);
	fixture_teardown(&f);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, a_dead_host_is_a_warning_and_the_stream_goes_on_with_an_idr_trap_28);
	tcase_add_test(tc, the_new_connection_is_configured_again);
	tcase_add_test(tc, many_outages_leak_no_descriptor_trap_28);
	tcase_add_test(tc, a_truncated_response_is_an_outage);
	tcase_add_test(tc, garbage_is_an_outage);
	tcase_add_test(tc, a_silent_host_is_an_outage);
	tcase_add_test(tc, a_stalled_response_is_an_outage);
	tcase_add_test(tc, an_error_message_is_an_outage);
	tcase_add_test(tc, a_host_that_stays_away_is_an_error_after_reconnect_timeout);
	tcase_add_test(tc, retries_back_off_and_are_bounded);
	tcase_add_test(tc, without_reconnect_there_is_one_connection);
	tcase_add_test(tc, stop_ends_an_outage_at_once);
	tcase_add_test(tc, a_flush_during_an_outage_does_not_hang);
	tcase_add_test(tc, a_host_may_come_back_at_the_same_address);
	tcase_add_test(tc, a_host_may_come_after_the_pipeline);
	tcase_add_test(tc, eos_during_an_outage_ends);
}

FIXTURE_MAIN(reconnect)

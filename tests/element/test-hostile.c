/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hosts that die, lie and talk garbage: one error that says what to check, bounded memory, no
 * crash. */

#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define MEMORY_BOUND_KB (64u * 1024) /* what one bad message may cost; the promises are 4 GiB */

/* A field of /proc/self/status in kB. */
static guint64 read_status(const char *field)
{
	g_autofree char *text = NULL;
	const char *at;

	fail_unless(g_file_get_contents("/proc/self/status", &text, NULL, NULL));
	at = strstr(text, field);
	fail_unless(at != NULL);
	return g_ascii_strtoull(at + strlen(field) + 1, NULL, 10);
}

/* Pushes up to n frames, each when the one before was answered, until one is refused. */
static GstFlowReturn push_until_error(struct fixture *f, guint n)
{
	GstFlowReturn flow = GST_FLOW_OK;

	for (guint i = 0; i < n && flow == GST_FLOW_OK; i++)
		flow = fixture_push(f, i);
	return flow;
}

/* The stream ends in exactly one error that mentions word, frames 0 to fault_at - 1 came out. */
static void expect_error(const struct fake_host_options *options, const char *word)
{
	struct fixture f;
	g_autofree char *text = NULL;

	fixture_start(&f, options);
	fail_unless_equals_int(push_until_error(&f, 200), GST_FLOW_ERROR);
	text = fixture_wait_error(&f);
	fixture_assert_mentions(text, word);
	fixture_expect_many(&f, 0, options->fault_at);
	fail_unless(gst_harness_try_pull(f.h) == NULL);
	fail_unless_equals_int(fixture_push(&f, 300), GST_FLOW_ERROR);
	fail_unless_equals_int(fixture_take_errors(&f), 0);
	fixture_teardown(&f);
}

/* The same, and memory stays where it was. */
static void expect_bounded_error(const struct fake_host_options *options, const char *word)
{
	guint64 size = read_status("VmPeak:"), resident = read_status("VmHWM:");

	expect_error(options, word);
	fail_unless(read_status("VmHWM:") - resident < MEMORY_BOUND_KB, "memory was spent");
	/* threads have stacks and arenas of their own, but not gigabytes */
	fail_unless(read_status("VmPeak:") - size < 1024 * 1024, "memory was reserved");
}

GST_START_TEST(a_host_that_dies_is_an_error_not_sigpipe_trap_18)
{
	signal(SIGPIPE, SIG_DFL);
	expect_error(&(struct fake_host_options){ .fault = FAKE_HOST_DIE, .fault_at = 5 }, "host");
}
GST_END_TEST;

GST_START_TEST(a_host_that_dies_before_its_first_answer_is_an_error_trap_18)
{
	signal(SIGPIPE, SIG_DFL);
	expect_error(&(struct fake_host_options){ .fault = FAKE_HOST_DIE }, "host");
}
GST_END_TEST;

GST_START_TEST(a_host_that_dies_while_nothing_is_asked_is_an_error_at_once)
{
	struct fixture f;

	signal(SIGPIPE, SIG_DFL);
	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 1);
	fixture_expect(&f, 0);
	fake_host_disconnect(f.host);
	g_free(fixture_wait_error(&f));
	fail_unless_equals_int(fixture_push(&f, 1), GST_FLOW_ERROR);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(a_refused_frame_is_given_back_trap_30)
{
	struct fixture f;
	GstBuffer *frame = fixture_frame(7, FIXTURE_SIZE);

	fixture_start(&f, &(struct fake_host_options){ .fault = FAKE_HOST_DIE });
	fail_unless_equals_int(push_until_error(&f, 200), GST_FLOW_ERROR);
	g_free(fixture_wait_error(&f));
	fail_unless_equals_int(gst_harness_push(f.h, gst_buffer_ref(frame)), GST_FLOW_ERROR);
	ASSERT_BUFFER_REFCOUNT(frame, "frame", 1);
	gst_buffer_unref(frame);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(a_truncated_response_is_an_error)
{
	expect_error(
		&(struct fake_host_options){ .fault = FAKE_HOST_TRUNCATE, .fault_at = 5 }, "host");
}
GST_END_TEST;

GST_START_TEST(an_error_text_without_nul_is_bounded_trap_24)
{
	struct fixture f;
	g_autofree char *text = NULL;
	guint run = 0;

	fixture_start(&f, &(struct fake_host_options){ .fault = FAKE_HOST_ERROR, .fault_at = 5 });
	fail_unless_equals_int(push_until_error(&f, 200), GST_FLOW_ERROR);
	text = fixture_wait_error(&f);
	fixture_assert_mentions(text, "AAAA");
	fixture_assert_mentions(text, "-5");
	for (const char *c = text; *c; c++)
		run += *c == 'A';
	fail_unless(run <= 2 * HXFR_ERROR_TEXT_SIZE + 8, "%u times A", run);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(an_error_of_the_host_is_shown_once_trap_12)
{
	expect_error(
		&(struct fake_host_options){ .fault = FAKE_HOST_ALLERROR }, "resource not found");
}
GST_END_TEST;

GST_START_TEST(a_bad_magic_is_fatal_trap_25)
{
	expect_error(
		&(struct fake_host_options){ .fault = FAKE_HOST_BADMAGIC, .fault_at = 5 }, "HXFR");
}
GST_END_TEST;

GST_START_TEST(a_huge_nal_size_costs_no_memory_trap_22)
{
	expect_bounded_error(
		&(struct fake_host_options){ .fault = FAKE_HOST_HUGENAL, .fault_at = 10 }, "host");
}
GST_END_TEST;

GST_START_TEST(a_huge_nal_count_ends_trap_23)
{
	expect_bounded_error(
		&(struct fake_host_options){ .fault = FAKE_HOST_HUGECOUNT, .fault_at = 10 },
		"host");
}
GST_END_TEST;

/* What follows is swallowed as the payload of the unknown message: the host has gone silent. */
GST_START_TEST(a_huge_unknown_payload_costs_no_memory_trap_22)
{
	guint64 resident = read_status("VmHWM:");
	struct fixture f;

	fixture_prepare(
		&f, &(struct fake_host_options){ .fault = FAKE_HOST_HUGEPAYLOAD, .fault_at = 10 });
	g_object_set(f.enc, "response-timeout", 300, NULL);
	fixture_play(&f, NULL);
	fail_unless_equals_int(push_until_error(&f, 200), GST_FLOW_ERROR);
	g_free(fixture_wait_error(&f));
	fixture_expect_many(&f, 0, 10);
	fail_unless(read_status("VmHWM:") - resident < MEMORY_BOUND_KB);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(bytes_that_are_no_hxfr_are_an_error)
{
	static const char http[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
	struct fixture f;
	g_autofree char *text = NULL;

	fixture_start(&f, &(struct fake_host_options){ .hold = true });
	fixture_push_many(&f, 0, 1);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 1));
	fake_host_send(f.host, http, strlen(http));
	text = fixture_wait_error(&f);
	fixture_assert_mentions(text, "HXFR");
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(a_host_that_closes_every_connection_is_an_error)
{
	struct fixture f;

	fixture_start(&f, &(struct fake_host_options){ .refuse = true });
	fail_unless_equals_int(push_until_error(&f, 200), GST_FLOW_ERROR);
	g_free(fixture_wait_error(&f));
	fail_unless_equals_int(fixture_take_errors(&f), 0);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(messages_only_a_guest_may_send_are_survived)
{
	struct fixture f;
	/* SUBSCRIBE of scanout 1, HELLO_RESP: known types, nobody asked */
	static const uint8_t subscribe[] = { 'H', 'X', 'F', 'R', 0x30, 0, 1, 0, 4, 0, 0, 0, 1, 0, 0,
		0 };
	static const uint8_t hello[] = { 'H', 'X', 'F', 'R', 0x41, 0, 1, 0, 8, 0, 0, 0, 2, 0, 0, 0,
		0, 0, 0, 0 };

	fixture_start(&f, NULL);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_CONNECTIONS, 1));
	fake_host_send(f.host, subscribe, sizeof(subscribe));
	fake_host_send(f.host, hello, sizeof(hello));
	fixture_push_many(&f, 0, 5);
	fixture_expect_many(&f, 0, 5);
	fixture_finish(&f);
}
GST_END_TEST;

/* A host's own PING is answered or passed over, but it breaks nothing. */
GST_START_TEST(a_ping_of_the_host_is_survived)
{
	struct fixture f;
	static const uint8_t ping[] = { 'H', 'X', 'F', 'R', 0x10, 0, 1, 0, 0, 0, 0, 0 };

	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 1);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_CONNECTIONS, 1));
	fake_host_send(f.host, ping, sizeof(ping));
	fixture_push_many(&f, 1, 3);
	fixture_expect_many(&f, 0, 4);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_response_before_any_request_is_nobodys)
{
	struct fixture f;
	static const uint8_t response[] = { 'H', 'X', 'F', 'R', 2, 0, 1, 0, 24, 0, 0, 0,
		/* pts, dts */ 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		/* is_keyframe, reserved, nal_count */ 1, 0, 0, 0, 0, 0, 0, 0 };

	fixture_start(&f, NULL);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_CONNECTIONS, 1));
	fake_host_send(f.host, response, sizeof(response));
	fixture_push_many(&f, 0, 5);
	fixture_expect_many(&f, 0, 5);
	fail_unless_equals_int(fixture_stat(f.enc, "frames-dropped"), 0);
	fixture_finish(&f);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, a_host_that_dies_is_an_error_not_sigpipe_trap_18);
	tcase_add_test(tc, a_host_that_dies_before_its_first_answer_is_an_error_trap_18);
	tcase_add_test(tc, a_host_that_dies_while_nothing_is_asked_is_an_error_at_once);
	tcase_add_test(tc, a_refused_frame_is_given_back_trap_30);
	tcase_add_test(tc, a_truncated_response_is_an_error);
	tcase_add_test(tc, an_error_text_without_nul_is_bounded_trap_24);
	tcase_add_test(tc, an_error_of_the_host_is_shown_once_trap_12);
	tcase_add_test(tc, a_bad_magic_is_fatal_trap_25);
	tcase_add_test(tc, a_huge_nal_size_costs_no_memory_trap_22);
	tcase_add_test(tc, a_huge_nal_count_ends_trap_23);
	tcase_add_test(tc, a_huge_unknown_payload_costs_no_memory_trap_22);
	tcase_add_test(tc, bytes_that_are_no_hxfr_are_an_error);
	tcase_add_test(tc, a_host_that_closes_every_connection_is_an_error);
	tcase_add_test(tc, messages_only_a_guest_may_send_are_survived);
	tcase_add_test(tc, a_ping_of_the_host_is_survived);
	tcase_add_test(tc, a_response_before_any_request_is_nobodys);
}

FIXTURE_MAIN(hostile)

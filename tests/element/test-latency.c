/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The latency that a live pipeline is told: what the window and the host take, and nothing else. */

#include "fixture.h"

#define REVIEWED 64u  /* frames after which what was measured is looked at */
#define STALL_MS 500u /* of downstream; far beyond what the scripted host takes */

static void push_and_expect(struct fixture *f, guint first, guint n)
{
	for (guint i = first; i < first + n; i++) {
		fixture_push_many(f, i, 1);
		fixture_expect(f, i);
	}
}

static GstClockTime window_of(guint frames, gint per_second)
{
	return frames * gst_util_uint64_scale_int(GST_SECOND, 1, per_second);
}

GST_START_TEST(a_stall_downstream_is_not_the_hosts_latency)
{
	struct fixture_block *block;
	struct fixture f;

	fixture_start(&f, NULL);
	push_and_expect(&f, 0, 1);
	block = fixture_block_src(&f);
	fake_host_hold(f.host, true);
	fixture_push_many(&f, 1, 2);
	fake_host_hold(f.host, false);
	fixture_wait_held(block);
	/* the answer to frame 2 waits unread meanwhile */
	fail_unless(fake_host_wait(f.host, FAKE_HOST_RESPONSES, 3));
	fixture_stay_quiet(&f, STALL_MS);
	fixture_unblock(block);
	fixture_expect_many(&f, 1, 2);
	push_and_expect(&f, 3, 2 * REVIEWED);
	fail_unless(fixture_stat(f.enc, "latency-p99") < STALL_MS * GST_MSECOND);
	fail_unless(gst_harness_query_latency(f.h) < STALL_MS * GST_MSECOND);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_host_slower_than_the_window_is_reported)
{
	const guint delay_ms = 10;
	struct fixture f;

	fixture_prepare(&f, &(struct fake_host_options){ .delay_ms = delay_ms });
	g_object_set(f.enc, "max-in-flight", 1, NULL);
	fixture_play(&f, "video/x-raw,format=NV12,width=320,height=240,framerate=240/1");
	push_and_expect(&f, 0, 1);
	fail_unless_equals_uint64(gst_harness_query_latency(f.h), window_of(1, 240));
	push_and_expect(&f, 1, REVIEWED);
	fail_unless(gst_harness_query_latency(f.h) >= delay_ms * GST_MSECOND);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(the_latency_comes_down_with_faster_caps)
{
	struct fixture f;

	fixture_prepare(&f, NULL);
	g_object_set(f.enc, "max-in-flight", 2, NULL);
	fixture_play(&f, "video/x-raw,format=NV12,width=320,height=240,framerate=1/1");
	push_and_expect(&f, 0, 1);
	fail_unless_equals_uint64(gst_harness_query_latency(f.h), window_of(2, 1));
	gst_harness_set_src_caps_str(
		f.h, "video/x-raw,format=NV12,width=320,height=240,framerate=60/1");
	push_and_expect(&f, 1, 1);
	fail_unless_equals_uint64(gst_harness_query_latency(f.h), window_of(2, 60));
	fixture_finish(&f);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, a_stall_downstream_is_not_the_hosts_latency);
	tcase_add_test(tc, a_host_slower_than_the_window_is_reported);
	tcase_add_test(tc, the_latency_comes_down_with_faster_caps);
}

FIXTURE_MAIN(latency)

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A DMA-BUF that is still being drawn: its request waits for the fence, and every such wait
 * ends. */

#include "dmabuf-fixture.h"

#include <unistd.h>

/* Close *ret_fence after the push was joined. */
static struct fixture_pusher *push_pending(struct fixture *f, guint i, int *ret_fence)
{
	return fixture_push_caps_async(f, NULL, dmabuf_frame_pending(i, ret_fence));
}

GST_START_TEST(a_request_waits_for_the_fence_trap_11)
{
	struct fixture f;
	struct fixture_pusher *p;
	int fence;

	dmabuf_start(&f, NULL);
	fail_unless_equals_int(gst_harness_push(f.h, dmabuf_frame(0)), GST_FLOW_OK);
	p = push_pending(&f, 1, &fence);
	/* the answer to frame 0 and a round trip of the host's thread: time enough to send too
	 * early */
	fixture_expect(&f, 0);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 1));
	fixture_stay_quiet(&f, 200);
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_REQUESTS), 1);
	dmabuf_signal(fence);
	fail_unless_equals_int(fixture_push_join(p), GST_FLOW_OK);
	fixture_expect(&f, 1);
	close(fence);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(stop_wakes_a_wait_for_a_fence_trap_11)
{
	struct fixture f;
	struct fixture_pusher *p;
	int fence;

	dmabuf_start(&f, NULL);
	p = push_pending(&f, 0, &fence);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_CONFIGS, 1));
	gst_element_set_state(f.enc, GST_STATE_NULL);
	fail_unless_equals_int(fixture_push_join(p), GST_FLOW_FLUSHING);
	close(fence);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(flush_start_wakes_a_wait_for_a_fence_trap_11)
{
	struct fixture f;
	struct fixture_pusher *p;
	int fence;

	dmabuf_start(&f, NULL);
	p = push_pending(&f, 0, &fence);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_CONFIGS, 1));
	fail_unless(gst_harness_push_event(f.h, gst_event_new_flush_start()));
	fail_unless_equals_int(fixture_push_join(p), GST_FLOW_FLUSHING);
	fail_unless(gst_harness_push_event(f.h, gst_event_new_flush_stop(TRUE)));
	close(fence);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_fence_that_never_signals_ends_in_an_error_trap_11)
{
	struct fixture f;
	int fence;

	fake_drm_reset();
	fixture_prepare(&f, NULL);
	g_object_set(f.enc, "response-timeout", 300, NULL);
	fixture_play(&f, DMABUF_CAPS);
	fail_unless_equals_int(
		gst_harness_push(f.h, dmabuf_frame_pending(0, &fence)), GST_FLOW_ERROR);
	g_free(fixture_wait_error(&f));
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_REQUESTS), 0);
	close(fence);
	fixture_teardown(&f);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, a_request_waits_for_the_fence_trap_11);
	tcase_add_test(tc, stop_wakes_a_wait_for_a_fence_trap_11);
	tcase_add_test(tc, flush_start_wakes_a_wait_for_a_fence_trap_11);
	tcase_add_test(tc, a_fence_that_never_signals_ends_in_an_error_trap_11);
}

FIXTURE_MAIN(fences)

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* DMA-BUFs go out by resource id, looked up once; without one as pixels, never as nothing. */

#include "dmabuf-fixture.h"

#include <unistd.h>

#define POOL_SIZE 24u

static const struct fake_host_options keep_pixels = { .keep_pixels = true };

static guint32 id_of(GstBuffer *buffer)
{
	return fake_drm_resource_id(dmabuf_fd(gst_buffer_peek_memory(buffer, 0)));
}

GST_START_TEST(a_resource_goes_out_as_its_id_without_pixels)
{
	struct fixture f;
	struct fake_host_request r;
	GstBuffer *frame = dmabuf_frame(0);
	guint32 id;

	dmabuf_start(&f, NULL);
	id = id_of(frame);
	fail_unless_equals_int(gst_harness_push(f.h, frame), GST_FLOW_OK);
	fixture_expect(&f, 0);
	r = fake_host_request(f.host, 0);
	fail_unless_equals_int(r.frame.resource_id, id);
	fail_unless_equals_int(r.flags, 0);
	fail_unless_equals_int(r.frame.pixels_size, 0);
	fail_unless_equals_int(r.frame.stride, 320);
	fail_unless_equals_int(r.frame.format, HXFR_FORMAT_NV12);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-id"), 1);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-pixels"), 0);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_pool_costs_its_ioctls_once_trap_39)
{
	struct fixture f;
	GstBuffer *pool[POOL_SIZE];

	dmabuf_start(&f, NULL);
	for (guint i = 0; i < POOL_SIZE; i++)
		pool[i] = dmabuf_frame(i);
	for (guint i = 0; i < 200; i++) {
		GstBuffer *frame = gst_buffer_copy(pool[i % POOL_SIZE]);

		GST_BUFFER_PTS(frame) = i * FIXTURE_INTERVAL;
		fail_unless_equals_int(gst_harness_push(f.h, frame), GST_FLOW_OK);
	}
	fixture_expect_many(&f, 0, 200);
	fail_unless_equals_int(dmabuf_counts().prime, POOL_SIZE);
	fail_unless_equals_int(dmabuf_counts().info, POOL_SIZE);
	for (guint i = 0; i < 200; i++)
		fail_unless_equals_int(
			fake_host_request(f.host, i).frame.resource_id, id_of(pool[i % POOL_SIZE]));
	for (guint i = 0; i < POOL_SIZE; i++)
		gst_buffer_unref(pool[i]);
	fixture_finish(&f);
	fail_unless_equals_int(dmabuf_counts().open, 0);
	fail_unless_equals_int(dmabuf_counts().decoys, 0);
}
GST_END_TEST;

/* pipewiresrc shares the memory of its pool anew for every buffer. */
GST_START_TEST(fresh_shares_of_one_memory_cost_no_ioctls_trap_39)
{
	struct fixture f;
	GstBuffer *frame = dmabuf_frame(0);

	dmabuf_start(&f, NULL);
	for (guint i = 0; i < 50; i++) {
		GstBuffer *buffer = gst_buffer_new();

		gst_buffer_append_memory(
			buffer, gst_memory_share(gst_buffer_peek_memory(frame, 0), 0, -1));
		GST_BUFFER_PTS(buffer) = i * FIXTURE_INTERVAL;
		fail_unless_equals_int(gst_harness_push(f.h, buffer), GST_FLOW_OK);
	}
	fixture_expect_many(&f, 0, 50);
	fail_unless_equals_int(dmabuf_counts().prime, 1);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-id"), 50);
	gst_buffer_unref(frame);
	fixture_finish(&f);
	fail_unless_equals_int(dmabuf_counts().open, 0);
}
GST_END_TEST;

GST_START_TEST(a_dead_memory_takes_its_handle_along)
{
	struct fixture f;

	dmabuf_start(&f, NULL);
	for (guint i = 0; i < 5; i++) {
		fail_unless_equals_int(gst_harness_push(f.h, dmabuf_frame(i)), GST_FLOW_OK);
		fixture_expect(&f, i);
	}
	fixture_wait_stat(f.enc, "frames-encoded", 5);
	gst_harness_push_event(f.h, gst_event_new_eos());
	fixture_count_until_eos(&f);
	fail_unless_equals_int(dmabuf_counts().open, 0);
	fail_unless_equals_int(dmabuf_counts().decoys, 0);
	fixture_finish(&f);
}
GST_END_TEST;

/* Two memories, one kernel buffer: closing the handle with the first would cut off the second. */
GST_START_TEST(two_wraps_of_one_dmabuf_share_a_handle)
{
	struct fixture f;
	GstBuffer *one = dmabuf_frame(0), *other = gst_buffer_new();
	int fd = dup(dmabuf_fd(gst_buffer_peek_memory(one, 0)));

	dmabuf_start(&f, NULL);
	gst_buffer_append_memory(other, dmabuf_wrap(fd, FIXTURE_SIZE));
	GST_BUFFER_PTS(other) = FIXTURE_INTERVAL;
	fail_unless_equals_int(gst_harness_push(f.h, gst_buffer_ref(one)), GST_FLOW_OK);
	fail_unless_equals_int(gst_harness_push(f.h, other), GST_FLOW_OK);
	fixture_expect_many(&f, 0, 2);
	fail_unless_equals_int(fake_host_request(f.host, 1).frame.resource_id, id_of(one));
	fixture_wait_stat(f.enc, "frames-encoded", 2);
	gst_harness_push_event(f.h, gst_event_new_eos());
	fixture_count_until_eos(&f);
	fail_unless_equals_int(dmabuf_counts().open, 1);
	gst_buffer_unref(one);
	fail_unless_equals_int(dmabuf_counts().open, 0);
	fail_unless_equals_int(dmabuf_counts().decoys, 0);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(the_node_is_found_by_driver_name_trap_37)
{
	struct fixture f;

	dmabuf_start(&f, NULL);
	fail_unless_equals_int(gst_harness_push(f.h, dmabuf_frame(0)), GST_FLOW_OK);
	fixture_expect(&f, 0);
	fail_unless_equals_int(dmabuf_counts().scans, 1);
	fail_unless_equals_int(dmabuf_counts().decoys, 0);
	fail_unless_equals_int(dmabuf_counts().prime, 1);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(drm_device_names_the_node_trap_37)
{
	struct fixture f;

	fake_drm_reset();
	fixture_prepare(&f, NULL);
	g_object_set(f.enc, "drm-device", FAKE_DRM_NODE, NULL);
	fixture_play(&f, DMABUF_CAPS);
	fail_unless_equals_int(gst_harness_push(f.h, dmabuf_frame(0)), GST_FLOW_OK);
	fixture_expect(&f, 0);
	fail_unless_equals_int(dmabuf_counts().scans, 0);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-id"), 1);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(system_memory_looks_for_no_node_again_and_again_trap_37)
{
	struct fixture f;

	fake_drm_reset();
	fake_drm_set_driver(NULL);
	fixture_start(&f, NULL);
	fixture_push_many(&f, 0, 50);
	fixture_expect_many(&f, 0, 50);
	fail_unless(dmabuf_counts().scans <= 1);
	fail_unless_equals_int(dmabuf_counts().prime, 0);
	fixture_finish(&f);
}
GST_END_TEST;

static void expect_frame_as_pixels(struct fixture *f)
{
	g_autofree guint8 *data = dmabuf_pattern(0, FIXTURE_SIZE);

	fail_unless_equals_int(gst_harness_push(f->h, dmabuf_frame(0)), GST_FLOW_OK);
	fixture_expect(f, 0);
	dmabuf_assert_pixels(f, 0, data, FIXTURE_SIZE);
	fail_unless_equals_uint64(fixture_stat(f->enc, "frames-by-pixels"), 1);
	fixture_finish(f);
}

GST_START_TEST(without_a_node_the_pixels_go_out)
{
	struct fixture f;

	dmabuf_start(&f, &keep_pixels);
	fake_drm_set_driver(NULL);
	expect_frame_as_pixels(&f);
}
GST_END_TEST;

GST_START_TEST(what_is_no_resource_goes_out_as_pixels_and_is_not_asked_again)
{
	struct fixture f;
	GstBuffer *frame = dmabuf_frame(0);

	dmabuf_start(&f, &keep_pixels);
	fake_drm_fail_info(true);
	for (guint i = 0; i < 10; i++) {
		GstBuffer *buffer = gst_buffer_copy(frame);

		GST_BUFFER_PTS(buffer) = i * FIXTURE_INTERVAL;
		fail_unless_equals_int(gst_harness_push(f.h, buffer), GST_FLOW_OK);
	}
	fixture_expect_many(&f, 0, 10);
	fail_unless_equals_int(dmabuf_counts().info, 1);
	fail_unless_equals_int(dmabuf_counts().open, 0);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-pixels"), 10);
	gst_buffer_unref(frame);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(neither_id_nor_pixels_is_an_error_and_no_request_trap_10)
{
	struct fixture f;
	int fence;
	GstBuffer *frame = dmabuf_frame_pending(0, &fence);

	dmabuf_start(&f, NULL);
	fake_drm_fail_info(true);
	dmabuf_signal(fence);
	fail_unless_equals_int(gst_harness_push(f.h, frame), GST_FLOW_ERROR);
	g_free(fixture_wait_error(&f));
	gst_element_set_state(f.enc, GST_STATE_NULL);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_DISCONNECTIONS, 1));
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_REQUESTS), 0);
	close(fence);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(the_dmabuf_is_held_until_the_answer)
{
	struct fixture f;
	GstBuffer *frame = dmabuf_frame(0);

	dmabuf_start(&f, &(struct fake_host_options){ .hold = true });
	fail_unless_equals_int(gst_harness_push(f.h, gst_buffer_ref(frame)), GST_FLOW_OK);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 1));
	fail_unless(GST_MINI_OBJECT_REFCOUNT_VALUE(frame) > 1, "let go before the answer");
	fake_host_hold(f.host, false);
	fixture_expect(&f, 0);
	fixture_wait_stat(f.enc, "frames-encoded", 1);
	gst_harness_push_event(f.h, gst_event_new_eos());
	fixture_count_until_eos(&f);
	ASSERT_BUFFER_REFCOUNT(frame, "frame", 1);
	gst_buffer_unref(frame);
	fixture_finish(&f);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, a_resource_goes_out_as_its_id_without_pixels);
	tcase_add_test(tc, a_pool_costs_its_ioctls_once_trap_39);
	tcase_add_test(tc, fresh_shares_of_one_memory_cost_no_ioctls_trap_39);
	tcase_add_test(tc, a_dead_memory_takes_its_handle_along);
	tcase_add_test(tc, two_wraps_of_one_dmabuf_share_a_handle);
	tcase_add_test(tc, the_node_is_found_by_driver_name_trap_37);
	tcase_add_test(tc, drm_device_names_the_node_trap_37);
	tcase_add_test(tc, system_memory_looks_for_no_node_again_and_again_trap_37);
	tcase_add_test(tc, without_a_node_the_pixels_go_out);
	tcase_add_test(tc, what_is_no_resource_goes_out_as_pixels_and_is_not_asked_again);
	tcase_add_test(tc, neither_id_nor_pixels_is_an_error_and_no_request_trap_10);
	tcase_add_test(tc, the_dmabuf_is_held_until_the_answer);
}

FIXTURE_MAIN(dmabuf)

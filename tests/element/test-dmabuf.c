/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* DMA-BUF frames: by resource id where the wire can say them, as pixels where not, never as nothing. */

#include "dmabuf-frame.h"
#include "fake-libdrm.h"
#include "fixture.h"

#include <string.h>
#include <unistd.h>

#define DMABUF_CAPS "video/x-raw(memory:DMABuf),format=NV12,width=320,height=240,framerate=30/1"
#define BGRX_CAPS   "video/x-raw(memory:DMABuf),format=BGRx,width=320,height=240,framerate=30/1"
#define POOL_SIZE   24u

static void start(struct fixture *f, const struct fake_host_options *options)
{
	fake_drm_reset();
	fixture_prepare(f, options);
	fixture_play(f, DMABUF_CAPS);
}

static void make_info(GstVideoInfo *info, GstVideoFormat format)
{
	gst_video_info_set_format(info, format, 320, 240);
}

static GstBuffer *dmabuf_frame(guint i)
{
	GstVideoInfo info;
	GstBuffer *buffer;

	make_info(&info, GST_VIDEO_FORMAT_NV12);
	buffer = dmabuf_frame_new(&info, i);
	GST_BUFFER_PTS(buffer) = i * FIXTURE_INTERVAL;
	GST_BUFFER_DURATION(buffer) = FIXTURE_INTERVAL;
	return buffer;
}

static struct fake_drm_counts counts(void)
{
	struct fake_drm_counts c;

	fake_drm_get_counts(&c);
	return c;
}

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

	start(&f, NULL);
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

	start(&f, NULL);
	for (guint i = 0; i < POOL_SIZE; i++)
		pool[i] = dmabuf_frame(i);
	for (guint i = 0; i < 200; i++) {
		GstBuffer *frame = gst_buffer_copy(pool[i % POOL_SIZE]);

		GST_BUFFER_PTS(frame) = i * FIXTURE_INTERVAL;
		fail_unless_equals_int(gst_harness_push(f.h, frame), GST_FLOW_OK);
	}
	fixture_expect_many(&f, 0, 200);
	fail_unless_equals_int(counts().prime, POOL_SIZE);
	fail_unless_equals_int(counts().info, POOL_SIZE);
	for (guint i = 0; i < 200; i++)
		fail_unless_equals_int(
			fake_host_request(f.host, i).frame.resource_id, id_of(pool[i % POOL_SIZE]));
	for (guint i = 0; i < POOL_SIZE; i++)
		gst_buffer_unref(pool[i]);
	fixture_finish(&f);
	fail_unless_equals_int(counts().open, 0);
	fail_unless_equals_int(counts().decoys, 0);
}
GST_END_TEST;

/* pipewiresrc shares the memory of its pool anew for every buffer. */
GST_START_TEST(fresh_shares_of_one_memory_cost_no_ioctls_trap_39)
{
	struct fixture f;
	GstBuffer *frame = dmabuf_frame(0);

	start(&f, NULL);
	for (guint i = 0; i < 50; i++) {
		GstBuffer *buffer = gst_buffer_new();

		gst_buffer_append_memory(
			buffer, gst_memory_share(gst_buffer_peek_memory(frame, 0), 0, -1));
		GST_BUFFER_PTS(buffer) = i * FIXTURE_INTERVAL;
		fail_unless_equals_int(gst_harness_push(f.h, buffer), GST_FLOW_OK);
	}
	fixture_expect_many(&f, 0, 50);
	fail_unless_equals_int(counts().prime, 1);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-id"), 50);
	gst_buffer_unref(frame);
	fixture_finish(&f);
	fail_unless_equals_int(counts().open, 0);
}
GST_END_TEST;

GST_START_TEST(a_dead_memory_takes_its_handle_along)
{
	struct fixture f;

	start(&f, NULL);
	for (guint i = 0; i < 5; i++) {
		fail_unless_equals_int(gst_harness_push(f.h, dmabuf_frame(i)), GST_FLOW_OK);
		fixture_expect(&f, i);
	}
	fixture_wait_stat(f.enc, "frames-encoded", 5);
	gst_harness_push_event(f.h, gst_event_new_eos());
	fixture_count_until_eos(&f);
	fail_unless_equals_int(counts().open, 0);
	fail_unless_equals_int(counts().decoys, 0);
	fixture_finish(&f);
}
GST_END_TEST;

/* Two memories, one kernel buffer: closing the handle with the first would cut off the second. */
GST_START_TEST(two_wraps_of_one_dmabuf_share_a_handle)
{
	struct fixture f;
	GstBuffer *one = dmabuf_frame(0), *other = gst_buffer_new();
	int fd = dup(dmabuf_fd(gst_buffer_peek_memory(one, 0)));

	start(&f, NULL);
	gst_buffer_append_memory(other, dmabuf_wrap(fd, FIXTURE_SIZE));
	GST_BUFFER_PTS(other) = FIXTURE_INTERVAL;
	fail_unless_equals_int(gst_harness_push(f.h, gst_buffer_ref(one)), GST_FLOW_OK);
	fail_unless_equals_int(gst_harness_push(f.h, other), GST_FLOW_OK);
	fixture_expect_many(&f, 0, 2);
	fail_unless_equals_int(fake_host_request(f.host, 1).frame.resource_id, id_of(one));
	fixture_wait_stat(f.enc, "frames-encoded", 2);
	gst_harness_push_event(f.h, gst_event_new_eos());
	fixture_count_until_eos(&f);
	fail_unless_equals_int(counts().open, 1);
	gst_buffer_unref(one);
	fail_unless_equals_int(counts().open, 0);
	fail_unless_equals_int(counts().decoys, 0);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(the_node_is_found_by_driver_name_trap_37)
{
	struct fixture f;

	start(&f, NULL);
	fail_unless_equals_int(gst_harness_push(f.h, dmabuf_frame(0)), GST_FLOW_OK);
	fixture_expect(&f, 0);
	fail_unless_equals_int(counts().scans, 1);
	fail_unless_equals_int(counts().decoys, 0);
	fail_unless_equals_int(counts().prime, 1);
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
	fail_unless_equals_int(counts().scans, 0);
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
	fail_unless(counts().scans <= 1);
	fail_unless_equals_int(counts().prime, 0);
	fixture_finish(&f);
}
GST_END_TEST;

/* The request carries exactly these pixels and no id. */
static void assert_pixels(struct fixture *f, guint i, const guint8 *data, gsize size)
{
	struct fake_host_request r = fake_host_request(f->host, i);

	fail_unless_equals_int(r.frame.resource_id, 0);
	fail_unless_equals_int(r.flags, HXFR_FLAG_PIXELS);
	fail_unless_equals_int(r.frame.pixels_size, size);
	fail_unless(memcmp(r.pixels, data, size) == 0, "other pixels");
}

static guint8 *pattern(guint seed, gsize size)
{
	guint8 *data = g_malloc(size);

	for (gsize i = 0; i < size; i++)
		data[i] = frame_pattern(seed, i);
	return data;
}

static const struct fake_host_options keep_pixels = { .keep_pixels = true };

static void expect_frame_as_pixels(struct fixture *f)
{
	g_autofree guint8 *data = pattern(0, FIXTURE_SIZE);

	fail_unless_equals_int(gst_harness_push(f->h, dmabuf_frame(0)), GST_FLOW_OK);
	fixture_expect(f, 0);
	assert_pixels(f, 0, data, FIXTURE_SIZE);
	fail_unless_equals_uint64(fixture_stat(f->enc, "frames-by-pixels"), 1);
	fixture_finish(f);
}

GST_START_TEST(without_a_node_the_pixels_go_out)
{
	struct fixture f;

	start(&f, &keep_pixels);
	fake_drm_set_driver(NULL);
	expect_frame_as_pixels(&f);
}
GST_END_TEST;

GST_START_TEST(what_is_no_resource_goes_out_as_pixels_and_is_not_asked_again)
{
	struct fixture f;
	GstBuffer *frame = dmabuf_frame(0);

	start(&f, &keep_pixels);
	fake_drm_fail_info(true);
	for (guint i = 0; i < 10; i++) {
		GstBuffer *buffer = gst_buffer_copy(frame);

		GST_BUFFER_PTS(buffer) = i * FIXTURE_INTERVAL;
		fail_unless_equals_int(gst_harness_push(f.h, buffer), GST_FLOW_OK);
	}
	fixture_expect_many(&f, 0, 10);
	fail_unless_equals_int(counts().info, 1);
	fail_unless_equals_int(counts().open, 0);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-pixels"), 10);
	gst_buffer_unref(frame);
	fixture_finish(&f);
}
GST_END_TEST;

/* A buffer whose memory is a pipe: ready once written to, never mappable. */
static GstBuffer *pipe_frame(guint i, int *ret_write_fd)
{
	GstBuffer *buffer = gst_buffer_new();
	int fds[2];

	fail_unless(pipe(fds) == 0);
	gst_buffer_append_memory(buffer, dmabuf_wrap(fds[0], FIXTURE_SIZE));
	GST_BUFFER_PTS(buffer) = i * FIXTURE_INTERVAL;
	*ret_write_fd = fds[1];
	return buffer;
}

static void signal_fence(int write_fd)
{
	fail_unless_equals_int(write(write_fd, "", 1), 1);
}

GST_START_TEST(neither_id_nor_pixels_is_an_error_and_no_request_trap_10)
{
	struct fixture f;
	int write_fd;
	GstBuffer *frame = pipe_frame(0, &write_fd);

	start(&f, NULL);
	fake_drm_fail_info(true);
	signal_fence(write_fd);
	fail_unless_equals_int(gst_harness_push(f.h, frame), GST_FLOW_ERROR);
	g_free(fixture_wait_error(&f));
	gst_element_set_state(f.enc, GST_STATE_NULL);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_DISCONNECTIONS, 1));
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_REQUESTS), 0);
	close(write_fd);
	fixture_teardown(&f);
}
GST_END_TEST;

struct async_push {
	struct fixture *f;
	GstBuffer *buffer;
};

static gpointer push_buffer(gpointer data)
{
	struct async_push *p = data;

	return GINT_TO_POINTER(gst_harness_push(p->f->h, p->buffer));
}

GST_START_TEST(a_request_waits_for_the_fence_trap_11)
{
	struct fixture f;
	struct async_push p = { &f, NULL };
	GThread *thread;
	int write_fd;

	start(&f, NULL);
	p.buffer = pipe_frame(1, &write_fd);
	fail_unless_equals_int(gst_harness_push(f.h, dmabuf_frame(0)), GST_FLOW_OK);
	thread = g_thread_new("push", push_buffer, &p);
	/* the answer to frame 0 and a round trip of the host's thread: time enough to send too early */
	fixture_expect(&f, 0);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 1));
	fixture_stay_quiet(&f, 200);
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_REQUESTS), 1);
	signal_fence(write_fd);
	fail_unless_equals_int(GPOINTER_TO_INT(g_thread_join(thread)), GST_FLOW_OK);
	fixture_expect(&f, 1);
	close(write_fd);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(stop_wakes_a_wait_for_a_fence_trap_11)
{
	struct fixture f;
	struct async_push p = { &f, NULL };
	GThread *thread;
	int write_fd;

	start(&f, NULL);
	p.buffer = pipe_frame(0, &write_fd);
	thread = g_thread_new("push", push_buffer, &p);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_CONFIGS, 1));
	gst_element_set_state(f.enc, GST_STATE_NULL);
	fail_unless_equals_int(GPOINTER_TO_INT(g_thread_join(thread)), GST_FLOW_FLUSHING);
	close(write_fd);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(flush_start_wakes_a_wait_for_a_fence_trap_11)
{
	struct fixture f;
	struct async_push p = { &f, NULL };
	GThread *thread;
	int write_fd;

	start(&f, NULL);
	p.buffer = pipe_frame(0, &write_fd);
	thread = g_thread_new("push", push_buffer, &p);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_CONFIGS, 1));
	fail_unless(gst_harness_push_event(f.h, gst_event_new_flush_start()));
	fail_unless_equals_int(GPOINTER_TO_INT(g_thread_join(thread)), GST_FLOW_FLUSHING);
	fail_unless(gst_harness_push_event(f.h, gst_event_new_flush_stop(TRUE)));
	close(write_fd);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_fence_that_never_signals_ends_in_an_error_trap_11)
{
	struct fixture f;
	int write_fd;

	fake_drm_reset();
	fixture_prepare(&f, NULL);
	g_object_set(f.enc, "response-timeout", 300, NULL);
	fixture_play(&f, DMABUF_CAPS);
	fail_unless_equals_int(gst_harness_push(f.h, pipe_frame(0, &write_fd)), GST_FLOW_ERROR);
	g_free(fixture_wait_error(&f));
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_REQUESTS), 0);
	close(write_fd);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(the_dmabuf_is_held_until_the_answer)
{
	struct fixture f;
	GstBuffer *frame = dmabuf_frame(0);

	start(&f, &(struct fake_host_options){ .hold = true });
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

/* --- layouts the wire cannot say by id --- */

static GstBuffer *wrap_memory(GstMemory *memory)
{
	GstBuffer *buffer = gst_buffer_new();

	gst_buffer_append_memory(buffer, memory);
	GST_BUFFER_PTS(buffer) = 0;
	return buffer;
}

GST_START_TEST(two_memories_go_out_as_pixels_trap_8)
{
	struct fixture f;
	g_autofree guint8 *data = pattern(0, FIXTURE_SIZE);
	const gsize luma = 320 * 240;
	GstBuffer *frame = wrap_memory(dmabuf_new(luma, data));

	gst_buffer_append_memory(frame, dmabuf_new(FIXTURE_SIZE - luma, data + luma));
	start(&f, &keep_pixels);
	fail_unless_equals_int(gst_harness_push(f.h, frame), GST_FLOW_OK);
	fixture_expect(&f, 0);
	assert_pixels(&f, 0, data, FIXTURE_SIZE);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-id"), 0);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_memory_offset_is_respected_trap_8)
{
	struct fixture f;
	g_autofree guint8 *data = pattern(0, FIXTURE_SIZE + 4096);
	GstMemory *whole = dmabuf_new(FIXTURE_SIZE + 4096, data);
	GstBuffer *frame = wrap_memory(gst_memory_share(whole, 4096, FIXTURE_SIZE));

	start(&f, &keep_pixels);
	fail_unless_equals_int(gst_harness_push(f.h, frame), GST_FLOW_OK);
	fixture_expect(&f, 0);
	assert_pixels(&f, 0, data + 4096, FIXTURE_SIZE);
	gst_memory_unref(whole);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_crop_is_respected_trap_8)
{
	struct fixture f;
	GstVideoInfo info;
	GstBuffer *frame;
	GstVideoCropMeta *crop;
	struct fake_host_request r;

	make_info(&info, GST_VIDEO_FORMAT_BGRx);
	frame = dmabuf_frame_new(&info, 0);
	GST_BUFFER_PTS(frame) = 0;
	crop = gst_buffer_add_video_crop_meta(frame);
	crop->x = 16;
	crop->y = 8;
	crop->width = 160;
	crop->height = 120;
	fake_drm_reset();
	fixture_prepare(&f, &keep_pixels);
	fixture_play(&f, BGRX_CAPS);
	fail_unless_equals_int(gst_harness_push(f.h, frame), GST_FLOW_OK);
	fixture_expect(&f, 0);
	r = fake_host_request(f.host, 0);
	fail_unless_equals_int(r.frame.resource_id, 0);
	fail_unless_equals_int(r.frame.width, 160);
	fail_unless_equals_int(r.frame.height, 120);
	for (guint y = 0; y < 120; y++)
		for (guint x = 0; x < 160 * 4; x++)
			fail_unless_equals_int(r.pixels[(gsize)y * r.frame.stride + x],
				frame_pattern(0, (y + 8) * 320 * 4 + 16 * 4 + x));
	fixture_finish(&f);
}
GST_END_TEST;

static GstBuffer *padded_frame(gsize chroma_offset, gint luma_stride, gint chroma_stride)
{
	gsize size = chroma_offset + (gsize)chroma_stride * 120;
	g_autofree guint8 *data = pattern(0, size);
	gsize offset[GST_VIDEO_MAX_PLANES] = { 0, chroma_offset };
	gint stride[GST_VIDEO_MAX_PLANES] = { luma_stride, chroma_stride };
	GstBuffer *buffer = wrap_memory(dmabuf_new(size, data));

	gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_NV12,
		320, 240, 2, offset, stride);
	return buffer;
}

GST_START_TEST(a_padded_stride_is_said_by_id_trap_6)
{
	struct fixture f;

	start(&f, NULL);
	fail_unless_equals_int(
		gst_harness_push(f.h, padded_frame(512 * 240, 512, 512)), GST_FLOW_OK);
	fixture_expect(&f, 0);
	fail_unless(fake_host_request(f.host, 0).frame.resource_id != 0);
	fail_unless_equals_int(fake_host_request(f.host, 0).frame.stride, 512);
	fixture_finish(&f);
}
GST_END_TEST;

static void expect_repacked(gsize chroma_offset, gint luma_stride, gint chroma_stride)
{
	struct fixture f;
	struct fake_host_request r;
	gsize chroma;

	start(&f, &keep_pixels);
	fail_unless_equals_int(
		gst_harness_push(f.h, padded_frame(chroma_offset, luma_stride, chroma_stride)),
		GST_FLOW_OK);
	fixture_expect(&f, 0);
	r = fake_host_request(f.host, 0);
	fail_unless_equals_int(r.frame.resource_id, 0);
	chroma = (gsize)r.frame.stride * 240;
	for (gsize y = 0; y < 240; y++)
		for (gsize x = 0; x < 320; x++)
			fail_unless_equals_int(r.pixels[y * r.frame.stride + x],
				frame_pattern(0, y * (gsize)luma_stride + x));
	for (gsize y = 0; y < 120; y++)
		for (gsize x = 0; x < 320; x++)
			fail_unless_equals_int(r.pixels[chroma + y * r.frame.stride + x],
				frame_pattern(0, chroma_offset + y * (gsize)chroma_stride + x));
	fixture_finish(&f);
}

GST_START_TEST(a_gap_between_the_planes_goes_out_as_pixels_trap_6)
{
	expect_repacked(320 * 240 + 4096, 320, 320);
}
GST_END_TEST;

GST_START_TEST(planes_of_different_stride_go_out_as_pixels_trap_6)
{
	expect_repacked(512 * 240, 512, 384);
}
GST_END_TEST;

#if GST_CHECK_VERSION(1, 24, 0)
GST_START_TEST(tiled_pixels_are_never_sent_trap_9)
{
	struct fixture f;
	GstVideoInfo info;
	GstBuffer *frame;

	make_info(&info, GST_VIDEO_FORMAT_BGRx);
	frame = dmabuf_frame_new(&info, 0);
	GST_BUFFER_PTS(frame) = 0;
	fake_drm_reset();
	fake_drm_fail_info(true);
	fixture_prepare(&f, NULL);
	f.h = gst_harness_new_with_element(f.enc, "sink", "src");
	gst_object_unref(f.enc);
	gst_harness_set_src_caps_str(f.h,
		"video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=XR24:0x0100000000000001,"
		"width=320,height=240,framerate=30/1");
	fail_unless(gst_harness_push(f.h, frame) != GST_FLOW_OK);
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_REQUESTS), 0);
	fixture_teardown(&f);
}
GST_END_TEST;

GST_START_TEST(linear_dma_drm_frames_go_out_by_id_trap_35)
{
	struct fixture f;
	GstVideoInfo info;
	GstBuffer *frame;

	make_info(&info, GST_VIDEO_FORMAT_BGRx);
	frame = dmabuf_frame_new(&info, 0);
	GST_BUFFER_PTS(frame) = 0;
	fake_drm_reset();
	fixture_prepare(&f, NULL);
	fixture_play(&f, "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=XR24,"
			 "width=320,height=240,framerate=30/1");
	fail_unless_equals_int(gst_harness_push(f.h, frame), GST_FLOW_OK);
	fixture_expect(&f, 0);
	fail_unless(fake_host_request(f.host, 0).frame.resource_id != 0);
	fail_unless_equals_int(fake_host_request(f.host, 0).frame.format, HXFR_FORMAT_AR24);
	fail_unless_equals_int(fake_host_request(f.host, 0).frame.stride, 320 * 4);
	fixture_finish(&f);
}
GST_END_TEST;
#endif

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
	tcase_add_test(tc, a_request_waits_for_the_fence_trap_11);
	tcase_add_test(tc, stop_wakes_a_wait_for_a_fence_trap_11);
	tcase_add_test(tc, flush_start_wakes_a_wait_for_a_fence_trap_11);
	tcase_add_test(tc, a_fence_that_never_signals_ends_in_an_error_trap_11);
	tcase_add_test(tc, the_dmabuf_is_held_until_the_answer);
	tcase_add_test(tc, two_memories_go_out_as_pixels_trap_8);
	tcase_add_test(tc, a_memory_offset_is_respected_trap_8);
	tcase_add_test(tc, a_crop_is_respected_trap_8);
	tcase_add_test(tc, a_padded_stride_is_said_by_id_trap_6);
	tcase_add_test(tc, a_gap_between_the_planes_goes_out_as_pixels_trap_6);
	tcase_add_test(tc, planes_of_different_stride_go_out_as_pixels_trap_6);
#if GST_CHECK_VERSION(1, 24, 0)
	tcase_add_test(tc, tiled_pixels_are_never_sent_trap_9);
	tcase_add_test(tc, linear_dma_drm_frames_go_out_by_id_trap_35);
#endif
}

FIXTURE_MAIN(dmabuf)

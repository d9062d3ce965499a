/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Layouts of DMA-BUFs: by id where the wire can say them, as pixels where not, never misread. */

#include "dmabuf-fixture.h"

#define BGRX_CAPS "video/x-raw(memory:DMABuf),format=BGRx,width=320,height=240,framerate=30/1"

static const struct fake_host_options keep_pixels = { .keep_pixels = true };

GST_START_TEST(two_memories_go_out_as_pixels_trap_8)
{
	struct fixture f;
	g_autofree guint8 *data = dmabuf_pattern(0, FIXTURE_SIZE);
	const gsize luma = 320 * 240;
	GstBuffer *frame = dmabuf_frame_wrap(dmabuf_new(luma, data));

	gst_buffer_append_memory(frame, dmabuf_new(FIXTURE_SIZE - luma, data + luma));
	dmabuf_start(&f, &keep_pixels);
	fail_unless_equals_int(gst_harness_push(f.h, frame), GST_FLOW_OK);
	fixture_expect(&f, 0);
	dmabuf_assert_pixels(&f, 0, data, FIXTURE_SIZE);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-id"), 0);
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_memory_offset_is_respected_trap_8)
{
	struct fixture f;
	g_autofree guint8 *data = dmabuf_pattern(0, FIXTURE_SIZE + 4096);
	GstMemory *whole = dmabuf_new(FIXTURE_SIZE + 4096, data);
	GstBuffer *frame = dmabuf_frame_wrap(gst_memory_share(whole, 4096, FIXTURE_SIZE));

	dmabuf_start(&f, &keep_pixels);
	fail_unless_equals_int(gst_harness_push(f.h, frame), GST_FLOW_OK);
	fixture_expect(&f, 0);
	dmabuf_assert_pixels(&f, 0, data + 4096, FIXTURE_SIZE);
	gst_memory_unref(whole);
	fixture_finish(&f);
}
GST_END_TEST;

static GstBuffer *bgrx_frame(void)
{
	GstVideoInfo info;
	GstBuffer *frame;

	gst_video_info_set_format(&info, GST_VIDEO_FORMAT_BGRx, 320, 240);
	frame = dmabuf_frame_new(&info, 0);
	GST_BUFFER_PTS(frame) = 0;
	return frame;
}

GST_START_TEST(a_crop_is_respected_trap_8)
{
	struct fixture f;
	GstBuffer *frame = bgrx_frame();
	GstVideoCropMeta *crop;
	struct fake_host_request r;

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
	g_autofree guint8 *data = dmabuf_pattern(0, size);
	gsize offset[GST_VIDEO_MAX_PLANES] = { 0, chroma_offset };
	gint stride[GST_VIDEO_MAX_PLANES] = { luma_stride, chroma_stride };
	GstBuffer *buffer = dmabuf_frame_wrap(dmabuf_new(size, data));

	gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_NV12,
		320, 240, 2, offset, stride);
	return buffer;
}

GST_START_TEST(a_padded_stride_is_said_by_id_trap_6)
{
	struct fixture f;

	dmabuf_start(&f, NULL);
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

	dmabuf_start(&f, &keep_pixels);
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
	GstBuffer *frame = bgrx_frame();

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
	GstBuffer *frame = bgrx_frame();

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

FIXTURE_MAIN(dmabuf_layout)

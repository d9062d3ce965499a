/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Frames in system memory: what bytes go out, and that broken buffers do not. */

#include "dmabuf-frame.h"
#include "fixture.h"

#include <string.h>

static const struct fake_host_options keep_pixels = { .keep_pixels = true };

static GstBuffer *pattern_buffer(gsize size)
{
	guint8 *data = g_malloc(size);
	GstBuffer *buffer;

	for (gsize i = 0; i < size; i++)
		data[i] = frame_pattern(0, i);
	buffer = gst_buffer_new_wrapped(data, size);
	GST_BUFFER_PTS(buffer) = 0;
	return buffer;
}

GST_START_TEST(pixels_in_the_wires_layout_go_out_uncopied)
{
	struct fixture f;
	struct fake_host_request r;

	fixture_start(&f, &keep_pixels);
	fail_unless_equals_int(gst_harness_push(f.h, pattern_buffer(FIXTURE_SIZE)), GST_FLOW_OK);
	fixture_expect(&f, 0);
	r = fake_host_request(f.host, 0);
	fail_unless_equals_int(r.frame.stride, 320);
	fail_unless_equals_int(r.frame.pixels_size, FIXTURE_SIZE);
	for (gsize i = 0; i < FIXTURE_SIZE; i++)
		fail_unless_equals_int(r.pixels[i], frame_pattern(0, i));
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-copied"), 0);
	fixture_finish(&f);
}
GST_END_TEST;

/* Row y of plane i, x bytes in, of a request for NV12. */
static guint8 sent(const struct fake_host_request *r, guint plane, gsize y, gsize x)
{
	gsize start = plane == 0 ? 0 : (gsize)r->frame.stride * r->frame.height;

	fail_unless(start + y * r->frame.stride + x < r->frame.pixels_size);
	return r->pixels[start + y * r->frame.stride + x];
}

static void expect_planes(const char *caps, guint width, guint height, gsize size,
	gsize offset[GST_VIDEO_MAX_PLANES], gint stride[GST_VIDEO_MAX_PLANES])
{
	struct fixture f;
	struct fake_host_request r;
	GstBuffer *frame = pattern_buffer(size);
	gsize row = (width + 1) / 2 * 2;

	gst_buffer_add_video_meta_full(frame, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_NV12,
		width, height, 2, offset, stride);
	fixture_prepare(&f, &keep_pixels);
	fixture_play(&f, caps);
	fail_unless_equals_int(gst_harness_push(f.h, frame), GST_FLOW_OK);
	fixture_expect(&f, 0);
	r = fake_host_request(f.host, 0);
	fail_unless_equals_int(r.frame.width, width);
	fail_unless_equals_int(r.frame.height, height);
	for (gsize y = 0; y < height; y++)
		for (gsize x = 0; x < width; x++)
			fail_unless_equals_int(sent(&r, 0, y, x),
				frame_pattern(0, offset[0] + y * (gsize)stride[0] + x));
	for (gsize y = 0; y < (height + 1) / 2; y++)
		for (gsize x = 0; x < row; x++)
			fail_unless_equals_int(sent(&r, 1, y, x),
				frame_pattern(0, offset[1] + y * (gsize)stride[1] + x));
	fixture_finish(&f);
}

#define CAPS_322 "video/x-raw,format=NV12,width=322,height=242,framerate=30/1"

GST_START_TEST(strides_and_offsets_of_the_meta_are_respected_trap_6)
{
	gsize offset[GST_VIDEO_MAX_PLANES] = { 4096, 135168 };
	gint stride[GST_VIDEO_MAX_PLANES] = { 512, 512 };

	expect_planes(CAPS_322, 322, 242, 200704, offset, stride);
}
GST_END_TEST;

GST_START_TEST(planes_of_different_stride_are_respected_trap_6)
{
	gsize offset[GST_VIDEO_MAX_PLANES] = { 0, 512 * 242 };
	gint stride[GST_VIDEO_MAX_PLANES] = { 512, 384 };

	expect_planes(CAPS_322, 322, 242, 512 * 242 + 384 * 121, offset, stride);
}
GST_END_TEST;

GST_START_TEST(a_second_plane_in_front_of_the_first_is_respected_trap_6)
{
	gsize offset[GST_VIDEO_MAX_PLANES] = { 324 * 121, 0 };
	gint stride[GST_VIDEO_MAX_PLANES] = { 324, 324 };

	expect_planes(CAPS_322, 322, 242, 324 * 242 + 324 * 121, offset, stride);
}
GST_END_TEST;

/* 321x241: chroma is 161 pairs wide and 121 rows high. */
GST_START_TEST(odd_sizes_lose_no_chroma_trap_6)
{
	gsize offset[GST_VIDEO_MAX_PLANES] = { 0, 324 * 242 };
	gint stride[GST_VIDEO_MAX_PLANES] = { 324, 324 };

	expect_planes("video/x-raw,format=NV12,width=321,height=241,framerate=30/1", 321, 241,
		324 * 242 + 324 * 121, offset, stride);
}
GST_END_TEST;

GST_START_TEST(a_packed_frame_with_padded_rows_keeps_its_rows_trap_6)
{
	struct fixture f;
	struct fake_host_request r;
	gsize offset[GST_VIDEO_MAX_PLANES] = { 64 };
	gint stride[GST_VIDEO_MAX_PLANES] = { 1536 };
	GstBuffer *frame = pattern_buffer(64 + 1536 * 240);

	gst_buffer_add_video_meta_full(frame, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_BGRx, 320,
		240, 1, offset, stride);
	fixture_prepare(&f, &keep_pixels);
	fixture_play(&f, "video/x-raw,format=BGRx,width=320,height=240,framerate=30/1");
	fail_unless_equals_int(gst_harness_push(f.h, frame), GST_FLOW_OK);
	fixture_expect(&f, 0);
	r = fake_host_request(f.host, 0);
	for (gsize y = 0; y < 240; y++)
		for (gsize x = 0; x < 320 * 4; x++)
			fail_unless_equals_int(r.pixels[y * r.frame.stride + x],
				frame_pattern(0, 64 + y * 1536 + x));
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_crop_is_respected_trap_8)
{
	struct fixture f;
	struct fake_host_request r;
	GstBuffer *frame = pattern_buffer(FIXTURE_SIZE);
	GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta(frame);

	crop->x = 20;
	crop->y = 10;
	crop->width = 100;
	crop->height = 60;
	fixture_start(&f, &keep_pixels);
	fail_unless_equals_int(gst_harness_push(f.h, frame), GST_FLOW_OK);
	fixture_expect(&f, 0);
	r = fake_host_request(f.host, 0);
	fail_unless_equals_int(r.frame.width, 100);
	fail_unless_equals_int(r.frame.height, 60);
	for (gsize y = 0; y < 60; y++)
		for (gsize x = 0; x < 100; x++)
			fail_unless_equals_int(
				sent(&r, 0, y, x), frame_pattern(0, (y + 10) * 320 + 20 + x));
	for (gsize y = 0; y < 30; y++)
		for (gsize x = 0; x < 100; x++)
			fail_unless_equals_int(sent(&r, 1, y, x),
				frame_pattern(0, 320 * 240 + (y + 5) * 320 + 20 + x));
	fixture_finish(&f);
}
GST_END_TEST;

GST_START_TEST(two_memories_make_one_frame_trap_8)
{
	struct fixture f;
	struct fake_host_request r;
	GstBuffer *whole = pattern_buffer(FIXTURE_SIZE), *frame = gst_buffer_new();

	gst_buffer_append(
		frame, gst_buffer_copy_region(whole, GST_BUFFER_COPY_MEMORY, 0, 320 * 240));
	gst_buffer_append(
		frame, gst_buffer_copy_region(whole, GST_BUFFER_COPY_MEMORY, 320 * 240, -1));
	fail_unless_equals_int(gst_buffer_n_memory(frame), 2);
	GST_BUFFER_PTS(frame) = 0;
	fixture_start(&f, &keep_pixels);
	fail_unless_equals_int(gst_harness_push(f.h, frame), GST_FLOW_OK);
	fixture_expect(&f, 0);
	r = fake_host_request(f.host, 0);
	for (gsize i = 0; i < FIXTURE_SIZE; i++)
		fail_unless_equals_int(r.pixels[i], frame_pattern(0, i));
	gst_buffer_unref(whole);
	fixture_finish(&f);
}
GST_END_TEST;

/* Upstream hears of it, the bus has an error, the host is not asked. */
static void expect_refused(GstBuffer *frame)
{
	struct fixture f;

	GST_BUFFER_PTS(frame) = 0;
	fixture_start(&f, NULL);
	fail_unless_equals_int(gst_harness_push(f.h, frame), GST_FLOW_ERROR);
	g_free(fixture_wait_error(&f));
	fail_unless_equals_int(fake_host_count(f.host, FAKE_HOST_REQUESTS), 0);
	fixture_teardown(&f);
}

GST_START_TEST(a_buffer_too_small_for_its_caps_is_refused_trap_7)
{
	expect_refused(fixture_frame(0, 100));
	expect_refused(fixture_frame(0, FIXTURE_SIZE - 1));
}
GST_END_TEST;

GST_START_TEST(a_buffer_without_memory_is_refused_trap_7)
{
	expect_refused(gst_buffer_new());
}
GST_END_TEST;

GST_START_TEST(a_meta_that_points_outside_the_buffer_is_refused_trap_7)
{
	static const struct {
		gsize offset[GST_VIDEO_MAX_PLANES];
		gint stride[GST_VIDEO_MAX_PLANES];
	} rows[] = {
		{ { 0, 320 * 240 + 1 }, { 320, 320 } },
		{ { G_MAXSIZE - 100, 0 }, { 320, 320 } },
		{ { 0, 320 * 240 }, { 320, 0x7fffffff } },
		{ { 0, 320 * 240 }, { -320, 320 } },
		{ { 0, 320 * 240 }, { 0, 320 } },
		{ { 0, 320 * 240 }, { 100, 100 } },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		GstBuffer *frame = fixture_frame(0, FIXTURE_SIZE);
		gsize offset[GST_VIDEO_MAX_PLANES];
		gint stride[GST_VIDEO_MAX_PLANES];
		GstVideoMeta *meta;

		memcpy(offset, rows[i].offset, sizeof(offset));
		memcpy(stride, rows[i].stride, sizeof(stride));
		meta = gst_buffer_add_video_meta(
			frame, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_NV12, 320, 240);
		memcpy(meta->offset, offset, sizeof(offset));
		memcpy(meta->stride, stride, sizeof(stride));
		expect_refused(frame);
	}
}
GST_END_TEST;

GST_START_TEST(a_crop_outside_the_frame_is_refused_trap_8)
{
	static const guint rows[][4] = {
		{ 300, 0, 100, 100 },
		{ 0, 200, 100, 100 },
		{ 0xffffff00, 0, 0x200, 100 },
		{ 0, 0, 0, 0 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		GstBuffer *frame = fixture_frame(0, FIXTURE_SIZE);
		GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta(frame);

		crop->x = rows[i][0];
		crop->y = rows[i][1];
		crop->width = rows[i][2];
		crop->height = rows[i][3];
		expect_refused(frame);
	}
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, pixels_in_the_wires_layout_go_out_uncopied);
	tcase_add_test(tc, strides_and_offsets_of_the_meta_are_respected_trap_6);
	tcase_add_test(tc, planes_of_different_stride_are_respected_trap_6);
	tcase_add_test(tc, a_second_plane_in_front_of_the_first_is_respected_trap_6);
	tcase_add_test(tc, odd_sizes_lose_no_chroma_trap_6);
	tcase_add_test(tc, a_packed_frame_with_padded_rows_keeps_its_rows_trap_6);
	tcase_add_test(tc, a_crop_is_respected_trap_8);
	tcase_add_test(tc, two_memories_make_one_frame_trap_8);
	tcase_add_test(tc, a_buffer_too_small_for_its_caps_is_refused_trap_7);
	tcase_add_test(tc, a_buffer_without_memory_is_refused_trap_7);
	tcase_add_test(tc, a_meta_that_points_outside_the_buffer_is_refused_trap_7);
	tcase_add_test(tc, a_crop_outside_the_frame_is_refused_trap_8);
}

FIXTURE_MAIN(pixels)

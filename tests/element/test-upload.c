/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Frames that are no virtio-gpu resource are copied into one, and only its id goes out; where that
 * cannot be, pixels go out. */

#include "dmabuf-fixture.h"

#include <errno.h>
#include <gst/allocators/gstfdmemory.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PLENTY 1000u /* resources */

static void start(struct fixture *f, const struct fake_host_options *options, const char *caps)
{
	fake_drm_reset();
	fake_drm_allow_create(PLENTY);
	fixture_prepare(f, options);
	fixture_play(f, caps);
}

static void finish(struct fixture *f)
{
	fixture_finish(f);
	fail_unless_equals_int(dmabuf_counts().open, 0);
	fail_unless_equals_int(dmabuf_counts().decoys, 0);
}

static GstBuffer *pattern_frame(guint i, gsize size)
{
	GstBuffer *buffer = gst_buffer_new_wrapped(dmabuf_pattern(i, size), size);

	GST_BUFFER_PTS(buffer) = i * FIXTURE_INTERVAL;
	GST_BUFFER_DURATION(buffer) = FIXTURE_INTERVAL;
	return buffer;
}

/* Request i has an id, and no pixels. */
static struct fake_drm_resource expect_id(struct fixture *f, guint i)
{
	struct fake_host_request r = fake_host_request(f->host, i);

	fail_unless(r.frame.resource_id != 0, "frame %u has no id", i);
	fail_unless_equals_int(r.flags, 0);
	fail_unless_equals_int(r.frame.pixels_size, 0);
	return fake_drm_resource(r.frame.resource_id);
}

static void push_and_expect(struct fixture *f, guint i, GstBuffer *frame)
{
	fail_unless_equals_int(gst_harness_push(f->h, frame), GST_FLOW_OK);
	fixture_expect(f, i);
}

/* Row y of plane i, counted from byte `from` on, is that of the pattern with the source's layout. */
static void assert_rows(const struct fake_drm_resource *r, gsize from, gsize stride, gsize rows,
	gsize row_bytes, gsize source, gsize source_stride)
{
	for (gsize y = 0; y < rows; y++)
		for (gsize x = 0; x < row_bytes; x++)
			fail_unless_equals_int(r->data[from + y * stride + x],
				frame_pattern(0, source + y * source_stride + x));
}

GST_START_TEST(system_memory_goes_out_as_the_id_of_a_resource_that_holds_it)
{
	static const struct {
		const char *format;
		guint width, height, stride, rows;
	} rows[] = {
		{ "NV12", 320, 240, 320, 360 },
		{ "BGRx", 320, 240, 1280, 240 },
		{ "BGRA", 321, 241, 1284, 241 },
		{ "RGBx", 16, 2, 64, 2 },
		{ "RGBA", 1, 1, 4, 1 },
		{ "NV12", 4, 2, 4, 3 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		gsize size = (gsize)rows[i].stride * rows[i].rows;
		g_autofree guint8 *data = dmabuf_pattern(0, size);
		g_autofree char *caps =
			g_strdup_printf("video/x-raw,format=%s,width=%u,height=%u,framerate=30/1",
				rows[i].format, rows[i].width, rows[i].height);
		struct fake_drm_resource r;
		struct fixture f;

		start(&f, NULL, caps);
		push_and_expect(&f, 0, pattern_frame(0, size));
		r = expect_id(&f, 0);
		fail_unless_equals_int(r.width, rows[i].stride / 4);
		fail_unless_equals_int(r.height, rows[i].rows);
		fail_unless_equals_int(r.transfers, 1);
		fail_unless(memcmp(r.data, data, size) == 0, "%s: other pixels", rows[i].format);
		fail_unless_equals_int(fake_host_request(f.host, 0).frame.stride, rows[i].stride);
		fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-id"), 1);
		fail_unless_equals_uint64(fixture_stat(f.enc, "frames-uploaded"), 1);
		fail_unless_equals_uint64(fixture_stat(f.enc, "frames-in-pool"), 0);
		fail_unless_equals_uint64(fixture_stat(f.enc, "frames-by-pixels"), 0);
		finish(&f);
	}
}
GST_END_TEST;

/* 321x241: chroma is 161 pairs wide and 121 rows high, and the wire knows no padding between the
 * planes. */
GST_START_TEST(rows_and_planes_are_copied_to_the_wires_layout)
{
	gsize offset[GST_VIDEO_MAX_PLANES] = { 4096, 4096 + 512 * 250 };
	gint stride[GST_VIDEO_MAX_PLANES] = { 512, 384 };
	GstBuffer *frame = pattern_frame(0, offset[1] + 384 * 121);
	struct fake_drm_resource r;
	struct fixture f;

	gst_buffer_add_video_meta_full(frame, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_NV12, 321,
		241, 2, offset, stride);
	start(&f, NULL, "video/x-raw,format=NV12,width=321,height=241,framerate=30/1");
	push_and_expect(&f, 0, frame);
	r = expect_id(&f, 0);
	fail_unless_equals_int(fake_host_request(f.host, 0).frame.stride, 324);
	fail_unless_equals_int(r.height, 241 + 121);
	assert_rows(&r, 0, 324, 241, 321, offset[0], 512);
	assert_rows(&r, 324 * 241, 324, 121, 322, offset[1], 384);
	finish(&f);
}
GST_END_TEST;

GST_START_TEST(only_the_visible_pixels_are_copied)
{
	GstBuffer *frame = pattern_frame(0, 320 * 240 * 4);
	GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta(frame);
	struct fake_drm_resource r;
	struct fixture f;

	crop->x = 10;
	crop->y = 20;
	crop->width = 100;
	crop->height = 50;
	start(&f, NULL, "video/x-raw,format=BGRx,width=320,height=240,framerate=30/1");
	push_and_expect(&f, 0, frame);
	r = expect_id(&f, 0);
	fail_unless_equals_int(fake_host_request(f.host, 0).frame.width, 100);
	fail_unless_equals_int(r.size, 100 * 50 * 4);
	assert_rows(&r, 0, 400, 50, 400, 20 * 1280 + 10 * 4, 1280);
	finish(&f);
}
GST_END_TEST;

/* Where rows are as long as before, too: 322 of 324 pixels. */
GST_START_TEST(what_lies_beside_the_visible_pixels_is_not_copied)
{
	GstBuffer *frame = pattern_frame(0, 324 * 4 * 3 / 2);
	GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta(frame);
	struct fake_drm_resource r;
	struct fixture f;

	crop->width = 322;
	crop->height = 4;
	start(&f, NULL, "video/x-raw,format=NV12,width=324,height=4,framerate=30/1");
	push_and_expect(&f, 0, frame);
	r = expect_id(&f, 0);
	fail_unless_equals_int(fake_host_request(f.host, 0).frame.stride, 324);
	assert_rows(&r, 0, 324, 4, 322, 0, 324);
	for (gsize y = 0; y < 6; y++)
		for (gsize x = 322; x < 324; x++)
			fail_unless_equals_int(r.data[y * 324 + x], 0);
	finish(&f);
}
GST_END_TEST;

GST_START_TEST(what_the_host_reads_is_not_written_to)
{
	struct fixture f;
	guint32 one, other;

	start(&f, &(struct fake_host_options){ .hold = true }, NULL);
	for (guint i = 0; i < 2; i++)
		fail_unless_equals_int(
			gst_harness_push(f.h, pattern_frame(i, FIXTURE_SIZE)), GST_FLOW_OK);
	fail_unless(fake_host_wait(f.host, FAKE_HOST_REQUESTS, 2));
	one = fake_host_request(f.host, 0).frame.resource_id;
	other = fake_host_request(f.host, 1).frame.resource_id;
	fail_unless(one != other, "one resource for two frames in flight");
	for (guint i = 0; i < 2; i++) {
		g_autofree guint8 *data = dmabuf_pattern(i, FIXTURE_SIZE);

		fail_unless(memcmp(expect_id(&f, i).data, data, FIXTURE_SIZE) == 0);
	}
	fake_host_hold(f.host, false);
	fixture_expect_many(&f, 0, 2);
	finish(&f);
}
GST_END_TEST;

GST_START_TEST(a_stream_makes_no_more_resources_than_the_window_needs)
{
	struct fixture f;

	start(&f, NULL, NULL);
	for (guint i = 0; i < 200; i++)
		fail_unless_equals_int(
			gst_harness_push(f.h, pattern_frame(i, FIXTURE_SIZE)), GST_FLOW_OK);
	fixture_expect_many(&f, 0, 200);
	fail_unless(dmabuf_counts().create <= 3, "%u resources", dmabuf_counts().create);
	fail_unless_equals_int(dmabuf_counts().transfer, 200);
	fail_unless_equals_int(dmabuf_counts().prime, 0);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-uploaded"), 200);
	finish(&f);
}
GST_END_TEST;

GST_START_TEST(other_caps_have_other_resources)
{
	struct fixture f;
	struct fake_drm_resource r;

	start(&f, NULL, NULL);
	push_and_expect(&f, 0, pattern_frame(0, FIXTURE_SIZE));
	gst_harness_set_src_caps_str(f.h, FIXTURE_BIG_CAPS);
	push_and_expect(&f, 1, pattern_frame(1, FIXTURE_BIG_SIZE));
	r = expect_id(&f, 1);
	fail_unless_equals_int(r.size, FIXTURE_BIG_SIZE);
	fixture_wait_stat(f.enc, "frames-encoded", 2);
	finish(&f);
}
GST_END_TEST;

/* Nothing waits for the host to give the input buffer back earlier, but a pool of one must do. */
GST_START_TEST(the_last_frame_in_flight_lets_everything_go)
{
	struct fixture f;
	gint alive = 0;

	start(&f, NULL, NULL);
	for (guint i = 0; i < 5; i++)
		push_and_expect(&f, i, fixture_counted_frame(i, FIXTURE_SIZE, &alive));
	fixture_wait_freed(&alive);
	finish(&f);
}
GST_END_TEST;

GST_START_TEST(resources_of_frames_dropped_before_the_first_output_are_used_again)
{
	struct fixture f;

	start(&f, &(struct fake_host_options){ .fault = FAKE_HOST_NONALS, .fault_count = 6 }, NULL);
	fixture_push_many(&f, 0, 6);
	fixture_wait_stat(f.enc, "frames-dropped", 6);
	fixture_push_many(&f, 6, 1);
	fixture_expect(&f, 6);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-uploaded"), 7);
	finish(&f);
}
GST_END_TEST;

/* --- memory that is not what it seems --- */

static GstMemory *plain_fd_memory(guint seed, gsize size)
{
	g_autoptr(GstAllocator) allocator = gst_fd_allocator_new();
	g_autofree guint8 *data = dmabuf_pattern(seed, size);
	int fd = memfd_create("shm", MFD_CLOEXEC);

	fail_unless(fd >= 0 && write(fd, data, size) == (gssize)size);
	return gst_fd_allocator_alloc(allocator, fd, size, GST_FD_MEMORY_FLAG_NONE);
}

static void expect_upload(int import_error, const char *caps, GstBuffer *frame)
{
	g_autofree guint8 *data = dmabuf_pattern(0, FIXTURE_SIZE);
	struct fake_drm_resource r;
	struct fixture f;

	start(&f, NULL, caps);
	fake_drm_fail_import(import_error);
	push_and_expect(&f, 0, frame);
	r = expect_id(&f, 0);
	fail_unless(memcmp(r.data, data, FIXTURE_SIZE) == 0, "other pixels");
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-uploaded"), 1);
	finish(&f);
}

GST_START_TEST(a_dmabuf_of_another_device_is_uploaded)
{
	expect_upload(ENODEV, DMABUF_CAPS, dmabuf_frame(0));
}
GST_END_TEST;

GST_START_TEST(a_memfd_that_is_labelled_dmabuf_is_uploaded)
{
	expect_upload(EINVAL, DMABUF_CAPS, dmabuf_frame(0));
}
GST_END_TEST;

GST_START_TEST(a_memfd_is_uploaded)
{
	expect_upload(EINVAL, NULL, dmabuf_frame_wrap(plain_fd_memory(0, FIXTURE_SIZE)));
}
GST_END_TEST;

GST_START_TEST(system_memory_behind_dmabuf_caps_is_uploaded)
{
	expect_upload(0, DMABUF_CAPS, pattern_frame(0, FIXTURE_SIZE));
}
GST_END_TEST;

/* A transfer would overwrite what was rendered into it. */
GST_START_TEST(what_is_a_resource_already_is_neither_copied_nor_transferred)
{
	struct fixture f;
	GstBuffer *frame = dmabuf_frame(0);
	guint32 id;

	start(&f, NULL, DMABUF_CAPS);
	id = fake_drm_resource_id(dmabuf_fd(gst_buffer_peek_memory(frame, 0)));
	push_and_expect(&f, 0, frame);
	fail_unless_equals_int(fake_host_request(f.host, 0).frame.resource_id, id);
	fail_unless_equals_int(dmabuf_counts().create, 0);
	fail_unless_equals_int(dmabuf_counts().transfer, 0);
	fail_unless_equals_uint64(fixture_stat(f.enc, "frames-uploaded"), 0);
	fixture_finish(&f);
}
GST_END_TEST;

/* --- pixels, the last resort --- */

static const struct fake_host_options keep_pixels = { .keep_pixels = true };

static void expect_pixels(struct fixture *f)
{
	for (guint i = 0; i < 5; i++) {
		g_autofree guint8 *data = dmabuf_pattern(i, FIXTURE_SIZE);

		push_and_expect(f, i, pattern_frame(i, FIXTURE_SIZE));
		dmabuf_assert_pixels(f, i, data, FIXTURE_SIZE);
	}
	fail_unless_equals_uint64(fixture_stat(f->enc, "frames-by-pixels"), 5);
	fail_unless_equals_uint64(fixture_stat(f->enc, "frames-by-id"), 0);
	finish(f);
}

GST_START_TEST(without_a_node_pixels_go_out)
{
	struct fixture f;

	start(&f, &keep_pixels, NULL);
	fake_drm_set_driver(NULL);
	expect_pixels(&f);
}
GST_END_TEST;

GST_START_TEST(textures_of_a_3d_device_are_no_place_for_pixels)
{
	struct fixture f;

	start(&f, &keep_pixels, NULL);
	fake_drm_set_3d(true);
	expect_pixels(&f);
}
GST_END_TEST;

GST_START_TEST(upload_false_sends_pixels)
{
	struct fixture f;

	fake_drm_reset();
	fake_drm_allow_create(PLENTY);
	fixture_prepare(&f, &keep_pixels);
	g_object_set(f.enc, "upload", FALSE, NULL);
	fixture_play(&f, NULL);
	expect_pixels(&f);
}
GST_END_TEST;

GST_START_TEST(a_resource_that_cannot_be_made_is_asked_for_once)
{
	struct fixture f;

	start(&f, &keep_pixels, NULL);
	fake_drm_allow_create(0);
	expect_pixels(&f);
	fail_unless_equals_int(dmabuf_counts().refused, 1);
}
GST_END_TEST;

GST_START_TEST(what_the_host_cannot_be_shown_goes_out_as_pixels)
{
	struct fixture f;

	start(&f, &keep_pixels, NULL);
	fake_drm_fail_transfer(true);
	expect_pixels(&f);
}
GST_END_TEST;

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, system_memory_goes_out_as_the_id_of_a_resource_that_holds_it);
	tcase_add_test(tc, rows_and_planes_are_copied_to_the_wires_layout);
	tcase_add_test(tc, only_the_visible_pixels_are_copied);
	tcase_add_test(tc, what_lies_beside_the_visible_pixels_is_not_copied);
	tcase_add_test(tc, what_the_host_reads_is_not_written_to);
	tcase_add_test(tc, a_stream_makes_no_more_resources_than_the_window_needs);
	tcase_add_test(tc, other_caps_have_other_resources);
	tcase_add_test(tc, the_last_frame_in_flight_lets_everything_go);
	tcase_add_test(tc, resources_of_frames_dropped_before_the_first_output_are_used_again);
	tcase_add_test(tc, a_dmabuf_of_another_device_is_uploaded);
	tcase_add_test(tc, a_memfd_that_is_labelled_dmabuf_is_uploaded);
	tcase_add_test(tc, a_memfd_is_uploaded);
	tcase_add_test(tc, system_memory_behind_dmabuf_caps_is_uploaded);
	tcase_add_test(tc, what_is_a_resource_already_is_neither_copied_nor_transferred);
	tcase_add_test(tc, without_a_node_pixels_go_out);
	tcase_add_test(tc, textures_of_a_3d_device_are_no_place_for_pixels);
	tcase_add_test(tc, upload_false_sends_pixels);
	tcase_add_test(tc, a_resource_that_cannot_be_made_is_asked_for_once);
	tcase_add_test(tc, what_the_host_cannot_be_shown_goes_out_as_pixels);
}

FIXTURE_MAIN(upload)

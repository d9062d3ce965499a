/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dmabuf-frame.h"
#include "fake-libdrm.h"
#include "suite.h"
#include "upload.h"

#include <errno.h>

#define WIDTH  64
#define HEIGHT 32
#define SIZE   (WIDTH * HEIGHT * 3u / 2)

static struct virtgpu *gpu;
static struct upload *upload;

static void setup(void)
{
	gst_init(NULL, NULL);
	fake_drm_reset();
	fake_drm_allow_create(100);
	ck_assert_int_eq(virtgpu_open(NULL, &gpu), 0);
	upload = upload_new(gpu, 2);
}

static struct fake_drm_counts counts(void)
{
	struct fake_drm_counts c;

	fake_drm_get_counts(&c);
	return c;
}

static void teardown(void)
{
	upload_free(upload);
	virtgpu_unref(gpu);
	ck_assert_uint_eq(counts().open, 0);
	ck_assert_uint_eq(counts().decoys, 0);
}

static int write_frame(gint width, gint height, GstBuffer **ret)
{
	struct picture picture;
	GstVideoInfo info;
	GstBuffer *frame;
	int r;

	gst_video_info_set_format(&info, GST_VIDEO_FORMAT_NV12, width, height);
	frame = dmabuf_frame_new(&info, 0);
	ck_assert_int_eq(picture_init(&picture, &info, frame), 0);
	r = upload_write(upload, &picture, frame, ret);
	gst_buffer_unref(frame);
	return r;
}

static uint32_t flush(GstBuffer *buffer)
{
	uint32_t id = 0;

	ck_assert_int_eq(upload_flush(gst_buffer_peek_memory(buffer, 0), &id), 0);
	return id;
}

START_TEST(the_host_sees_what_was_written_once_it_is_flushed)
{
	struct fake_drm_resource seen;
	GstBuffer *buffer = NULL;

	ck_assert_int_eq(write_frame(WIDTH, HEIGHT, &buffer), 0);
	seen = fake_drm_resource(flush(buffer));
	ck_assert_uint_eq(seen.size, SIZE);
	for (gsize i = 0; i < SIZE; i++)
		ck_assert_uint_eq(seen.data[i], frame_pattern(0, i));
	gst_buffer_unref(buffer);
}
END_TEST

START_TEST(no_more_buffers_than_agreed_are_out_and_nobody_waits)
{
	GstBuffer *buffers[2] = { NULL }, *none;

	poison(&none);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(write_frame(WIDTH, HEIGHT, &buffers[i]), 0);
	ck_assert_uint_ne(flush(buffers[0]), flush(buffers[1]));
	ck_assert_int_eq(write_frame(WIDTH, HEIGHT, &none), -EAGAIN);
	assert_poisoned(&none);
	gst_buffer_unref(buffers[0]);
	ck_assert_int_eq(write_frame(WIDTH, HEIGHT, &buffers[0]), 0);
	ck_assert_uint_eq(counts().create, 2);
	gst_buffer_unref(buffers[0]);
	gst_buffer_unref(buffers[1]);
}
END_TEST

START_TEST(another_size_is_another_pool_and_old_buffers_stay_valid)
{
	GstBuffer *old = NULL, *new = NULL;
	uint32_t id;

	ck_assert_int_eq(write_frame(WIDTH, HEIGHT, &old), 0);
	id = flush(old);
	ck_assert_int_eq(write_frame(WIDTH * 2, HEIGHT, &new), 0);
	ck_assert_uint_eq(flush(old), id);
	ck_assert_uint_eq(fake_drm_resource(flush(new)).width, WIDTH * 2 / 4);
	gst_buffer_unref(old);
	ck_assert_uint_eq(counts().open, 1);
	gst_buffer_unref(new);
}
END_TEST

START_TEST(buffers_outlive_everything)
{
	GstBuffer *buffer = NULL;
	uint32_t id;

	ck_assert_int_eq(write_frame(WIDTH, HEIGHT, &buffer), 0);
	id = flush(buffer);
	upload_free(upload);
	upload = NULL;
	virtgpu_unref(gpu);
	gpu = NULL;
	ck_assert_uint_eq(flush(buffer), id);
	gst_buffer_unref(buffer);
}
END_TEST

START_TEST(what_cannot_be_made_is_not_tried_again_until_the_size_changes)
{
	GstBuffer *buffer;

	poison(&buffer);
	fake_drm_allow_create(0);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(write_frame(WIDTH, HEIGHT, &buffer), -ENOMEM);
	assert_poisoned(&buffer);
	ck_assert_uint_eq(counts().refused, 1);
	fake_drm_allow_create(1);
	ck_assert_int_eq(write_frame(WIDTH * 2, HEIGHT, &buffer), 0);
	gst_buffer_unref(buffer);
}
END_TEST

/* 8192x8192 in 4 bytes are 256 MiB, a copy of which nobody could send as pixels. */
START_TEST(what_could_not_go_as_pixels_is_no_resource_either)
{
	struct picture picture = { .format = HXFR_FORMAT_AR24,
		.width = 8192,
		.height = 8192,
		.n_planes = 1,
		.planes = { { .stride = 32768, .row_bytes = 32768, .rows = 8192 } } };
	GstBuffer *buffer, *frame = gst_buffer_new();

	poison(&buffer);
	ck_assert_int_eq(upload_write(upload, &picture, frame, &buffer), -EMSGSIZE);
	assert_poisoned(&buffer);
	ck_assert_uint_eq(counts().create, 0);
	gst_buffer_unref(frame);
}
END_TEST

START_TEST(a_failed_transfer_is_told)
{
	GstBuffer *buffer = NULL;
	uint32_t id;

	poison(&id);
	ck_assert_int_eq(write_frame(WIDTH, HEIGHT, &buffer), 0);
	fake_drm_fail_transfer(true);
	ck_assert_int_eq(upload_flush(gst_buffer_peek_memory(buffer, 0), &id), -EIO);
	assert_poisoned(&id);
	gst_buffer_unref(buffer);
}
END_TEST

START_TEST(foreign_memory_is_not_ours)
{
	GstMemory *mem = dmabuf_new(4096, NULL);
	uint32_t id;

	poison(&id);
	ck_assert(!upload_is_ours(mem));
	ck_assert_int_eq(upload_flush(mem, &id), -ENOTSUP);
	assert_poisoned(&id);
	ck_assert_uint_eq(counts().transfer, 0);
	gst_memory_unref(mem);
}
END_TEST

START_TEST(a_pool_takes_no_caps_that_the_wire_cannot_say)
{
	static const struct {
		const char *caps;
		guint size;
		gboolean good;
	} rows[] = {
		{ "video/x-raw,format=NV12,width=64,height=32", 0, TRUE },
		{ "video/x-raw,format=BGRA,width=64,height=32", 9000, TRUE },
		{ "video/x-raw,format=I420,width=64,height=32", 0, FALSE },
		{ "video/x-raw,format=NV12,width=64,height=32,interlace-mode=interleaved", 0,
			FALSE },
		{ "video/x-raw,format=BGRx,width=8192,height=8192", 0, FALSE },
		{ "video/x-raw,format=NV12,width=64,height=32", HXFR_PIXELS_MAX + 1, FALSE },
		{ "audio/x-raw", 0, FALSE },
		{ NULL, 4096, FALSE },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		GstBufferPool *pool = upload_pool_new(gpu);
		GstCaps *caps = rows[i].caps ? gst_caps_from_string(rows[i].caps) : NULL;
		GstStructure *config = gst_buffer_pool_get_config(pool);

		gst_buffer_pool_config_set_params(config, caps, rows[i].size, 0, 0);
		ck_assert_int_eq(gst_buffer_pool_set_config(pool, config), rows[i].good);
		gst_clear_caps(&caps);
		gst_object_unref(pool);
	}
}
END_TEST

START_TEST(a_device_with_3d_is_told_from_one_without)
{
	struct virtgpu *other;

	ck_assert(virtgpu_is_2d(gpu));
	fake_drm_set_3d(true);
	ck_assert_int_eq(virtgpu_open(FAKE_DRM_NODE, &other), 0);
	ck_assert(!virtgpu_is_2d(other));
	virtgpu_unref(other);
}
END_TEST

START_TEST(only_a_virtio_gpu_is_opened)
{
	struct virtgpu *other;

	poison(&other);
	ck_assert_int_eq(virtgpu_open(FAKE_DRM_DECOY, &other), -ENODEV);
	ck_assert_int_eq(virtgpu_open("/nowhere", &other), -ENOENT);
	fake_drm_set_driver(NULL);
	ck_assert_int_eq(virtgpu_open(NULL, &other), -ENODEV);
	assert_poisoned(&other);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_host_sees_what_was_written_once_it_is_flushed,
		no_more_buffers_than_agreed_are_out_and_nobody_waits,
		another_size_is_another_pool_and_old_buffers_stay_valid,
		buffers_outlive_everything,
		what_cannot_be_made_is_not_tried_again_until_the_size_changes,
		what_could_not_go_as_pixels_is_no_resource_either,
		a_failed_transfer_is_told,
		foreign_memory_is_not_ours,
		a_pool_takes_no_caps_that_the_wire_cannot_say,
		a_device_with_3d_is_told_from_one_without,
		only_a_virtio_gpu_is_opened,
		NULL,
	};

	return suite_run_with("upload", tests, setup, teardown);
}

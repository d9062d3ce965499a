/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "picture.h"
#include "suite.h"

#include <errno.h>

static GstBufferPool *scratch;

static void setup(void)
{
	gst_init(NULL, NULL);
	scratch = NULL;
}

static void teardown(void)
{
	gst_clear_object(&scratch);
}

static GstVideoInfo video_info(GstVideoFormat format, guint width, guint height)
{
	GstVideoInfo info;

	ck_assert(gst_video_info_set_format(&info, format, width, height));
	return info;
}

/* Byte i is i, folded: every row and column differs from its neighbours. */
static guint8 expected_byte(gsize i)
{
	return (guint8)(i * 31 + (i >> 8));
}

static GstBuffer *buffer_new(gsize size)
{
	GstBuffer *buffer = gst_buffer_new_allocate(NULL, size, NULL);
	GstMapInfo map;

	ck_assert(gst_buffer_map(buffer, &map, GST_MAP_WRITE));
	for (gsize i = 0; i < size; i++)
		map.data[i] = expected_byte(i);
	gst_buffer_unmap(buffer, &map);
	return buffer;
}

static void add_meta(
	GstBuffer *buffer, const GstVideoInfo *info, gsize offset1, gint stride0, gint stride1)
{
	gsize offset[GST_VIDEO_MAX_PLANES] = { 0, offset1 };
	gint stride[GST_VIDEO_MAX_PLANES] = { stride0, stride1 };

	gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE,
		GST_VIDEO_INFO_FORMAT(info), GST_VIDEO_INFO_WIDTH(info),
		GST_VIDEO_INFO_HEIGHT(info), GST_VIDEO_INFO_N_PLANES(info), offset, stride);
}

static void add_crop(GstBuffer *buffer, guint x, guint y, guint width, guint height)
{
	GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta(buffer);

	crop->x = x;
	crop->y = y;
	crop->width = width;
	crop->height = height;
}

/* Row `row` of plane `plane` as it would be read off the wire. */
static void assert_wire_row(const struct pixels *px, const struct picture *p, unsigned plane,
	guint row, gsize buffer_offset)
{
	gsize at = (gsize)px->stride * ((plane ? p->height : 0) + row);
	unsigned i = 0;

	while (at >= px->body[i].iov_len)
		at -= px->body[i++].iov_len;
	for (guint x = 0; x < p->planes[plane].row_bytes; x++)
		ck_assert_uint_eq(((const guint8 *)px->body[i].iov_base)[at + x],
			expected_byte(buffer_offset + x));
}

static struct pixels map(const struct picture *p, GstBuffer *buffer)
{
	struct pixels px;

	ck_assert_int_eq(pixels_map(p, buffer, &scratch, &px), 0);
	return px;
}

START_TEST(the_wires_own_layout_is_sent_from_where_it_lies)
{
	GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12, 320, 240);
	GstBuffer *buffer = buffer_new(GST_VIDEO_INFO_SIZE(&info));
	struct picture p;
	struct pixels px;

	ck_assert_int_eq(picture_init(&p, &info, buffer), 0);
	ck_assert(picture_fits_resource(&p, buffer));
	px = map(&p, buffer);
	ck_assert(!px.copied);
	ck_assert_uint_eq(px.stride, 320);
	ck_assert_uint_eq(px.size, 320 * 360);
	assert_wire_row(&px, &p, 0, 239, 320 * 239);
	assert_wire_row(&px, &p, 1, 119, 320 * 359);
	pixels_unmap(&px);
	gst_buffer_unref(buffer);
}
END_TEST

START_TEST(a_gap_between_planes_is_bridged_without_a_copy)
{
	GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12, 322, 242);
	GstBuffer *buffer = buffer_new(200704);
	struct picture p;
	struct pixels px;

	add_meta(buffer, &info, 135168, 512, 512);
	ck_assert_int_eq(picture_init(&p, &info, buffer), 0);
	ck_assert(!picture_fits_resource(&p, buffer)); /* an id cannot say where plane 1 is */
	px = map(&p, buffer);
	ck_assert(!px.copied);
	ck_assert_uint_eq(px.stride, 512);
	ck_assert_uint_eq(px.size, 512 * 363);
	assert_wire_row(&px, &p, 0, 241, 512 * 241);
	assert_wire_row(&px, &p, 1, 120, 135168 + 512 * 120);
	pixels_unmap(&px);
	gst_buffer_unref(buffer);
}
END_TEST

START_TEST(planes_of_different_strides_are_copied)
{
	GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12, 320, 240);
	GstBuffer *buffer = buffer_new(512 * 240 + 640 * 120);
	struct picture p;
	struct pixels px;

	add_meta(buffer, &info, 512 * 240, 512, 640);
	ck_assert_int_eq(picture_init(&p, &info, buffer), 0);
	px = map(&p, buffer);
	ck_assert(px.copied);
	ck_assert_uint_eq(px.stride, 320);
	ck_assert_uint_eq(px.size, 320 * 360);
	assert_wire_row(&px, &p, 0, 7, 512 * 7);
	assert_wire_row(&px, &p, 1, 119, 512 * 240 + 640 * 119);
	pixels_unmap(&px);
	gst_buffer_unref(buffer);
}
END_TEST

START_TEST(a_crop_rectangle_is_all_that_is_sent)
{
	GstVideoInfo info = video_info(GST_VIDEO_FORMAT_BGRx, 640, 480);
	GstBuffer *buffer = buffer_new(GST_VIDEO_INFO_SIZE(&info));
	struct picture p;
	struct pixels px;

	add_crop(buffer, 101, 33, 200, 100);
	ck_assert_int_eq(picture_init(&p, &info, buffer), 0);
	ck_assert(!picture_fits_resource(&p, buffer));
	ck_assert_uint_eq(p.width, 200);
	ck_assert_uint_eq(p.height, 100);
	px = map(&p, buffer);
	assert_wire_row(&px, &p, 0, 0, 2560 * 33 + 404);
	assert_wire_row(&px, &p, 0, 99, 2560 * 132 + 404);
	ck_assert_uint_eq(px.size, (size_t)px.stride * 100);
	pixels_unmap(&px);
	gst_buffer_unref(buffer);
}
END_TEST

START_TEST(nothing_beside_a_crop_is_sent)
{
	GstVideoInfo info = video_info(GST_VIDEO_FORMAT_BGRx, 320, 240);
	GstBuffer *buffer = buffer_new(GST_VIDEO_INFO_SIZE(&info));
	struct picture p;
	struct pixels px;

	add_crop(buffer, 0, 0, 300, 240);
	ck_assert_int_eq(picture_init(&p, &info, buffer), 0);
	px = map(&p, buffer);
	ck_assert_uint_eq(px.stride, 1200);
	ck_assert_uint_eq(px.size, 1200 * 240);
	assert_wire_row(&px, &p, 0, 1, 1280);
	pixels_unmap(&px);
	gst_buffer_unref(buffer);
}
END_TEST

START_TEST(a_crop_of_nv12_takes_the_colour_along)
{
	GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12, 640, 480);
	GstBuffer *buffer = buffer_new(GST_VIDEO_INFO_SIZE(&info));
	struct picture p;
	struct pixels px;

	add_crop(buffer, 100, 32, 200, 100);
	ck_assert_int_eq(picture_init(&p, &info, buffer), 0);
	px = map(&p, buffer);
	assert_wire_row(&px, &p, 0, 0, 640 * 32 + 100);
	assert_wire_row(&px, &p, 1, 49, 640 * 480 + 640 * (16 + 49) + 100);
	pixels_unmap(&px);
	gst_buffer_unref(buffer);
}
END_TEST

START_TEST(a_crop_in_the_top_left_corner_can_be_said_by_id)
{
	GstVideoInfo info = video_info(GST_VIDEO_FORMAT_BGRA, 640, 480);
	GstBuffer *buffer = buffer_new(GST_VIDEO_INFO_SIZE(&info));
	struct picture p;

	add_crop(buffer, 0, 0, 320, 200);
	ck_assert_int_eq(picture_init(&p, &info, buffer), 0);
	ck_assert(picture_fits_resource(&p, buffer));
	ck_assert_uint_eq(p.planes[0].stride, 2560);
	gst_buffer_unref(buffer);
}
END_TEST

START_TEST(planes_in_two_memories_are_sent_without_a_copy)
{
	GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12, 320, 240);
	GstBuffer *whole = buffer_new(320 * 360), *buffer = gst_buffer_new();
	struct picture p;
	struct pixels px;

	gst_buffer_append_memory(
		buffer, gst_memory_copy(gst_buffer_peek_memory(whole, 0), 0, 320 * 240));
	gst_buffer_append_memory(
		buffer, gst_memory_copy(gst_buffer_peek_memory(whole, 0), 320 * 240, 320 * 120));
	ck_assert_int_eq(picture_init(&p, &info, buffer), 0);
	ck_assert(!picture_fits_resource(&p, buffer));
	px = map(&p, buffer);
	ck_assert(!px.copied);
	assert_wire_row(&px, &p, 0, 239, 320 * 239);
	assert_wire_row(&px, &p, 1, 119, 320 * 359);
	pixels_unmap(&px);
	gst_buffer_unref(buffer);
	gst_buffer_unref(whole);
}
END_TEST

START_TEST(a_memory_that_starts_later_is_no_resource)
{
	GstVideoInfo info = video_info(GST_VIDEO_FORMAT_BGRx, 64, 64);
	GstBuffer *whole = buffer_new(64 * 64 * 4 + 4096), *buffer = gst_buffer_new();
	struct picture p;
	struct pixels px;

	gst_buffer_append_memory(
		buffer, gst_memory_share(gst_buffer_peek_memory(whole, 0), 4096, 64 * 64 * 4));
	ck_assert_int_eq(picture_init(&p, &info, buffer), 0);
	ck_assert(!picture_fits_resource(&p, buffer));
	px = map(&p, buffer);
	assert_wire_row(&px, &p, 0, 0, 4096);
	pixels_unmap(&px);
	gst_buffer_unref(buffer);
	gst_buffer_unref(whole);
}
END_TEST

START_TEST(odd_sizes_have_their_last_column_and_row)
{
	GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12, 321, 241);
	GstBuffer *buffer = buffer_new(GST_VIDEO_INFO_SIZE(&info));
	struct picture p;
	struct pixels px;

	ck_assert_int_eq(picture_init(&p, &info, buffer), 0);
	ck_assert_uint_eq(p.planes[1].rows, 121);
	ck_assert_uint_eq(p.planes[1].row_bytes, 322);
	px = map(&p, buffer);
	assert_wire_row(&px, &p, 0, 240, GST_VIDEO_INFO_PLANE_STRIDE(&info, 0) * 240);
	assert_wire_row(&px, &p, 1, 120,
		GST_VIDEO_INFO_PLANE_OFFSET(&info, 1) +
			(gsize)GST_VIDEO_INFO_PLANE_STRIDE(&info, 1) * 120);
	pixels_unmap(&px);
	gst_buffer_unref(buffer);
}
END_TEST

START_TEST(a_buffer_that_ends_early_is_refused_at_every_size)
{
	GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12, 32, 16);
	struct picture p;

	poison(&p);
	for (gsize size = 0; size < GST_VIDEO_INFO_SIZE(&info); size++) {
		GstBuffer *buffer = size ? buffer_new(size) : gst_buffer_new();

		ck_assert_int_eq(picture_init(&p, &info, buffer), -EINVAL);
		gst_buffer_unref(buffer);
	}
	assert_poisoned(&p);
}
END_TEST

START_TEST(metas_that_lie_are_refused)
{
	static const struct {
		gsize offset1;
		gint stride0, stride1;
	} lies[] = {
		{ G_MAXSIZE, 320, 320 },
		{ G_MAXSIZE - 320 * 60, 320, 320 },
		{ 320 * 240, 0, 320 },
		{ 320 * 240, -320, 320 },
		{ 320 * 240, 319, 320 },
		{ 320 * 240, G_MAXINT, 320 },
	};
	GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12, 320, 240);

	for (size_t i = 0; i < N_ELEMENTS(lies); i++) {
		GstBuffer *buffer = buffer_new(GST_VIDEO_INFO_SIZE(&info));
		struct picture p;

		add_meta(buffer, &info, lies[i].offset1, lies[i].stride0, lies[i].stride1);
		ck_assert_int_eq(picture_init(&p, &info, buffer), -EINVAL);
		gst_buffer_unref(buffer);
	}
}
END_TEST

START_TEST(a_crop_outside_of_the_frame_is_refused)
{
	static const guint crops[][4] = {
		{ 640, 0, 1, 1 },
		{ 0, 480, 1, 1 },
		{ 1, 0, 640, 480 },
		{ 0, 1, 640, 480 },
		{ 2, 0, G_MAXUINT, 1 },
		{ 0, 0, 0, 10 },
	};
	GstVideoInfo info = video_info(GST_VIDEO_FORMAT_BGRx, 640, 480);

	for (size_t i = 0; i < N_ELEMENTS(crops); i++) {
		GstBuffer *buffer = buffer_new(GST_VIDEO_INFO_SIZE(&info));
		struct picture p;

		add_crop(buffer, crops[i][0], crops[i][1], crops[i][2], crops[i][3]);
		ck_assert_int_eq(picture_init(&p, &info, buffer), -EINVAL);
		gst_buffer_unref(buffer);
	}
}
END_TEST

START_TEST(more_pixels_than_a_host_reads_are_refused_before_memory_is_spent)
{
	struct picture p = {
		.width = 16384,
		.height = 16384,
		.n_planes = 1,
		.planes = { { .stride = 65536, .row_bytes = 65536, .rows = 16384 } },
	};
	GstBuffer *buffer = buffer_new(16);
	struct pixels px;

	ck_assert_int_eq(pixels_map(&p, buffer, &scratch, &px), -EMSGSIZE);
	ck_assert_ptr_null(scratch);
	gst_buffer_unref(buffer);
}
END_TEST

START_TEST(copies_of_one_size_share_their_memory_in_turn)
{
	GstVideoInfo info = video_info(GST_VIDEO_FORMAT_BGRx, 640, 480);
	GstBuffer *buffer = buffer_new(GST_VIDEO_INFO_SIZE(&info));
	const void *first = NULL;
	struct picture p;

	add_crop(buffer, 8, 8, 100, 100);
	ck_assert_int_eq(picture_init(&p, &info, buffer), 0);
	for (int i = 0; i < 5; i++) {
		struct pixels px = map(&p, buffer);

		ck_assert(px.copied);
		if (!first)
			first = px.body[0].iov_base;
		ck_assert_ptr_eq(px.body[0].iov_base, first);
		pixels_unmap(&px);
	}
	gst_buffer_unref(buffer);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_wires_own_layout_is_sent_from_where_it_lies,
		a_gap_between_planes_is_bridged_without_a_copy,
		planes_of_different_strides_are_copied,
		a_crop_rectangle_is_all_that_is_sent,
		nothing_beside_a_crop_is_sent,
		a_crop_of_nv12_takes_the_colour_along,
		a_crop_in_the_top_left_corner_can_be_said_by_id,
		planes_in_two_memories_are_sent_without_a_copy,
		a_memory_that_starts_later_is_no_resource,
		odd_sizes_have_their_last_column_and_row,
		a_buffer_that_ends_early_is_refused_at_every_size,
		metas_that_lie_are_refused,
		a_crop_outside_of_the_frame_is_refused,
		more_pixels_than_a_host_reads_are_refused_before_memory_is_spent,
		copies_of_one_size_share_their_memory_in_turn,
		NULL,
	};

	return suite_run_with("picture", tests, setup, teardown);
}

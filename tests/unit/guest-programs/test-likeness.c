/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "likeness.h"
#include "suite.h"

#include <errno.h>
#include <hxfr/messages.h>

#define WIDTH  320u
#define HEIGHT 240u

static const struct pattern_code code = { .id = 77, .pts = 123456789 };
static GstBuffer *buffer;
static GstVideoFrame frame;

static const uint8_t *component(const uint8_t *nv12, int c)
{
	return c == 0 ? nv12 : nv12 + WIDTH * HEIGHT + (c - 1);
}

/* The test picture, in an 8-bit 4:2:0 format. */
static void draw(GstVideoFormat format)
{
	static uint8_t nv12[WIDTH * HEIGHT * 3 / 2];
	struct pattern_canvas canvas = { WIDTH, HEIGHT, HXFR_FORMAT_NV12, WIDTH, nv12 };
	GstVideoInfo info;

	gst_video_info_set_format(&info, format, WIDTH, HEIGHT);
	buffer = gst_buffer_new_allocate(NULL, info.size, NULL);
	ck_assert(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READWRITE));
	pattern_draw(&canvas, &code);
	for (int c = 0; c < 3; c++)
		for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); y++) {
			const uint8_t *from = component(nv12, c) + y * (int)WIDTH;
			uint8_t *to = GST_VIDEO_FRAME_COMP_DATA(&frame, c);

			to += y * GST_VIDEO_FRAME_COMP_STRIDE(&frame, c);
			for (int x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); x++)
				to[x * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c)] =
					from[c == 0 ? x : x * 2];
		}
}

static void put_away(void)
{
	gst_video_frame_unmap(&frame);
	gst_buffer_unref(buffer);
}

static void set_up(void)
{
	gst_init(NULL, NULL);
}

START_TEST(what_was_drawn_is_read_and_the_same)
{
	static const GstVideoFormat formats[] = { GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_NV12 };

	for (size_t i = 0; i < N_ELEMENTS(formats); i++) {
		struct pattern_code read;

		draw(formats[i]);
		ck_assert_int_eq(likeness_read(&frame, &read), 0);
		ck_assert_uint_eq(read.id, code.id);
		ck_assert_int_eq(read.pts, code.pts);
		ck_assert_double_eq(likeness_psnr(&frame, &read), LIKENESS_SAME);
		put_away();
	}
}
END_TEST

/* One of 115200 samples, off by 128: 56.6 dB. */
START_TEST(one_wrong_sample_of_any_plane_is_seen)
{
	for (int c = 0; c < 3; c++) {
		draw(GST_VIDEO_FORMAT_I420);
		uint8_t *last = GST_VIDEO_FRAME_COMP_DATA(&frame, c) +
				(GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c) - 1) *
					GST_VIDEO_FRAME_COMP_STRIDE(&frame, c) +
				GST_VIDEO_FRAME_COMP_WIDTH(&frame, c) - 1;

		*last ^= 0x80;
		double psnr = likeness_psnr(&frame, &code);
		ck_assert_double_gt(psnr, 50);
		ck_assert_double_lt(psnr, 80);
		put_away();
	}
}
END_TEST

START_TEST(another_picture_is_unlike)
{
	struct pattern_code later = { .id = 78, .pts = 223456789 };

	draw(GST_VIDEO_FORMAT_I420);
	ck_assert_double_lt(likeness_psnr(&frame, &later), 20);
	put_away();
}
END_TEST

START_TEST(swapped_chroma_is_unlike)
{
	draw(GST_VIDEO_FORMAT_I420);
	frame.info.finfo = gst_video_format_get_info(GST_VIDEO_FORMAT_YV12);
	ck_assert_double_lt(likeness_psnr(&frame, &code), 30);
	put_away();
}
END_TEST

START_TEST(other_formats_are_refused)
{
	static const GstVideoFormat formats[] = { GST_VIDEO_FORMAT_Y444, GST_VIDEO_FORMAT_Y42B,
		GST_VIDEO_FORMAT_I420_10LE, GST_VIDEO_FORMAT_GRAY8, GST_VIDEO_FORMAT_BGRx,
		GST_VIDEO_FORMAT_YUY2 };

	for (size_t i = 0; i < N_ELEMENTS(formats); i++) {
		struct pattern_code read;

		poison(&read);
		draw(GST_VIDEO_FORMAT_I420);
		frame.info.finfo = gst_video_format_get_info(formats[i]);
		ck_assert_int_eq(likeness_read(&frame, &read), -ENOTSUP);
		assert_poisoned(&read);
		put_away();
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_was_drawn_is_read_and_the_same,
		one_wrong_sample_of_any_plane_is_seen,
		another_picture_is_unlike,
		swapped_chroma_is_unlike,
		other_formats_are_refused,
		NULL,
	};

	return suite_run_with("guest-programs-likeness", tests, set_up, NULL);
}

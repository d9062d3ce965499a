/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "likeness.h"

#include <errno.h>
#include <hxfr/messages.h>
#include <math.h>

#define N_COMPONENTS 3 /* Y, Cb, Cr */

static bool is_420(const GstVideoFormatInfo *format)
{
	return GST_VIDEO_FORMAT_INFO_IS_YUV(format) &&
	       GST_VIDEO_FORMAT_INFO_N_COMPONENTS(format) == N_COMPONENTS &&
	       GST_VIDEO_FORMAT_INFO_PSTRIDE(format, 0) == 1 &&
	       GST_VIDEO_FORMAT_INFO_W_SUB(format, 1) == 1 &&
	       GST_VIDEO_FORMAT_INFO_H_SUB(format, 1) == 1;
}

int likeness_read(const GstVideoFrame *frame, struct pattern_code *ret)
{
	if (!is_420(frame->info.finfo))
		return -ENOTSUP;
	return pattern_read(GST_VIDEO_FRAME_COMP_DATA(frame, 0),
		(size_t)GST_VIDEO_FRAME_COMP_STRIDE(frame, 0),
		(uint32_t)GST_VIDEO_FRAME_WIDTH(frame), (uint32_t)GST_VIDEO_FRAME_HEIGHT(frame),
		ret);
}

static uint64_t row_difference(
	const uint8_t *a, unsigned a_step, const uint8_t *b, unsigned b_step, unsigned n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++) {
		int d = a[i * a_step] - b[i * b_step];
		sum += (uint64_t)(d * d);
	}
	return sum;
}

static uint64_t component_difference(
	const GstVideoFrame *frame, int component, const uint8_t *expected, uint32_t stride)
{
	unsigned width = (unsigned)GST_VIDEO_FRAME_COMP_WIDTH(frame, component);
	unsigned height = (unsigned)GST_VIDEO_FRAME_COMP_HEIGHT(frame, component);
	const uint8_t *data = GST_VIDEO_FRAME_COMP_DATA(frame, component);
	uint64_t sum = 0;

	for (unsigned y = 0; y < height; y++)
		sum += row_difference(
			data + (size_t)y * (size_t)GST_VIDEO_FRAME_COMP_STRIDE(frame, component),
			(unsigned)GST_VIDEO_FRAME_COMP_PSTRIDE(frame, component),
			expected + (size_t)y * stride, component == 0 ? 1 : 2, width);
	return sum;
}

double likeness_psnr(const GstVideoFrame *frame, const struct pattern_code *code)
{
	uint32_t width = (uint32_t)GST_VIDEO_FRAME_WIDTH(frame);
	uint32_t height = (uint32_t)GST_VIDEO_FRAME_HEIGHT(frame);
	uint32_t stride = (width + 1) / 2 * 2;
	size_t luma_size = (size_t)stride * height;
	size_t chroma_size = (size_t)stride * ((height + 1) / 2);
	g_autofree uint8_t *pixels = g_malloc0(luma_size + chroma_size);
	struct pattern_canvas canvas = { width, height, HXFR_FORMAT_NV12, stride, pixels };
	uint64_t sum = 0, n = 0;

	pattern_draw(&canvas, code);
	for (int c = 0; c < N_COMPONENTS; c++) {
		const uint8_t *expected = c == 0 ? pixels : pixels + luma_size + c - 1;

		sum += component_difference(frame, c, expected, stride);
		n += (uint64_t)GST_VIDEO_FRAME_COMP_WIDTH(frame, c) *
		     (uint64_t)GST_VIDEO_FRAME_COMP_HEIGHT(frame, c);
	}
	if (sum == 0)
		return LIKENESS_SAME;
	double psnr = 10 * log10(255.0 * 255.0 * (double)n / (double)sum);
	return MIN(psnr, LIKENESS_SAME);
}

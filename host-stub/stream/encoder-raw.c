/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "encoder-raw.h"

#include <errno.h>
#include <string.h>

static GstVideoFormat video_format(uint32_t format)
{
	switch (format) {
	case HXFR_FORMAT_AR24:
		return GST_VIDEO_FORMAT_BGRx;
	case HXFR_FORMAT_AB24:
		return GST_VIDEO_FORMAT_RGBx;
	default:
		return GST_VIDEO_FORMAT_NV12;
	}
}

static const char *colorimetry(const struct encoder_config *config)
{
	return picture_is_bt709(config->height) ? GST_VIDEO_COLORIMETRY_BT709
						: GST_VIDEO_COLORIMETRY_BT601;
}

void encoder_raw_info(const struct encoder_config *config, GstVideoInfo *ret)
{
	gst_video_info_set_format(ret, video_format(config->format), (config->width + 1) / 2 * 2,
		(config->height + 1) / 2 * 2);
	ret->fps_n = (int)config->framerate_num;
	ret->fps_d = (int)config->framerate_den;
	if (config->format == HXFR_FORMAT_NV12)
		gst_video_colorimetry_from_string(&ret->colorimetry, colorimetry(config));
}

/* The encoder must not be left to guess: RGB converted to an unnamed YUV gets an unnamed VUI. */
GstCaps *encoder_raw_converted_caps(const struct encoder_config *config)
{
	GstCaps *caps = gst_caps_from_string("video/x-raw,format=(string){NV12,I420}");
	gst_caps_set_simple(caps, "colorimetry", G_TYPE_STRING, colorimetry(config), NULL);
	return caps;
}

static void copy_row(uint8_t *to, size_t to_size, const uint8_t *from, size_t size, size_t unit)
{
	memcpy(to, from, size);
	for (; size + unit <= to_size; size += unit)
		memcpy(to + size, to + size - unit, unit);
}

static void copy_plane(GstVideoFrame *frame, unsigned plane, const uint8_t *from, uint32_t stride,
	size_t row_size, uint32_t rows)
{
	uint8_t *to = GST_VIDEO_FRAME_PLANE_DATA(frame, plane);
	size_t to_stride = (size_t)GST_VIDEO_FRAME_PLANE_STRIDE(frame, plane);
	size_t unit = (size_t)GST_VIDEO_FRAME_COMP_PSTRIDE(frame, plane);
	size_t to_size = unit * (size_t)GST_VIDEO_FRAME_COMP_WIDTH(frame, plane);
	uint32_t to_rows = (uint32_t)GST_VIDEO_FRAME_COMP_HEIGHT(frame, plane);

	if (to_stride == stride && to_size == row_size && to_rows == rows) {
		memcpy(to, from, (size_t)stride * (rows - 1) + row_size);
		return;
	}
	for (uint32_t y = 0; y < to_rows; y++) {
		uint32_t from_y = y < rows ? y : rows - 1;
		copy_row(to + y * to_stride, to_size, from + (size_t)from_y * stride, row_size,
			unit);
	}
}

int encoder_raw_copy(const struct picture *picture, const GstVideoInfo *info, GstBuffer *buffer)
{
	GstVideoFrame frame;
	bool nv12 = picture->format == HXFR_FORMAT_NV12;
	size_t row = nv12 ? picture->width : picture_row_size(picture->width, picture->format);

	if (!gst_video_frame_map(&frame, info, buffer, GST_MAP_WRITE))
		return -ENOMEM;
	copy_plane(&frame, 0, picture->planes[0], picture->stride, row, picture->height);
	if (nv12)
		copy_plane(&frame, 1, picture->planes[1], picture->stride,
			picture_row_size(picture->width, picture->format),
			(picture->height + 1) / 2);
	gst_video_frame_unmap(&frame);
	return 0;
}

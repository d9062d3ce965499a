/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format.h"

#include <drm_fourcc.h>
#include <gst/allocators/gstdmabuf.h>
#include <hxfr/messages.h>
#include <string.h>

/* Formats by both their names. The x of a DRM format is lost on the wire: a host has no use for
 * alpha. */
#define VIDEO_FORMATS "{ BGRx, BGRA, RGBx, RGBA, NV12 }"
#define DRM_FORMATS   "{ XR24, AR24, XB24, AB24, NV12 }"
#define SIZE_AND_RATE                                                                              \
	"width = (int) [ 1, 16384 ], height = (int) [ 1, 16384 ], "                                \
	"framerate = (fraction) [ 0, max ]"
#define DMABUF "video/x-raw(" GST_CAPS_FEATURE_MEMORY_DMABUF "), "

GstCaps *format_sink_caps(void)
{
	static const char caps[] =
#if GST_CHECK_VERSION(1, 24, 0)
		DMABUF "format = (string) DMA_DRM, drm-format = (string) " DRM_FORMATS
		       ", " SIZE_AND_RATE "; "
#endif
		DMABUF "format = (string) " VIDEO_FORMATS ", " SIZE_AND_RATE "; "
		       "video/x-raw, format = (string) " VIDEO_FORMATS ", " SIZE_AND_RATE;

	return gst_caps_from_string(caps);
}

/* pipewiresrc 1.4 spells "drm-format=XR24, format=BGRx". The modifier there, if any, is the layout
 * all the same. */
static bool modifier_is_linear(const GstCaps *caps)
{
	const GstStructure *s = gst_caps_get_structure(caps, 0);
	const char *format = gst_structure_get_string(s, "drm-format");
	const char *modifier = format ? strchr(format, ':') : NULL;
	guint64 value = modifier ? g_ascii_strtoull(modifier + 1, NULL, 16) : DRM_FORMAT_MOD_LINEAR;

	return value == DRM_FORMAT_MOD_LINEAR || value == DRM_FORMAT_MOD_INVALID;
}

static bool info_from_caps(const GstCaps *caps, GstVideoInfo *ret)
{
#if GST_CHECK_VERSION(1, 24, 0)
	GstVideoInfoDmaDrm drm;

	/* A layout is only known of linear buffers, which is what a format without modifier
	 * means. */
	if (gst_video_is_dma_drm_caps(caps) && gst_video_info_dma_drm_from_caps(&drm, caps))
		return gst_video_info_dma_drm_to_video_info(&drm, ret);
#endif
	return modifier_is_linear(caps) && gst_video_info_from_caps(ret, caps);
}

bool format_from_caps(const GstCaps *caps, GstVideoInfo *ret)
{
	GstVideoInfo info;

	if (!info_from_caps(caps, &info) || GST_VIDEO_INFO_IS_INTERLACED(&info) ||
		format_fourcc(GST_VIDEO_INFO_FORMAT(&info)) == 0)
		return false;

	*ret = info;
	return true;
}

uint32_t format_fourcc(GstVideoFormat format)
{
	switch (format) {
	case GST_VIDEO_FORMAT_BGRx:
	case GST_VIDEO_FORMAT_BGRA:
		return HXFR_FORMAT_AR24;
	case GST_VIDEO_FORMAT_RGBx:
	case GST_VIDEO_FORMAT_RGBA:
		return HXFR_FORMAT_AB24;
	case GST_VIDEO_FORMAT_NV12:
		return HXFR_FORMAT_NV12;
	default:
		return 0;
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "picture-source.h"

#include "pattern.h"

#include <errno.h>
#include <gst/video/video.h>
#include <hxfr/messages.h>

struct feed {
	GstVideoInfo info;
	uint32_t format; /* enum hxfr_format */
	unsigned n_frames, next;
};

static uint32_t find_format(GstVideoFormat format)
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

static GstBuffer *draw(const struct feed *feed, unsigned number)
{
	GstBuffer *buffer = gst_buffer_new_allocate(NULL, feed->info.size, NULL);
	GstClockTime rate_n = (GstClockTime)feed->info.fps_n,
		     rate_d = (GstClockTime)feed->info.fps_d;
	struct pattern_code code = { .id = number,
		.pts = (int64_t)gst_util_uint64_scale(number, GST_SECOND * rate_d, rate_n) };
	GstMapInfo map;

	gst_buffer_map(buffer, &map, GST_MAP_WRITE);
	struct pattern_canvas canvas = {
		.width = (uint32_t)feed->info.width,
		.height = (uint32_t)feed->info.height,
		.format = feed->format,
		.stride = (uint32_t)feed->info.stride[0],
		.pixels = map.data,
	};
	pattern_draw(&canvas, &code);
	gst_buffer_unmap(buffer, &map);
	GST_BUFFER_PTS(buffer) = (GstClockTime)code.pts;
	GST_BUFFER_DURATION(buffer) = gst_util_uint64_scale(GST_SECOND, rate_d, rate_n);
	GST_BUFFER_OFFSET(buffer) = number;
	return buffer;
}

static void need_data(GstAppSrc *source, guint size, gpointer data)
{
	struct feed *feed = data;

	(void)size;
	if (feed->next == feed->n_frames) {
		gst_app_src_end_of_stream(source);
		return;
	}
	gst_app_src_push_buffer(source, draw(feed, feed->next++));
}

int picture_source_feed(GstAppSrc *source, unsigned n_frames)
{
	GstAppSrcCallbacks callbacks = { .need_data = need_data };
	g_autoptr(GstCaps) caps = gst_app_src_get_caps(source);
	struct feed feed = { .n_frames = n_frames };

	if (!caps || !gst_video_info_from_caps(&feed.info, caps))
		return -EINVAL;
	feed.format = find_format(GST_VIDEO_INFO_FORMAT(&feed.info));
	if (!feed.format || feed.info.fps_n <= 0 || feed.info.width % 2 || feed.info.height % 2)
		return -EINVAL;
	g_object_set(source, "format", GST_FORMAT_TIME, NULL);
	gst_app_src_set_callbacks(source, &callbacks, g_memdup2(&feed, sizeof feed), g_free);
	return 0;
}

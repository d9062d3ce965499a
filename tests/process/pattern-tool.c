/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * pattern-tool draw FORMAT WIDTH HEIGHT COUNT     raw frames on stdout: id 0, 1 ..., pts at 30 frames a second
 * pattern-tool read FILE DECODER                  a line "BUFFER_PTS ID PTS" for each decoded frame, "BUFFER_PTS -"
 *                                                 for a picture without a readable pattern. FILE is an .mp4, or
 *                                                 bare H.264, whose BUFFER_PTS say nothing
 */

#include "pattern.h"

#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <hxfr/messages.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_RATE 30

static int draw(const char *format, uint32_t width, uint32_t height, unsigned count)
{
	bool nv12 = strcmp(format, "NV12") == 0;
	struct pattern_canvas canvas = { .width = width,
		.height = height,
		.format = nv12 ? HXFR_FORMAT_NV12 : HXFR_FORMAT_AR24,
		.stride = nv12 ? width : width * 4 };
	size_t size = (size_t)canvas.stride * height * (nv12 ? 3 : 2) / 2;

	canvas.pixels = g_malloc(size);
	for (unsigned i = 0; i < count; i++) {
		const struct pattern_code code = { i,
			(int64_t)gst_util_uint64_scale(i, GST_SECOND, FRAME_RATE) };

		pattern_draw(&canvas, &code);
		if (fwrite(canvas.pixels, nv12 ? size : (size_t)canvas.stride * height, 1,
			    stdout) != 1)
			return 1;
	}
	g_free(canvas.pixels);
	return 0;
}

static void print_frame(GstSample *sample)
{
	GstBuffer *buffer = gst_sample_get_buffer(sample);
	GstVideoInfo info;
	GstVideoFrame frame;
	struct pattern_code code;

	printf("%" G_GUINT64_FORMAT, GST_BUFFER_PTS(buffer));
	if (gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) &&
		gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ)) {
		if (pattern_read(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0),
			    (size_t)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0), (uint32_t)info.width,
			    (uint32_t)info.height, &code) == 0)
			printf(" %u %" G_GINT64_FORMAT "\n", code.id, code.pts);
		else
			printf(" -\n");
		gst_video_frame_unmap(&frame);
	}
}

static int read_file(const char *path, const char *decoder)
{
	const char *demuxer = g_str_has_suffix(path, ".mp4") ? "! qtdemux" : "";
	g_autofree char *launch =
		g_strdup_printf("filesrc location=%s %s ! h264parse ! %s ! videoconvert ! "
				"video/x-raw,format=I420 ! appsink name=sink sync=false",
			path, demuxer, decoder);
	g_autoptr(GError) error = NULL;
	g_autoptr(GstElement) pipeline = gst_parse_launch(launch, &error);
	g_autoptr(GstElement) sink = NULL;
	GstSample *sample;

	if (!pipeline || error) {
		g_printerr("pattern-tool: %s\n", error->message);
		return 1;
	}
	sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
	gst_element_set_state(pipeline, GST_STATE_PLAYING);
	while ((sample = gst_app_sink_pull_sample(GST_APP_SINK(sink)))) {
		print_frame(sample);
		gst_sample_unref(sample);
	}
	gst_element_set_state(pipeline, GST_STATE_NULL);
	return 0;
}

int main(int argc, char **argv)
{
	int r;

	if (argc == 6 && strcmp(argv[1], "draw") == 0)
		return draw(argv[2], (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]),
			(unsigned)atoi(argv[5]));
	if (argc != 4 || strcmp(argv[1], "read") != 0) {
		g_printerr(
			"usage: pattern-tool draw FORMAT WIDTH HEIGHT COUNT | read FILE DECODER\n");
		return 2;
	}
	gst_init(&argc, &argv);
	r = read_file(argv[2], argv[3]);
	gst_deinit();
	return r;
}

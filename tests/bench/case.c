/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "case.h"

#include "dmabuf-frame.h"

#include <gst/app/gstappsink.h>
#include <string.h>

static const struct {
	const char *name;
	const char *launch;  /* tuned for latency, as for a screen */
	const char *formats; /* taken without videoconvert */
} encoders[] = {
	{ "none", "identity name=encoder", "NV12 BGRx" }, /* what the benchmark itself costs */
	{ "vsockenc", "vsockenc name=encoder", "NV12 BGRx" },
	{ "x264enc",
		"x264enc name=encoder speed-preset=ultrafast tune=zerolatency bitrate=4000 "
		"key-int-max=60",
		"NV12" },
	{ "openh264enc",
		"openh264enc name=encoder bitrate=4000000 complexity=low rate-control=bitrate "
		"gop-size=60 usage-type=screen",
		"" },
};

GstCaps *case_caps(const struct bench_case *c)
{
	g_autofree char *text =
		g_strdup_printf("video/x-raw%s,format=%s,width=%d,height=%d,framerate=%d/1",
			c->dmabuf ? "(memory:DMABuf)" : "", c->format, c->width, c->height,
			c->pace ? c->pace : 60);

	return gst_caps_from_string(text);
}

static char *launch_line(const struct bench_case *c)
{
	for (gsize i = 0; i < G_N_ELEMENTS(encoders); i++)
		if (strcmp(encoders[i].name, c->encoder) == 0)
			return g_strconcat(strstr(encoders[i].formats, c->format)
						   ? ""
						   : "videoconvert n-threads=2 ! ",
				encoders[i].launch, NULL);
	return NULL;
}

GstElement *case_make_encoder(const struct bench_case *c, GstPad **ret_sink, GstPad **ret_src)
{
	g_autofree char *launch = launch_line(c);
	g_autoptr(GError) error = NULL;
	GstElement *bin = launch ? gst_parse_bin_from_description(launch, TRUE, &error) : NULL;
	GstElement *encoder;

	if (!bin) {
		g_printerr("bench: %s: %s\n", c->encoder, error ? error->message : "not known");
		return NULL;
	}
	encoder = gst_bin_get_by_name(GST_BIN(bin), "encoder");
	if (c->endpoint)
		g_object_set(encoder, "endpoint", c->endpoint, "max-in-flight",
			(guint)c->max_in_flight, NULL);
	if (c->endpoint)
		g_object_set(encoder, "upload", !c->no_upload, NULL);
	gst_object_unref(encoder);
	*ret_sink = gst_element_get_static_pad(bin, "sink");
	*ret_src = gst_element_get_static_pad(bin, "src");
	return bin;
}

static GstBuffer *own_frame(const struct bench_case *c, const GstVideoInfo *info, GstBuffer *from)
{
	GstVideoInfo layout = *info; /* the meta's arguments are not const */
	GstBuffer *buffer = gst_buffer_new();
	GstMapInfo map;

	gst_buffer_map(from, &map, GST_MAP_READ);
	gst_buffer_append_memory(
		buffer, c->dmabuf ? dmabuf_new(map.size, map.data)
				  : gst_memory_new_wrapped(0, g_memdup2(map.data, map.size),
					    map.size, 0, map.size, NULL, NULL));
	gst_buffer_unmap(from, &map);
	gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE,
		GST_VIDEO_INFO_FORMAT(info), GST_VIDEO_INFO_WIDTH(info),
		GST_VIDEO_INFO_HEIGHT(info), GST_VIDEO_INFO_N_PLANES(info), layout.offset,
		layout.stride);
	return buffer;
}

static gboolean pull_frames(
	const struct bench_case *c, const GstVideoInfo *info, GstAppSink *sink, GstBuffer **ret)
{
	for (guint i = 0; i < FRAMES; i++) {
		g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);

		if (!sample)
			return FALSE;
		ret[i] = own_frame(c, info, gst_sample_get_buffer(sample));
	}
	return TRUE;
}

gboolean case_make_frames(const struct bench_case *c, GstBuffer *ret[FRAMES])
{
	g_autofree char *launch = g_strdup_printf(
		"videotestsrc pattern=smpte num-buffers=%u ! video/x-raw,format=%s,width=%d,height=%d,"
		"framerate=60/1 ! appsink name=sink sync=false max-buffers=1",
		FRAMES, c->format, c->width, c->height);
	g_autoptr(GError) error = NULL;
	g_autoptr(GstElement) pipeline = gst_parse_launch(launch, &error);
	g_autoptr(GstElement) sink = NULL;
	GstVideoInfo info;
	gboolean done;

	if (!pipeline || error) {
		g_printerr("bench: no frames: %s\n", error->message);
		return FALSE;
	}
	gst_video_info_set_format(
		&info, gst_video_format_from_string(c->format), (guint)c->width, (guint)c->height);
	sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
	gst_element_set_state(pipeline, GST_STATE_PLAYING);
	done = pull_frames(c, &info, GST_APP_SINK(sink), ret);
	gst_element_set_state(pipeline, GST_STATE_NULL);
	if (!done)
		g_printerr("bench: videotestsrc gave no frames\n");
	return done;
}

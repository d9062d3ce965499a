/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * dmabuf-guest ENDPOINT FILE.mp4 COUNT
 *
 * A guest whose frames are (fake) DMA-BUFs, 640x368 NV12: pushes them through vsockenc and writes
 * what the host makes of their ids. Prints a line "ID PTS" for each.
 */

#include "dmabuf-frame.h"
#include "fake-libdrm.h"

#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>

#define WIDTH    640
#define HEIGHT   368
#define RATE     30
#define POOL     5u /* buffers that recur */
#define EOS_WAIT (60 * GST_SECOND)
#define CAPS     "video/x-raw(memory:DMABuf),format=NV12,width=640,height=368,framerate=30/1"

static void push_frames(GstAppSrc *src, unsigned count)
{
	GstBuffer *pool[POOL];
	GstVideoInfo info;

	gst_video_info_set_format(&info, GST_VIDEO_FORMAT_NV12, WIDTH, HEIGHT);
	for (unsigned i = 0; i < POOL; i++)
		pool[i] = dmabuf_frame_new(&info, i);
	for (unsigned i = 0; i < count; i++) {
		GstBuffer *buffer = gst_buffer_copy(pool[i % POOL]);

		GST_BUFFER_PTS(buffer) = gst_util_uint64_scale(i, GST_SECOND, RATE);
		GST_BUFFER_DURATION(buffer) = GST_SECOND / RATE;
		printf("%u %" G_GUINT64_FORMAT "\n",
			fake_drm_resource_id(dmabuf_fd(gst_buffer_peek_memory(buffer, 0))),
			GST_BUFFER_PTS(buffer));
		gst_app_src_push_buffer(src, buffer);
	}
	gst_app_src_end_of_stream(src);
	for (unsigned i = 0; i < POOL; i++)
		gst_buffer_unref(pool[i]);
}

static int wait_for_end(GstElement *pipeline)
{
	g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
	g_autoptr(GstMessage) m =
		gst_bus_timed_pop_filtered(bus, EOS_WAIT, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
	g_autoptr(GError) error = NULL;

	if (m && GST_MESSAGE_TYPE(m) == GST_MESSAGE_EOS)
		return 0;
	if (m)
		gst_message_parse_error(m, &error, NULL);
	g_printerr("dmabuf-guest: %s\n", error ? error->message : "no end");
	return 1;
}

static int run(const char *endpoint, const char *path, unsigned count)
{
	g_autofree char *launch = g_strdup_printf(
		"appsrc name=src format=time caps=\"%s\" ! vsockenc endpoint=%s ! h264parse ! mp4mux ! "
		"filesink location=%s",
		CAPS, endpoint, path);
	g_autoptr(GError) error = NULL;
	g_autoptr(GstElement) pipeline = gst_parse_launch(launch, &error);
	g_autoptr(GstElement) src = NULL;
	int r;

	if (!pipeline || error) {
		g_printerr("dmabuf-guest: %s\n", error->message);
		return 1;
	}
	src = gst_bin_get_by_name(GST_BIN(pipeline), "src");
	gst_element_set_state(pipeline, GST_STATE_PLAYING);
	push_frames(GST_APP_SRC(src), count);
	r = wait_for_end(pipeline);
	gst_element_set_state(pipeline, GST_STATE_NULL);
	return r;
}

int main(int argc, char **argv)
{
	int r;

	if (argc != 4)
		return 2;
	gst_init(&argc, &argv);
	r = run(argv[1], argv[2], (unsigned)atoi(argv[3]));
	gst_deinit();
	return r;
}

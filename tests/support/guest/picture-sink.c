/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "picture-sink.h"

#include "likeness.h"

#define BACKLOG_MAX 4 /* pictures; a decoder has few to lend */

struct watch {
	picture_seen_fn seen;
	void *owner;
};

static struct picture_seen look(GstSample *sample)
{
	GstBuffer *buffer = gst_sample_get_buffer(sample);
	GstSegment *segment = gst_sample_get_segment(sample);
	struct picture_seen seen = {
		.time_ns = gst_segment_to_running_time(
			segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer)),
		.number = JUDGE_UNREADABLE,
	};
	GstVideoInfo info;
	GstVideoFrame frame;
	struct pattern_code code;

	if (!gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) ||
		!gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ))
		return seen;
	if (likeness_read(&frame, &code) == 0) {
		seen.number = code.id;
		seen.psnr = likeness_psnr(&frame, &code);
	}
	gst_video_frame_unmap(&frame);
	return seen;
}

static GstFlowReturn take_sample(GstAppSink *sink, gpointer data)
{
	struct watch *watch = data;
	g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);

	if (!sample)
		return GST_FLOW_EOS;
	struct picture_seen seen = look(sample);
	watch->seen(watch->owner, &seen);
	return GST_FLOW_OK;
}

void picture_sink_watch(GstAppSink *sink, picture_seen_fn seen, void *owner)
{
	GstAppSinkCallbacks callbacks = { .new_sample = take_sample };
	struct watch *watch = g_new(struct watch, 1);

	*watch = (struct watch){ .seen = seen, .owner = owner };
	g_object_set(sink, "sync", FALSE, "max-buffers", BACKLOG_MAX, NULL);
	gst_app_sink_set_callbacks(sink, &callbacks, watch, g_free);
}

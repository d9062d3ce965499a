/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstvsockenc-private.h"
#include "upload.h"

#include <errno.h>
#include <gst/allocators/gstdmabuf.h>
#include <poll.h>

/* --- fences --- */

/* What renders into a DMA-BUF may still be at it; the host would read an older or torn frame. */
static int wait_for_memory(GstVsockEnc *self, GstMemory *mem)
{
	struct pollfd fds[] = {
		{ .fd = gst_dmabuf_memory_get_fd(mem), .events = POLLIN },
		{ .fd = link_interrupt_fd(self->link), .events = POLLIN },
	};
	gint64 deadline = g_get_monotonic_time() + self->response_timeout * G_TIME_SPAN_MILLISECOND;
	int n;

	do {
		gint64 left = deadline - g_get_monotonic_time();

		n = poll(fds, G_N_ELEMENTS(fds), (int)(MAX(left, 0) / G_TIME_SPAN_MILLISECOND));
	} while (n < 0 && errno == EINTR);

	if (n < 0)
		return -errno;
	if (fds[1].revents)
		return -ECANCELED;
	return fds[0].revents ? 0 : -ETIMEDOUT;
}

static int wait_for_fences(GstVsockEnc *self, GstBuffer *buffer)
{
	for (guint i = 0; i < gst_buffer_n_memory(buffer); i++) {
		GstMemory *mem = gst_buffer_peek_memory(buffer, i);
		bool foreign = gst_is_dmabuf_memory(mem) && !upload_is_ours(mem);
		int r = foreign ? wait_for_memory(self, mem) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* A place in the window, and a frame that is complete. Without the STREAM_LOCK, so that responses
 * go on. When the link was lost before the lock is back, the wait starts again: what the reader
 * makes of the loss comes first. */
static int wait_to_send(GstVsockEnc *self, GstBuffer *buffer)
{
	int r;

	GST_VIDEO_ENCODER_STREAM_UNLOCK(self);
	r = wait_for_fences(self, buffer);
	if (r == 0)
		r = link_acquire(self->link);
	GST_VIDEO_ENCODER_STREAM_LOCK(self);

	while (r == 0 && !link_is_up(self->link)) {
		GST_VIDEO_ENCODER_STREAM_UNLOCK(self);
		r = link_acquire(self->link);
		GST_VIDEO_ENCODER_STREAM_LOCK(self);
	}
	return r;
}

/* --- the road --- */

struct roads *gst_vsockenc_roads(GstVsockEnc *self)
{
	struct roads_config config = { 0 };
	g_autofree char *device = NULL;

	if (self->roads)
		return self->roads;

	GST_OBJECT_LOCK(self);
	device = g_strdup(self->settings.drm_device);
	config.max_in_flight = self->settings.max_in_flight;
	config.upload = self->settings.upload;
	GST_OBJECT_UNLOCK(self);
	config.device = device;
	self->roads = roads_new(&config);
	return self->roads;
}

static void log_road(GstVsockEnc *self, enum road road)
{
	g_autofree char *why = NULL;

	if (self->road_said && self->road == road)
		return;

	self->road_said = TRUE;
	self->road = road;
	why = roads_explain(self->roads);
	if (roads_is_detour(self->roads))
		GST_WARNING_OBJECT(self,
			"frames take the road: %s, which costs a copy each, because %s",
			road_name(road), why);
	else
		GST_INFO_OBJECT(self, "frames take the road: %s, because %s", road_name(road), why);
}

static int load(GstVsockEnc *self, GstBuffer *buffer, struct cargo *ret)
{
	int r = roads_take(gst_vsockenc_roads(self), &self->info, buffer, ret);

	if (r == 0)
		log_road(self, ret->road);
	return r;
}

/* --- sending --- */

static bool wants_idr(GstVsockEnc *self, GstVideoCodecFrame *frame)
{
	guint interval;
	bool asked = g_atomic_int_compare_and_exchange(&self->want_idr, TRUE, FALSE);

	GST_OBJECT_LOCK(self);
	interval = self->settings.keyframe_interval;
	GST_OBJECT_UNLOCK(self);

	if (asked || GST_VIDEO_CODEC_FRAME_IS_FORCE_KEYFRAME(frame) ||
		(interval > 0 && self->since_idr >= interval))
		self->since_idr = 0;
	return self->since_idr++ == 0;
}

static void count_sent(GstVsockEnc *self, const struct cargo *cargo)
{
	GST_OBJECT_LOCK(self);
	self->counters.sent++;
	self->counters.by_road[cargo->road]++;
	self->counters.copied += cargo->copied;
	GST_OBJECT_UNLOCK(self);
}

void gst_vsockenc_tell_agent(GstVsockEnc *self, bool ended)
{
	const struct counters *c = &self->counters;
	struct hxfr_report report = { .ended = ended };

	if (!ended && !reporter_is_due(self->reporter))
		return;
	GST_OBJECT_LOCK(self);
	report.uploaded = c->by_road[ROAD_UPLOAD];
	report.by_id = c->by_road[ROAD_ID] + c->by_road[ROAD_POOL] + report.uploaded;
	report.by_pixels = c->by_road[ROAD_PIXELS];
	report.dropped = c->dropped;
	GST_OBJECT_UNLOCK(self);
	reporter_send(self->reporter, &report);
}

/* true when the socket did not take it all. STREAM_LOCK. */
static bool submit(GstVsockEnc *self, GstVideoCodecFrame *frame, struct cargo *cargo)
{
	struct hxfr_frame_request request = {
		.resource_id = cargo->resource_id,
		.width = cargo->picture.width,
		.height = cargo->picture.height,
		.format = cargo->picture.format,
		.stride = cargo->stride,
		.pts = (int64_t)frame->pts,
		.duration = GST_CLOCK_TIME_IS_VALID(frame->duration) ? (int64_t)frame->duration : 0,
		.force_keyframe = wants_idr(self, frame),
		.pixels_size = cargo->pixels_size,
	};
	struct flight flight = {
		.pts = request.pts,
		.frame = frame,
		.tentative = cargo->tentative,
		.note = cargo->road,
	};
	bool more;

	gst_video_codec_frame_set_user_data(
		frame, cargo->held, cargo->held ? (GDestroyNotify)gst_buffer_unref : NULL);
	count_sent(self, cargo);
	more = link_submit(self->link, &flight, &request, cargo->body);
	gst_vsockenc_tell_agent(self, false);
	return more;
}

static void send_request(GstVsockEnc *self, GstVideoCodecFrame *frame, struct cargo *cargo)
{
	if (!submit(self, frame, cargo))
		return;
	GST_VIDEO_ENCODER_STREAM_UNLOCK(self);
	link_push(self->link);
	GST_VIDEO_ENCODER_STREAM_LOCK(self);
}

int gst_vsockenc_send_again(GstVsockEnc *self, GstVideoCodecFrame *frame)
{
	struct cargo cargo = { 0 };
	int r = load(self, frame->input_buffer, &cargo);

	if (r == 0)
		submit(self, frame, &cargo);
	return r;
}

/* The frame is not sent. A flush makes the base class forget it; otherwise it has to be given
 * back. */
static GstFlowReturn give_up_frame(GstVsockEnc *self, GstVideoCodecFrame *frame, GstFlowReturn flow)
{
	if (flow == GST_FLOW_FLUSHING)
		gst_video_codec_frame_unref(frame);
	else
		gst_vsockenc_release_frame(self, frame);
	return flow;
}

/* What the last push said. A pad that was not linked may be by now: that is for the next frame to
 * find out. */
static GstFlowReturn take_flow(GstVsockEnc *self)
{
	GstFlowReturn flow = self->flow;

	if (flow == GST_FLOW_NOT_LINKED) {
		self->flow = GST_FLOW_OK;
		g_atomic_int_set(&self->want_idr, TRUE);
	}
	return flow;
}

static GstFlowReturn fail_frame(GstVsockEnc *self, GstVideoCodecFrame *frame, int error)
{
	if (error == -EINVAL)
		GST_ELEMENT_ERROR(self, STREAM, FORMAT,
			("A buffer of %" G_GSIZE_FORMAT
			 " bytes does not hold the frame that its caps and metas describe (%dx%d). The element in front of vsockenc is at fault.",
				gst_buffer_get_size(frame->input_buffer),
				GST_VIDEO_INFO_WIDTH(&self->info),
				GST_VIDEO_INFO_HEIGHT(&self->info)),
			(NULL));
	else if (error == -EMSGSIZE)
		GST_ELEMENT_ERROR(self, STREAM, FORMAT,
			("Frames of %dx%d are larger than the 64 MiB that a host reads. Scale them down.",
				GST_VIDEO_INFO_WIDTH(&self->info),
				GST_VIDEO_INFO_HEIGHT(&self->info)),
			(NULL));
	else if (error == -ETIMEDOUT)
		GST_ELEMENT_ERROR(self, RESOURCE, BUSY,
			("The GPU did not finish a frame within response-timeout. Is the guest's GPU hung?"),
			(NULL));
	else
		GST_ELEMENT_ERROR(self, RESOURCE, READ,
			("A frame is no virtio-gpu resource and its memory cannot be read either: %s. Put videoconvert in front of vsockenc.",
				g_strerror(-error)),
			(NULL));
	return give_up_frame(self, frame, GST_FLOW_ERROR);
}

void gst_vsockenc_configure(GstVsockEnc *self)
{
	GstCaps *allowed = gst_pad_get_allowed_caps(GST_VIDEO_ENCODER_SRC_PAD(self));
	struct hxfr_config config = {
		.width = (uint32_t)GST_VIDEO_INFO_WIDTH(&self->info),
		.height = (uint32_t)GST_VIDEO_INFO_HEIGHT(&self->info),
		.framerate_num = (uint32_t)GST_VIDEO_INFO_FPS_N(&self->info),
		.framerate_den = (uint32_t)GST_VIDEO_INFO_FPS_D(&self->info),
		.realtime = 1,
	};

	GST_OBJECT_LOCK(self);
	config.bitrate = self->settings.bitrate;
	GST_OBJECT_UNLOCK(self);
	h264_choose(allowed, &config);
	link_configure(self->link, &config);
	gst_clear_caps(&allowed);
}

GstFlowReturn gst_vsockenc_send(GstVsockEnc *self, GstVideoCodecFrame *frame)
{
	GstFlowReturn flow = take_flow(self);
	struct cargo cargo = { 0 };
	int r;

	if (flow != GST_FLOW_OK)
		return give_up_frame(self, frame, flow);
	if (g_atomic_int_compare_and_exchange(&self->settings_dirty, TRUE, FALSE))
		gst_vsockenc_configure(self);

	r = wait_to_send(self, frame->input_buffer);
	if (r == -ECANCELED)
		return give_up_frame(self, frame, GST_FLOW_FLUSHING);
	flow = take_flow(self);
	if (r == -EIO && flow == GST_FLOW_OK)
		flow = GST_FLOW_ERROR;
	if (flow != GST_FLOW_OK)
		return give_up_frame(self, frame, flow);
	if (r == 0)
		r = load(self, frame->input_buffer, &cargo);
	if (r < 0)
		return fail_frame(self, frame, r);

	send_request(self, frame, &cargo);
	return GST_FLOW_OK;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstvsockenc-private.h"
#include "picture.h"

#include <errno.h>
#include <gst/allocators/gstdmabuf.h>
#include <poll.h>

/* One frame on its way out. */
struct outgoing {
	struct picture picture;
	uint32_t resource_id; /* 0: pixels */
	struct body *body;    /* NULL: by id */
};

/* The pixels of a request, until they are sent. */
struct body {
	struct link_body link;
	struct pixels pixels;
};

static void body_release(struct link_body *link)
{
	struct body *body = (struct body *)link;

	pixels_unmap(&body->pixels);
	g_free(body);
}

static int body_new(
	GstVsockEnc *self, GstBuffer *buffer, const struct picture *picture, struct body **ret)
{
	struct body *body = g_new0(struct body, 1);
	int r = pixels_map(picture, buffer, &self->scratch, &body->pixels);

	if (r < 0) {
		g_free(body);
		return r;
	}
	body->link.pieces = body->pixels.body;
	body->link.n_pieces = body->pixels.n_body;
	body->link.release = body_release;
	*ret = body;
	return 0;
}

/* --- which road a frame takes --- */

static struct resolver *open_resolver(GstVsockEnc *self)
{
	char *path;

	if (self->resolver || self->resolver_error < 0)
		return self->resolver;

	GST_OBJECT_LOCK(self);
	path = g_strdup(self->settings.drm_device);
	GST_OBJECT_UNLOCK(self);
	self->resolver_error = resolver_virtgpu_new(path, &self->resolver);
	if (self->resolver_error < 0)
		GST_INFO_OBJECT(self, "no virtio-gpu node (%s): %s", path ? path : "any",
			g_strerror(-self->resolver_error));
	g_free(path);
	return self->resolver;
}

/* The id of the resource that the buffer is, if version 1 of the wire can describe it so. */
static int find_resource(
	GstVsockEnc *self, GstBuffer *buffer, const struct picture *picture, uint32_t *ret_id)
{
	struct resolver *resolver;

	if (gst_buffer_n_memory(buffer) == 0 ||
		!gst_is_fd_memory(gst_buffer_peek_memory(buffer, 0)))
		return -ENOTSUP;
	if (!picture_fits_resource(picture, buffer))
		return -ERANGE;
	resolver = open_resolver(self);
	if (!resolver)
		return self->resolver_error;
	return resolver_lookup(resolver, gst_buffer_peek_memory(buffer, 0), ret_id);
}

static void say_fallback(GstVsockEnc *self, int error)
{
	if (self->fallback_said || error == -ENOTSUP)
		return;

	self->fallback_said = TRUE;
	GST_WARNING_OBJECT(self, "frames go to the host as pixels, which costs a copy each: %s",
		error == -ERANGE ? "their strides, offsets or crop cannot be said by resource id"
				 : g_strerror(-error));
}

static int outgoing_init(GstVsockEnc *self, GstBuffer *buffer, struct outgoing *out)
{
	int r = picture_init(&out->picture, &self->info, buffer);

	if (r < 0)
		return r;
	r = find_resource(self, buffer, &out->picture, &out->resource_id);
	if (r < 0) {
		say_fallback(self, r);
		r = body_new(self, buffer, &out->picture, &out->body);
	}
	return r;
}

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
		int r = gst_is_dmabuf_memory(mem) ? wait_for_memory(self, mem) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* A place in the window, and a frame that is complete. Without the STREAM_LOCK, so that responses
 * go on. */
static int wait_to_send(GstVsockEnc *self, GstBuffer *buffer)
{
	int r;

	GST_VIDEO_ENCODER_STREAM_UNLOCK(self);
	r = wait_for_fences(self, buffer);
	if (r == 0)
		r = link_acquire(self->link);
	GST_VIDEO_ENCODER_STREAM_LOCK(self);
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

static void count_sent(GstVsockEnc *self, const struct outgoing *out)
{
	GST_OBJECT_LOCK(self);
	self->counters.sent++;
	self->counters.by_id += out->body == NULL;
	self->counters.by_pixels += out->body != NULL;
	self->counters.copied += out->body && out->body->pixels.copied;
	GST_OBJECT_UNLOCK(self);
}

static void send_request(GstVsockEnc *self, GstVideoCodecFrame *frame, const struct outgoing *out)
{
	struct hxfr_frame_request request = {
		.resource_id = out->resource_id,
		.width = out->picture.width,
		.height = out->picture.height,
		.format = out->picture.format,
		.stride = out->body ? out->body->pixels.stride : out->picture.planes[0].stride,
		.pts = (int64_t)frame->pts,
		.duration = GST_CLOCK_TIME_IS_VALID(frame->duration) ? (int64_t)frame->duration : 0,
		.force_keyframe = wants_idr(self, frame),
		.pixels_size = out->body ? out->body->pixels.size : 0,
	};
	struct flight flight = { .pts = request.pts, .frame = frame };

	count_sent(self, out);
	if (!link_submit(self->link, &flight, &request, out->body ? &out->body->link : NULL))
		return;
	GST_VIDEO_ENCODER_STREAM_UNLOCK(self);
	link_push(self->link);
	GST_VIDEO_ENCODER_STREAM_LOCK(self);
}

/* The frame is not sent. A flush makes the base class forget it; otherwise it has to be given
 * back. */
static GstFlowReturn give_up_frame(
	GstVsockEnc *self, GstVideoCodecFrame *frame, struct outgoing *out, GstFlowReturn flow)
{
	if (out->body)
		body_release(&out->body->link);
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

static GstFlowReturn fail_frame(
	GstVsockEnc *self, GstVideoCodecFrame *frame, struct outgoing *out, int error)
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
	return give_up_frame(self, frame, out, GST_FLOW_ERROR);
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
	struct outgoing out = { 0 };
	GstFlowReturn flow = take_flow(self);
	int r;

	if (flow != GST_FLOW_OK)
		return give_up_frame(self, frame, &out, flow);
	if (g_atomic_int_compare_and_exchange(&self->settings_dirty, TRUE, FALSE))
		gst_vsockenc_configure(self);

	r = wait_to_send(self, frame->input_buffer);
	if (r == -ECANCELED)
		return give_up_frame(self, frame, &out, GST_FLOW_FLUSHING);
	flow = take_flow(self);
	if (r == -EIO && flow == GST_FLOW_OK)
		flow = GST_FLOW_ERROR;
	if (flow != GST_FLOW_OK)
		return give_up_frame(self, frame, &out, flow);
	if (r == 0)
		r = outgoing_init(self, frame->input_buffer, &out);
	if (r < 0)
		return fail_frame(self, frame, &out, r);

	send_request(self, frame, &out);
	return GST_FLOW_OK;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstvsockenc-private.h"

/* When a host is as good as none: access units in a row that are empty or come before any SPS, and
 * frames dropped before the first output. */
#define UNUSABLE_MAX            8u
#define EARLY_DROPS_MAX         64u
#define LATENCY_REVIEW_INTERVAL 64u /* responses between looks at the measured latency */

/* The base class cannot drop a frame before it knows the output caps (the events that wait with the
 * frame would have nowhere to go): early ones are kept back, without the buffer, which upstream may
 * need. */
void gst_vsockenc_release_frame(GstVsockEnc *self, GstVideoCodecFrame *frame)
{
	if (self->has_output_state) {
		gst_video_encoder_finish_frame(GST_VIDEO_ENCODER(self), frame);
		return;
	}
	gst_clear_buffer(&frame->input_buffer);
	gst_video_codec_frame_set_user_data(frame, NULL, NULL);
	g_queue_push_tail(&self->early_drops, frame);
}

/* Drops a frame that the host will not or did not encode, and asks for an IDR. STREAM_LOCK. */
static void drop_frame(GstVsockEnc *self, GstVideoCodecFrame *frame)
{
	GST_OBJECT_LOCK(self);
	self->counters.dropped++;
	GST_OBJECT_UNLOCK(self);
	g_atomic_int_set(&self->want_idr, TRUE);
	gst_vsockenc_release_frame(self, frame);
}

static void finish_early_drops(GstVsockEnc *self)
{
	GstVideoCodecFrame *frame;

	while ((frame = g_queue_pop_head(&self->early_drops)))
		gst_video_encoder_finish_frame(GST_VIDEO_ENCODER(self), frame);
}

/* A frame of before the last flush: nobody waits for it. STREAM_LOCK. */
static bool is_stale(GstVsockEnc *self, const struct flight *flight)
{
	return flight->epoch != self->epoch;
}

/* --- caps --- */

/* Without a colour description in the stream, YUV is still the YUV that came in, and RGB became
 * nobody knows what. */
static void set_colour(GstVsockEnc *self, GstVideoInfo *out)
{
	if (!GST_VIDEO_INFO_IS_RGB(&self->info)) {
		out->colorimetry = self->info.colorimetry;
		out->chroma_site = self->info.chroma_site;
	} else {
		out->colorimetry = (GstVideoColorimetry){ 0 };
		out->chroma_site = GST_VIDEO_CHROMA_SITE_UNKNOWN;
	}
	if (self->stream.sps.has_colour)
		out->colorimetry = self->stream.sps.colour;
}

static GstCaps *allowed_caps(GstVsockEnc *self)
{
	GstPad *pad = GST_VIDEO_ENCODER_SRC_PAD(self);
	GstCaps *allowed = gst_pad_get_allowed_caps(pad);

	return allowed ? allowed : gst_pad_get_pad_template_caps(pad);
}

static bool negotiate(GstVsockEnc *self)
{
	GstVideoEncoder *encoder = GST_VIDEO_ENCODER(self);
	GstCaps *allowed = allowed_caps(self);
	GstVideoCodecState *state = gst_video_encoder_set_output_state(
		encoder, h264_caps(&self->stream.sps, allowed), self->input_state);

	state->info.width = (gint)self->stream.sps.width;
	state->info.height = (gint)self->stream.sps.height;
	set_colour(self, &state->info);
	gst_video_codec_state_unref(state);
	gst_caps_unref(allowed);

	self->has_output_state = TRUE;
	if (!gst_video_encoder_negotiate(encoder))
		return false;
	finish_early_drops(self);
	return true;
}

void gst_vsockenc_settle_early_drops(GstVsockEnc *self)
{
	GstVideoEncoder *encoder = GST_VIDEO_ENCODER(self);
	GstCaps *caps;

	if (g_queue_is_empty(&self->early_drops))
		return;
	caps = allowed_caps(self);
	if (gst_caps_is_empty(caps)) {
		gst_caps_unref(caps);
		return;
	}

	caps = gst_caps_fixate(caps);
	gst_video_codec_state_unref(
		gst_video_encoder_set_output_state(encoder, caps, self->input_state));
	self->has_output_state = TRUE;
	finish_early_drops(self);
}

/* Downstream takes another profile, or no H.264 at all. */
static void report_refused(GstVsockEnc *self)
{
	GstCaps *allowed = allowed_caps(self), *caps = h264_caps(&self->stream.sps, allowed);
	g_autofree char *have = gst_caps_to_string(caps), *want = gst_caps_to_string(allowed);

	GST_ELEMENT_ERROR(self, STREAM, FORMAT,
		("The host encodes %s, but downstream takes %s. Drop the profile filter, or use a host that can encode it.",
			have, want),
		(NULL));
	gst_caps_unref(caps);
	gst_caps_unref(allowed);
}

/* --- access units --- */

/* Looks at all blobs; -EBADMSG when one is no H.264. */
static int inspect_response(
	GstVsockEnc *self, const struct hxfr_frame_response *response, struct h264_unit *ret)
{
	struct h264_unit all = { 0 }, one;
	const uint8_t *data;
	size_t pos = 0, size;

	while (hxfr_nal_next(response, &pos, &data, &size)) {
		int r;

		if (size == 0)
			continue;
		r = h264_inspect(&self->stream, data, size, &one);
		if (r < 0)
			return r;
		all.is_idr |= one.is_idr;
		all.new_sps |= one.new_sps;
	}
	*ret = all;
	return 0;
}

static size_t response_size(const struct hxfr_frame_response *response)
{
	return response->nals_size - 4 * (size_t)response->nal_count;
}

static void copy_response(const struct hxfr_frame_response *response, uint8_t *to)
{
	const uint8_t *data;
	size_t pos = 0, size;

	while (hxfr_nal_next(response, &pos, &data, &size)) {
		memcpy(to, data, size);
		h264_make_annex_b(to, size);
		to += size;
	}
}

static GstFlowReturn allocate_output(
	GstVsockEnc *self, GstVideoCodecFrame *frame, const struct hxfr_frame_response *response)
{
	GstMapInfo map;

	frame->output_buffer = gst_video_encoder_allocate_output_buffer(
		GST_VIDEO_ENCODER(self), response_size(response));
	if (!frame->output_buffer || !gst_buffer_map(frame->output_buffer, &map, GST_MAP_WRITE))
		return GST_FLOW_ERROR;

	copy_response(response, map.data);
	gst_buffer_unmap(frame->output_buffer, &map);
	return GST_FLOW_OK;
}

static void count_encoded(GstVsockEnc *self, const struct link_event *event)
{
	GST_OBJECT_LOCK(self);
	self->counters.encoded++;
	self->counters.bytes += response_size(event->response);
	if (event->latency_ns > 0)
		histogram_add(&self->counters.latency, event->latency_ns);
	GST_OBJECT_UNLOCK(self);
}

/* A pipeline that was told too little plays late: what responses really take is reported once it is
 * known. */
static void review_latency(GstVsockEnc *self)
{
	GstClockTime measured;

	GST_OBJECT_LOCK(self);
	measured = self->counters.encoded % LATENCY_REVIEW_INTERVAL == 0
			   ? histogram_percentile(&self->counters.latency, 99)
			   : 0;
	GST_OBJECT_UNLOCK(self);
	if (measured <= self->latency)
		return;

	self->latency = measured + measured / 4;
	GST_INFO_OBJECT(self, "latency is %" GST_TIME_FORMAT " now", GST_TIME_ARGS(self->latency));
	gst_video_encoder_set_latency(GST_VIDEO_ENCODER(self), self->latency, self->latency);
}

/* Posts the error once; whoever calls stores the flow. */
static GstFlowReturn fail_stream(GstVsockEnc *self, const char *what)
{
	GST_ELEMENT_ERROR(self, STREAM, ENCODE, ("%s", what), (NULL));
	return GST_FLOW_ERROR;
}

/* Source caps before the first access unit, and whenever the SPS is a new one. STREAM_LOCK. */
static GstFlowReturn update_caps(GstVsockEnc *self, const struct h264_unit *unit)
{
	if (self->negotiated && !unit->new_sps)
		return GST_FLOW_OK;

	self->negotiated = negotiate(self);
	if (self->negotiated)
		return GST_FLOW_OK;
	return GST_PAD_IS_FLUSHING(GST_VIDEO_ENCODER_SRC_PAD(self)) ? GST_FLOW_FLUSHING
								    : GST_FLOW_NOT_NEGOTIATED;
}

/* A unit that cannot be pushed: its frame is dropped, and too many in a row are the host's fault.
 * STREAM_LOCK. */
static GstFlowReturn drop_unusable(GstVsockEnc *self, GstVideoCodecFrame *frame)
{
	drop_frame(self, frame);
	if (++self->unusable < UNUSABLE_MAX)
		return GST_FLOW_OK;
	return fail_stream(self,
		"The host sends H.264 without SPS and PPS, or empty frames, even when asked for an IDR. Check its encoder.");
}

static GstFlowReturn push_unit(GstVsockEnc *self, GstVideoCodecFrame *frame,
	const struct link_event *event, const struct h264_unit *unit)
{
	GstFlowReturn flow = allocate_output(self, frame, event->response);

	if (flow != GST_FLOW_OK) {
		drop_frame(self, frame);
		return fail_stream(self, "No memory for an access unit.");
	}
	if (unit->is_idr || event->response->is_keyframe)
		GST_VIDEO_CODEC_FRAME_SET_SYNC_POINT(frame);
	self->unusable = 0;
	count_encoded(self, event);
	review_latency(self);
	return gst_video_encoder_finish_frame(GST_VIDEO_ENCODER(self), frame);
}

/* Pushes the response's access unit, or drops the frame when there is none to push. Takes the
 * frame. STREAM_LOCK. */
static GstFlowReturn finish_frame(
	GstVsockEnc *self, GstVideoCodecFrame *frame, const struct link_event *event)
{
	struct h264_unit unit;
	GstFlowReturn flow;

	if (inspect_response(self, event->response, &unit) < 0) {
		drop_frame(self, frame);
		return fail_stream(self,
			"The host sent an access unit that is no H.264 byte-stream. Check its encoder.");
	}
	if (response_size(event->response) == 0 || self->stream.sps.size == 0)
		return drop_unusable(self, frame);

	flow = update_caps(self, &unit);
	if (flow != GST_FLOW_OK) {
		drop_frame(self, frame);
		return flow;
	}
	return push_unit(self, frame, event, &unit);
}

/* --- events --- */

/* A host that never gets as far as a first output is as good as none. STREAM_LOCK. */
static void limit_early_drops(GstVsockEnc *self)
{
	if (self->flow == GST_FLOW_OK && g_queue_get_length(&self->early_drops) > EARLY_DROPS_MAX)
		self->flow = fail_stream(
			self, "The host dropped every frame since the start. Look at its log.");
}

static void on_answered(GstVsockEnc *self, const struct link_event *event)
{
	GstFlowReturn flow = finish_frame(self, event->flight.frame, event);

	if (self->flow != GST_FLOW_OK)
		return;
	if (flow == GST_FLOW_NOT_NEGOTIATED)
		report_refused(self);
	self->flow = flow;
}

static void on_dropped(GstVsockEnc *self, const struct link_event *event)
{
	GstVideoCodecFrame *frame = event->flight.frame;

	GST_INFO_OBJECT(self, "host dropped frame %" GST_TIME_FORMAT "%s",
		GST_TIME_ARGS(frame->pts), event->overdue ? ": no answer in time" : "");
	drop_frame(self, frame);
}

/* Was it sent by an id that the host refused? Then it was not sent. STREAM_LOCK. */
static bool goes_again(GstVsockEnc *self, const struct link_event *event)
{
	return event->type == LINK_DROPPED && !event->overdue && event->flight.tentative &&
	       self->ids_refused && self->flow == GST_FLOW_OK;
}

static void keep_for_again(GstVsockEnc *self, const struct flight *flight)
{
	GST_OBJECT_LOCK(self);
	self->counters.sent--;
	self->counters.by_road[flight->note]--;
	GST_OBJECT_UNLOCK(self);
	g_queue_push_tail(&self->again, flight->frame);
}

/* A flight came back: answered or not, from before a flush, or after a failure. */
static void on_flight(GstVsockEnc *self, const struct link_event *event)
{
	GST_VIDEO_ENCODER_STREAM_LOCK(self);
	if (is_stale(self, &event->flight))
		gst_video_codec_frame_unref(event->flight.frame);
	else if (goes_again(self, event))
		keep_for_again(self, &event->flight);
	else if (event->type == LINK_DROPPED)
		on_dropped(self, event);
	else if (self->flow == GST_FLOW_ERROR)
		drop_frame(self, event->flight.frame);
	else
		on_answered(self, event);
	limit_early_drops(self);
	GST_VIDEO_ENCODER_STREAM_UNLOCK(self);
}

static void on_lost(GstVsockEnc *self, const struct link_failure *failure)
{
	gst_vsockenc_report(self, failure, false);
	if (failure->reason != LINK_REASON_NO_IDS)
		return;
	GST_VIDEO_ENCODER_STREAM_LOCK(self);
	self->ids_refused = TRUE;
	roads_refuse_ids(gst_vsockenc_roads(self));
	GST_VIDEO_ENCODER_STREAM_UNLOCK(self);
}

/* What the host refused by id goes out before anything newer. */
static void send_again(GstVsockEnc *self)
{
	GstVideoCodecFrame *frame;

	GST_VIDEO_ENCODER_STREAM_LOCK(self);
	while ((frame = g_queue_pop_head(&self->again)))
		if (gst_vsockenc_send_again(self, frame) < 0)
			drop_frame(self, frame);
	GST_VIDEO_ENCODER_STREAM_UNLOCK(self);
}

static void on_connected(GstVsockEnc *self)
{
	GST_INFO_OBJECT(self, "connected again");
	GST_OBJECT_LOCK(self);
	self->counters.reconnects++;
	GST_OBJECT_UNLOCK(self);
	g_atomic_int_set(&self->want_idr, TRUE);
	send_again(self);
}

static void on_failed(GstVsockEnc *self, const struct link_failure *failure)
{
	gst_vsockenc_report(self, failure, true);
	GST_VIDEO_ENCODER_STREAM_LOCK(self);
	self->flow = GST_FLOW_ERROR;
	g_queue_clear_full(&self->again, (GDestroyNotify)gst_video_codec_frame_unref);
	GST_VIDEO_ENCODER_STREAM_UNLOCK(self);
	link_give_up(self->link);
}

void gst_vsockenc_receive(gpointer user_data)
{
	GstVsockEnc *self = user_data;
	struct link_event event;

	link_next(self->link, &event);
	switch (event.type) {
	case LINK_RESPONSE:
	case LINK_DROPPED:
		on_flight(self, &event);
		break;
	case LINK_LOST:
		on_lost(self, event.failure);
		break;
	case LINK_CONNECTED:
		on_connected(self);
		break;
	case LINK_FAILED:
		on_failed(self, event.failure);
		break;
	case LINK_CANCELLED:
		gst_pad_pause_task(GST_VIDEO_ENCODER_SRC_PAD(self));
		break;
	}
}

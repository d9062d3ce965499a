/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-vsockenc
 * @title: vsockenc
 * @short_description: H.264 encoding by the host of this virtual machine
 *
 * Sends frames to an encoder on the host, over vsock, a Unix socket or TCP, and outputs the H.264 that comes back. A frame
 * that is a virtio-gpu buffer is sent as its resource id: no pixel is copied. Other frames are written into such a buffer where there is
 * a virtio-gpu without 3D, and sent as pixels where not.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 pipewiresrc ! vsockenc ! h264parse ! mp4mux ! filesink location=screen.mp4
 * ]| The screen of a guest, encoded by its host over vsock (CID 2, port 5000).
 * |[
 * gst-launch-1.0 videotestsrc ! vsockenc endpoint=tcp:10.0.2.2:15937 bitrate=8000000 ! fakesink
 * ]| Behind QEMU user networking, as on a Mac.
 */

#include "format.h"
#include "gstvsockenc-private.h"

#include <hxfr/error.h>

GST_DEBUG_CATEGORY(gst_vsockenc_debug);

/* Of sources that do not say how fast they are: a frame of this length is assumed for the
 * latency. */
#define FALLBACK_FRAME_DURATION (GST_SECOND / 30)

G_DEFINE_TYPE(GstVsockEnc, gst_vsockenc, GST_TYPE_VIDEO_ENCODER)
GST_ELEMENT_REGISTER_DEFINE(vsockenc, "vsockenc", GST_RANK_NONE, GST_TYPE_VSOCKENC)

static GstStaticPadTemplate src_template =
	GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
		GST_STATIC_CAPS("video/x-h264, stream-format = (string) byte-stream, "
				"alignment = (string) au"));

/* --- life --- */

static void discard_frame(void *frame)
{
	gst_video_codec_frame_unref(frame);
}

/* Where one can listen ("vsock:any:5000", "tcp:HOST:0"), but nobody can be reached. */
static bool is_only_for_listening(const struct hxfr_endpoint *endpoint)
{
	if (endpoint->transport == HXFR_TRANSPORT_VSOCK)
		return endpoint->vsock.cid == HXFR_VSOCK_CID_ANY;
	return endpoint->transport == HXFR_TRANSPORT_TCP && endpoint->tcp.port == 0;
}

static bool make_link(GstVsockEnc *self)
{
	const struct settings *s = &self->settings;
	struct link_config config = { 0 };
	g_autofree char *text = NULL;
	struct link *link;
	int r;

	GST_OBJECT_LOCK(self);
	config.max_in_flight = s->max_in_flight;
	config.connect_timeout_ms = s->connect_timeout;
	config.response_timeout_ms = s->response_timeout;
	config.reconnect = s->reconnect;
	config.reconnect_timeout_ms = s->reconnect_timeout;
	text = settings_endpoint_text(s);
	GST_OBJECT_UNLOCK(self);
	r = hxfr_endpoint_parse(text, &config.endpoint);
	if (r < 0 || is_only_for_listening(&config.endpoint)) {
		GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS,
			("%s is no address of an encoder host: that is vsock:CID:PORT (vsock:2:5000 from inside a VM), unix:/path (up to 107 bytes) or tcp:HOST:PORT.",
				text),
			(NULL));
		return false;
	}

	r = link_new(&config, discard_frame, &link);
	if (r < 0) {
		GST_ELEMENT_ERROR(self, RESOURCE, FAILED,
			("No event descriptors: %s. Raise the limit of open files.",
				g_strerror(-r)),
			(NULL));
		return false;
	}
	self->response_timeout = config.response_timeout_ms;
	GST_OBJECT_LOCK(self);
	self->link = link;
	GST_OBJECT_UNLOCK(self);
	return true;
}

static void drop_link(GstVsockEnc *self)
{
	struct link *link;

	GST_OBJECT_LOCK(self);
	link = g_steal_pointer(&self->link);
	GST_OBJECT_UNLOCK(self);
	link_free(link);
}

static bool connect_link(GstVsockEnc *self)
{
	struct link_failure failure = { .reason = LINK_REASON_CONNECT };
	gboolean reconnect;

	failure.error = link_open(self->link);
	if (failure.error == 0)
		return true;

	GST_OBJECT_LOCK(self);
	reconnect = self->settings.reconnect;
	GST_OBJECT_UNLOCK(self);
	gst_vsockenc_report(self, &failure, !reconnect);
	return reconnect;
}

static void reset_stream(GstVsockEnc *self)
{
	self->flow = GST_FLOW_OK;
	self->epoch = 0;
	self->negotiated = FALSE;
	self->has_output_state = FALSE;
	self->unusable = 0;
	self->latency = 0;
	self->since_idr = 0;
	self->road_said = FALSE;
	self->ids_refused = FALSE;
	self->had_frame = FALSE;
	gst_vsockenc_watch_stall(self, STALL_RESET);
	g_atomic_int_set(&self->want_idr, TRUE);
	g_atomic_int_set(&self->settings_dirty, FALSE);
	h264_stream_init(&self->stream);
	GST_OBJECT_LOCK(self);
	self->counters = (struct counters){ 0 };
	GST_OBJECT_UNLOCK(self);
}

/* Frames that nobody waits for any more. */
static void forget_frames(GstVsockEnc *self)
{
	g_queue_clear_full(&self->early_drops, discard_frame);
	g_queue_clear_full(&self->again, discard_frame);
}

/* Ends the task, whatever it waits for: the host, or the pad, when a probe blocks it. */
static void end_task(GstVsockEnc *self)
{
	GstPad *pad = GST_VIDEO_ENCODER_SRC_PAD(self);

	link_cancel(self->link);
	gst_pad_set_active(pad, FALSE);
	gst_pad_stop_task(pad);
}

static void log_stats(GstVsockEnc *self)
{
	GstStructure *stats;

	GST_OBJECT_LOCK(self);
	stats = gst_vsockenc_stats(self);
	GST_OBJECT_UNLOCK(self);
	GST_INFO_OBJECT(self, "stats: %" GST_PTR_FORMAT, (void *)stats);
	gst_structure_free(stats);
}

static gboolean gst_vsockenc_stop(GstVideoEncoder *encoder)
{
	GstVsockEnc *self = GST_VSOCKENC(encoder);

	if (!self->link)
		return TRUE;

	end_task(self);
	log_stats(self);
	gst_vsockenc_tell_agent(self, true);
	g_clear_pointer(&self->reporter, reporter_free);
	drop_link(self);
	forget_frames(self);
	h264_stream_finish(&self->stream);
	g_clear_pointer(&self->input_state, gst_video_codec_state_unref);
	g_clear_pointer(&self->roads, roads_free);
	return TRUE;
}

static gboolean gst_vsockenc_start(GstVideoEncoder *encoder)
{
	GstVsockEnc *self = GST_VSOCKENC(encoder);

	if (!make_link(self))
		return FALSE;
	self->reporter = reporter_new();
	reset_stream(self);
	if (connect_link(self) && gst_pad_start_task(GST_VIDEO_ENCODER_SRC_PAD(encoder),
					  gst_vsockenc_receive, self, NULL))
		return TRUE;

	gst_vsockenc_stop(encoder);
	return FALSE;
}

/* The base class stops the element only after its pads, which waits for the task and for the
 * streaming thread: both have to be told before. And it does not stop one that started but could
 * not go on. */
static GstStateChangeReturn gst_vsockenc_change_state(
	GstElement *element, GstStateChange transition)
{
	GstVsockEnc *self = GST_VSOCKENC(element);
	GstStateChangeReturn r;

	if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
		gst_vsockenc_watch_stall(self, STALL_PAUSED);
	if (transition == GST_STATE_CHANGE_PAUSED_TO_READY && self->link)
		end_task(self);
	r = GST_ELEMENT_CLASS(gst_vsockenc_parent_class)->change_state(element, transition);
	if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && r == GST_STATE_CHANGE_FAILURE)
		gst_vsockenc_stop(GST_VIDEO_ENCODER(self));
	if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING && r != GST_STATE_CHANGE_FAILURE)
		gst_vsockenc_watch_stall(self, STALL_PLAYING);
	return r;
}

/* --- stream changes --- */

/* While a source keeps its pace, a frame can be no later than the window is deep. */
static void report_latency(GstVsockEnc *self)
{
	GstClockTime frame = FALLBACK_FRAME_DURATION;
	guint depth;

	if (GST_VIDEO_INFO_FPS_N(&self->info) > 0)
		frame = gst_util_uint64_scale(GST_SECOND, GST_VIDEO_INFO_FPS_D(&self->info),
			GST_VIDEO_INFO_FPS_N(&self->info));
	GST_OBJECT_LOCK(self);
	depth = self->settings.max_in_flight;
	GST_OBJECT_UNLOCK(self);
	self->latency = frame * depth;
	gst_video_encoder_set_latency(GST_VIDEO_ENCODER(self), self->latency, self->latency);
}

static void post_tags(GstVsockEnc *self)
{
	GstTagList *tags = gst_tag_list_new_empty();
	guint bitrate;

	GST_OBJECT_LOCK(self);
	bitrate = self->settings.bitrate;
	GST_OBJECT_UNLOCK(self);
	gst_tag_list_add(tags, GST_TAG_MERGE_REPLACE, GST_TAG_ENCODER, "vsockenc",
		GST_TAG_NOMINAL_BITRATE, bitrate, NULL);
	gst_video_encoder_merge_tags(GST_VIDEO_ENCODER(self), tags, GST_TAG_MERGE_REPLACE);
	gst_tag_list_unref(tags);
}

/* Waits until everything that was sent came out. STREAM_LOCK, released meanwhile. */
static GstFlowReturn drain(GstVsockEnc *self)
{
	int r;

	GST_VIDEO_ENCODER_STREAM_UNLOCK(self);
	r = link_drain(self->link);
	GST_VIDEO_ENCODER_STREAM_LOCK(self);
	if (r == -ECANCELED)
		return GST_FLOW_FLUSHING;
	return r < 0 && self->flow == GST_FLOW_OK ? GST_FLOW_ERROR : self->flow;
}

static void refuse_format(GstVsockEnc *self, const GstVideoCodecState *state)
{
	g_autofree char *caps = gst_caps_to_string(state->caps);

	if (GST_VIDEO_INFO_IS_INTERLACED(&state->info))
		GST_ELEMENT_ERROR(self, STREAM, FORMAT,
			("vsockenc does not take interlaced video. Put deinterlace in front of it."),
			("%s", caps));
	else
		GST_ELEMENT_ERROR(self, STREAM, FORMAT,
			("vsockenc does not take %s, but BGRx, BGRA, RGBx, RGBA and NV12. Put videoconvert in front of it.",
				caps),
			(NULL));
}

/* The base class does not drain before this, although its documentation says so. */
static gboolean gst_vsockenc_set_format(GstVideoEncoder *encoder, GstVideoCodecState *state)
{
	GstVsockEnc *self = GST_VSOCKENC(encoder);
	GstVideoInfo info;

	if (!format_from_caps(state->caps, &info)) {
		refuse_format(self, state);
		return FALSE;
	}
	if (self->input_state && drain(self) == GST_FLOW_FLUSHING)
		return FALSE;

	g_clear_pointer(&self->input_state, gst_video_codec_state_unref);
	self->input_state = gst_video_codec_state_ref(state);
	self->info = info;
	self->negotiated = FALSE;
	self->stream.sps.size = 0;
	g_atomic_int_set(&self->want_idr, TRUE);
	g_atomic_int_set(&self->settings_dirty, FALSE);

	gst_vsockenc_configure(self);
	report_latency(self);
	post_tags(self);
	gst_vsockenc_watch_stall(self, STALL_CAPS);
	return TRUE;
}

static GstFlowReturn gst_vsockenc_handle_frame(GstVideoEncoder *encoder, GstVideoCodecFrame *frame)
{
	GstVsockEnc *self = GST_VSOCKENC(encoder);

	if (!self->had_frame)
		gst_vsockenc_watch_stall(self, STALL_OVER);
	self->had_frame = TRUE;
	return gst_vsockenc_send(self, frame);
}

static GstFlowReturn gst_vsockenc_finish(GstVideoEncoder *encoder)
{
	GstVsockEnc *self = GST_VSOCKENC(encoder);
	GstFlowReturn flow = drain(self);

	if (flow == GST_FLOW_OK)
		gst_vsockenc_settle_early_drops(self);
	return flow;
}

/* What is in flight belongs to the past: it stays in the window until the host is done with it. */
static gboolean gst_vsockenc_flush(GstVideoEncoder *encoder)
{
	GstVsockEnc *self = GST_VSOCKENC(encoder);

	self->epoch = link_begin_epoch(self->link);
	self->flow = GST_FLOW_OK;
	forget_frames(self);
	g_atomic_int_set(&self->want_idr, TRUE);
	link_set_flushing(self->link, false);
	return TRUE;
}

/* A flush may come while the element stops. */
static void begin_flush(GstVsockEnc *self)
{
	GST_OBJECT_LOCK(self);
	if (self->link)
		link_set_flushing(self->link, true);
	GST_OBJECT_UNLOCK(self);
}

/* What ended downstream was the stream or segment before. */
static void forget_eos(GstVsockEnc *self)
{
	GST_VIDEO_ENCODER_STREAM_LOCK(self);
	if (self->flow == GST_FLOW_EOS)
		self->flow = GST_FLOW_OK;
	GST_VIDEO_ENCODER_STREAM_UNLOCK(self);
}

static gboolean gst_vsockenc_sink_event(GstVideoEncoder *encoder, GstEvent *event)
{
	GstVsockEnc *self = GST_VSOCKENC(encoder);

	if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START)
		begin_flush(self);
	if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START ||
		GST_EVENT_TYPE(event) == GST_EVENT_EOS)
		gst_vsockenc_watch_stall(self, STALL_OVER);
	if (GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START ||
		GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT)
		forget_eos(self);
	return GST_VIDEO_ENCODER_CLASS(gst_vsockenc_parent_class)->sink_event(encoder, event);
}

/* Only where the CPU writes: what wants DMA-BUFs has its own. */
static GstBufferPool *offer_pool(GstVsockEnc *self, GstCaps *caps, guint size, guint min)
{
	GstCapsFeatures *features = gst_caps_get_features(caps, 0);
	GstBufferPool *pool = NULL;
	GstStructure *config;

	if (!gst_caps_features_is_equal(features, GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY))
		return NULL;
	GST_VIDEO_ENCODER_STREAM_LOCK(self);
	if (self->link)
		pool = roads_offer_pool(gst_vsockenc_roads(self));
	GST_VIDEO_ENCODER_STREAM_UNLOCK(self);
	if (!pool)
		return NULL;

	config = gst_buffer_pool_get_config(pool);
	gst_buffer_pool_config_set_params(config, caps, size, min, 0);
	gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
	if (!gst_buffer_pool_set_config(pool, config))
		gst_clear_object(&pool);
	return pool;
}

/* Upstream needs buffers for the window and one to draw into. How many it keeps besides is its own
 * business: there is no maximum. */
static gboolean gst_vsockenc_propose_allocation(GstVideoEncoder *encoder, GstQuery *query)
{
	GstVsockEnc *self = GST_VSOCKENC(encoder);
	GstBufferPool *pool = NULL;
	guint size, min;
	GstVideoInfo info;
	gboolean need_pool;
	GstCaps *caps;

	gst_query_parse_allocation(query, &caps, &need_pool);
	if (!caps || !format_from_caps(caps, &info))
		return FALSE;

	GST_OBJECT_LOCK(self);
	min = self->settings.max_in_flight + 1;
	GST_OBJECT_UNLOCK(self);
	size = (guint)GST_VIDEO_INFO_SIZE(&info);
	if (need_pool)
		pool = offer_pool(self, caps, size, min);
	gst_query_add_allocation_pool(query, pool, size, min, 0);
	gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
	gst_query_add_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, NULL);
	gst_clear_object(&pool);
	return TRUE;
}

/* --- class --- */

static void gst_vsockenc_finalize(GObject *object)
{
	settings_finish(&GST_VSOCKENC(object)->settings);
	G_OBJECT_CLASS(gst_vsockenc_parent_class)->finalize(object);
}

static void gst_vsockenc_init(GstVsockEnc *self)
{
}

static void gst_vsockenc_class_init(GstVsockEncClass *klass)
{
	GObjectClass *object_class = G_OBJECT_CLASS(klass);
	GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
	GstVideoEncoderClass *encoder_class = GST_VIDEO_ENCODER_CLASS(klass);

	GST_DEBUG_CATEGORY_INIT(gst_vsockenc_debug, "vsockenc", 0, "encoding by the host");

	object_class->finalize = gst_vsockenc_finalize;
	gst_vsockenc_install_properties(object_class);

	element_class->change_state = gst_vsockenc_change_state;
	gst_element_class_add_pad_template(element_class,
		gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, format_sink_caps()));
	gst_element_class_add_static_pad_template(element_class, &src_template);
	gst_element_class_set_static_metadata(element_class, "Host H.264 encoder",
		"Codec/Encoder/Video/Hardware",
		"Has the host of this virtual machine encode frames to H.264, by virtio-gpu resource id where it can",
		"helix-guest");

	encoder_class->start = gst_vsockenc_start;
	encoder_class->stop = gst_vsockenc_stop;
	encoder_class->set_format = gst_vsockenc_set_format;
	encoder_class->handle_frame = gst_vsockenc_handle_frame;
	encoder_class->finish = gst_vsockenc_finish;
	encoder_class->flush = gst_vsockenc_flush;
	encoder_class->sink_event = gst_vsockenc_sink_event;
	encoder_class->propose_allocation = gst_vsockenc_propose_allocation;
}

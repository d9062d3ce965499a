/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-vsockenc
 * @title: vsockenc
 * @short_description: H.264 encoding by the host of this virtual machine
 *
 * Sends frames to an encoder on the host, over vsock, a Unix socket or TCP, and outputs the H.264 that comes back. A frame
 * that is a virtio-gpu buffer is sent as its resource id: no pixel is copied. Other frames are sent as pixels.
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

enum {
	PROP_0,
	PROP_ENDPOINT,
	PROP_SOCKET_PATH,
	PROP_TCP_HOST,
	PROP_TCP_PORT,
	PROP_CID,
	PROP_PORT,
	PROP_BITRATE,
	PROP_KEYFRAME_INTERVAL,
	PROP_MAX_IN_FLIGHT,
	PROP_CONNECT_TIMEOUT,
	PROP_RESPONSE_TIMEOUT,
	PROP_RECONNECT,
	PROP_RECONNECT_TIMEOUT,
	PROP_DRM_DEVICE,
	PROP_STATS,
};

#define DEFAULT_BITRATE           4000000
#define DEFAULT_KEYFRAME_INTERVAL 60
#define DEFAULT_MAX_IN_FLIGHT     2
#define DEFAULT_TIMEOUT_MS        5000
#define DEFAULT_RECONNECT_MS      30000
#define TIMEOUT_MAX_MS            (3600 * 1000)

/* Of sources that do not say how fast they are: a frame of this length is assumed for the latency. */
#define FALLBACK_FRAME_DURATION (GST_SECOND / 30)

G_DEFINE_TYPE(GstVsockEnc, gst_vsockenc, GST_TYPE_VIDEO_ENCODER)
GST_ELEMENT_REGISTER_DEFINE(vsockenc, "vsockenc", GST_RANK_NONE, GST_TYPE_VSOCKENC)

static GstStaticPadTemplate src_template =
	GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
		GST_STATIC_CAPS("video/x-h264, stream-format = (string) byte-stream, "
				"alignment = (string) au"));

/* --- properties --- */

static void replace_string(char **string, const GValue *value)
{
	g_free(*string);
	*string = g_value_dup_string(value);
}

static GstStructure *make_stats(GstVsockEnc *self)
{
	const struct counters *c = &self->counters;
	struct link *link = self->link;

	return gst_structure_new("application/x-vsockenc-stats", "frames-sent", G_TYPE_UINT64,
		c->sent, "frames-encoded", G_TYPE_UINT64, c->encoded, "frames-dropped",
		G_TYPE_UINT64, c->dropped, "bytes", G_TYPE_UINT64, c->bytes, "in-flight",
		G_TYPE_UINT, link ? link_in_flight(link) : 0, "latency-p50", G_TYPE_UINT64,
		histogram_percentile(&c->latency, 50), "latency-p99", G_TYPE_UINT64,
		histogram_percentile(&c->latency, 99), "reconnects", G_TYPE_UINT, c->reconnects,
		"frames-by-id", G_TYPE_UINT64, c->by_id, "frames-by-pixels", G_TYPE_UINT64,
		c->by_pixels, "frames-copied", G_TYPE_UINT64, c->copied, NULL);
}

static void gst_vsockenc_set_property(
	GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
	GstVsockEnc *self = GST_VSOCKENC(object);
	struct settings *s = &self->settings;

	GST_OBJECT_LOCK(self);
	switch (id) {
	case PROP_ENDPOINT:
		replace_string(&s->endpoint, value);
		break;
	case PROP_SOCKET_PATH:
		replace_string(&s->socket_path, value);
		break;
	case PROP_TCP_HOST:
		replace_string(&s->tcp_host, value);
		break;
	case PROP_TCP_PORT:
		s->tcp_port = g_value_get_uint(value);
		break;
	case PROP_CID:
		s->cid = g_value_get_uint(value);
		break;
	case PROP_PORT:
		s->port = g_value_get_uint(value);
		break;
	case PROP_BITRATE:
		s->bitrate = g_value_get_uint(value);
		g_atomic_int_set(&self->settings_dirty, TRUE);
		break;
	case PROP_KEYFRAME_INTERVAL:
		s->keyframe_interval = g_value_get_uint(value);
		break;
	case PROP_MAX_IN_FLIGHT:
		s->max_in_flight = g_value_get_uint(value);
		break;
	case PROP_CONNECT_TIMEOUT:
		s->connect_timeout = g_value_get_uint(value);
		break;
	case PROP_RESPONSE_TIMEOUT:
		s->response_timeout = g_value_get_uint(value);
		break;
	case PROP_RECONNECT:
		s->reconnect = g_value_get_boolean(value);
		break;
	case PROP_RECONNECT_TIMEOUT:
		s->reconnect_timeout = g_value_get_uint(value);
		break;
	case PROP_DRM_DEVICE:
		replace_string(&s->drm_device, value);
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
	}
	GST_OBJECT_UNLOCK(self);
}

static void gst_vsockenc_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
	GstVsockEnc *self = GST_VSOCKENC(object);
	const struct settings *s = &self->settings;

	GST_OBJECT_LOCK(self);
	switch (id) {
	case PROP_ENDPOINT:
		g_value_set_string(value, s->endpoint);
		break;
	case PROP_SOCKET_PATH:
		g_value_set_string(value, s->socket_path);
		break;
	case PROP_TCP_HOST:
		g_value_set_string(value, s->tcp_host);
		break;
	case PROP_TCP_PORT:
		g_value_set_uint(value, s->tcp_port);
		break;
	case PROP_CID:
		g_value_set_uint(value, s->cid);
		break;
	case PROP_PORT:
		g_value_set_uint(value, s->port);
		break;
	case PROP_BITRATE:
		g_value_set_uint(value, s->bitrate);
		break;
	case PROP_KEYFRAME_INTERVAL:
		g_value_set_uint(value, s->keyframe_interval);
		break;
	case PROP_MAX_IN_FLIGHT:
		g_value_set_uint(value, s->max_in_flight);
		break;
	case PROP_CONNECT_TIMEOUT:
		g_value_set_uint(value, s->connect_timeout);
		break;
	case PROP_RESPONSE_TIMEOUT:
		g_value_set_uint(value, s->response_timeout);
		break;
	case PROP_RECONNECT:
		g_value_set_boolean(value, s->reconnect);
		break;
	case PROP_RECONNECT_TIMEOUT:
		g_value_set_uint(value, s->reconnect_timeout);
		break;
	case PROP_DRM_DEVICE:
		g_value_set_string(value, s->drm_device);
		break;
	case PROP_STATS:
		g_value_take_boxed(value, make_stats(self));
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
	}
	GST_OBJECT_UNLOCK(self);
}

/* --- life --- */

/* endpoint wins over socket-path wins over tcp-host wins over cid and port. OBJECT_LOCK. */
static int choose_endpoint(const struct settings *s, struct hxfr_endpoint *ret)
{
	g_autofree char *text = NULL;
	bool bare_ipv6;

	if (s->endpoint)
		return hxfr_endpoint_parse(s->endpoint, ret);
	if (s->socket_path) {
		text = g_strconcat("unix:", s->socket_path, NULL);
	} else if (s->tcp_host) {
		bare_ipv6 = strchr(s->tcp_host, ':') && s->tcp_host[0] != '[';
		text = g_strdup_printf(
			bare_ipv6 ? "tcp:[%s]:%u" : "tcp:%s:%u", s->tcp_host, s->tcp_port);
	} else {
		text = g_strdup_printf("vsock:%u:%u", s->cid, s->port);
	}
	return hxfr_endpoint_parse(text, ret);
}

static void discard_frame(void *frame)
{
	gst_video_codec_frame_unref(frame);
}

static bool make_link(GstVsockEnc *self)
{
	const struct settings *s = &self->settings;
	struct link_config config = { 0 };
	struct link *link;
	int r;

	GST_OBJECT_LOCK(self);
	config.max_in_flight = s->max_in_flight;
	config.connect_timeout_ms = s->connect_timeout;
	config.response_timeout_ms = s->response_timeout;
	config.reconnect = s->reconnect;
	config.reconnect_timeout_ms = s->reconnect_timeout;
	r = choose_endpoint(s, &config.endpoint);
	GST_OBJECT_UNLOCK(self);
	if (r < 0) {
		GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS,
			("The address of the encoder host is wrong: endpoint is vsock:CID:PORT, unix:/path (up to 107 bytes) or tcp:HOST:PORT."),
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
	self->undecodable = 0;
	self->latency = 0;
	self->since_idr = 0;
	self->resolver_error = 0;
	self->fallback_said = FALSE;
	g_atomic_int_set(&self->want_idr, TRUE);
	g_atomic_int_set(&self->settings_dirty, FALSE);
	h264_stream_init(&self->stream);
	GST_OBJECT_LOCK(self);
	self->counters = (struct counters){ 0 };
	GST_OBJECT_UNLOCK(self);
}

static gboolean gst_vsockenc_start(GstVideoEncoder *encoder)
{
	GstVsockEnc *self = GST_VSOCKENC(encoder);

	if (!make_link(self))
		return FALSE;
	if (!connect_link(self)) {
		drop_link(self);
		return FALSE;
	}
	reset_stream(self);
	return gst_pad_start_task(
		GST_VIDEO_ENCODER_SRC_PAD(encoder), gst_vsockenc_receive, self, NULL);
}

/* The task ended before, in change_state. */
static gboolean gst_vsockenc_stop(GstVideoEncoder *encoder)
{
	GstVsockEnc *self = GST_VSOCKENC(encoder);
	GstStructure *stats;

	GST_OBJECT_LOCK(self);
	stats = make_stats(self);
	GST_OBJECT_UNLOCK(self);
	GST_INFO_OBJECT(self, "stats: %" GST_PTR_FORMAT, stats);
	gst_structure_free(stats);

	drop_link(self);
	h264_stream_finish(&self->stream);
	g_clear_pointer(&self->input_state, gst_video_codec_state_unref);
	g_clear_pointer(&self->resolver, resolver_unref);
	if (self->scratch)
		gst_buffer_pool_set_active(self->scratch, FALSE);
	gst_clear_object(&self->scratch);
	return TRUE;
}

/* Stopping waits for the task and for the streaming thread, so that both have to be told first. */
static GstStateChangeReturn gst_vsockenc_change_state(
	GstElement *element, GstStateChange transition)
{
	GstVsockEnc *self = GST_VSOCKENC(element);

	if (transition == GST_STATE_CHANGE_PAUSED_TO_READY && self->link) {
		link_cancel(self->link);
		gst_pad_stop_task(GST_VIDEO_ENCODER_SRC_PAD(self));
	}
	return GST_ELEMENT_CLASS(gst_vsockenc_parent_class)->change_state(element, transition);
}

/* --- stream changes --- */

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
	self->latency = MAX(self->latency, frame * depth);
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

/* The base class does not drain before this, although its documentation says so. */
static gboolean gst_vsockenc_set_format(GstVideoEncoder *encoder, GstVideoCodecState *state)
{
	GstVsockEnc *self = GST_VSOCKENC(encoder);
	GstVideoInfo info;

	if (!format_from_caps(state->caps, &info)) {
		g_autofree char *caps = gst_caps_to_string(state->caps);

		GST_ELEMENT_ERROR(self, STREAM, FORMAT,
			("vsockenc does not take %s: progressive BGRx, BGRA, RGBx, RGBA or NV12 it has to be. Put videoconvert (or deinterlace) in front of it.",
				caps),
			(NULL));
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
	return TRUE;
}

static GstFlowReturn gst_vsockenc_handle_frame(GstVideoEncoder *encoder, GstVideoCodecFrame *frame)
{
	return gst_vsockenc_send(GST_VSOCKENC(encoder), frame);
}

static GstFlowReturn gst_vsockenc_finish(GstVideoEncoder *encoder)
{
	return drain(GST_VSOCKENC(encoder));
}

/* What is in flight belongs to the past: it stays in the window until the host is done with it. */
static gboolean gst_vsockenc_flush(GstVideoEncoder *encoder)
{
	GstVsockEnc *self = GST_VSOCKENC(encoder);

	self->epoch = link_begin_epoch(self->link);
	self->flow = GST_FLOW_OK;
	g_atomic_int_set(&self->want_idr, TRUE);
	link_set_flushing(self->link, false);
	return TRUE;
}

static gboolean gst_vsockenc_sink_event(GstVideoEncoder *encoder, GstEvent *event)
{
	GstVsockEnc *self = GST_VSOCKENC(encoder);

	if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START && self->link)
		link_set_flushing(self->link, true);
	return GST_VIDEO_ENCODER_CLASS(gst_vsockenc_parent_class)->sink_event(encoder, event);
}

/* No pool: what upstream has is sent as it is. It needs buffers for the window and one to draw into. */
static gboolean gst_vsockenc_propose_allocation(GstVideoEncoder *encoder, GstQuery *query)
{
	GstVsockEnc *self = GST_VSOCKENC(encoder);
	GstVideoInfo info;
	GstCaps *caps;
	guint depth;

	gst_query_parse_allocation(query, &caps, NULL);
	if (!caps || !format_from_caps(caps, &info))
		return FALSE;

	GST_OBJECT_LOCK(self);
	depth = self->settings.max_in_flight;
	GST_OBJECT_UNLOCK(self);
	gst_query_add_allocation_pool(query, NULL, (guint)GST_VIDEO_INFO_SIZE(&info), depth + 1, 0);
	gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
	gst_query_add_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, NULL);
	return TRUE;
}

/* --- class --- */

static void gst_vsockenc_finalize(GObject *object)
{
	struct settings *s = &GST_VSOCKENC(object)->settings;

	g_free(s->endpoint);
	g_free(s->socket_path);
	g_free(s->tcp_host);
	g_free(s->drm_device);
	G_OBJECT_CLASS(gst_vsockenc_parent_class)->finalize(object);
}

static void gst_vsockenc_init(GstVsockEnc *self)
{
	self->settings = (struct settings){
		.tcp_port = HXFR_TCP_PORT,
		.cid = HXFR_VSOCK_CID_HOST,
		.port = HXFR_VSOCK_PORT,
		.bitrate = DEFAULT_BITRATE,
		.keyframe_interval = DEFAULT_KEYFRAME_INTERVAL,
		.max_in_flight = DEFAULT_MAX_IN_FLIGHT,
		.connect_timeout = DEFAULT_TIMEOUT_MS,
		.response_timeout = DEFAULT_TIMEOUT_MS,
		.reconnect_timeout = DEFAULT_RECONNECT_MS,
	};
}

#define READY   (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)
#define PLAYING (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)

static void install_string(
	GObjectClass *c, guint id, const char *name, const char *nick, const char *blurb)
{
	g_object_class_install_property(c, id, g_param_spec_string(name, nick, blurb, NULL, READY));
}

static void install_uint(GObjectClass *c, guint id, const char *name, const char *nick,
	const char *blurb, guint min, guint max, guint value, GParamFlags flags)
{
	g_object_class_install_property(
		c, id, g_param_spec_uint(name, nick, blurb, min, max, value, flags));
}

static void install_address_properties(GObjectClass *c)
{
	install_string(c, PROP_ENDPOINT, "endpoint", "Endpoint",
		"Address of the host: vsock:CID:PORT, unix:/path or tcp:HOST:PORT (overrides socket-path, tcp-host, cid and their ports)");
	install_string(c, PROP_SOCKET_PATH, "socket-path", "Socket path",
		"Unix socket of the host (overrides tcp-host, cid and port)");
	install_string(c, PROP_TCP_HOST, "tcp-host", "TCP host",
		"Name, IPv4 or IPv6 address of the host (overrides cid and port); 10.0.2.2 behind QEMU user networking");
	install_uint(c, PROP_TCP_PORT, "tcp-port", "TCP port",
		"TCP port of the host, with tcp-host", 1, 65535, HXFR_TCP_PORT, READY);
	install_uint(c, PROP_CID, "cid", "CID", "vsock context id of the host", 0, G_MAXUINT,
		HXFR_VSOCK_CID_HOST, READY);
	install_uint(c, PROP_PORT, "port", "Port", "vsock port of the host", 0, G_MAXUINT,
		HXFR_VSOCK_PORT, READY);
	install_string(c, PROP_DRM_DEVICE, "drm-device", "DRM device",
		"Render node of the virtio-gpu, such as /dev/dri/renderD128; found by its driver name when not set");
}

static void install_stream_properties(GObjectClass *c)
{
	install_uint(c, PROP_BITRATE, "bitrate", "Bitrate",
		"Bitrate in bit/s (not kbit/s) that the host is asked for", 1, G_MAXUINT,
		DEFAULT_BITRATE, PLAYING);
	install_uint(c, PROP_KEYFRAME_INTERVAL, "keyframe-interval", "Keyframe interval",
		"Frames from one IDR to the next at most; 0: only when asked for", 0, G_MAXUINT,
		DEFAULT_KEYFRAME_INTERVAL, PLAYING);
	install_uint(c, PROP_MAX_IN_FLIGHT, "max-in-flight", "Frames in flight",
		"Frames sent to the host before the first of them is back; more than 2 or 3 adds latency with hosts that encode one after the other",
		1, WINDOW_MAX, DEFAULT_MAX_IN_FLIGHT, READY);
}

static void install_link_properties(GObjectClass *c)
{
	install_uint(c, PROP_CONNECT_TIMEOUT, "connect-timeout", "Connect timeout",
		"How long connecting may take, in ms", 1, TIMEOUT_MAX_MS, DEFAULT_TIMEOUT_MS,
		READY);
	install_uint(c, PROP_RESPONSE_TIMEOUT, "response-timeout", "Response timeout",
		"How long the host may take for a frame, in ms", 2, TIMEOUT_MAX_MS,
		DEFAULT_TIMEOUT_MS, READY);
	g_object_class_install_property(c, PROP_RECONNECT,
		g_param_spec_boolean("reconnect", "Reconnect",
			"When the host is lost, warn and try again (with backoff) instead of failing",
			FALSE, READY));
	install_uint(c, PROP_RECONNECT_TIMEOUT, "reconnect-timeout", "Reconnect timeout",
		"How long one outage may last before it is an error, in ms, with reconnect", 1,
		TIMEOUT_MAX_MS, DEFAULT_RECONNECT_MS, READY);
	g_object_class_install_property(c, PROP_STATS,
		g_param_spec_boxed("stats", "Statistics",
			"Since start: frames sent, encoded, dropped; bytes of H.264; frames in flight; response latency p50 and p99 in ns; reconnects; frames sent by id, as pixels, and as pixels that were copied",
			GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void gst_vsockenc_class_init(GstVsockEncClass *klass)
{
	GObjectClass *object_class = G_OBJECT_CLASS(klass);
	GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
	GstVideoEncoderClass *encoder_class = GST_VIDEO_ENCODER_CLASS(klass);

	GST_DEBUG_CATEGORY_INIT(gst_vsockenc_debug, "vsockenc", 0, "encoding by the host");

	object_class->set_property = gst_vsockenc_set_property;
	object_class->get_property = gst_vsockenc_get_property;
	object_class->finalize = gst_vsockenc_finalize;
	install_address_properties(object_class);
	install_stream_properties(object_class);
	install_link_properties(object_class);

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

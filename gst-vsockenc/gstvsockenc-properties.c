/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstvsockenc-private.h"

#define DEFAULT_BITRATE           4000000
#define DEFAULT_KEYFRAME_INTERVAL 60
#define DEFAULT_MAX_IN_FLIGHT     2
#define DEFAULT_TIMEOUT_MS        5000
#define DEFAULT_RECONNECT_MS      30000
#define TIMEOUT_MAX_MS            (3600 * 1000)

enum kind {
	KIND_STRING, /* NULL by default */
	KIND_UINT,
	KIND_BOOLEAN,
};

/* One property is one member of struct settings. */
struct property {
	const char *name, *nick, *blurb;
	enum kind kind;
	size_t member; /* offset in struct settings */
	GParamFlags mutability;
	guint min, max, initial;
};

#define STRING(m) KIND_STRING, offsetof(struct settings, m), GST_PARAM_MUTABLE_READY
#define UINT(m, min, max, initial)                                                                 \
	KIND_UINT, offsetof(struct settings, m), GST_PARAM_MUTABLE_READY, min, max, initial
#define BOOLEAN(m, initial)                                                                        \
	KIND_BOOLEAN, offsetof(struct settings, m), GST_PARAM_MUTABLE_READY, 0, 1, initial
#define LIVE_UINT(m, min, max, initial)                                                            \
	KIND_UINT, offsetof(struct settings, m), GST_PARAM_MUTABLE_PLAYING, min, max, initial

static const struct property properties[] = {
	{ "endpoint", "Endpoint",
		"Address of the host: vsock:CID:PORT, unix:/path or tcp:HOST:PORT (overrides socket-path, tcp-host, cid and their ports)",
		STRING(endpoint) },
	{ "socket-path", "Socket path",
		"Unix socket of the host (overrides tcp-host, cid and port)", STRING(socket_path) },
	{ "tcp-host", "TCP host",
		"Name, IPv4 or IPv6 address of the host (overrides cid and port); 10.0.2.2 behind QEMU user networking",
		STRING(tcp_host) },
	{ "tcp-port", "TCP port", "TCP port of the host, with tcp-host",
		UINT(tcp_port, 1, 65535, HXFR_TCP_PORT) },
	{ "cid", "CID", "vsock context id of the host",
		UINT(cid, 0, G_MAXUINT, HXFR_VSOCK_CID_HOST) },
	{ "port", "Port", "vsock port of the host", UINT(port, 0, G_MAXUINT, HXFR_VSOCK_PORT) },
	{ "drm-device", "DRM device",
		"Render node of the virtio-gpu, such as /dev/dri/renderD128; found by its driver name when not set",
		STRING(drm_device) },
	{ "upload", "Upload",
		"Write frames that are in no virtio-gpu resource into one (2D virtio-gpu only), and offer such memory upstream, so that only ids are sent; false: send their pixels",
		BOOLEAN(upload, TRUE) },
	{ "bitrate", "Bitrate", "Bitrate in bit/s (not kbit/s) that the host is asked for",
		LIVE_UINT(bitrate, 1, G_MAXUINT, DEFAULT_BITRATE) },
	{ "keyframe-interval", "Keyframe interval",
		"Frames from one IDR to the next at most; 0: only when asked for",
		LIVE_UINT(keyframe_interval, 0, G_MAXUINT, DEFAULT_KEYFRAME_INTERVAL) },
	{ "max-in-flight", "Frames in flight",
		"Frames sent to the host before the first of them is back; more than 2 or 3 adds latency with hosts that encode one after the other",
		UINT(max_in_flight, 1, WINDOW_MAX, DEFAULT_MAX_IN_FLIGHT) },
	{ "connect-timeout", "Connect timeout", "How long connecting may take, in ms",
		UINT(connect_timeout, 1, TIMEOUT_MAX_MS, DEFAULT_TIMEOUT_MS) },
	{ "response-timeout", "Response timeout", "How long the host may take for a frame, in ms",
		UINT(response_timeout, 2, TIMEOUT_MAX_MS, DEFAULT_TIMEOUT_MS) },
	{ "reconnect", "Reconnect",
		"When the host is lost, warn and try again (with backoff) instead of failing",
		BOOLEAN(reconnect, FALSE) },
	{ "reconnect-timeout", "Reconnect timeout",
		"How long one outage may last before it is an error, in ms, with reconnect",
		UINT(reconnect_timeout, 1, TIMEOUT_MAX_MS, DEFAULT_RECONNECT_MS) },
};

/* GObject counts properties from 1; stats is no setting and comes last. */
#define PROP_STATS ((guint)G_N_ELEMENTS(properties) + 1)

static void *member_of(struct settings *s, const struct property *p)
{
	return (char *)s + p->member;
}

GstStructure *gst_vsockenc_stats(GstVsockEnc *self)
{
	const struct counters *c = &self->counters;
	guint64 in_pool = c->by_road[ROAD_POOL], uploaded = c->by_road[ROAD_UPLOAD];

	/* clang-format off */
	return gst_structure_new("application/x-vsockenc-stats",
		"frames-sent", G_TYPE_UINT64, c->sent,
		"frames-encoded", G_TYPE_UINT64, c->encoded,
		"frames-dropped", G_TYPE_UINT64, c->dropped,
		"bytes", G_TYPE_UINT64, c->bytes,
		"in-flight", G_TYPE_UINT, self->link ? link_in_flight(self->link) : 0,
		"latency-p50", G_TYPE_UINT64, histogram_percentile(&c->latency, 50),
		"latency-p99", G_TYPE_UINT64, histogram_percentile(&c->latency, 99),
		"reconnects", G_TYPE_UINT, c->reconnects,
		"frames-by-id", G_TYPE_UINT64, c->by_road[ROAD_ID] + in_pool + uploaded,
		"frames-in-pool", G_TYPE_UINT64, in_pool,
		"frames-uploaded", G_TYPE_UINT64, uploaded,
		"frames-by-pixels", G_TYPE_UINT64, c->by_road[ROAD_PIXELS],
		"frames-copied", G_TYPE_UINT64, c->copied, NULL);
	/* clang-format on */
}

/* Stores a value; true when it differs from the one before. OBJECT_LOCK. */
static bool store(struct settings *s, const struct property *p, const GValue *value)
{
	void *member = member_of(s, p);
	guint before = p->kind == KIND_UINT ? *(guint *)member : 0;

	switch (p->kind) {
	case KIND_UINT:
		*(guint *)member = g_value_get_uint(value);
		return *(guint *)member != before;
	case KIND_BOOLEAN:
		*(gboolean *)member = g_value_get_boolean(value);
		break;
	case KIND_STRING:
		g_free(*(char **)member);
		*(char **)member = g_value_dup_string(value);
		break;
	}
	return true;
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
	GstVsockEnc *self = GST_VSOCKENC(object);
	const struct property *p = &properties[id - 1];
	bool changed;

	GST_OBJECT_LOCK(self);
	changed = store(&self->settings, p, value);
	GST_OBJECT_UNLOCK(self);
	if (changed && (p->mutability & GST_PARAM_MUTABLE_PLAYING))
		g_atomic_int_set(&self->settings_dirty, TRUE);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
	GstVsockEnc *self = GST_VSOCKENC(object);

	GST_OBJECT_LOCK(self);
	if (id == PROP_STATS) {
		g_value_take_boxed(value, gst_vsockenc_stats(self));
	} else {
		const struct property *p = &properties[id - 1];
		void *member = member_of(&self->settings, p);

		if (p->kind == KIND_UINT)
			g_value_set_uint(value, *(guint *)member);
		else if (p->kind == KIND_BOOLEAN)
			g_value_set_boolean(value, *(gboolean *)member);
		else
			g_value_set_string(value, *(char **)member);
	}
	GST_OBJECT_UNLOCK(self);
}

static GParamSpec *make_spec(const struct property *p)
{
	GParamFlags flags =
		p->mutability | G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS;

	if (p->kind == KIND_UINT)
		return g_param_spec_uint(
			p->name, p->nick, p->blurb, p->min, p->max, p->initial, flags);
	if (p->kind == KIND_BOOLEAN)
		return g_param_spec_boolean(
			p->name, p->nick, p->blurb, (gboolean)p->initial, flags);
	return g_param_spec_string(p->name, p->nick, p->blurb, NULL, flags);
}

void gst_vsockenc_install_properties(GObjectClass *klass)
{
	klass->set_property = set_property;
	klass->get_property = get_property;

	for (guint i = 0; i < G_N_ELEMENTS(properties); i++)
		g_object_class_install_property(klass, i + 1, make_spec(&properties[i]));
	g_object_class_install_property(klass, PROP_STATS,
		g_param_spec_boxed("stats", "Statistics",
			"Since start: frames sent, encoded, dropped; bytes of H.264; frames in flight; response latency p50 and p99 in ns; reconnects; frames sent by id, of those in the pool that was offered upstream and uploaded by a copy; frames sent as pixels, and of those copied once more",
			GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

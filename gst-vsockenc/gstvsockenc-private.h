/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The element in five files: gstvsockenc.c is its life (class, state, stream changes),
 * gstvsockenc-properties.c what gst-inspect shows, gstvsockenc-send.c turns frames into requests on
 * the streaming thread, gstvsockenc-receive.c is the source pad's task that turns responses into
 * buffers. gstvsockenc-stall.c watches for sources that never deliver.
 *
 * Locks, in the order in which they nest: the base class's STREAM_LOCK, the OBJECT_LOCK, the link's
 * own lock. The STREAM_LOCK is released around everything that waits for the host or for a fence.
 */

#include "gstvsockenc.h"
#include "h264.h"
#include "histogram.h"
#include "link.h"
#include "reporter.h"
#include "road.h"
#include "settings.h"

#include <gst/gst.h>
#include <gst/video/video.h>
#include <stdbool.h>

GST_DEBUG_CATEGORY_EXTERN(gst_vsockenc_debug);
#define GST_CAT_DEFAULT gst_vsockenc_debug

struct counters {
	guint64 sent, encoded, dropped, bytes;
	guint64 by_road[ROAD_COUNT];
	guint64 copied; /* of those by pixels */
	guint reconnects;
	struct histogram latency; /* ns, request to response */
};

/* How long a source may take from the caps to the first frame, while playing, before a warning asks
 * whether it is stuck: far more than a compositor or a camera needs to start. */
#define FIRST_FRAME_PATIENCE (5 * GST_SECOND)

/* Is the first frame overdue? */
struct stall {
	gboolean playing, has_caps;
	gboolean over; /* a frame came, or none is to be expected any more; until the next start */
	GstClockID timer; /* while it is waited for */
};

struct _GstVsockEnc {
	GstVideoEncoder parent;

	/* OBJECT_LOCK */
	struct settings settings;
	struct counters counters;
	struct stall stall;

	/* From start to stop. The pointer changes under the OBJECT_LOCK, because events come any
	 * time. */
	struct link *link;
	guint response_timeout; /* ms, as the link has it */

	/* STREAM_LOCK */
	GstVideoCodecState *input_state;
	GstVideoInfo info;  /* layout that the caps stand for */
	GstFlowReturn flow; /* of the last push, returned by the next frame */
	unsigned epoch;     /* the link's */
	struct h264_stream stream;
	gboolean negotiated;       /* source caps are those of stream.sps and of input_state */
	gboolean has_output_state; /* the base class knows some source caps */
	GQueue early_drops;        /* GstVideoCodecFrame, owned: dropped before that */
	guint unusable;            /* access units in a row that could not be pushed */
	GstClockTime latency;      /* as reported */

	struct reporter *reporter; /* from start to stop */
	struct roads *roads;       /* NULL before the first frame or allocation query */
	enum road road;            /* of the last frame, when road_said */
	gboolean road_said, ids_refused;
	gboolean had_frame; /* since start */
	guint since_idr;    /* frames sent since an IDR was asked for */
	GQueue again;       /* GstVideoCodecFrame, owned: by ids that the host refused */

	/* Atomic */
	gint want_idr;       /* the next request asks for an IDR */
	gint settings_dirty; /* bitrate changed: the next frame is preceded by a CONFIG_REQ */
};

/* gstvsockenc-properties.c */

void gst_vsockenc_install_properties(GObjectClass *klass);
/* The `stats` property. OBJECT_LOCK. Transfer full. */
GstStructure *gst_vsockenc_stats(GstVsockEnc *self);

/* gstvsockenc-send.c */

/* Tells the host about size, rate, bitrate, profile and level. STREAM_LOCK. */
void gst_vsockenc_configure(GstVsockEnc *self);
/* The handle_frame() of the class: takes the frame. STREAM_LOCK, released while waiting. */
GstFlowReturn gst_vsockenc_send(GstVsockEnc *self, GstVideoCodecFrame *frame);
/* Sends a frame that came back from a host that refuses ids: takes it, unless it fails with -errno
 * of roads_take(). Does not wait; the reader sends on what the socket does not take. STREAM_LOCK. */
int gst_vsockenc_send_again(GstVsockEnc *self, GstVideoCodecFrame *frame);
/* Made when needed. STREAM_LOCK. */
struct roads *gst_vsockenc_roads(GstVsockEnc *self);

/* Tells the guest's agent how frames went so far; once a second at most, unless it is the end.
 * STREAM_LOCK, or nobody else is there. */
void gst_vsockenc_tell_agent(GstVsockEnc *self, bool ended);

/* gstvsockenc-receive.c */

/* The task function of the source pad: deals with one event of the link. */
void gst_vsockenc_receive(gpointer self);

/* Gives a frame that has no output back to the base class. Takes the frame. STREAM_LOCK. */
void gst_vsockenc_release_frame(GstVsockEnc *self, GstVideoCodecFrame *frame);
/* Before EOS: frames dropped before any output leave, with the events that wait with them.
 * STREAM_LOCK. */
void gst_vsockenc_settle_early_drops(GstVsockEnc *self);

/* gstvsockenc-stall.c */

enum stall_change {
	STALL_RESET,
	STALL_PLAYING,
	STALL_PAUSED,
	STALL_CAPS,
	STALL_OVER, /* the first frame, a flush, EOS */
};

/* Warns once when a source that has agreed on caps delivers nothing for FIRST_FRAME_PATIENCE. That
 * caps never come is not watched for: sources that wait for a sender look the same. Any thread. */
void gst_vsockenc_watch_stall(GstVsockEnc *self, enum stall_change change);

/* diagnosis.c */

/* Posts the failure as error, or as warning when the link goes on trying, in words that say what to
 * check. */
void gst_vsockenc_report(GstVsockEnc *self, const struct link_failure *failure, bool fatal);

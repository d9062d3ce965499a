/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * appsrc ! videoconvert ! encoder ! h264parse ! appsink. Buffers carry a time stamp of our own
 * (their number times the frame duration), because the client's need not be ordered, and come back
 * by it.
 */
#include "encoder-raw.h"
#include "encoder-tuning.h"
#include "h264-writer.h"

#include <errno.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <pthread.h>
#include <time.h>

#define CONVERT_THREADS_MAX 4u

struct pending {
	void *token;
	GstClockTime pts;
	bool force_keyframe;
};

struct gst_encoder {
	struct encoder base;
	struct encoder_config config;
	char name[ENCODER_NAME_SIZE];
	const struct log_sink *log;
	encoder_done_fn done;
	GstElement *pipeline, *element;
	GstAppSrc *src;
	GstVideoInfo info; /* what appsrc is fed, sides even */
	uint64_t n_frames;
	bool keyframe_wanted;

	/* Not GLib's: thread checkers see these. */
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t idle;  /* no frame is pending; on CLOCK_MONOTONIC */
	GQueue pending;
	bool failed;
};

/* Takes the frames up to and including the one of that time off the queue. */
static void take_pending(struct gst_encoder *e, GstClockTime pts, GQueue *ret)
{
	struct pending *head;

	pthread_mutex_lock(&e->lock);
	while ((head = g_queue_peek_head(&e->pending)) && head->pts <= pts)
		g_queue_push_tail(ret, g_queue_pop_head(&e->pending));
	pthread_mutex_unlock(&e->lock);
}

static void wake_when_idle(struct gst_encoder *e)
{
	pthread_mutex_lock(&e->lock);
	if (g_queue_is_empty(&e->pending))
		pthread_cond_broadcast(&e->idle);
	pthread_mutex_unlock(&e->lock);
}

static void finish_frames(struct gst_encoder *e, GstClockTime up_to, int result)
{
	GQueue frames = G_QUEUE_INIT;
	struct pending *p;

	take_pending(e, up_to, &frames);
	while ((p = g_queue_pop_head(&frames))) {
		e->done(p->token, result, NULL);
		g_free(p);
	}
	wake_when_idle(e);
}

/* Was this the first failure? */
static bool note_failure(struct gst_encoder *e)
{
	pthread_mutex_lock(&e->lock);
	bool first = !e->failed;
	e->failed = true;
	pthread_mutex_unlock(&e->lock);
	return first;
}

static void fail(struct gst_encoder *e)
{
	note_failure(e);
	finish_frames(e, GST_CLOCK_TIME_NONE, -EIO);
}

/* A copy: encoders have few output buffers, and a client may take its time. */
static void deliver(struct gst_encoder *e, struct pending *p, GstSample *sample)
{
	gpointer data;
	gsize size;

	gst_buffer_extract_dup(gst_sample_get_buffer(sample), 0, (gsize)-1, &data, &size);
	struct unit unit = {
		.data = data,
		.size = size,
		.is_keyframe = h264_unit_is_idr(data, size),
		.release = g_free,
		.owner = data,
	};
	e->done(p->token, 0, &unit);
}

/* Earlier frames still pending were skipped by the encoder: access units come in order. */
static void finish_sample(struct gst_encoder *e, GstSample *sample)
{
	GQueue frames = G_QUEUE_INIT;
	struct pending *p;

	/* Encoders shift time stamps and the segment with them (x264enc: 1000 hours); running time
	 * stays. */
	GstClockTime pts = gst_segment_to_running_time(gst_sample_get_segment(sample),
		GST_FORMAT_TIME, GST_BUFFER_PTS(gst_sample_get_buffer(sample)));
	if (!GST_CLOCK_TIME_IS_VALID(pts))
		return;
	take_pending(e, pts, &frames);
	while ((p = g_queue_pop_head(&frames))) {
		if (p->pts == pts)
			deliver(e, p, sample);
		else
			e->done(p->token, -ENODATA, NULL);
		g_free(p);
	}
	wake_when_idle(e);
}

static GstFlowReturn on_sample(GstAppSink *sink, gpointer user)
{
	GstSample *sample = gst_app_sink_pull_sample(sink);

	if (!sample)
		return GST_FLOW_EOS;
	finish_sample(user, sample);
	gst_sample_unref(sample);
	return GST_FLOW_OK;
}

/* Elements upstream of the one that broke complain behind it: the first says why. */
static void on_error(struct gst_encoder *e, GstMessage *message)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *details = NULL;

	gst_message_parse_error(message, &error, &details);
	if (note_failure(e))
		log_write(e->log, LOG_LEVEL_WARNING, "encoder %s: %s says: %s (%s)", e->name,
			GST_MESSAGE_SRC_NAME(message), error->message,
			details ? details : "no details");
	finish_frames(e, GST_CLOCK_TIME_NONE, -EIO);
}

static GstBusSyncReply on_message(GstBus *bus, GstMessage *message, gpointer user)
{
	(void)bus;
	if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
		on_error(user, message);
	gst_message_unref(message);
	return GST_BUS_DROP;
}

static bool wants_keyframe(struct gst_encoder *e, const GstBuffer *buffer)
{
	bool wants = false;

	pthread_mutex_lock(&e->lock);
	for (GList *link = e->pending.head; link; link = link->next) {
		const struct pending *p = link->data;
		if (p->pts == GST_BUFFER_PTS(buffer))
			wants = p->force_keyframe;
	}
	pthread_mutex_unlock(&e->lock);
	return wants;
}

/* Asked for when the frame is at the encoder's door: what comes before the encoder saw its caps is
 * forgotten. */
static GstPadProbeReturn on_frame(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
	struct gst_encoder *e = user;
	GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);

	(void)pad;
	if (wants_keyframe(e, buffer)) {
		GstPad *src = gst_element_get_static_pad(e->element, "src");
		gst_pad_send_event(src, gst_video_event_new_upstream_force_key_unit(
						GST_BUFFER_PTS(buffer), TRUE, 0));
		gst_object_unref(src);
	}
	return GST_PAD_PROBE_OK;
}

static GstElement *add(struct gst_encoder *e, const char *factory)
{
	GstElement *element = gst_element_factory_make(factory, NULL);
	if (element)
		gst_bin_add(GST_BIN(e->pipeline), element);
	else
		log_write(e->log, LOG_LEVEL_WARNING,
			"encoder %s: GStreamer has no element %s, which is needed with it", e->name,
			factory);
	return element;
}

static GstElement *add_filter(struct gst_encoder *e, GstCaps *caps)
{
	GstElement *filter = add(e, "capsfilter");
	if (filter)
		g_object_set(filter, "caps", caps, NULL);
	gst_caps_unref(caps);
	return filter;
}

static void set_up_source(struct gst_encoder *e, GstElement *src)
{
	GstCaps *caps;

	encoder_raw_info(&e->config, &e->info);
	caps = gst_video_info_to_caps(&e->info);

	g_object_set(src, "caps", caps, "format", GST_FORMAT_TIME, "is-live", TRUE, "max-bytes",
		(guint64)0, NULL);
	gst_caps_unref(caps);
	e->src = GST_APP_SRC(gst_object_ref(src));
}

static void set_up_sink(struct gst_encoder *e, GstElement *sink)
{
	GstAppSinkCallbacks callbacks = { .new_sample = on_sample };
	GstCaps *caps = gst_caps_from_string(
		"video/x-h264,stream-format=(string)byte-stream,alignment=(string)au");

	g_object_set(sink, "caps", caps, "sync", FALSE, "enable-last-sample", FALSE, NULL);
	gst_caps_unref(caps);
	gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, e, NULL);
}

static int watch_frames(struct gst_encoder *e)
{
	GstPad *sink = gst_element_get_static_pad(e->element, "sink");

	if (!sink)
		return -EIO;
	gst_pad_add_probe(sink, GST_PAD_PROBE_TYPE_BUFFER, on_frame, e, NULL);
	gst_object_unref(sink);
	return 0;
}

static int build(struct gst_encoder *e)
{
	e->pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
	e->element = gst_element_factory_make(e->name, NULL);
	if (!e->element)
		return -ENOENT;
	gst_object_ref_sink(e->element);
	gst_bin_add(GST_BIN(e->pipeline), e->element);

	GstElement *src = add(e, "appsrc");
	GstElement *convert = add(e, "videoconvert");
	GstElement *raw = add_filter(e, encoder_raw_converted_caps(&e->config));
	GstElement *filter = add_filter(e, encoder_tune_caps(e->name, &e->config));
	GstElement *parse = add(e, "h264parse");
	GstElement *sink = add(e, "appsink");
	if (!src || !convert || !raw || !filter || !parse || !sink)
		return -EIO;
	set_up_source(e, src);
	set_up_sink(e, sink);
	g_object_set(convert, "n-threads", MIN(g_get_num_processors(), CONVERT_THREADS_MAX), NULL);
	g_object_set(parse, "config-interval", -1, NULL); /* SPS and PPS before every IDR */
	encoder_tune(e->element, e->name, &e->config);
	if (!gst_element_link_many(src, convert, raw, e->element, filter, parse, sink, NULL))
		return -EIO;
	return watch_frames(e);
}

static int start(struct gst_encoder *e)
{
	GstBus *bus = gst_element_get_bus(e->pipeline);

	gst_bus_set_sync_handler(bus, on_message, e, NULL);
	gst_object_unref(bus);
	/* A live source: the state change does not wait for a first frame. */
	if (gst_element_set_state(e->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
		return -EIO;
	return 0;
}

static void gst_destroy(struct encoder *base)
{
	struct gst_encoder *e = (struct gst_encoder *)base;

	gst_element_set_state(e->pipeline, GST_STATE_NULL);
	finish_frames(e, GST_CLOCK_TIME_NONE, -ECANCELED);
	if (e->src)
		gst_object_unref(e->src);
	if (e->element)
		gst_object_unref(e->element);
	gst_object_unref(e->pipeline);
	pthread_mutex_destroy(&e->lock);
	pthread_cond_destroy(&e->idle);
	g_free(e);
}

static void init_lock(struct gst_encoder *e)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&e->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&e->idle, &attributes);
	pthread_condattr_destroy(&attributes);
}

static int gst_create(const struct encoder_choice *choice, const struct encoder_config *config,
	encoder_done_fn done, struct encoder **ret)
{
	struct gst_encoder *e = g_new0(struct gst_encoder, 1);

	e->base.impl = &encoder_gst_impl;
	e->config = *config;
	e->done = done;
	e->log = choice->log;
	g_strlcpy(e->name, choice->name, sizeof e->name);
	init_lock(e);
	g_queue_init(&e->pending);
	int r = build(e);
	if (r == 0)
		r = start(e);
	if (r < 0) {
		gst_destroy(&e->base);
		return r;
	}
	*ret = &e->base;
	return 0;
}

static GstClockTime frame_time(const struct gst_encoder *e, uint64_t n)
{
	return gst_util_uint64_scale(
		n, GST_SECOND * e->config.framerate_den, e->config.framerate_num);
}

static int make_buffer(struct gst_encoder *e, const struct picture *picture, GstBuffer **ret)
{
	GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&e->info), NULL);

	if (!buffer)
		return -ENOMEM;
	int r = encoder_raw_copy(picture, &e->info, buffer);
	if (r < 0) {
		gst_buffer_unref(buffer);
		return r;
	}
	GST_BUFFER_PTS(buffer) = frame_time(e, e->n_frames);
	GST_BUFFER_DURATION(buffer) = frame_time(e, e->n_frames + 1) - GST_BUFFER_PTS(buffer);
	*ret = buffer;
	return 0;
}

static bool has_failed(struct gst_encoder *e)
{
	pthread_mutex_lock(&e->lock);
	bool failed = e->failed;
	pthread_mutex_unlock(&e->lock);
	return failed;
}

static void push_pending(struct gst_encoder *e, void *token, GstClockTime pts, bool force_keyframe)
{
	struct pending *p = g_new(struct pending, 1);

	*p = (struct pending){ token, pts, force_keyframe };
	pthread_mutex_lock(&e->lock);
	g_queue_push_tail(&e->pending, p);
	pthread_mutex_unlock(&e->lock);
}

static int gst_encode(struct encoder *base, const struct encoder_frame *frame, void *token)
{
	struct gst_encoder *e = (struct gst_encoder *)base;
	GstBuffer *buffer;

	if (has_failed(e))
		return -EIO;
	if (frame->picture->width != e->config.width ||
		frame->picture->height != e->config.height ||
		frame->picture->format != e->config.format)
		return -EINVAL;
	int r = make_buffer(e, frame->picture, &buffer);
	if (r < 0)
		return r;
	push_pending(e, token, GST_BUFFER_PTS(buffer),
		e->n_frames > 0 && (frame->force_keyframe || e->keyframe_wanted));
	e->keyframe_wanted = false;
	e->n_frames++;
	if (gst_app_src_push_buffer(e->src, buffer) != GST_FLOW_OK || has_failed(e))
		fail(e);
	return 0;
}

static void gst_request_keyframe(struct encoder *base)
{
	((struct gst_encoder *)base)->keyframe_wanted = true;
}

static int gst_reconfigure(struct encoder *base, const struct encoder_config *config)
{
	struct gst_encoder *e = (struct gst_encoder *)base;
	struct encoder_config rest = *config;

	rest.bitrate = e->config.bitrate;
	if (!encoder_config_equal(&rest, &e->config))
		return -EOPNOTSUPP;
	if (config->bitrate != e->config.bitrate &&
		!encoder_tune_bitrate(e->element, e->name, config->bitrate, true))
		return -EOPNOTSUPP;
	e->config.bitrate = config->bitrate;
	return 0;
}

static struct timespec deadline_in(unsigned timeout_ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	uint64_t ns = (uint64_t)t.tv_nsec + (uint64_t)timeout_ms * 1000000;
	t.tv_sec += (time_t)(ns / 1000000000);
	t.tv_nsec = (long)(ns % 1000000000);
	return t;
}

static int gst_drain(struct encoder *base, unsigned timeout_ms)
{
	struct gst_encoder *e = (struct gst_encoder *)base;
	struct timespec deadline = deadline_in(timeout_ms);
	int r = 0;

	pthread_mutex_lock(&e->lock);
	while (r == 0 && !g_queue_is_empty(&e->pending))
		r = -pthread_cond_timedwait(&e->idle, &e->lock, &deadline);
	pthread_mutex_unlock(&e->lock);
	return r;
}

const struct encoder_impl encoder_gst_impl = {
	.needs_pixels = true,
	.create = gst_create,
	.encode = gst_encode,
	.request_keyframe = gst_request_keyframe,
	.reconfigure = gst_reconfigure,
	.drain = gst_drain,
	.destroy = gst_destroy,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * scanout-check [OPTION...]
 *
 * A client that subscribes to a scanout, decodes what the host sends, and tells whether the pictures
 * are those that a drm-flipper showed, in their order. --help has the rest.
 */

#include "client.h"
#include "json.h"
#include "picture-sink.h"
#include "picture-source.h"
#include "program.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CONNECT_MS 5000u
/* One thread and no reordering: a picture comes out before the next access unit goes in. */
#define DECODER                                                                                    \
	"appsrc name=source format=time caps=video/x-h264,stream-format=byte-stream,alignment=au " \
	"! h264parse ! avdec_h264 max-threads=1 ! appsink name=sink"

struct options {
	char *endpoint;
	int scanout, last;
	double seconds, settle_s, psnr_min;
};

struct check {
	GMutex lock;
	unsigned units, pictures, repeated, backwards, unreadable;
	unsigned before, after; /* unreadable ones before the first number, and since the last */
	uint64_t first, last;   /* numbers; JUDGE_UNREADABLE: none yet */
	double psnr_min;
	gint64 last_seen_us; /* when the picture of --last came first; 0: not yet */
};

static struct options options = { .last = -1, .seconds = 30, .settle_s = 1, .psnr_min = 30 };

static const GOptionEntry entries[] = {
	{ "endpoint", 0, 0, G_OPTION_ARG_STRING, &options.endpoint, "The host (vsock:2:5000)",
		"ENDPOINT" },
	{ "scanout", 0, 0, G_OPTION_ARG_INT, &options.scanout, "Which one (0)", "N" },
	{ "last", 0, 0, G_OPTION_ARG_INT, &options.last,
		"End when picture N was seen; it must be the last (end after --seconds)", "N" },
	{ "settle", 0, 0, G_OPTION_ARG_DOUBLE, &options.settle_s,
		"... and nothing older came for that long (1)", "SECONDS" },
	{ "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &options.seconds,
		"How long to look; with --last, at most (30)", "SECONDS" },
	{ "psnr", 0, 0, G_OPTION_ARG_DOUBLE, &options.psnr_min,
		"Every picture must be as good as that (30)", "DB" },
	{ 0 },
};

static const char summary[] =
	"Subscribes to a scanout (SUBSCRIBE), decodes the stream, reads the number off every picture, and tells\n"
	"whether the pictures are those of a drm-flipper: numbers that only grow, each like the test picture\n"
	"drawn anew, and the last one shown at the end.";

static const char description[] =
	"What was on the screen before the first numbered picture and behind the last (a console, say) does not\n"
	"count.\n"
	"\n"
	"Prints {\"event\": \"subscribed\"} when the host has agreed, and at the end a JSON object: ok, error (text or\n"
	"null), units (access units that came), pictures (with a number), repeated (same number once more: no\n"
	"fault), backwards (an older picture than before), unreadable (without a number, between pictures that\n"
	"had one), before, after (without a number, before and behind these), first, last (numbers; null: none),\n"
	"psnr_min (dB).\n"
	"Exit status: 0 all is well, 1 not, 2 wrong command line.";

static void note_number(struct check *c, const struct picture_seen *picture)
{
	if (c->last == JUDGE_UNREADABLE)
		c->first = picture->number;
	else if (picture->number == c->last)
		c->repeated++;
	else if (picture->number < c->last)
		c->backwards++;
	c->last = picture->number;
	c->pictures++;
	c->unreadable += c->after;
	c->after = 0;
	c->psnr_min = MIN(c->psnr_min, picture->psnr);
	if (options.last >= 0 && c->last == (uint64_t)options.last && c->last_seen_us == 0)
		c->last_seen_us = g_get_monotonic_time();
}

static void picture_seen(void *owner, const struct picture_seen *picture)
{
	struct check *c = owner;

	g_mutex_lock(&c->lock);
	if (picture->number != JUDGE_UNREADABLE)
		note_number(c, picture);
	else if (c->last == JUDGE_UNREADABLE)
		c->before++;
	else
		c->after++;
	g_mutex_unlock(&c->lock);
}

static void decode(struct check *c, GstAppSrc *source, const struct hxfr_frame_response *response)
{
	GstBuffer *unit = gst_buffer_new_allocate(NULL, response->nals_size, NULL);
	gsize filled = 0;
	const uint8_t *nal;
	size_t pos = 0, size;

	while (hxfr_nal_next(response, &pos, &nal, &size))
		filled += gst_buffer_fill(unit, filled, nal, size);
	gst_buffer_set_size(unit, (gssize)filled);
	GST_BUFFER_PTS(unit) = (GstClockTime)response->pts;
	c->units++;
	gst_app_src_push_buffer(source, unit);
}

static gint64 end_of_look(struct check *c, gint64 until_us)
{
	g_mutex_lock(&c->lock);
	if (c->last_seen_us > 0)
		until_us = MIN(
			until_us, c->last_seen_us + (gint64)(options.settle_s * G_USEC_PER_SEC));
	g_mutex_unlock(&c->lock);
	return until_us;
}

static char *subscribe(struct client *client, gint64 until_us)
{
	struct hxfr_message m = {
		.header = { .type = HXFR_SUBSCRIBE, .session_id = HXFR_SESSION_MAIN },
		.scanout_id = (uint32_t)options.scanout,
	};

	int r = client_send(client, &m, NULL, 0, until_us);
	if (r == 0)
		r = client_wait(client, until_us, &m);
	if (r < 0)
		return g_strdup_printf("no answer to SUBSCRIBE: %s", g_strerror(-r));
	if (m.header.type == HXFR_ERROR)
		return g_strdup_printf("the host says: %s", m.error.message);
	if (m.header.type != HXFR_SUBSCRIBE_RESP || !m.subscribe_resp.success)
		return g_strdup("the host refuses to show that scanout");
	printf("{\"event\": \"subscribed\"}\n");
	return NULL;
}

/* Until it is time to end. NULL, or what went wrong. */
static char *look(struct check *c, struct client *client, GstAppSrc *source, gint64 until_us)
{
	for (;;) {
		struct hxfr_message m;
		gint64 slice_us = g_get_monotonic_time() + G_USEC_PER_SEC / 10;

		if (g_get_monotonic_time() >= end_of_look(c, until_us))
			return NULL;
		int r = client_wait(client, slice_us, &m);
		if (r == -ETIMEDOUT)
			continue;
		if (r < 0)
			return g_strdup_printf("the host is gone: %s", g_strerror(-r));
		if (m.header.type == HXFR_ERROR)
			return g_strdup_printf("the host says: %s", m.error.message);
		if (m.header.type == HXFR_FRAME_RESPONSE && m.header.session_id == options.scanout)
			decode(c, source, &m.frame_response);
	}
}

/* What the decoder still holds comes out. */
static char *drain(GstElement *pipeline, GstAppSrc *source)
{
	g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
	g_autoptr(GstMessage) m = NULL;
	g_autoptr(GError) error = NULL;

	gst_app_src_end_of_stream(source);
	m = gst_bus_timed_pop_filtered(bus, 10 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
	if (!m)
		return g_strdup("the decoder does not end");
	if (GST_MESSAGE_TYPE(m) == GST_MESSAGE_EOS)
		return NULL;
	gst_message_parse_error(m, &error, NULL);
	return g_strdup_printf("%s: %s", GST_OBJECT_NAME(GST_MESSAGE_SRC(m)), error->message);
}

static gboolean report(struct check *c, const char *error)
{
	gboolean ok = !error && c->pictures > 0 && c->backwards == 0 && c->unreadable == 0 &&
		      c->psnr_min >= options.psnr_min &&
		      (options.last < 0 || c->last == (uint64_t)options.last);
	struct json j;

	json_begin(&j);
	json_bool(&j, "ok", ok);
	json_string(&j, "error", error);
	json_uint(&j, "units", c->units);
	json_uint(&j, "pictures", c->pictures);
	json_uint(&j, "repeated", c->repeated);
	json_uint(&j, "backwards", c->backwards);
	json_uint(&j, "unreadable", c->unreadable);
	json_uint(&j, "before", c->before);
	json_uint(&j, "after", c->after);
	if (c->pictures > 0) {
		json_uint(&j, "first", c->first);
		json_uint(&j, "last", c->last);
	} else {
		json_string(&j, "first", NULL);
		json_string(&j, "last", NULL);
	}
	json_double(&j, "psnr_min", c->psnr_min);
	json_print(&j);
	return ok;
}

/* NULL, or what went wrong. */
static char *run(struct check *c, GstElement *pipeline)
{
	gint64 until_us = g_get_monotonic_time() + (gint64)(options.seconds * G_USEC_PER_SEC);
	g_autoptr(GstElement) source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
	g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
	struct client client;

	int r = client_open(options.endpoint, CONNECT_MS, &client);
	if (r < 0)
		return g_strdup_printf("%s: %s", options.endpoint, g_strerror(-r));
	picture_sink_watch(GST_APP_SINK(sink), picture_seen, c);
	gst_element_set_state(pipeline, GST_STATE_PLAYING);
	char *error = subscribe(&client, until_us);
	if (!error)
		error = look(c, &client, GST_APP_SRC(source), until_us);
	client_close(&client);
	if (!error && c->units > 0)
		error = drain(pipeline, GST_APP_SRC(source));
	gst_element_set_state(pipeline, GST_STATE_NULL);
	return error;
}

int main(int argc, char **argv)
{
	struct check check = {
		.first = JUDGE_UNREADABLE,
		.last = JUDGE_UNREADABLE,
		.psnr_min = INFINITY,
	};
	g_autoptr(GError) failure = NULL;

	program_options(&argc, &argv, entries, NULL, summary, description);
	program_default(&options.endpoint, "vsock:2:5000");
	gst_init(NULL, NULL);
	g_autoptr(GstElement) pipeline = gst_parse_launch(DECODER, &failure);
	if (failure)
		program_fail(0, "%s", failure->message);
	g_autofree char *error = run(&check, pipeline);
	return report(&check, error) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * screen-check [OPTION...] PIPELINE...
 *
 * Runs a pipeline from a source of test pictures through an encoder and a decoder, and tells
 * whether every frame that went into the encoder came out as the picture it was. --help has the
 * rest.
 */

#include "json.h"
#include "judge.h"
#include "picture-sink.h"
#include "picture-source.h"
#include "program.h"

#include <gst/gst.h>
#include <stdlib.h>

#define MAIN_ENTRY  "vsockenc"
#define OTHER_ENTRY "encoder"

struct options {
	int first_s, all_s;
	int frames;
	int lost_max;
	double psnr_min;
};

struct check {
	struct judge *judge;
	GstElement *pipeline;
	GstElement *encoder;
	gint unnumbered; /* frames that entered without a number; atomic */
	gint first_seen; /* atomic */
	gint64 started_us, first_us, ended_us;
};

static struct options options = {
	.first_s = 30,
	.all_s = 120,
	.frames = 60,
	.psnr_min = 30,
};

static const GOptionEntry entries[] = {
	{ "psnr", 0, 0, G_OPTION_ARG_DOUBLE, &options.psnr_min,
		"Every picture must be as good as that (30)", "DB" },
	{ "allow-lost", 0, 0, G_OPTION_ARG_INT, &options.lost_max,
		"Frames that may get lost, say while the host is away (0)", "N" },
	{ "first", 0, 0, G_OPTION_ARG_INT, &options.first_s,
		"The first picture must be there in time (30)", "SECONDS" },
	{ "all", 0, 0, G_OPTION_ARG_INT, &options.all_s,
		"... and the end of the stream, counted from the start (120)", "SECONDS" },
	{ "frames", 0, 0, G_OPTION_ARG_INT, &options.frames,
		"Frames that an appsrc in the pipeline is fed with (60)", "N" },
	{ 0 },
};

static const char summary[] =
	"Runs PIPELINE (as for gst-launch-1.0) and tells whether every frame that entered the encoder came out\n"
	"of the decoder behind it as the picture it was: none lost, stale or swapped, and each like the test\n"
	"picture drawn anew.";

static const char description[] =
	"The encoder is the vsockenc in the pipeline, or else the element named 'encoder'. A frame is known by\n"
	"its buffer's offset, as pipewiresrc sets it to the source's sequence number, and that number must be\n"
	"drawn into the picture, as pw-screen does. The last element is an appsink behind a decoder:\n"
	"\n"
	"  screen-check pipewiresrc target-object=pw-screen num-buffers=300 ! vsockenc ! h264parse \\\n"
	"      ! avdec_h264 ! appsink\n"
	"  screen-check --frames 60 appsrc caps=video/x-raw,format=NV12,width=640,height=480,framerate=30/1 \\\n"
	"      ! vsockenc ! h264parse ! avdec_h264 ! appsink\n"
	"\n"
	"An appsrc in the pipeline is fed with test pictures. The stream must end by itself (num-buffers).\n"
	"\n"
	"Prints a JSON object: ok, error (text or null), entered, left, late (in the source), lost, stale,\n"
	"swapped, unreadable, unexpected, last (number of the last picture), psnr_min, psnr_mean (dB), first_ms\n"
	"(from the start to the first picture), total_ms, stats (of vsockenc).\n"
	"Exit status: 0 all is well, 1 not, 2 wrong command line.";

/* The first element made by that factory, owned by the caller; NULL. */
static GstElement *find_by_factory(GstElement *pipeline, const char *factory)
{
	GstIterator *i = gst_bin_iterate_all_by_element_factory_name(GST_BIN(pipeline), factory);
	GValue value = G_VALUE_INIT;
	GstElement *element = NULL;

	if (gst_iterator_next(i, &value) == GST_ITERATOR_OK) {
		element = g_value_dup_object(&value);
		g_value_unset(&value);
	}
	gst_iterator_free(i);
	return element;
}

static GstPadProbeReturn frame_enters(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
	struct check *check = data;
	GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
	g_autoptr(GstEvent) event = gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0);
	const GstSegment *segment = NULL;

	gst_event_parse_segment(event, &segment);
	if (!GST_BUFFER_OFFSET_IS_VALID(buffer))
		g_atomic_int_inc(&check->unnumbered);
	judge_enter(check->judge,
		gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer)),
		GST_BUFFER_OFFSET(buffer));
	return GST_PAD_PROBE_OK;
}

static void picture_leaves(void *owner, const struct picture_seen *picture)
{
	struct check *check = owner;

	judge_leave(check->judge, picture->time_ns, picture->number, picture->psnr);
	if (g_atomic_int_exchange(&check->first_seen, TRUE))
		return;
	GstStructure *name = gst_structure_new_empty("first-picture");
	gst_element_post_message(
		check->pipeline, gst_message_new_application(GST_OBJECT(check->pipeline), name));
}

static void prepare(struct check *check, char **arguments)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GstElement) source = NULL;
	g_autoptr(GstElement) sink = NULL;

	check->pipeline = gst_parse_launchv((const char **)arguments, &error);
	if (!check->pipeline || error)
		program_usage("%s", error->message);
	check->encoder = find_by_factory(check->pipeline, MAIN_ENTRY);
	if (!check->encoder)
		check->encoder = gst_bin_get_by_name(GST_BIN(check->pipeline), OTHER_ENTRY);
	sink = find_by_factory(check->pipeline, "appsink");
	source = find_by_factory(check->pipeline, "appsrc");
	if (!check->encoder || !sink)
		program_usage("the pipeline has no %s", sink ? "encoder" : "appsink");
	if (source && picture_source_feed(GST_APP_SRC(source), (unsigned)options.frames) < 0)
		program_usage("the appsrc has no caps that can be drawn");

	g_autoptr(GstPad) pad = gst_element_get_static_pad(check->encoder, "sink");
	check->judge = judge_new();
	gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, frame_enters, check, NULL);
	picture_sink_watch(GST_APP_SINK(sink), picture_leaves, check);
}

/* NULL: the message came that was waited for, or the end of the stream. Else what went wrong. */
static char *wait_for(GstBus *bus, GstMessageType type, gint64 until_us, const char *late)
{
	gint64 left_us = MAX(until_us - g_get_monotonic_time(), 0);
	g_autoptr(GstMessage) m = gst_bus_timed_pop_filtered(bus,
		(GstClockTime)left_us * GST_USECOND, type | GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
	g_autoptr(GError) error = NULL;

	if (!m)
		return g_strdup(late);
	if (GST_MESSAGE_TYPE(m) != GST_MESSAGE_ERROR)
		return NULL;
	gst_message_parse_error(m, &error, NULL);
	return g_strdup_printf("%s: %s", GST_OBJECT_NAME(GST_MESSAGE_SRC(m)), error->message);
}

/* Plays it to its end. NULL, or what went wrong. */
static char *play(struct check *check)
{
	g_autoptr(GstBus) bus = gst_element_get_bus(check->pipeline);

	check->started_us = g_get_monotonic_time();
	gst_element_set_state(check->pipeline, GST_STATE_PLAYING);
	char *error = wait_for(bus, GST_MESSAGE_APPLICATION,
		check->started_us + options.first_s * G_USEC_PER_SEC, "no picture in time");
	check->first_us = g_get_monotonic_time();
	if (!error)
		error = wait_for(bus, 0, check->started_us + options.all_s * G_USEC_PER_SEC,
			"no end of the stream in time");
	check->ended_us = g_get_monotonic_time();
	if (!error && g_atomic_int_get(&check->unnumbered) > 0)
		error = g_strdup("frames came without a number in their offset");
	return error;
}

static void print_stats(struct json *j, GstElement *encoder)
{
	g_autoptr(GstStructure) stats = NULL;

	if (!g_object_class_find_property(G_OBJECT_GET_CLASS(encoder), "stats"))
		return;
	g_object_get(encoder, "stats", &stats, NULL);
	json_open(j, "stats");
	for (int i = 0; i < gst_structure_n_fields(stats); i++) {
		const char *name = gst_structure_nth_field_name(stats, (guint)i);
		const GValue *value = gst_structure_get_value(stats, name);
		GValue number = G_VALUE_INIT;

		g_value_init(&number, G_TYPE_UINT64);
		if (g_value_transform(value, &number))
			json_uint(j, name, g_value_get_uint64(&number));
		else if (G_VALUE_HOLDS_STRING(value))
			json_string(j, name, g_value_get_string(value));
	}
	json_close(j);
}

static gboolean report(struct check *check, const char *error)
{
	struct judge_verdict v = judge_verdict(check->judge);
	gboolean ok = !error && judge_is_content(&v, (unsigned)options.lost_max, options.psnr_min);
	struct json j;

	json_begin(&j);
	json_bool(&j, "ok", ok);
	json_string(&j, "error", error);
	json_uint(&j, "entered", v.entered);
	json_uint(&j, "left", v.left);
	json_uint(&j, "late", v.late);
	json_uint(&j, "lost", v.lost);
	json_uint(&j, "stale", v.stale);
	json_uint(&j, "swapped", v.swapped);
	json_uint(&j, "unreadable", v.unreadable);
	json_uint(&j, "unexpected", v.unexpected);
	json_uint(&j, "last", v.last);
	json_double(&j, "psnr_min", v.psnr_min);
	json_double(&j, "psnr_mean", v.psnr_mean);
	json_int(&j, "first_ms", (check->first_us - check->started_us) / 1000);
	json_int(&j, "total_ms", (check->ended_us - check->started_us) / 1000);
	print_stats(&j, check->encoder);
	json_print(&j);
	return ok;
}

int main(int argc, char **argv)
{
	struct check check = { 0 };

	program_options(&argc, &argv, entries, "PIPELINE...", summary, description);
	if (argc < 2)
		program_usage("no pipeline; see --help");
	gst_init(NULL, NULL);
	prepare(&check, argv + 1);
	g_autofree char *error = play(&check);
	gboolean ok = report(&check, error);
	gst_element_set_state(check.pipeline, GST_STATE_NULL);
	gst_object_unref(check.encoder);
	gst_object_unref(check.pipeline);
	judge_free(check.judge);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * bench: one measurement of one encoder in the guest's role; bench.py makes the table.
 *
 * Frames (videotestsrc's smpte picture, FRAMES of them, real memory) are made first. One thread
 * then pushes them straight into the sink pad of [videoconvert and] the encoder, paced or not, and
 * a chain function behind the encoder's src pad takes the time. What is measured begins after the
 * warm-up frames and ends with EOS:
 *
 *   fps      outputs a second, from the first one measured to the last
 *   cpu      user and system time of this whole process per frame; the pushing thread's own work is in it
 *   latency  from before the push (so the time blocked there counts) to the output
 *   rss      peak resident memory after the frames were made, frames included; rss_frames is their share
 */

#include "case.h"
#include "measure.h"

#include <glib.h>
#include <gst/gst.h>
#include <stdio.h>

static gboolean parse(int argc, char **argv, struct bench_case *ret)
{
	static struct bench_case c = { .format = "NV12",
		.width = 1920,
		.height = 1080,
		.frames = 300,
		.warmup = 30,
		.max_in_flight = 2 };
	const GOptionEntry entries[] = {
		{ "encoder", 0, 0, G_OPTION_ARG_STRING, &c.encoder,
			"vsockenc, x264enc, openh264enc, none", "NAME" },
		{ "dmabuf", 0, 0, G_OPTION_ARG_NONE, &c.dmabuf,
			"frames are DMA-BUFs: fake ones, real ones in a guest", NULL },
		{ "format", 0, 0, G_OPTION_ARG_STRING, &c.format, "NV12 or BGRx", "FORMAT" },
		{ "width", 0, 0, G_OPTION_ARG_INT, &c.width, "pixels", "N" },
		{ "height", 0, 0, G_OPTION_ARG_INT, &c.height, "pixels", "N" },
		{ "pace", 0, 0, G_OPTION_ARG_INT, &c.pace, "frames a second; 0: as fast as it goes",
			"FPS" },
		{ "frames", 0, 0, G_OPTION_ARG_INT, &c.frames, "measured", "N" },
		{ "warmup", 0, 0, G_OPTION_ARG_INT, &c.warmup, "not measured", "N" },
		{ "endpoint", 0, 0, G_OPTION_ARG_STRING, &c.endpoint, "of the host", "ENDPOINT" },
		{ "no-upload", 0, 0, G_OPTION_ARG_NONE, &c.no_upload,
			"vsockenc sends the pixels of frames in system memory", NULL },
		{ "max-in-flight", 0, 0, G_OPTION_ARG_INT, &c.max_in_flight, "of vsockenc", "N" },
		{ NULL, 0, 0, 0, NULL, NULL, NULL },
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- one measurement as JSON");
	g_autoptr(GError) error = NULL;

	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_add_group(context, gst_init_get_option_group());
	if (!g_option_context_parse(context, &argc, &argv, &error) || !c.encoder || c.frames <= 0 ||
		c.warmup < 0 || c.pace < 0) {
		g_printerr("bench: %s\n", error ? error->message : "an encoder and frames, please");
		return FALSE;
	}
	*ret = c;
	return TRUE;
}

static void print(const struct measurement *m)
{
	printf("{\"fps\": %.2f, \"cpu_ms\": %.4f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
	       "\"rss_mb\": %.1f, \"rss_frames_mb\": %.1f, \"in\": %u, \"out\": %u}\n",
		m->fps, m->cpu_ms, m->p50_ms, m->p99_ms, m->rss_mb, m->rss_frames_mb, m->pushed,
		m->received);
}

int main(int argc, char **argv)
{
	struct bench_case c;
	struct measurement m;

	if (!parse(argc, argv, &c))
		return 2;
	if (!measure(&c, &m))
		return 1;
	print(&m);
	return 0;
}

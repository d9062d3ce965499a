/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * drm-flipper [OPTION...]
 *
 * A screen without a compositor: a KMS client that shows one test picture after the other on an
 * output of the virtio-gpu. --help has the rest.
 *
 * How such a client is made:
 *   1. The card is opened by the name of its driver; connector, CRTC and mode are looked up.
 *   2. Dumb buffers are made, mapped, and given a framebuffer each.
 *   3. The mode is set with the first buffer. From then on the buffer that is not on screen is
 *      drawn, flipped to, and the event awaited that says that it is now on screen.
 */

#include "json.h"
#include "kms.h"
#include "pattern.h"
#include "program.h"

#include <errno.h>
#include <hxfr/messages.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xf86drm.h>

#define BUFFERS_MAX     8
#define CURSOR_SIDE     64u /* what virtio-gpu's cursor plane takes, and nothing else */
#define FLIP_TIMEOUT_MS 5000u
#define SECOND_NS       1000000000

struct options {
	char *size;
	int output, buffers, frames;
	double seconds, hold_s, fps;
	gboolean dirty, still, cursor;
};

struct flipper {
	struct kms kms;
	struct kms_buffer buffers[BUFFERS_MAX], cursor;
	unsigned n_buffers;
	uint64_t number; /* of the picture on screen */
	int64_t started_ns, ended_ns, slowest_ns;
};

static struct options options = { .buffers = 2 };
static volatile sig_atomic_t stopped;

static const GOptionEntry entries[] = {
	{ "size", 0, 0, G_OPTION_ARG_STRING, &options.size, "Mode (the preferred one)", "WxH" },
	{ "output", 0, 0, G_OPTION_ARG_INT, &options.output, "Connector, counted from 0 (0)", "N" },
	{ "buffers", 0, 0, G_OPTION_ARG_INT, &options.buffers, "Buffers to flip between (2)", "N" },
	{ "fps", 0, 0, G_OPTION_ARG_DOUBLE, &options.fps,
		"Pictures a second; 0: as fast as they are taken (0)", "N" },
	{ "frames", 0, 0, G_OPTION_ARG_INT, &options.frames, "End after so many flips", "N" },
	{ "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &options.seconds, "... or after that time", "S" },
	{ "hold", 0, 0, G_OPTION_ARG_DOUBLE, &options.hold_s, "Show the last picture that long (0)",
		"S" },
	{ "dirty", 0, 0, G_OPTION_ARG_NONE, &options.dirty,
		"Draw into one buffer on screen and tell that it is dirty, without flips", NULL },
	{ "still", 0, 0, G_OPTION_ARG_NONE, &options.still,
		"Draw every buffer once, before the first flip: what is measured is the device",
		NULL },
	{ "cursor", 0, 0, G_OPTION_ARG_NONE, &options.cursor,
		"A hardware cursor, moved with every picture", NULL },
	{ 0 },
};

static const char summary[] =
	"Shows test pictures on an output of the virtio-gpu, by page flips: moving bars, and the number of the\n"
	"picture as text and as a grid of black and white cells. Number 0 is shown when the mode is set, the\n"
	"n-th flip shows number n.";

static const char description[] =
	"Nobody else may hold the display (no compositor). Ends after --frames or --seconds, or by SIGINT or\n"
	"SIGTERM; when it ends the output goes dark.\n"
	"\n"
	"Prints JSON objects, one a line:\n"
	"  {\"event\": \"buffer\", \"resource\", \"size\"}                          for each buffer; its virtio-gpu id\n"
	"  {\"event\": \"shown\", \"width\", \"height\", \"refresh\"}                the mode is set, picture 0 on screen\n"
	"  {\"event\": \"last\", \"number\"}                                      the last flip is done; --hold begins\n"
	"  {\"event\": \"end\", \"flips\", \"seconds\", \"flips_per_s\", \"slowest_ms\"}   --hold not counted\n"
	"Exit status: 0, 1 when something failed, 2 wrong command line.";

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* Signals end it early. */
static void sleep_until(int64_t until_ns)
{
	struct timespec until = { until_ns / SECOND_NS, until_ns % SECOND_NS };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static void begin_event(struct json *j, const char *event)
{
	json_begin(j);
	json_string(j, "event", event);
}

static void draw(const struct kms_buffer *b, uint64_t number)
{
	const struct pattern_canvas canvas = { b->width, b->height, HXFR_FORMAT_AR24, b->stride,
		b->pixels };
	struct pattern_code code = { .id = (uint32_t)number, .pts = now_ns() };

	pattern_draw(&canvas, &code);
}

static void make_buffers(struct flipper *f)
{
	for (unsigned i = 0; i < f->n_buffers; i++) {
		struct kms_buffer *b = &f->buffers[i];
		struct json j;

		int r = kms_buffer_new(&f->kms, f->kms.mode.hdisplay, f->kms.mode.vdisplay, b);
		if (r < 0)
			program_fail(r, "no buffer");
		draw(b, i);
		begin_event(&j, "buffer");
		json_uint(&j, "resource", b->id);
		json_uint(&j, "size", b->size);
		json_print(&j);
	}
}

/* A white square with a black border. */
static void make_cursor(struct flipper *f)
{
	int r = kms_buffer_new_cursor(&f->kms, CURSOR_SIDE, &f->cursor);
	if (r < 0)
		program_fail(r, "no cursor");
	for (uint32_t y = 0; y < CURSOR_SIDE; y++) {
		uint32_t *row = (uint32_t *)(f->cursor.pixels + (size_t)y * f->cursor.stride);

		for (uint32_t x = 0; x < CURSOR_SIDE; x++)
			row[x] = x % (CURSOR_SIDE - 1) && y % (CURSOR_SIDE - 1) ? 0xffffffff
										: 0xff000000;
	}
	if (drmModeSetCursor(f->kms.fd, f->kms.crtc, f->cursor.handle, CURSOR_SIDE, CURSOR_SIDE) !=
		0)
		program_fail(-errno, "the cursor was refused");
}

static void move_cursor(const struct flipper *f)
{
	int x = (int)(f->number * 8 % f->kms.mode.hdisplay);
	int y = (int)(f->number * 4 % f->kms.mode.vdisplay);

	if (drmModeMoveCursor(f->kms.fd, f->kms.crtc, x, y) != 0)
		program_fail(-errno, "the cursor does not move");
}

static void show_first(struct flipper *f)
{
	struct json j;

	int r = kms_show(&f->kms, &f->buffers[0]);
	if (r < 0)
		program_fail(r, "the mode was refused");
	begin_event(&j, "shown");
	json_uint(&j, "width", f->kms.mode.hdisplay);
	json_uint(&j, "height", f->kms.mode.vdisplay);
	json_uint(&j, "refresh", f->kms.mode.vrefresh);
	json_print(&j);
}

static void show_next(struct flipper *f)
{
	struct kms_buffer *b = &f->buffers[(f->number + 1) % f->n_buffers];

	if (!options.still)
		draw(b, f->number + 1);
	int64_t before = now_ns();
	int r = options.dirty ? kms_dirty(&f->kms, b) : kms_flip(&f->kms, b, FLIP_TIMEOUT_MS);
	if (r < 0)
		program_fail(r, "picture %" G_GUINT64_FORMAT, f->number + 1);
	f->slowest_ns = MAX(f->slowest_ns, now_ns() - before);
	f->number++;
	if (options.cursor)
		move_cursor(f);
}

static bool is_done(const struct flipper *f)
{
	if (options.frames > 0 && f->number >= (uint64_t)options.frames)
		return true;
	return options.seconds > 0 &&
	       now_ns() - f->started_ns >= (int64_t)(options.seconds * SECOND_NS);
}

static void run(struct flipper *f)
{
	f->started_ns = now_ns();
	while (!stopped && !is_done(f)) {
		if (options.fps > 0)
			sleep_until(f->started_ns +
				    (int64_t)((double)(f->number + 1) * SECOND_NS / options.fps));
		if (!stopped)
			show_next(f);
	}
	f->ended_ns = now_ns();
}

static void hold(const struct flipper *f)
{
	struct json j;

	begin_event(&j, "last");
	json_uint(&j, "number", f->number);
	json_print(&j);
	if (!stopped)
		sleep_until(f->ended_ns + (int64_t)(options.hold_s * SECOND_NS));
}

static void print_end(const struct flipper *f)
{
	double seconds = (double)(f->ended_ns - f->started_ns) / SECOND_NS;
	struct json j;

	begin_event(&j, "end");
	json_uint(&j, "flips", f->number);
	json_double(&j, "seconds", seconds);
	json_double(&j, "flips_per_s", (double)f->number / seconds);
	json_double(&j, "slowest_ms", (double)f->slowest_ns / 1e6);
	json_print(&j);
}

static void read_options(struct flipper *f, uint32_t *ret_width, uint32_t *ret_height)
{
	if (options.size && !program_parse_size(options.size, ret_width, ret_height))
		program_usage("--size is like 640x480");
	if (options.buffers < 1 || options.buffers > BUFFERS_MAX)
		program_usage("--buffers is 1 to %d", BUFFERS_MAX);
	if (options.output < 0)
		program_usage("--output counts from 0");
	f->n_buffers = options.dirty ? 1 : (unsigned)options.buffers;
}

int main(int argc, char **argv)
{
	struct flipper f = { 0 };
	uint32_t width = 0, height = 0;
	struct sigaction action = { .sa_handler = on_signal };

	program_options(&argc, &argv, entries, NULL, summary, description);
	read_options(&f, &width, &height);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	int r = kms_open((unsigned)options.output, width, height, &f.kms);
	if (r < 0)
		program_fail(r, "no virtio-gpu with such an output and mode");
	make_buffers(&f);
	if (options.cursor)
		make_cursor(&f);
	show_first(&f);
	run(&f);
	hold(&f);
	print_end(&f);
	for (unsigned i = 0; i < f.n_buffers; i++)
		kms_buffer_free(&f.kms, &f.buffers[i]);
	kms_buffer_free(&f.kms, &f.cursor);
	kms_close(&f.kms);
	return EXIT_SUCCESS;
}

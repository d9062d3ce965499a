/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * request-bench [OPTION...]
 *
 * How long does a frame take from its request to its encoded response, one at a time? --help has
 * the rest.
 */

#include "client.h"
#include "frame-memory.h"
#include "pattern.h"
#include "picture.h"
#include "program.h"
#include "sample.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define CONNECT_MS  5000u
#define PATIENCE_US (30 * G_USEC_PER_SEC) /* for one frame */
#define BUFFERS_MAX 16
#define FRAME_NS    16666667
#define HASH_WORD                                                                                  \
	" hash=" /* of the unit that encoder null makes: "helix-null id=7 ... hash=0123456789abcdef" */

struct options {
	char *endpoint, *size, *memory, *road;
	int buffers, frames, warm_up;
	gboolean redraw;
};

struct bench {
	struct client client;
	struct frame_memory *memory;
	struct frame_buffer buffers[BUFFERS_MAX];
	uint64_t hashes[BUFFERS_MAX];
	uint32_t width, height;
	gboolean with_pixels;
	uint64_t n_hashed, n_wrong, n_bytes;
};

static struct options options = { .buffers = 3, .frames = 300, .warm_up = 10 };

static const GOptionEntry entries[] = {
	{ "endpoint", 0, 0, G_OPTION_ARG_STRING, &options.endpoint, "The host (vsock:2:5000)",
		"ENDPOINT" },
	{ "size", 0, 0, G_OPTION_ARG_STRING, &options.size, "Size in pixels (1920x1080)", "WxH" },
	{ "road", 0, 0, G_OPTION_ARG_STRING, &options.road,
		"id: the host has the pixels; pixels: they are sent (id)", "ROAD" },
	{ "memory", 0, 0, G_OPTION_ARG_STRING, &options.memory,
		"Where the frames are: " FRAME_MEMORY_NAMES " (virtio; with --road pixels, memfd)",
		"WAY" },
	{ "buffers", 0, 0, G_OPTION_ARG_INT, &options.buffers, "Frames that take turns (3)", "N" },
	{ "frames", 0, 0, G_OPTION_ARG_INT, &options.frames, "Requests that are measured (300)",
		"N" },
	{ "warm-up", 0, 0, G_OPTION_ARG_INT, &options.warm_up, "Requests in front of them (10)",
		"N" },
	{ "redraw", 0, 0, G_OPTION_ARG_NONE, &options.redraw,
		"Draw a new picture before each request (outside of what is measured)", NULL },
	{ 0 },
};

static const char summary[] =
	"Requests frames of virtio-gpu resources by their ids, one in flight, and measures the time from request\n"
	"to encoded response.";

static const char description[] =
	"Against 'helix-host-stub stream --encoder null' the answer spells a hash of the pixels that the host saw,\n"
	"which is compared with those that were drawn.\n"
	"\n"
	"Prints a JSON object: road, width, height, latency: {count, p50_us, p99_us, max_us}, cpu_us (of this\n"
	"process for a request, the kernel's part included), bytes (of H.264), hashed (answers that spelled a\n"
	"hash), wrong (of these, of other pixels).\n"
	"Exit status: 0, 1 when something failed or a hash was wrong, 2 wrong command line.";

static struct picture picture_of(const struct bench *b, const struct frame_buffer *buffer)
{
	return (struct picture){
		.width = b->width,
		.height = b->height,
		.format = HXFR_FORMAT_AR24,
		.stride = buffer->stride,
		.planes = { buffer->pixels, NULL },
	};
}

static void draw(struct bench *b, unsigned index, uint32_t number)
{
	struct frame_buffer *buffer = &b->buffers[index];
	const struct pattern_canvas canvas = { b->width, b->height, HXFR_FORMAT_AR24,
		buffer->stride, buffer->pixels };
	struct pattern_code code = { .id = number, .pts = (int64_t)number * FRAME_NS };

	int r = frame_memory_begin(b->memory, buffer);
	if (r == 0) {
		pattern_draw(&canvas, &code);
		struct picture picture = picture_of(b, buffer);
		b->hashes[index] = picture_hash(&picture);
		r = frame_memory_end(b->memory, buffer);
	}
	if (r < 0)
		program_fail(r, "frame %u", number);
}

/* What the unit says of the pixels, if it says something. */
static gboolean find_hash(const struct hxfr_frame_response *response, uint64_t *ret)
{
	char digits[17] = { 0 };
	const uint8_t *end = response->nals + response->nals_size;
	const uint8_t *word =
		memmem(response->nals, response->nals_size, HASH_WORD, strlen(HASH_WORD));

	if (!word || end - word < (ptrdiff_t)(strlen(HASH_WORD) + 16))
		return FALSE;
	memcpy(digits, word + strlen(HASH_WORD), 16);
	return g_ascii_string_to_unsigned(digits, 16, 0, G_MAXUINT64, ret, NULL);
}

static void check_response(
	struct bench *b, unsigned index, const struct hxfr_frame_response *response)
{
	uint64_t hash;

	b->n_bytes += response->nals_size;
	if (!find_hash(response, &hash))
		return;
	b->n_hashed++;
	b->n_wrong += hash != b->hashes[index];
}

/* The time it took, in us. */
static double request(struct bench *b, unsigned index, uint32_t number)
{
	const struct frame_buffer *buffer = &b->buffers[index];
	struct hxfr_message m = {
		.header = { .type = HXFR_FRAME_REQUEST, .session_id = HXFR_SESSION_MAIN },
		.frame_request = {
			.resource_id = buffer->id,
			.width = b->width,
			.height = b->height,
			.format = HXFR_FORMAT_AR24,
			.stride = buffer->stride,
			.pts = (int64_t)number * FRAME_NS,
			.duration = FRAME_NS,
			.pixels_size = b->with_pixels ? buffer->size : 0,
		},
	};
	gint64 started_us = g_get_monotonic_time();

	if (b->with_pixels)
		m.frame_request.resource_id = 0;
	int r = client_send(&b->client, &m, buffer->pixels, m.frame_request.pixels_size,
		started_us + PATIENCE_US);
	if (r == 0)
		r = client_wait(&b->client, started_us + PATIENCE_US, &m);
	double us = (double)(g_get_monotonic_time() - started_us);
	if (r < 0)
		program_fail(r, "request %u", number);
	if (m.header.type == HXFR_ERROR)
		program_fail(0, "request %u: the host says: %s", number, m.error.message);
	if (m.header.type != HXFR_FRAME_RESPONSE)
		program_fail(
			0, "request %u: answered by %s", number, hxfr_type_name(m.header.type));
	check_response(b, index, &m.frame_response);
	return us;
}

static double cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* The CPU time of the requests alone. */
static double run(struct bench *b, struct sample *sample)
{
	double cpu = 0;

	for (int i = 0; i < options.warm_up + options.frames; i++) {
		unsigned index = (unsigned)(i % options.buffers);

		if (options.redraw)
			draw(b, index, (uint32_t)(options.buffers + i));
		double before = cpu_us();
		double us = request(b, index, (uint32_t)i);
		if (i < options.warm_up)
			continue;
		cpu += cpu_us() - before;
		sample_add(sample, us);
	}
	return cpu / options.frames;
}

static void report(const struct bench *b, struct sample *sample, double cpu)
{
	struct json j;

	json_begin(&j);
	json_string(&j, "road", options.road);
	json_uint(&j, "width", b->width);
	json_uint(&j, "height", b->height);
	json_open(&j, "latency");
	sample_print(sample, &j);
	json_close(&j);
	json_double(&j, "cpu_us", cpu);
	json_uint(&j, "bytes", b->n_bytes);
	json_uint(&j, "hashed", b->n_hashed);
	json_uint(&j, "wrong", b->n_wrong);
	json_print(&j);
}

static void read_options(struct bench *b)
{
	program_default(&options.endpoint, "vsock:2:5000");
	program_default(&options.size, "1920x1080");
	program_default(&options.road, "id");
	b->with_pixels = g_strcmp0(options.road, "pixels") == 0;
	program_default(&options.memory, b->with_pixels ? "memfd" : "virtio");
	if (!b->with_pixels && g_strcmp0(options.road, "id") != 0)
		program_usage("--road is id or pixels");
	if (!program_parse_size(options.size, &b->width, &b->height))
		program_usage("--size is like 1920x1080");
	if (options.buffers < 1 || options.buffers > BUFFERS_MAX)
		program_usage("--buffers is 1 to %d", BUFFERS_MAX);
	if (options.frames < 1 || options.warm_up < 0)
		program_usage("--frames is at least 1");
}

static void prepare(struct bench *b)
{
	int r = frame_memory_open(options.memory, &b->memory);
	if (r == -EINVAL)
		program_usage("--memory is one of " FRAME_MEMORY_NAMES);
	if (r < 0)
		program_fail(r, "no memory of the kind %s", options.memory);
	for (int i = 0; i < options.buffers; i++) {
		r = frame_memory_allocate(b->memory, b->width, b->height, &b->buffers[i]);
		if (r < 0)
			program_fail(r, "no frame");
		if (!b->with_pixels && b->buffers[i].id == 0)
			program_usage("memory of the kind %s has no ids", options.memory);
		draw(b, (unsigned)i, (uint32_t)i);
	}
	r = client_open(options.endpoint, CONNECT_MS, &b->client);
	if (r < 0)
		program_fail(r, "%s", options.endpoint);
}

int main(int argc, char **argv)
{
	struct bench bench = { 0 };
	struct sample sample;

	program_options(&argc, &argv, entries, NULL, summary, description);
	read_options(&bench);
	prepare(&bench);
	sample_begin(&sample);
	double cpu = run(&bench, &sample);
	report(&bench, &sample, cpu);
	sample_end(&sample);
	client_close(&bench.client);
	for (int i = 0; i < options.buffers; i++)
		frame_memory_free(bench.memory, &bench.buffers[i]);
	frame_memory_close(bench.memory);
	return bench.n_wrong > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

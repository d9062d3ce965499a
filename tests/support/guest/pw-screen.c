/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * pw-screen [OPTION...]
 *
 * A screen cast without a compositor: a PipeWire node Video/Source that hands out frames in buffers
 * of its own, DMA-BUFs by default, each with the test picture and its number. --help has the rest.
 *
 * How such a source is made:
 *   1. The stream connects as driver (it sets the pace) that allocates the buffers, and offers its
 *      formats; one with a modifier is for DMA-BUFs.
 *   2. param_changed brings the format that was agreed on; the answer says how its buffers are.
 *   3. add_buffer fills in a descriptor for each buffer, remove_buffer takes it back.
 *   4. While streaming, a timer triggers a cycle; process draws into a buffer that the consumers
 *      have given back. When they hold them all, the frame does not take place.
 */

#include "frame-memory.h"
#include "json.h"
#include "pattern.h"
#include "program.h"
#include "screen-format.h"

#include <errno.h>
#include <hxfr/messages.h>
#include <pipewire/pipewire.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define POD_SIZE 4096

struct options {
	char *name, *memory, *label, *modifier, *size, *format;
	int rate, frames;
	gboolean also_shm;
};

/* Behind a pw_buffer. */
struct slot {
	struct frame_memory *memory; /* the screen's */
	struct frame_buffer buffer;
};

struct screen {
	struct pw_main_loop *loop;
	struct pw_stream *stream;
	struct spa_source *timer;
	struct screen_format offer, agreed;
	struct frame_memory *memory; /* of the option --memory */
	struct frame_memory *shm;    /* of --also-shm; NULL */
	uint32_t data_type;          /* of buffers in memory, enum spa_data_type */
	bool in_shm;                 /* what was agreed on */
	uint64_t n_produced, n_skipped;
};

static struct options options = { .rate = 30 };

static const GOptionEntry entries[] = {
	{ "name", 0, 0, G_OPTION_ARG_STRING, &options.name, "Name of the node (pw-screen)",
		"NAME" },
	{ "memory", 0, 0, G_OPTION_ARG_STRING, &options.memory,
		"Where the frames are: " FRAME_MEMORY_NAMES " (virtio)", "WAY" },
	{ "label", 0, 0, G_OPTION_ARG_STRING, &options.label,
		"What the buffers are said to be: dmabuf, memfd (memfd for memory memfd, else dmabuf)",
		"TYPE" },
	{ "modifier", 0, 0, G_OPTION_ARG_STRING, &options.modifier,
		"What DMA-BUFs are offered with: linear, invalid, a number, or none (linear)",
		"MODIFIER" },
	{ "also-shm", 0, 0, G_OPTION_ARG_NONE, &options.also_shm,
		"Offer shared memory too, to those who do not take the DMA-BUFs", NULL },
	{ "size", 0, 0, G_OPTION_ARG_STRING, &options.size, "Size in pixels (640x480)", "WxH" },
	{ "format", 0, 0, G_OPTION_ARG_STRING, &options.format, "BGRx, BGRA or NV12 (BGRx)",
		"FORMAT" },
	{ "rate", 0, 0, G_OPTION_ARG_INT, &options.rate, "Frames a second (30)", "N" },
	{ "frames", 0, 0, G_OPTION_ARG_INT, &options.frames,
		"Produce so many frames, then wait for the consumer to leave, and end (without end)",
		"N" },
	{ 0 },
};

static const char summary[] =
	"A PipeWire node Video/Source, as a compositor would make one to share a screen, that shows the test\n"
	"picture: moving bars, and the number of the frame as text and as a grid of black and white cells.\n"
	"The number is also the sequence number of the buffer (the offset of the GstBuffer of a pipewiresrc).";

static const char description[] =
	"Needs a running PipeWire (PIPEWIRE_REMOTE, XDG_RUNTIME_DIR), and one of its session managers or pw-link\n"
	"to be linked to a consumer. A frame is drawn only when the consumers have given a buffer back.\n"
	"\n"
	"Prints JSON objects, one a line:\n"
	"  {\"event\": \"node\", \"name\", \"id\"}                               ready to be linked\n"
	"  {\"event\": \"format\", \"data\": \"DmaBuf\" or \"MemFd\", \"modifier\"}   agreed on; modifier null: none\n"
	"  {\"event\": \"buffer\", \"memory\", \"resource\", \"size\", \"inode\"}     allocated; resource 0: no virtio-gpu's\n"
	"  {\"event\": \"end\", \"produced\", \"skipped\"}                       ended by SIGINT, SIGTERM or --frames\n"
	"Exit status: 0, 1 when something failed, 2 wrong command line.";

static struct screen_format shm_offer(const struct screen *s)
{
	struct screen_format offer = s->offer;

	offer.has_modifier = false;
	return offer;
}

static void begin_event(struct json *j, const char *event)
{
	json_begin(j);
	json_string(j, "event", event);
}

static void print_format(const struct screen *s, uint32_t data_type)
{
	g_autofree char *modifier = g_strdup_printf("0x%" PRIx64, s->agreed.modifier);
	struct json j;

	begin_event(&j, "format");
	json_string(&j, "data", data_type == SPA_DATA_DmaBuf ? "DmaBuf" : "MemFd");
	json_string(&j, "modifier", s->agreed.has_modifier ? modifier : NULL);
	json_print(&j);
}

static void on_param_changed(void *data, uint32_t id, const struct spa_pod *param)
{
	struct screen *s = data;
	struct spa_video_info_raw info = { 0 };
	uint8_t pods[POD_SIZE];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(pods, sizeof pods);
	const struct spa_pod *answer[2];

	if (!param || id != SPA_PARAM_Format)
		return;
	if (spa_format_video_raw_parse(param, &info) < 0) {
		pw_stream_set_error(s->stream, -EINVAL, "unknown format");
		return;
	}
	s->agreed = s->offer;
	s->agreed.has_modifier = info.flags & SPA_VIDEO_FLAG_MODIFIER;
	s->in_shm = s->shm && !s->agreed.has_modifier;
	uint32_t data_type = s->in_shm ? SPA_DATA_MemFd : s->data_type;
	print_format(s, data_type);
	answer[0] = screen_format_buffers(&b, &s->agreed, data_type);
	answer[1] = screen_format_meta(&b);
	pw_stream_update_params(s->stream, answer, G_N_ELEMENTS(answer));
}

static void print_buffer(const struct screen *s, const struct frame_buffer *buffer)
{
	struct stat status = { 0 };
	struct json j;

	fstat(buffer->fd, &status);
	begin_event(&j, "buffer");
	json_string(&j, "memory", s->in_shm ? "memfd" : options.memory);
	json_uint(&j, "resource", buffer->id);
	json_uint(&j, "size", buffer->size);
	json_uint(&j, "inode", status.st_ino);
	json_print(&j);
}

static void on_add_buffer(void *data, struct pw_buffer *b)
{
	struct screen *s = data;
	struct spa_data *d = &b->buffer->datas[0];
	struct slot *slot = g_new0(struct slot, 1);

	slot->memory = s->in_shm ? s->shm : s->memory;
	int r = frame_memory_allocate(slot->memory, screen_format_words(&s->agreed),
		screen_format_rows(&s->agreed), &slot->buffer);
	if (r < 0) {
		g_free(slot);
		pw_stream_set_error(s->stream, r, "cannot allocate a frame: %s", g_strerror(-r));
		return;
	}
	b->user_data = slot;
	d->type = s->in_shm ? SPA_DATA_MemFd : s->data_type;
	d->flags = SPA_DATA_FLAG_READWRITE;
	d->fd = slot->buffer.fd;
	d->mapoffset = 0;
	d->maxsize = (uint32_t)slot->buffer.size;
	d->data = NULL;
	print_buffer(s, &slot->buffer);
}

static void on_remove_buffer(void *data, struct pw_buffer *b)
{
	struct slot *slot = b->user_data;

	(void)data;
	if (!slot)
		return;
	frame_memory_free(slot->memory, &slot->buffer);
	g_free(slot);
	b->user_data = NULL;
}

static void set_timer(struct screen *s, bool running)
{
	struct timespec interval = { 0 };

	if (running && options.rate == 1)
		interval.tv_sec = 1;
	else if (running)
		interval.tv_nsec = SPA_NSEC_PER_SEC / options.rate;
	pw_loop_update_timer(pw_main_loop_get_loop(s->loop), s->timer, &interval, &interval, false);
}

static void print_node(const struct screen *s)
{
	struct json j;

	begin_event(&j, "node");
	json_string(&j, "name", options.name);
	json_uint(&j, "id", pw_stream_get_node_id(s->stream));
	json_print(&j);
}

static void on_state_changed(
	void *data, enum pw_stream_state old, enum pw_stream_state state, const char *error)
{
	struct screen *s = data;

	if (state == PW_STREAM_STATE_ERROR)
		program_fail(0, "the stream failed: %s", error ? error : "unknown");
	if (state == PW_STREAM_STATE_UNCONNECTED && old != PW_STREAM_STATE_UNCONNECTED)
		pw_main_loop_quit(s->loop);
	if (state == PW_STREAM_STATE_PAUSED && old == PW_STREAM_STATE_CONNECTING)
		print_node(s);
	set_timer(s, state == PW_STREAM_STATE_STREAMING);
	if (old == PW_STREAM_STATE_STREAMING && options.frames > 0 &&
		s->n_produced >= (uint64_t)options.frames)
		pw_main_loop_quit(s->loop);
}

static int draw(const struct screen *s, const struct slot *slot, const struct pattern_code *code)
{
	const struct pattern_canvas canvas = {
		.width = s->agreed.width,
		.height = s->agreed.height,
		.format = s->agreed.format == SPA_VIDEO_FORMAT_NV12 ? HXFR_FORMAT_NV12
								    : HXFR_FORMAT_AR24,
		.stride = slot->buffer.stride,
		.pixels = slot->buffer.pixels,
	};

	int r = frame_memory_begin(slot->memory, &slot->buffer);
	if (r < 0)
		return r;
	pattern_draw(&canvas, code);
	return frame_memory_end(slot->memory, &slot->buffer);
}

static void describe(struct pw_buffer *b, const struct slot *slot, const struct pattern_code *code)
{
	struct spa_meta_header *header =
		spa_buffer_find_meta_data(b->buffer, SPA_META_Header, sizeof *header);
	struct spa_chunk *chunk = b->buffer->datas[0].chunk;

	if (header) {
		header->flags = 0;
		header->offset = 0;
		header->pts = code->pts;
		header->dts_offset = 0;
		header->seq = code->id;
	}
	chunk->offset = 0;
	chunk->size = (uint32_t)slot->buffer.size;
	chunk->stride = (int32_t)slot->buffer.stride;
	chunk->flags = 0;
}

static int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); /* what the header's pts counts in */
	return SPA_TIMESPEC_TO_NSEC(&now);
}

static void on_process(void *data)
{
	struct screen *s = data;
	struct pattern_code code = { .id = (uint32_t)s->n_produced, .pts = monotonic_ns() };

	if (options.frames > 0 && s->n_produced >= (uint64_t)options.frames)
		return;
	struct pw_buffer *b = pw_stream_dequeue_buffer(s->stream);
	if (!b || !b->user_data) {
		s->n_skipped++;
		return;
	}
	int r = draw(s, b->user_data, &code);
	if (r < 0)
		program_fail(r, "frame %u", code.id);
	describe(b, b->user_data, &code);
	s->n_produced++;
	pw_stream_queue_buffer(s->stream, b);
}

static const struct pw_stream_events stream_events = {
	PW_VERSION_STREAM_EVENTS,
	.state_changed = on_state_changed,
	.param_changed = on_param_changed,
	.add_buffer = on_add_buffer,
	.remove_buffer = on_remove_buffer,
	.process = on_process,
};

static void on_timer(void *data, uint64_t expirations)
{
	struct screen *s = data;

	(void)expirations;
	pw_stream_trigger_process(s->stream);
}

static void on_signal(void *data, int number)
{
	struct screen *s = data;

	(void)number;
	pw_main_loop_quit(s->loop);
}

static void read_options(struct screen *s)
{
	program_default(&options.name, "pw-screen");
	program_default(&options.memory, "virtio");
	program_default(
		&options.label, g_strcmp0(options.memory, "memfd") == 0 ? "memfd" : "dmabuf");
	program_default(
		&options.modifier, g_strcmp0(options.label, "memfd") == 0 ? "none" : "linear");
	program_default(&options.size, "640x480");
	program_default(&options.format, "BGRx");
	if (g_strcmp0(options.label, "dmabuf") != 0 && strcmp(options.label, "memfd") != 0)
		program_usage("--label is dmabuf or memfd");
	if (!program_parse_size(options.size, &s->offer.width, &s->offer.height) ||
		s->offer.width % 4 || s->offer.height % 2)
		program_usage("--size is like 640x480, a multiple of 4 by an even number");
	if (screen_format_parse(options.format, &s->offer.format) < 0)
		program_usage("unknown --format %s", options.format);
	if (options.rate < 1 || options.rate > 1000)
		program_usage("--rate is 1 to 1000");
	s->offer.rate = (uint32_t)options.rate;
	s->offer.has_modifier = g_strcmp0(options.modifier, "none") != 0;
	if (s->offer.has_modifier &&
		screen_modifier_parse(options.modifier, &s->offer.modifier) < 0)
		program_usage("unknown --modifier %s", options.modifier);
	if (options.also_shm && !s->offer.has_modifier)
		program_usage("--also-shm is for frames that are offered with a modifier");
	s->data_type = g_strcmp0(options.label, "memfd") == 0 ? SPA_DATA_MemFd : SPA_DATA_DmaBuf;
}

static void open_memory(struct screen *s)
{
	int r = frame_memory_open(options.memory, &s->memory);
	if (r == -EINVAL)
		program_usage("--memory is one of " FRAME_MEMORY_NAMES);
	if (r < 0)
		program_fail(r, "no memory of the kind %s", options.memory);
	if (options.also_shm && (r = frame_memory_open("memfd", &s->shm)) < 0)
		program_fail(r, "no shared memory");
}

static void connect_stream(struct screen *s)
{
	uint8_t pods[POD_SIZE];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(pods, sizeof pods);
	struct screen_format also = shm_offer(s);
	const struct spa_pod *offers[2];
	uint32_t n_offers = 0;

	s->stream = pw_stream_new_simple(pw_main_loop_get_loop(s->loop), options.name,
		pw_properties_new(PW_KEY_MEDIA_CLASS, "Video/Source", PW_KEY_NODE_NAME,
			options.name, PW_KEY_NODE_DESCRIPTION, "test screen", NULL),
		&stream_events, s);
	if (!s->stream)
		program_fail(-errno, "no stream");
	offers[n_offers++] = screen_format_offer(&b, &s->offer);
	if (s->shm)
		offers[n_offers++] = screen_format_offer(&b, &also);
	int r = pw_stream_connect(s->stream, PW_DIRECTION_OUTPUT, PW_ID_ANY,
		PW_STREAM_FLAG_DRIVER | PW_STREAM_FLAG_ALLOC_BUFFERS, offers, n_offers);
	if (r < 0)
		program_fail(r, "cannot connect to PipeWire");
}

static void print_end(const struct screen *s)
{
	struct json j;

	begin_event(&j, "end");
	json_uint(&j, "produced", s->n_produced);
	json_uint(&j, "skipped", s->n_skipped);
	json_print(&j);
}

int main(int argc, char **argv)
{
	struct screen s = { 0 };

	program_options(&argc, &argv, entries, NULL, summary, description);
	read_options(&s);
	open_memory(&s);
	pw_init(NULL, NULL);
	s.loop = pw_main_loop_new(NULL);
	struct pw_loop *loop = pw_main_loop_get_loop(s.loop);
	pw_loop_add_signal(loop, SIGINT, on_signal, &s);
	pw_loop_add_signal(loop, SIGTERM, on_signal, &s);
	s.timer = pw_loop_add_timer(loop, on_timer, &s);
	connect_stream(&s);
	pw_main_loop_run(s.loop);
	print_end(&s);
	pw_stream_destroy(s.stream);
	pw_main_loop_destroy(s.loop);
	pw_deinit();
	frame_memory_close(s.memory);
	frame_memory_close(s.shm);
	return EXIT_SUCCESS;
}

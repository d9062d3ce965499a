/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <ctype.h>
#include <hxfr/wire.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define POLL_US 1000

static char *describe(GstMessage *message)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *debug = NULL;

	if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
		gst_message_parse_error(message, &error, &debug);
	else
		gst_message_parse_warning(message, &error, &debug);
	return g_strdup_printf("%s [%s]", error->message, debug ? debug : "");
}

static GstBusSyncReply sort_message(GstBus *bus, GstMessage *message, gpointer data)
{
	struct fixture *f = data;

	if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
		g_async_queue_push(f->errors, describe(message));
	if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING)
		g_async_queue_push(f->warnings, describe(message));
	gst_message_unref(message); /* who drops a message owns it */
	return GST_BUS_DROP;
}

void fixture_prepare(struct fixture *f, const struct fake_host_options *options)
{
	memset(f, 0, sizeof(*f));
	f->errors = g_async_queue_new_full(g_free);
	f->warnings = g_async_queue_new_full(g_free);
	f->host = fake_host_new(options);
	f->enc = gst_element_factory_make("vsockenc", "enc");
	fail_unless(f->enc != NULL, "no element vsockenc: is GST_PLUGIN_PATH set?");
	g_object_set(f->enc, "endpoint", fake_host_endpoint(f->host), NULL);
	f->bus = gst_bus_new();
	gst_bus_set_sync_handler(f->bus, sort_message, f, NULL);
	gst_element_set_bus(f->enc, f->bus);
}

void fixture_play(struct fixture *f, const char *caps)
{
	f->h = gst_harness_new_with_element(f->enc, "sink", "src");
	gst_object_unref(f->enc);
	gst_harness_set_src_caps_str(f->h, caps ? caps : FIXTURE_CAPS);
}

void fixture_start(struct fixture *f, const struct fake_host_options *options)
{
	fixture_prepare(f, options);
	fixture_play(f, NULL);
}

void fixture_teardown(struct fixture *f)
{
	if (f->h) {
		gst_harness_teardown(f->h);
	} else {
		gst_element_set_state(f->enc, GST_STATE_NULL);
		gst_object_unref(f->enc);
	}
	gst_bus_set_sync_handler(f->bus, NULL, NULL, NULL);
	gst_object_unref(f->bus);
	g_async_queue_unref(f->errors);
	g_async_queue_unref(f->warnings);
	fake_host_free(f->host);
}

void fixture_finish(struct fixture *f)
{
	g_autofree char *text = g_async_queue_try_pop(f->errors);

	if (!text)
		text = g_async_queue_try_pop(f->warnings);
	fail_unless(text == NULL, "not expected: %s", text);
	fixture_teardown(f);
}

GstBuffer *fixture_frame(guint i, gsize size)
{
	guint8 *data = g_malloc(size);
	GstBuffer *buffer;

	memset(data, (int)(i + 16), size);
	data[0] = (guint8)i;
	buffer = gst_buffer_new_wrapped(data, size);
	GST_BUFFER_PTS(buffer) = i * FIXTURE_INTERVAL;
	GST_BUFFER_DURATION(buffer) = FIXTURE_INTERVAL;
	return buffer;
}

static void uncount(gpointer alive, GstMiniObject *memory)
{
	g_atomic_int_add((gint *)alive, -1);
}

GstBuffer *fixture_counted_frame(guint i, gsize size, gint *alive)
{
	GstBuffer *buffer = fixture_frame(i, size);

	g_atomic_int_inc(alive);
	gst_mini_object_weak_ref(
		GST_MINI_OBJECT(gst_buffer_peek_memory(buffer, 0)), uncount, alive);
	return buffer;
}

void fixture_wait_freed(gint *alive)
{
	gint64 deadline = g_get_monotonic_time() + FIXTURE_WAIT;

	while (g_atomic_int_get(alive) > 0) {
		fail_unless(g_get_monotonic_time() < deadline, "%d input buffers are held",
			g_atomic_int_get(alive));
		g_usleep(POLL_US);
	}
}

GstFlowReturn fixture_push(struct fixture *f, guint i)
{
	return gst_harness_push(f->h, fixture_frame(i, FIXTURE_SIZE));
}

void fixture_push_many(struct fixture *f, guint start, guint n)
{
	for (guint i = start; i < start + n; i++)
		fail_unless_equals_int(fixture_push(f, i), GST_FLOW_OK);
}

GstClockTime fixture_payload_pts(GstBuffer *buffer)
{
	GstMapInfo map;
	int64_t pts = -1;

	fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
	fail_unless(h264_unit_read_pts(map.data, map.size, &pts), "no slice in the output");
	gst_buffer_unmap(buffer, &map);
	return (GstClockTime)pts;
}

void fixture_expect(struct fixture *f, guint i)
{
	GstBuffer *buffer = gst_harness_pull(f->h);

	fail_unless(buffer != NULL, "no output for frame %u", i);
	fail_unless_equals_uint64(GST_BUFFER_PTS(buffer), i * FIXTURE_INTERVAL);
	fail_unless_equals_uint64(fixture_payload_pts(buffer), i * FIXTURE_INTERVAL);
	fail_unless(!GST_BUFFER_DTS_IS_VALID(buffer) ||
			    GST_BUFFER_DTS(buffer) <= GST_BUFFER_PTS(buffer),
		"frame %u has a DTS behind its PTS", i);
	gst_buffer_unref(buffer);
}

void fixture_expect_many(struct fixture *f, guint first, guint n)
{
	for (guint i = first; i < first + n; i++)
		fixture_expect(f, i);
}

guint fixture_count_until_eos(struct fixture *f)
{
	GstBuffer *buffer = NULL;
	guint n = 0;

	while (gst_harness_pull_until_eos(f->h, &buffer) && buffer) {
		gst_clear_buffer(&buffer);
		n++;
	}
	return n;
}

void fixture_answer(struct fixture *f, guint i, const struct fixture_blob *blobs, guint n)
{
	struct hxfr_header header = { .type = HXFR_FRAME_RESPONSE,
		.session_id = HXFR_SESSION_MAIN,
		.payload_size = HXFR_FRAME_RESPONSE_SIZE };
	g_autofree guint8 *bytes = NULL;
	struct hxfr_writer w;

	for (guint blob = 0; blob < n; blob++)
		header.payload_size += 4 + (guint)blobs[blob].size;
	bytes = g_malloc(HXFR_HEADER_SIZE + header.payload_size);
	hxfr_header_encode(&header, bytes);
	hxfr_writer_init(&w, bytes + HXFR_HEADER_SIZE, header.payload_size);
	hxfr_writer_i64(&w, (gint64)(i * FIXTURE_INTERVAL));
	hxfr_writer_i64(&w, 0);  /* dts */
	hxfr_writer_zero(&w, 4); /* no key frame */
	hxfr_writer_u32(&w, n);
	for (guint blob = 0; blob < n; blob++) {
		hxfr_writer_u32(&w, (guint)blobs[blob].size);
		hxfr_writer_bytes(&w, blobs[blob].data, blobs[blob].size);
	}
	fake_host_send(f->host, bytes, HXFR_HEADER_SIZE + header.payload_size);
}

struct fixture_block {
	GstPad *pad;
	gulong probe;
	GAsyncQueue *held; /* of pads: one for each buffer that was stopped */
};

static GstPadProbeReturn hold_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
	struct fixture_block *block = data;

	g_async_queue_push(block->held, pad);
	return GST_PAD_PROBE_OK;
}

struct fixture_block *fixture_block_src(struct fixture *f)
{
	struct fixture_block *block = g_new0(struct fixture_block, 1);

	block->pad = gst_element_get_static_pad(f->enc, "src");
	block->held = g_async_queue_new();
	block->probe = gst_pad_add_probe(block->pad,
		GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER, hold_buffer, block, NULL);
	return block;
}

void fixture_wait_held(struct fixture_block *block)
{
	fail_unless(g_async_queue_timeout_pop(block->held, FIXTURE_WAIT) != NULL,
		"no buffer reached the probe");
}

void fixture_unblock(struct fixture_block *block)
{
	gst_pad_remove_probe(block->pad, block->probe);
	gst_object_unref(block->pad);
	g_async_queue_unref(block->held);
	g_free(block);
}

struct fixture_pusher {
	struct fixture *f;
	GstBuffer *frame;
	const char *caps;
	gint tid;
	gint done;
	GThread *thread;
};

/* The harness's own function aborts where the caps are refused, as in a flush. */
static void push_caps(struct fixture *f, const char *text)
{
	GstCaps *caps = gst_caps_from_string(text);

	gst_pad_push_event(f->h->srcpad, gst_event_new_caps(caps));
	gst_caps_unref(caps);
}

static gpointer push_thread(gpointer data)
{
	struct fixture_pusher *p = data;
	GstFlowReturn flow;

	g_atomic_int_set(&p->tid, (gint)syscall(SYS_gettid));
	if (p->caps)
		push_caps(p->f, p->caps);
	flow = gst_harness_push(p->f->h, p->frame);
	g_atomic_int_set(&p->done, 1);
	return GINT_TO_POINTER(flow);
}

struct fixture_pusher *fixture_push_async(struct fixture *f, guint i)
{
	return fixture_push_caps_async(f, NULL, fixture_frame(i, FIXTURE_SIZE));
}

struct fixture_pusher *fixture_push_caps_async(
	struct fixture *f, const char *caps, GstBuffer *frame)
{
	struct fixture_pusher *p = g_new0(struct fixture_pusher, 1);

	p->f = f;
	p->caps = caps;
	p->frame = frame;
	p->thread = g_thread_new("pusher", push_thread, p);
	return p;
}

/* State letter of a thread of this process, proc(5). */
static char thread_state(gint tid)
{
	g_autofree char *path = g_strdup_printf("/proc/self/task/%d/stat", tid);
	g_autofree char *text = NULL;
	const char *end;

	if (tid == 0 || !g_file_get_contents(path, &text, NULL, NULL))
		return '?';
	end = strrchr(text, ')');
	return end && end[1] == ' ' ? end[2] : '?';
}

void fixture_wait_blocked(struct fixture_pusher *p)
{
	gint64 deadline = g_get_monotonic_time() + 10 * G_TIME_SPAN_SECOND;
	unsigned asleep = 0;

	/* Asleep many times in a row: not just waiting for a lock that is about to be free. */
	while (asleep < 30 && g_get_monotonic_time() < deadline) {
		fail_if(g_atomic_int_get(&p->done), "the push did not block");
		asleep = thread_state(g_atomic_int_get(&p->tid)) == 'S' ? asleep + 1 : 0;
		g_usleep(POLL_US);
	}
	fail_unless(asleep == 30, "the push never came to rest");
}

GstFlowReturn fixture_push_join(struct fixture_pusher *p)
{
	GstFlowReturn flow = GPOINTER_TO_INT(g_thread_join(p->thread));

	g_free(p);
	return flow;
}

struct bounded_call {
	void (*fn)(gpointer data);
	gpointer data;
	GMutex lock;
	GCond ended;
	gboolean done;
};

static gpointer run_bounded(gpointer data)
{
	struct bounded_call *call = data;

	call->fn(call->data);
	g_mutex_lock(&call->lock);
	call->done = TRUE;
	g_cond_signal(&call->ended);
	g_mutex_unlock(&call->lock);
	return NULL;
}

void fixture_must_end(void (*fn)(gpointer data), gpointer data, guint ms)
{
	struct bounded_call *call = g_new0(struct bounded_call, 1);
	gint64 deadline = g_get_monotonic_time() + ms * G_TIME_SPAN_MILLISECOND;
	GThread *thread;

	call->fn = fn;
	call->data = data;
	g_mutex_init(&call->lock);
	g_cond_init(&call->ended);
	thread = g_thread_new("bounded", run_bounded, call);
	g_mutex_lock(&call->lock);
	while (!call->done)
		if (!g_cond_wait_until(&call->ended, &call->lock, deadline))
			fail("not done after %u ms", ms);
	g_mutex_unlock(&call->lock);
	g_thread_join(thread);
	g_mutex_clear(&call->lock);
	g_cond_clear(&call->ended);
	g_free(call);
}

char *fixture_wait_error(struct fixture *f)
{
	char *text = g_async_queue_timeout_pop(f->errors, FIXTURE_WAIT);

	fail_unless(text != NULL, "no error on the bus");
	return text;
}

char *fixture_wait_warning(struct fixture *f)
{
	char *text = g_async_queue_timeout_pop(f->warnings, FIXTURE_WAIT);

	fail_unless(text != NULL, "no warning on the bus");
	return text;
}

static guint take_all(GAsyncQueue *queue)
{
	char *text;
	guint n = 0;

	for (; (text = g_async_queue_try_pop(queue)); n++)
		g_free(text);
	return n;
}

guint fixture_take_errors(struct fixture *f)
{
	return take_all(f->errors);
}

guint fixture_take_warnings(struct fixture *f)
{
	return take_all(f->warnings);
}

void fixture_stay_quiet(struct fixture *f, guint ms)
{
	g_autofree char *text = g_async_queue_timeout_pop(f->errors, ms * G_TIME_SPAN_MILLISECOND);

	if (!text)
		text = g_async_queue_try_pop(f->warnings);
	fail_unless(text == NULL, "not expected: %s", text);
}

void fixture_assert_mentions(const char *text, const char *word)
{
	g_autofree char *lower_text = g_ascii_strdown(text, -1);
	g_autofree char *lower_word = g_ascii_strdown(word, -1);

	fail_unless(
		strstr(lower_text, lower_word) != NULL, "\"%s\" does not mention %s", text, word);
}

guint64 fixture_stat(GstElement *enc, const char *field)
{
	g_autoptr(GstStructure) stats = NULL;
	const GValue *value;

	g_object_get(enc, "stats", &stats, NULL);
	fail_unless(stats && gst_structure_has_name(stats, "application/x-vsockenc-stats"));
	value = gst_structure_get_value(stats, field);
	fail_unless(value != NULL, "stats lack %s", field);
	return G_VALUE_HOLDS_UINT(value) ? g_value_get_uint(value) : g_value_get_uint64(value);
}

void fixture_wait_stat(GstElement *enc, const char *field, guint64 n)
{
	gint64 deadline = g_get_monotonic_time() + 10 * G_TIME_SPAN_SECOND;

	while (fixture_stat(enc, field) < n) {
		fail_unless(g_get_monotonic_time() < deadline, "%s stays below %" G_GUINT64_FORMAT,
			field, n);
		g_usleep(POLL_US);
	}
}

void fixture_wait_idle(GstElement *enc)
{
	gint64 deadline = g_get_monotonic_time() + FIXTURE_WAIT;

	while (fixture_stat(enc, "in-flight") > 0) {
		fail_unless(g_get_monotonic_time() < deadline, "frames stay in flight");
		g_usleep(POLL_US);
	}
}

guint fixture_count_fds(void)
{
	GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
	guint n = 0;

	while (g_dir_read_name(dir))
		n++;
	g_dir_close(dir);
	return n - 1; /* the directory itself */
}

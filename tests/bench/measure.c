/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define NS_PER_S  G_GINT64_CONSTANT(1000000000)
#define EOS_WAIT  (60 * G_USEC_PER_SEC)
#define PTS_STEP  (GST_SECOND / 60)
#define NO_OFFSET G_MININT64

struct run {
	const struct bench_case *c;
	GstBuffer *frames[FRAMES];
	guint total;
	gint64 *in_ns, *out_ns; /* by frame; 0: never */
	gint64 pts_offset;      /* x264enc moves time stamps by 1000 hours */
	guint received;
	GMutex lock;
	GCond ended;
	gboolean eos;
};

static gint64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double status_mb(const char *field)
{
	g_autofree char *text = NULL;
	const char *at;

	if (!g_file_get_contents("/proc/self/status", &text, NULL, NULL))
		return 0;
	at = strstr(text, field);
	return at ? (double)g_ascii_strtoull(at + strlen(field), NULL, 10) / 1024 : 0;
}

/* The peak begins anew: making the frames is not part of it. */
static void forget_peak(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "w");

	if (file) {
		fputs("5", file);
		fclose(file);
	}
}

static GstFlowReturn take_output(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
	struct run *r = gst_pad_get_element_private(pad);
	gint64 now = now_ns(), pts = (gint64)GST_BUFFER_PTS(buffer);
	guint64 i;

	if (r->pts_offset == NO_OFFSET)
		r->pts_offset = pts;
	i = (guint64)(pts - r->pts_offset + (gint64)PTS_STEP / 2) / PTS_STEP;
	if (i < r->total)
		r->out_ns[i] = now;
	r->received++;
	gst_buffer_unref(buffer);
	return GST_FLOW_OK;
}

static gboolean take_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
	struct run *r = gst_pad_get_element_private(pad);

	if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
		g_mutex_lock(&r->lock);
		r->eos = TRUE;
		g_cond_signal(&r->ended);
		g_mutex_unlock(&r->lock);
	}
	gst_event_unref(event);
	return TRUE;
}

static gboolean wait_for_eos(struct run *r)
{
	gint64 deadline = g_get_monotonic_time() + EOS_WAIT;
	gboolean eos;

	g_mutex_lock(&r->lock);
	while (!r->eos)
		if (!g_cond_wait_until(&r->ended, &r->lock, deadline))
			break;
	eos = r->eos;
	g_mutex_unlock(&r->lock);
	return eos;
}

static void send_preamble(const struct bench_case *c, GstPad *pad)
{
	g_autoptr(GstCaps) caps = case_caps(c);
	GstSegment segment;

	gst_segment_init(&segment, GST_FORMAT_TIME);
	gst_pad_push_event(pad, gst_event_new_stream_start("bench"));
	gst_pad_push_event(pad, gst_event_new_caps(caps));
	gst_pad_push_event(pad, gst_event_new_segment(&segment));
}

/* The frame itself when nobody uses it any more; more than a window of frames lies between two
 * uses. */
static GstBuffer *next_frame(struct run *r, guint i)
{
	GstBuffer **slot = &r->frames[i % FRAMES];

	*slot = gst_buffer_make_writable(*slot);
	GST_BUFFER_PTS(*slot) = i * PTS_STEP;
	GST_BUFFER_DURATION(*slot) = PTS_STEP;
	return gst_buffer_ref(*slot);
}

static void sleep_until(gint64 ns)
{
	const struct timespec t = { ns / NS_PER_S, ns % NS_PER_S };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		;
}

/* Returns the CPU time at the first measured frame, or a negative value when the encoder refused
 * one. */
static double push_frames(struct run *r, GstPad *pad)
{
	gint64 start = now_ns();
	double cpu = -1;

	for (guint i = 0; i < r->total; i++) {
		if (r->c->pace)
			sleep_until(start + (gint64)i * NS_PER_S / r->c->pace);
		if (i == (guint)r->c->warmup)
			cpu = cpu_seconds();
		r->in_ns[i] = now_ns();
		if (gst_pad_push(pad, next_frame(r, i)) != GST_FLOW_OK)
			return -1;
	}
	gst_pad_push_event(pad, gst_event_new_eos());
	return cpu;
}

static int compare(const void *a, const void *b)
{
	gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

	return (x > y) - (x < y);
}

static double to_ms(gint64 ns)
{
	return (double)ns / 1e6;
}

static void evaluate(struct run *r, double cpu, struct measurement *ret)
{
	guint first = (guint)r->c->warmup, n = 0;
	g_autofree gint64 *latencies = g_new(gint64, r->total);
	gint64 start = G_MAXINT64, end = 0;

	for (guint i = first; i < r->total; i++) {
		if (r->out_ns[i] == 0)
			continue;
		latencies[n++] = r->out_ns[i] - r->in_ns[i];
		start = MIN(start, r->out_ns[i]);
		end = MAX(end, r->out_ns[i]);
	}
	qsort(latencies, n, sizeof(*latencies), compare);
	ret->pushed = r->total;
	ret->received = r->received;
	ret->cpu_ms = cpu * 1e3 / r->c->frames;
	if (n < 2)
		return;
	ret->fps = (double)(n - 1) * 1e9 / (double)(end - start);
	ret->p50_ms = to_ms(latencies[n / 2]);
	ret->p99_ms = to_ms(latencies[MIN(n - 1, n * 99 / 100)]);
}

static gboolean run_case(
	struct run *r, GstElement *encoder, GstPad *sink, GstPad *src, struct measurement *ret)
{
	GstPad *from = gst_pad_new("src", GST_PAD_SRC), *to = gst_pad_new("sink", GST_PAD_SINK);
	double before, after = 0;
	gboolean ok;

	gst_pad_set_element_private(to, r);
	gst_pad_set_chain_function(to, take_output);
	gst_pad_set_event_function(to, take_event);
	gst_pad_set_active(from, TRUE);
	gst_pad_set_active(to, TRUE);
	gst_pad_link(from, sink);
	gst_pad_link(src, to);
	ok = gst_element_set_state(encoder, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
	if (ok) {
		send_preamble(r->c, from);
		before = push_frames(r, from);
		ok = before >= 0 && wait_for_eos(r);
		after = cpu_seconds() - before;
	}
	ret->rss_mb = status_mb("VmHWM:");
	gst_pad_set_active(from, FALSE);
	gst_element_set_state(encoder, GST_STATE_NULL);
	if (ok)
		evaluate(r, after, ret);
	gst_object_unref(from);
	gst_object_unref(to);
	return ok;
}

gboolean measure(const struct bench_case *c, struct measurement *ret)
{
	struct run r = { .c = c, .total = (guint)(c->warmup + c->frames), .pts_offset = NO_OFFSET };
	g_autoptr(GstPad) sink = NULL, src = NULL;
	GstElement *encoder = case_make_encoder(c, &sink, &src);
	gboolean ok;

	memset(ret, 0, sizeof(*ret));
	if (!encoder || !case_make_frames(c, r.frames))
		return FALSE;
	if (!c->dmabuf) /* memfds are not in this process's resident memory unless it maps them */
		ret->rss_frames_mb =
			(double)FRAMES * (double)gst_buffer_get_size(r.frames[0]) / (1 << 20);
	r.in_ns = g_new0(gint64, r.total);
	r.out_ns = g_new0(gint64, r.total);
	g_mutex_init(&r.lock);
	g_cond_init(&r.ended);
	forget_peak();
	ok = run_case(&r, encoder, sink, src, ret);
	if (!ok)
		g_printerr("bench: %s failed; GST_DEBUG=2 says why\n", c->encoder);
	gst_object_unref(encoder);
	for (guint i = 0; i < FRAMES; i++)
		gst_buffer_unref(r.frames[i]);
	g_free(r.in_ns);
	g_free(r.out_ns);
	g_mutex_clear(&r.lock);
	g_cond_clear(&r.ended);
	return ok;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * vsockenc in a GstHarness, with a scripted host and a bus. Frames are 320x240 NV12 at 30/1 unless
 * a test sets other caps; frame number i has pts i/30 s and a content of its own.
 *
 * A test that is happy with the bus empty at the end calls fixture_finish(); messages it took
 * before do not count.
 */

#include "fake-host.h"
#include "h264-unit.h"

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#define FIXTURE_CAPS      "video/x-raw,format=NV12,width=320,height=240,framerate=30/1"
#define FIXTURE_BIG_CAPS  "video/x-raw,format=NV12,width=640,height=480,framerate=30/1"
#define FIXTURE_SIZE      (320u * 240u * 3u / 2u)
#define FIXTURE_BIG_SIZE  (640u * 480u * 3u / 2u)
/* Frames that no socket buffer takes at once. */
#define FIXTURE_HUGE_CAPS "video/x-raw,format=BGRx,width=1920,height=1080,framerate=30/1"
#define FIXTURE_HUGE_SIZE (1920u * 1080u * 4u)
#define FIXTURE_WAIT      (10 * G_USEC_PER_SEC) /* deadline of every wait on the bus */
#define FIXTURE_INTERVAL  (GST_SECOND / 30)

struct fixture {
	struct fake_host *host;
	GstElement *enc; /* borrowed from h once playing */
	GstHarness *h;   /* NULL until fixture_play */
	GstBus *bus;
	GAsyncQueue *errors, *warnings; /* char *: what came over the bus */
};

/* A host and an element that knows its endpoint, in state NULL. options may be NULL. */
void fixture_prepare(struct fixture *f, const struct fake_host_options *options);
/* Puts the element into a harness (which sets it to PLAYING) with these caps; NULL:
 * FIXTURE_CAPS. */
void fixture_play(struct fixture *f, const char *caps);
/* Both. */
void fixture_start(struct fixture *f, const struct fake_host_options *options);
/* Fails when an error or warning is on the bus; then takes everything down. */
void fixture_finish(struct fixture *f);
/* Takes everything down, whatever is on the bus. */
void fixture_teardown(struct fixture *f);

/* Frame number i of n bytes (NV12 of the caps); content depends on i. */
GstBuffer *fixture_frame(guint i, gsize size);
/* Likewise; *alive is one higher until its pixels are freed. alive outlives the fixture. */
GstBuffer *fixture_counted_frame(guint i, gsize size, gint *alive);
/* Waits until all are freed. */
void fixture_wait_freed(gint *alive);
GstFlowReturn fixture_push(struct fixture *f, guint i);
/* Pushes n frames from number start on, each of which must be taken. */
void fixture_push_many(struct fixture *f, guint start, guint n);
/* The next output must carry the payload, pts and flags of frame i. */
void fixture_expect(struct fixture *f, guint i);
void fixture_expect_many(struct fixture *f, guint first, guint n);
/* Waits for EOS on the src pad; returns how many buffers came before it. */
guint fixture_count_until_eos(struct fixture *f);
/* pts spelled in an output buffer. */
GstClockTime fixture_payload_pts(GstBuffer *buffer);

struct fixture_blob {
	const void *data;
	gsize size;
};
/* Answers frame i by hand, to every client, whatever the host itself says: a FRAME_RESPONSE with n
 * blobs as they are. */
void fixture_answer(struct fixture *f, guint i, const struct fixture_blob *blobs, guint n);

/* A probe that blocks the src pad at the next buffer, as applications do to relink it. */
struct fixture_block;
struct fixture_block *fixture_block_src(struct fixture *f);
/* Waits until it holds a buffer. */
void fixture_wait_held(struct fixture_block *block);
/* Lets it go, and frees. */
void fixture_unblock(struct fixture_block *block);

/* A push on a thread of its own. */
struct fixture_pusher;
struct fixture_pusher *fixture_push_async(struct fixture *f, guint i);
/* Pushes caps (NULL: the ones it has; borrowed until joined) and then the frame, which it takes. */
struct fixture_pusher *fixture_push_caps_async(
	struct fixture *f, const char *caps, GstBuffer *frame);
/* Waits until the thread sleeps in the kernel: the push is blocked. */
void fixture_wait_blocked(struct fixture_pusher *p);
/* Waits for its end and frees it. */
GstFlowReturn fixture_push_join(struct fixture_pusher *p);
/* Runs fn(data) on a thread and fails when it is not done after ms milliseconds. */
void fixture_must_end(void (*fn)(gpointer data), gpointer data, guint ms);

/* Text of the next error (or warning): message and debug detail; free it. Fails after
 * FIXTURE_WAIT. */
char *fixture_wait_error(struct fixture *f);
char *fixture_wait_warning(struct fixture *f);
/* Forgets the errors (or warnings) that are there now; returns how many. */
guint fixture_take_errors(struct fixture *f);
guint fixture_take_warnings(struct fixture *f);
/* Fails when an error or a warning comes within ms milliseconds. */
void fixture_stay_quiet(struct fixture *f, guint ms);
/* Fails unless text contains word, whatever the case. */
void fixture_assert_mentions(const char *text, const char *word);

guint64 fixture_stat(GstElement *enc, const char *field);
/* Waits until a counter of the stats is at least n. */
void fixture_wait_stat(GstElement *enc, const char *field, guint64 n);
/* Until no frame is in flight. */
void fixture_wait_idle(GstElement *enc);
/* Open descriptors of this process. */
guint fixture_count_fds(void);

/* main() of a suite whose tests are listed by add_tests(TCase *tc). */
#define FIXTURE_MAIN(name)                                                                         \
	static Suite *name##_suite(void)                                                           \
	{                                                                                          \
		Suite *s = suite_create(#name);                                                    \
		TCase *tc = tcase_create("all");                                                   \
                                                                                                   \
		suite_add_tcase(s, tc);                                                            \
		add_tests(tc);                                                                     \
		return s;                                                                          \
	}                                                                                          \
	GST_CHECK_MAIN(name)

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An element that breaks, and what a user is told of it. */
#include "peer.h"
#include "suite.h"

#include <errno.h>
#include <gst/gst.h>
#include <stdio.h>
#include <string.h>

#define TEXT_SIZE 4096u
#define REASON    "the engine is out of order"

static struct {
	pthread_mutex_t lock;
	char text[TEXT_SIZE];
	enum log_level most_severe;
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void note(void *user, enum log_level level, const char *text)
{
	(void)user;
	pthread_mutex_lock(&seen.lock);
	size_t used = strlen(seen.text);
	snprintf(seen.text + used, TEXT_SIZE - used, "%s\n", text);
	if (level < seen.most_severe)
		seen.most_severe = level;
	pthread_mutex_unlock(&seen.lock);
}

static const struct log_sink sink = { .level = LOG_LEVEL_DEBUG, .write = note };

static unsigned count_lines_with(const char *word)
{
	unsigned n = 0;

	pthread_mutex_lock(&seen.lock);
	for (const char *at = seen.text; (at = strstr(at, word)); at++)
		n++;
	pthread_mutex_unlock(&seen.lock);
	return n;
}

/* Takes raw video, is said to make H.264, and fails with the first frame. */
typedef GstElement BrokenEncoder;
typedef GstElementClass BrokenEncoderClass;
GType broken_encoder_get_type(void);
G_DEFINE_TYPE(BrokenEncoder, broken_encoder, GST_TYPE_ELEMENT)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
	"sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
	"src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-h264"));

static GstFlowReturn broken_encoder_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
	(void)pad;
	gst_buffer_unref(buffer);
	GST_ELEMENT_ERROR(parent, LIBRARY, ENCODE, (REASON), ("unit 4711"));
	return GST_FLOW_ERROR;
}

static void broken_encoder_class_init(BrokenEncoderClass *klass)
{
	gst_element_class_add_static_pad_template(klass, &sink_template);
	gst_element_class_add_static_pad_template(klass, &src_template);
	gst_element_class_set_static_metadata(
		klass, "Broken encoder", "Codec/Encoder/Video", "Fails", "helix-guest");
}

static void broken_encoder_init(BrokenEncoder *self)
{
	GstPad *pad = gst_pad_new_from_static_template(&sink_template, "sink");

	gst_pad_set_chain_function(pad, broken_encoder_chain);
	gst_element_add_pad(self, pad);
	gst_element_add_pad(self, gst_pad_new_from_static_template(&src_template, "src"));
}

static void set_up(void)
{
	gst_init(NULL, NULL);
	gst_element_register(NULL, "brokenh264enc", GST_RANK_NONE, broken_encoder_get_type());
	seen.text[0] = 0;
	seen.most_severe = LOG_LEVEL_DEBUG;
}

START_TEST(what_the_element_says_is_in_the_log_once)
{
	const struct encoder_choice choice = { &encoder_gst_impl, "brokenh264enc", &sink };
	const struct hxfr_frame_request request = {
		.resource_id = 1, .width = 64, .height = 64, .format = HXFR_FORMAT_NV12
	};
	struct host host;

	host_start_with(&host, NULL, &choice);
	peer_send_frame(&host.peer, &request);
	ck_assert_int_eq(peer_expect(&host.peer, HXFR_ERROR)->error.code, -5);
	host_stop(&host);
	ck_assert_uint_eq(count_lines_with("brokenh264enc: "), 1);
	ck_assert_uint_eq(count_lines_with(REASON), 1);
	ck_assert_uint_eq(count_lines_with("unit 4711"), 1);
}
END_TEST

START_TEST(an_encoder_chosen_by_name_says_why_it_does_not_work)
{
	struct encoder_choice choice;

	ck_assert_int_eq(encoder_choose("brokenh264enc", &sink, &choice), -EIO);
	ck_assert_uint_eq(count_lines_with(REASON), 1);
	ck_assert_int_eq(seen.most_severe, LOG_LEVEL_ERROR);
}
END_TEST

START_TEST(an_encoder_that_does_not_start_is_in_the_log)
{
	const struct encoder_choice choice = { &encoder_gst_impl, "no-such-element", &sink };
	const struct hxfr_frame_request request = {
		.resource_id = 1, .width = 64, .height = 48, .format = HXFR_FORMAT_NV12
	};
	struct host host;

	host_start_with(&host, NULL, &choice);
	peer_send_frame(&host.peer, &request);
	peer_expect(&host.peer, HXFR_ERROR);
	host_stop(&host);
	ck_assert_uint_eq(count_lines_with("no-such-element: does not start with 64x48 NV12"), 1);
}
END_TEST

START_TEST(a_choice_keeps_its_log)
{
	struct encoder_choice choice;

	ck_assert_int_eq(encoder_choose("null", &sink, &choice), 0);
	ck_assert_ptr_eq(choice.log, &sink);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_the_element_says_is_in_the_log_once,
		an_encoder_chosen_by_name_says_why_it_does_not_work,
		an_encoder_that_does_not_start_is_in_the_log,
		a_choice_keeps_its_log,
		NULL,
	};
	return suite_run_with("broken", tests, set_up, NULL);
}

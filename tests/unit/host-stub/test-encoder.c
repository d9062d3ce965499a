/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Encoders through their interface: x264enc (or what --encoder auto finds) and the null encoder,
 * decoded again. */
#include "encoder.h"
#include "frame-source.h"
#include "pattern.h"
#include "peer.h"
#include "suite.h"
#include "track.h"

#include <errno.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 10000
#define N_MAX      128

/* What came out, in order. done() runs on any thread: read after drain. */
struct output {
	pthread_mutex_t lock;
	unsigned count;
	int results[N_MAX];
	struct unit units[N_MAX];
};

static struct output output;
static struct track track;
static struct stats_counter stats;
static struct encoder_share share;
static struct frame_source *source;

static void done(void *token, int result, const struct unit *unit)
{
	struct output *o = token;

	pthread_mutex_lock(&o->lock);
	ck_assert_uint_lt(o->count, N_MAX);
	o->results[o->count] = result;
	if (unit)
		o->units[o->count] = *unit;
	o->count++;
	pthread_mutex_unlock(&o->lock);
}

static bool use(const char *name)
{
	struct encoder_choice choice;

	if (encoder_choose(name, NULL, &choice) < 0) {
		fprintf(stderr, "skipped: %s does not work on this machine\n", name);
		return false;
	}
	track_init(&track, &choice, done, &share, &stats);
	return true;
}

static void set_up(void)
{
	gst_init(NULL, NULL);
	memset(&output, 0, sizeof output);
	pthread_mutex_init(&output.lock, NULL);
	stats_counter_init(&stats);
	ck_assert_int_eq(frame_source_pattern_new(NULL, true, &source), 0);
	memset(&track, 0, sizeof track);
	memset(&share, 0, sizeof share);
}

static void tear_down(void)
{
	track_finish(&track);
	for (unsigned i = 0; i < output.count; i++)
		unit_release(&output.units[i]);
	frame_source_destroy(source);
	stats_counter_finish(&stats);
	pthread_mutex_destroy(&output.lock);
}

static void encode(uint32_t width, uint32_t height, uint32_t format, uint32_t id, bool force)
{
	struct hxfr_frame_request request = { .resource_id = id,
		.width = width,
		.height = height,
		.format = format,
		.pts = id * 1000 };
	struct picture picture;

	ck_assert_int_eq(source->impl->map(source, &request, true, &picture), 0);
	struct encoder_frame frame = { &picture, id, request.pts, force };
	ck_assert_int_eq(track_encode(&track, &frame, width, height, format, &output), 0);
	source->impl->unmap(source);
}

static void drain(unsigned count)
{
	ck_assert_int_eq(track.encoder->impl->drain(track.encoder, TIMEOUT_MS), 0);
	pthread_mutex_lock(&output.lock);
	ck_assert_uint_eq(output.count, count);
	for (unsigned i = 0; i < count; i++)
		ck_assert_int_eq(output.results[i], 0);
	pthread_mutex_unlock(&output.lock);
}

static void expect_keyframes(const char *pattern)
{
	drain((unsigned)strlen(pattern));
	for (unsigned i = 0; pattern[i]; i++)
		ck_assert_msg(output.units[i].is_keyframe == (pattern[i] == 'I'), "frame %u", i);
}

/* Decodes a unit of an IDR alone; NULL caps come back for none. */
static GstSample *decode(const struct unit *unit)
{
	g_autoptr(GError) error = NULL;
	GstElement *pipeline = gst_parse_launch(
		"appsrc name=src caps=video/x-h264,stream-format=byte-stream,alignment=au ! "
		"h264parse ! avdec_h264 ! videoconvert ! video/x-raw,format=I420 ! "
		"appsink name=sink sync=false",
		&error);
	ck_assert_msg(pipeline != NULL, "%s", error ? error->message : "");
	g_autoptr(GstElement) src = gst_bin_get_by_name(GST_BIN(pipeline), "src");
	g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
	gst_element_set_state(pipeline, GST_STATE_PLAYING);
	gst_app_src_push_buffer(GST_APP_SRC(src), gst_buffer_new_memdup(unit->data, unit->size));
	gst_app_src_end_of_stream(GST_APP_SRC(src));
	GstSample *sample =
		gst_app_sink_try_pull_sample(GST_APP_SINK(sink), TIMEOUT_MS * GST_MSECOND);
	gst_element_set_state(pipeline, GST_STATE_NULL);
	gst_object_unref(pipeline);
	return sample;
}

static bool can_decode(void)
{
	g_autoptr(GstElementFactory) factory = gst_element_factory_find("avdec_h264");

	if (!factory)
		fprintf(stderr, "skipped: no avdec_h264 to decode with\n");
	return factory != NULL;
}

static GstVideoInfo expect_pattern(const struct unit *unit, uint32_t id)
{
	GstSample *sample = decode(unit);
	GstVideoInfo info;
	GstVideoFrame frame;
	struct pattern_code code;

	ck_assert_ptr_nonnull(sample);
	ck_assert(gst_video_info_from_caps(&info, gst_sample_get_caps(sample)));
	ck_assert(gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ));
	ck_assert_int_eq(pattern_read(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0),
				 (size_t)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0),
				 (uint32_t)info.width, (uint32_t)info.height, &code),
		0);
	ck_assert_uint_eq(code.id, id);
	ck_assert_int_eq(code.pts, (int64_t)id * 1000);
	gst_video_frame_unmap(&frame);
	gst_sample_unref(sample);
	return info;
}

START_TEST(the_first_frame_is_an_idr_and_the_next_are_not)
{
	if (!use("x264enc"))
		return;
	for (uint32_t i = 0; i < 4; i++)
		encode(320, 240, HXFR_FORMAT_NV12, i, false);
	expect_keyframes("IPPP");
}
END_TEST

START_TEST(every_frame_comes_out_before_the_next_goes_in)
{
	if (!use("x264enc"))
		return;
	for (uint32_t i = 0; i < 10; i++) {
		encode(320, 240, HXFR_FORMAT_NV12, i, false);
		drain(i + 1);
	}
}
END_TEST

START_TEST(a_forced_or_requested_keyframe_is_that_very_frame)
{
	if (!use("x264enc"))
		return;
	for (uint32_t i = 0; i < 9; i++) {
		if (i == 6)
			track_request_keyframe(&track);
		encode(320, 240, HXFR_FORMAT_NV12, i, i == 3);
	}
	expect_keyframes("IPPIPPIPP");
}
END_TEST

START_TEST(sps_and_pps_are_in_front_of_every_idr)
{
	if (!use("x264enc"))
		return;
	for (uint32_t i = 0; i < 4; i++)
		encode(320, 240, HXFR_FORMAT_NV12, i, i == 2);
	drain(4);
	for (unsigned i = 0; i < 4; i += 2) {
		const struct unit *unit = &output.units[i];
		ck_assert_ptr_nonnull(memmem(unit->data, unit->size, "\0\0\1\x67", 4));
		ck_assert_ptr_nonnull(memmem(unit->data, unit->size, "\0\0\1\x68", 4));
	}
}
END_TEST

START_TEST(bit_rate_changes_without_a_new_encoder)
{
	struct stats counted;

	if (!use("x264enc"))
		return;
	encode(320, 240, HXFR_FORMAT_NV12, 0, false);
	struct encoder *before = track.encoder;
	track_configure(&track, &(struct hxfr_config){ .bitrate = 300000, .realtime = 1 });
	encode(320, 240, HXFR_FORMAT_NV12, 1, false);
	ck_assert_ptr_eq(track.encoder, before);
	expect_keyframes("IP");
	stats_get(&stats, &counted);
	ck_assert_uint_eq(counted.encoders, 1);
}
END_TEST

static size_t encode_noise(unsigned frames, unsigned first)
{
	static uint8_t pixels[320 * 240 * 3 / 2];
	struct picture picture = { 320, 240, HXFR_FORMAT_NV12, 320,
		{ pixels, pixels + 320 * 240 } };
	struct encoder_frame frame = { .picture = &picture };
	uint32_t state = first + 1;
	size_t size = 0;

	for (unsigned n = 0; n < frames; n++) {
		for (size_t i = 0; i < sizeof pixels; i++) {
			state = state * 1664525u + 1013904223u;
			pixels[i] = (uint8_t)(state >> 24);
		}
		ck_assert_int_eq(
			track_encode(&track, &frame, 320, 240, HXFR_FORMAT_NV12, &output), 0);
	}
	drain(first + frames);
	for (unsigned i = first + frames / 2; i < first + frames; i++)
		size += output.units[i].size;
	return size;
}

START_TEST(the_bit_rate_asked_for_is_kept)
{
	if (!use("x264enc"))
		return;
	track_configure(&track, &(struct hxfr_config){ .bitrate = 8000000, .realtime = 1 });
	size_t high = encode_noise(60, 0);
	track_configure(&track, &(struct hxfr_config){ .bitrate = 2000000, .realtime = 1 });
	size_t low = encode_noise(60, 60);
	ck_assert_msg(low * 2 < high, "%zu bytes at 8 Mbit/s, %zu at 2", high, low);
}
END_TEST

START_TEST(profiles_are_in_the_sps)
{
	const uint8_t profiles[] = { HXFR_PROFILE_BASELINE, HXFR_PROFILE_MAIN, HXFR_PROFILE_HIGH };

	if (!use("x264enc"))
		return;
	for (unsigned i = 0; i < sizeof profiles; i++) {
		track_configure(
			&track, &(struct hxfr_config){ .profile = profiles[i], .level = 42 });
		encode(320, 240, HXFR_FORMAT_NV12, i, false);
	}
	expect_keyframes("III");
	for (unsigned i = 0; i < sizeof profiles; i++) {
		const struct unit *unit = &output.units[i];
		const uint8_t *sps = memmem(unit->data, unit->size, "\0\0\1\x67", 4);
		ck_assert_ptr_nonnull(sps);
		ck_assert_uint_eq(sps[4], profiles[i]);
		ck_assert_uint_eq(sps[6], 42);
	}
}
END_TEST

static void check_pictures(const char *encoder)
{
	const struct {
		uint32_t width, height, format;
		const char *colorimetry;
	} cases[] = { { 320, 240, HXFR_FORMAT_AR24, GST_VIDEO_COLORIMETRY_BT601 },
		{ 641, 361, HXFR_FORMAT_NV12, GST_VIDEO_COLORIMETRY_BT601 },
		{ 641, 361, HXFR_FORMAT_AB24, GST_VIDEO_COLORIMETRY_BT601 },
		{ 1280, 720, HXFR_FORMAT_AB24, GST_VIDEO_COLORIMETRY_BT709 } };
	const unsigned n = sizeof cases / sizeof cases[0];

	if (!can_decode() || !use(encoder))
		return;
	for (unsigned i = 0; i < n; i++)
		encode(cases[i].width, cases[i].height, cases[i].format, i + 7, false);
	expect_keyframes("IIII");
	for (unsigned i = 0; i < n; i++) {
		GstVideoInfo info = expect_pattern(&output.units[i], i + 7);
		ck_assert_int_eq(info.width, (int)(cases[i].width + 1) / 2 * 2);
		ck_assert_int_eq(info.height, (int)(cases[i].height + 1) / 2 * 2);
		if (strcmp(encoder, "x264enc") == 0)
			ck_assert_msg(gst_video_colorimetry_matches(
					      &info.colorimetry, cases[i].colorimetry),
				"case %u", i);
	}
}

START_TEST(x264enc_shows_the_picture_in_every_format_and_new_size)
{
	check_pictures("x264enc");
}
END_TEST

START_TEST(openh264enc_shows_the_picture_in_every_format_and_new_size)
{
	check_pictures("openh264enc");
}
END_TEST

START_TEST(units_of_the_null_encoder_decode)
{
	if (!can_decode() || !use("null"))
		return;
	encode(642, 362, HXFR_FORMAT_NV12, 1, false);
	GstSample *sample = decode(&output.units[0]);
	GstVideoInfo info;
	ck_assert_ptr_nonnull(sample);
	ck_assert(gst_video_info_from_caps(&info, gst_sample_get_caps(sample)));
	ck_assert_int_eq(info.width, 642);
	ck_assert_int_eq(info.height, 362);
	gst_sample_unref(sample);
}
END_TEST

START_TEST(what_is_no_encoder_is_refused)
{
	struct encoder_choice choice = { .name = "poison" };

	ck_assert_int_eq(encoder_choose("no-such-element", NULL, &choice), -ENOENT);
	ck_assert_int_lt(encoder_choose("videotestsrc", NULL, &choice), 0);
	ck_assert_int_lt(encoder_choose("fakesink", NULL, &choice), 0);
	ck_assert_int_lt(encoder_choose("identity", NULL, &choice), 0);
	ck_assert_str_eq(choice.name, "poison");
}
END_TEST

START_TEST(frames_in_an_encoder_that_is_destroyed_are_done)
{
	if (!use("x264enc"))
		return;
	for (uint32_t i = 0; i < 20; i++)
		encode(1280, 720, HXFR_FORMAT_NV12, i, true);
	track_finish(&track);
	ck_assert_uint_eq(output.count, 20);
	for (unsigned i = 0; i < 20; i++)
		ck_assert(output.results[i] == 0 || output.results[i] == -ECANCELED);
}
END_TEST

static void send_frame(struct peer *peer, int64_t pts, uint32_t width)
{
	struct hxfr_frame_request request = { .resource_id = 1,
		.width = width,
		.height = 240,
		.format = HXFR_FORMAT_NV12,
		.pts = pts };
	peer_send_frame(peer, &request);
}

START_TEST(a_session_reads_on_while_it_encodes_and_answers_in_order)
{
	struct host host;

	if (!use("x264enc"))
		return;
	host_start(&host, NULL, "x264enc");
	for (int i = 0; i < 40; i++)
		send_frame(&host.peer, i, i / 10 % 2 ? 320 : 640);
	for (int i = 0; i < 40; i++) {
		const struct hxfr_message *m = peer_expect(&host.peer, HXFR_FRAME_RESPONSE);
		ck_assert_int_eq(m->frame_response.pts, i);
		ck_assert_msg(m->frame_response.is_keyframe == (i % 10 == 0), "frame %d", i);
	}
	host_stop(&host);
}
END_TEST

START_TEST(a_session_ends_with_frames_in_its_encoder)
{
	struct host host;

	if (!use("x264enc"))
		return;
	host_start(&host, NULL, "x264enc");
	for (int i = 0; i < 20; i++)
		send_frame(&host.peer, i, 640);
	peer_expect(&host.peer, HXFR_FRAME_RESPONSE);
	host_stop(&host);
}
END_TEST

START_TEST(a_scanout_is_encoded_as_it_changes)
{
	struct hxfr_message m = { .header = { .type = HXFR_SUBSCRIBE }, .scanout_id = 0 };
	struct host host;

	if (!use("x264enc"))
		return;
	host_start(&host, NULL, "x264enc");
	peer_send(&host.peer, &m);
	peer_expect(&host.peer, HXFR_SUBSCRIBE_RESP);
	for (int i = 0; i < 5; i++)
		ck_assert(
			peer_expect(&host.peer, HXFR_FRAME_RESPONSE)->frame_response.is_keyframe ==
			(i == 0));
	host_stop(&host);
}
END_TEST

START_TEST(an_encoder_that_does_not_start_is_an_error_for_the_frame_only)
{
	struct host host;

	host_start(&host, NULL, "no-such-element");
	send_frame(&host.peer, 1, 640);
	ck_assert_int_eq(peer_expect(&host.peer, HXFR_ERROR)->error.code, -5);
	peer_expect_silence(&host.peer);
	host_stop(&host);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_first_frame_is_an_idr_and_the_next_are_not,
		every_frame_comes_out_before_the_next_goes_in,
		a_forced_or_requested_keyframe_is_that_very_frame,
		sps_and_pps_are_in_front_of_every_idr,
		bit_rate_changes_without_a_new_encoder,
		the_bit_rate_asked_for_is_kept,
		profiles_are_in_the_sps,
		x264enc_shows_the_picture_in_every_format_and_new_size,
		openh264enc_shows_the_picture_in_every_format_and_new_size,
		units_of_the_null_encoder_decode,
		what_is_no_encoder_is_refused,
		frames_in_an_encoder_that_is_destroyed_are_done,
		a_session_reads_on_while_it_encodes_and_answers_in_order,
		a_session_ends_with_frames_in_its_encoder,
		a_scanout_is_encoded_as_it_changes,
		an_encoder_that_does_not_start_is_an_error_for_the_frame_only,
		NULL,
	};
	return suite_run_with("encoder", tests, set_up, tear_down);
}

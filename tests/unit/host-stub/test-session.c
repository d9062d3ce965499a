/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every message of the protocol against one session with the null encoder. */
#include "peer.h"
#include "suite.h"

#include <hxfr/error.h>
#include <stdio.h>
#include <string.h>

#define WIDTH      320u
#define HEIGHT     240u
#define N_FRAMES   500
#define SCANOUT_NS 16666667

static struct host host;
static struct peer *peer = &host.peer;

static void set_up(void)
{
	host_start(&host, NULL, NULL);
}

static void tear_down(void)
{
	host_stop(&host);
}

static struct hxfr_frame_request frame(uint32_t id, int64_t pts)
{
	return (struct hxfr_frame_request){
		.resource_id = id,
		.width = WIDTH,
		.height = HEIGHT,
		.format = HXFR_FORMAT_NV12,
		.stride = WIDTH,
		.pts = pts,
	};
}

static const struct hxfr_message *exchange(const struct hxfr_frame_request *request)
{
	peer_send_frame(peer, request);
	return peer_expect(peer, HXFR_FRAME_RESPONSE);
}

static void expect_error(int32_t code)
{
	const struct hxfr_message *m = peer_expect(peer, HXFR_ERROR);
	ck_assert_int_eq(m->error.code, code);
	ck_assert_uint_gt(strlen(m->error.message), 10);
}

START_TEST(a_frame_is_answered_with_its_pts_id_and_size)
{
	struct hxfr_frame_request request = frame(42, -5);
	const struct hxfr_message *m = exchange(&request);

	ck_assert_uint_eq(m->header.session_id, HXFR_SESSION_MAIN);
	ck_assert_int_eq(m->frame_response.pts, -5);
	ck_assert_int_eq(m->frame_response.dts, -5);
	ck_assert(m->frame_response.is_keyframe);
	ck_assert_int_eq(peer_spelled(m, "id"), 42);
	ck_assert_int_eq(peer_spelled(m, "size"), WIDTH);
	ck_assert_int_eq(peer_spelled(m, "key"), 1);
}
END_TEST

START_TEST(answers_come_in_request_order)
{
	for (int i = 0; i < N_FRAMES; i++) {
		struct hxfr_frame_request request = frame((uint32_t)i, 1000 - i);
		peer_send_frame(peer, &request);
		if (i < 40)
			continue;
		const struct hxfr_message *m = peer_expect(peer, HXFR_FRAME_RESPONSE);
		ck_assert_int_eq(peer_spelled(m, "id"), i - 40);
		ck_assert_int_eq(m->frame_response.pts, 1000 - (i - 40));
	}
}
END_TEST

START_TEST(only_the_first_frame_and_forced_ones_are_keyframes)
{
	struct hxfr_frame_request request = frame(1, 0);

	ck_assert(exchange(&request)->frame_response.is_keyframe);
	ck_assert(!exchange(&request)->frame_response.is_keyframe);
	request.force_keyframe = true;
	ck_assert(exchange(&request)->frame_response.is_keyframe);
	request.force_keyframe = false;
	ck_assert(!exchange(&request)->frame_response.is_keyframe);
}
END_TEST

START_TEST(keyframe_req_makes_the_next_frame_one_and_is_not_answered)
{
	struct hxfr_frame_request request = frame(1, 0);

	exchange(&request);
	peer_send_type(peer, HXFR_KEYFRAME_REQ, HXFR_SESSION_MAIN);
	peer_expect_silence(peer);
	ck_assert(exchange(&request)->frame_response.is_keyframe);
	ck_assert(!exchange(&request)->frame_response.is_keyframe);
}
END_TEST

START_TEST(keyframe_req_of_another_session_id_leaves_a_stream_alone)
{
	struct hxfr_frame_request request = frame(1, 0);

	exchange(&request);
	peer_send_type(peer, HXFR_KEYFRAME_REQ, HXFR_SESSION_MAIN + 1);
	ck_assert(!exchange(&request)->frame_response.is_keyframe);
}
END_TEST

START_TEST(another_frame_size_starts_with_a_keyframe)
{
	struct hxfr_frame_request request = frame(1, 0);

	exchange(&request);
	request.width = 640;
	request.height = 480;
	const struct hxfr_message *m = exchange(&request);
	ck_assert(m->frame_response.is_keyframe);
	ck_assert_int_eq(peer_spelled(m, "size"), 640);
	ck_assert(!exchange(&request)->frame_response.is_keyframe);
}
END_TEST

START_TEST(pixels_are_what_is_encoded)
{
	struct hxfr_frame_request request = frame(0, 0);
	uint8_t *pixels = calloc(3, WIDTH * HEIGHT / 2);
	struct picture picture;

	request.pixels_size = WIDTH * HEIGHT * 3 / 2;
	request.pixels = pixels;
	pixels[4711] = 1;
	peer_send_pixels(peer, &request, pixels);
	const struct hxfr_message *m = peer_expect(peer, HXFR_FRAME_RESPONSE);
	ck_assert_int_eq(picture_from_request(&request, &picture), 0);
	char expected[32];
	snprintf(expected, sizeof expected, " hash=%016llx",
		(unsigned long long)picture_hash(&picture));
	size_t size;
	const uint8_t *unit = peer_unit(m, &size);
	ck_assert_ptr_nonnull(memmem(unit, size, expected, strlen(expected)));
	free(pixels);
}
END_TEST

START_TEST(pixels_that_contradict_the_geometry_are_an_error_and_the_next_frame_works)
{
	static const uint8_t pixels[WIDTH * HEIGHT];
	struct hxfr_frame_request request = frame(0, 0);

	request.pixels_size = sizeof pixels;
	peer_send_pixels(peer, &request, pixels);
	expect_error(HXFR_CODE_INVALID_MESSAGE);
	request.pixels_size = 0;
	exchange(&request);
}
END_TEST

START_TEST(impossible_frames_are_errors_and_the_next_one_works)
{
	const struct {
		uint32_t width, height, format;
		int32_t code;
	} cases[] = {
		{ 0, HEIGHT, HXFR_FORMAT_NV12, HXFR_CODE_INVALID_MESSAGE },
		{ PICTURE_SIDE_MAX + 1, HEIGHT, HXFR_FORMAT_NV12, HXFR_CODE_INVALID_MESSAGE },
		{ UINT32_MAX, UINT32_MAX, HXFR_FORMAT_AR24, HXFR_CODE_INVALID_MESSAGE },
		{ WIDTH, HEIGHT, 0x30323449, HXFR_CODE_RESOURCE_UNUSABLE },
	};
	struct hxfr_frame_request good = frame(1, 0);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct hxfr_frame_request request = frame(7, 0);
		request.width = cases[i].width;
		request.height = cases[i].height;
		request.format = cases[i].format;
		peer_send_frame(peer, &request);
		expect_error(cases[i].code);
	}
	exchange(&good);
}
END_TEST

START_TEST(id_0_without_pixels_is_the_console)
{
	struct hxfr_frame_request request = { .pts = 3 };
	const struct hxfr_message *m = exchange(&request);

	ck_assert_int_eq(peer_spelled(m, "id"), 0);
	ck_assert_int_eq(peer_spelled(m, "size"), 320);
}
END_TEST

START_TEST(config_req_is_not_answered_and_changes_the_stream)
{
	struct hxfr_message config = {
		.header = { .type = HXFR_CONFIG_REQ, .session_id = HXFR_SESSION_MAIN },
		.config = { .bitrate = 1000000, .profile = HXFR_PROFILE_HIGH, .level = 42 },
	};
	struct hxfr_frame_request request = frame(1, 0);
	size_t size;

	exchange(&request);
	peer_send(peer, &config);
	peer_expect_silence(peer);
	const struct hxfr_message *m = exchange(&request);
	ck_assert(m->frame_response.is_keyframe);
	const uint8_t *unit = peer_unit(m, &size);
	ck_assert_uint_eq(unit[5], HXFR_PROFILE_HIGH); /* of the SPS */
	ck_assert_uint_eq(unit[7], 42);
}
END_TEST

START_TEST(a_peer_that_said_hello_is_told_its_configuration)
{
	struct hxfr_message config = {
		.header = { .type = HXFR_CONFIG_REQ, .session_id = HXFR_SESSION_MAIN },
		.config = { .bitrate = 1234567,
			.framerate_num = 30,
			.framerate_den = 1,
			.profile = HXFR_PROFILE_MAIN,
			.realtime = 1 },
	};
	struct hxfr_message hello = { .header = { .type = HXFR_HELLO }, .hello = { .version = 2 } };

	peer_send(peer, &hello);
	ck_assert_uint_ge(peer_expect(peer, HXFR_HELLO_RESP)->hello.version, 2);
	peer_send(peer, &config);
	const struct hxfr_message *m = peer_expect(peer, HXFR_CONFIG_RESP);
	ck_assert_uint_eq(m->config.bitrate, 1234567);
	ck_assert_uint_eq(m->config.framerate_num, 30);
	ck_assert_uint_eq(m->config.profile, HXFR_PROFILE_MAIN);
}
END_TEST

START_TEST(impossible_configurations_are_clamped_or_passed_over)
{
	struct hxfr_message config = {
		.header = { .type = HXFR_CONFIG_REQ, .session_id = HXFR_SESSION_MAIN },
		.config = { .bitrate = 1,
			.framerate_num = 60,
			.framerate_den = 0,
			.profile = 3,
			.level = 255 },
	};
	struct hxfr_message hello = { .header = { .type = HXFR_HELLO }, .hello = { .version = 2 } };

	peer_send(peer, &hello);
	peer_expect(peer, HXFR_HELLO_RESP);
	peer_send(peer, &config);
	const struct hxfr_message *m = peer_expect(peer, HXFR_CONFIG_RESP);
	ck_assert_uint_eq(m->config.bitrate, ENCODER_BITRATE_MIN);
	ck_assert_uint_eq(m->config.framerate_den, 1);
	ck_assert_uint_eq(m->config.profile, 0);
	ck_assert_uint_eq(m->config.level, 0);
}
END_TEST

START_TEST(ping_is_answered_with_its_session_id)
{
	peer_send_type(peer, HXFR_PING, 0xbeef);
	ck_assert_uint_eq(peer_expect(peer, HXFR_PONG)->header.session_id, 0xbeef);
}
END_TEST

START_TEST(unknown_types_are_skipped)
{
	uint8_t data[12 + 100000] = { 'H', 'X', 'F', 'R', 0x7e, 0, 1, 0, 0xa0, 0x86, 0x01, 0 };

	peer_send_bytes(peer, data, sizeof data);
	peer_expect_silence(peer);
}
END_TEST

START_TEST(session_ids_are_streams_of_their_own)
{
	struct hxfr_message m = { .header = { .type = HXFR_FRAME_REQUEST, .session_id = 9 },
		.frame_request = frame(3, 1) };
	struct hxfr_frame_request request = frame(1, 0);

	exchange(&request);
	peer_send(peer, &m);
	const struct hxfr_message *answer = peer_expect(peer, HXFR_FRAME_RESPONSE);
	ck_assert_uint_eq(answer->header.session_id, 9);
	ck_assert(answer->frame_response.is_keyframe);
	ck_assert(!exchange(&request)->frame_response.is_keyframe);
}
END_TEST

START_TEST(too_many_session_ids_are_an_error)
{
	struct hxfr_message m = { .header = { .type = HXFR_FRAME_REQUEST },
		.frame_request = frame(3, 1) };

	for (uint16_t i = 0; i < SESSION_TRACKS_MAX; i++) {
		m.header.session_id = i;
		peer_send(peer, &m);
		peer_expect(peer, HXFR_FRAME_RESPONSE);
	}
	m.header.session_id = SESSION_TRACKS_MAX;
	peer_send(peer, &m);
	expect_error(HXFR_CODE_NOT_CONFIGURED);
}
END_TEST

static void enable(uint32_t id, uint32_t width, bool success)
{
	struct hxfr_message m = { .header = { .type = HXFR_ENABLE_SCANOUT },
		.enable_scanout = { id, width, 480, 60 } };
	char connector[32] = "";

	peer_send(peer, &m);
	const struct hxfr_message *answer = peer_expect(peer, HXFR_SCANOUT_RESP);
	ck_assert_uint_eq(answer->scanout_resp.scanout_id, id);
	ck_assert_msg(answer->scanout_resp.success == success, "scanout %u", id);
	if (success)
		snprintf(connector, sizeof connector, "Virtual-%u", id + 1);
	ck_assert_str_eq(answer->scanout_resp.connector, connector);
}

static void subscribe(uint32_t id, bool success)
{
	struct hxfr_message m = { .header = { .type = HXFR_SUBSCRIBE }, .scanout_id = id };

	peer_send(peer, &m);
	const struct hxfr_message *answer = peer_expect(peer, HXFR_SUBSCRIBE_RESP);
	ck_assert_uint_eq(answer->subscribe_resp.scanout_id, id);
	ck_assert_msg(answer->subscribe_resp.success == success, "scanout %u", id);
}

START_TEST(scanouts_1_to_15_can_be_enabled)
{
	enable(1, 640, true);
	enable(15, 640, true);
	enable(0, 640, false);
	enable(16, 640, false);
	enable(UINT32_MAX, 640, false);
	enable(2, 0, false);
}
END_TEST

START_TEST(subscribed_scanouts_send_frames_unasked)
{
	enable(3, 640, true);
	subscribe(3, true);
	for (int i = 0; i < 5; i++) {
		const struct hxfr_message *m = peer_expect(peer, HXFR_FRAME_RESPONSE);
		ck_assert_uint_eq(m->header.session_id, 3);
		ck_assert_int_eq(m->frame_response.pts, (int64_t)i * SCANOUT_NS);
		ck_assert(m->frame_response.is_keyframe == (i == 0));
		ck_assert_int_eq(peer_spelled(m, "size"), 640);
		ck_assert_int_eq(peer_spelled(m, "id"), 3);
	}
}
END_TEST

START_TEST(subscribing_to_what_is_not_there_fails)
{
	subscribe(0, true);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	tear_down();
	set_up();
	subscribe(4, false);
	subscribe(16, false);
	subscribe(UINT32_MAX, false);
	peer_expect_silence(peer);
}
END_TEST

START_TEST(disable_scanout_ends_its_frames_and_is_not_answered)
{
	struct hxfr_message m = { .header = { .type = HXFR_DISABLE_SCANOUT }, .scanout_id = 1 };
	int after = 0;

	enable(1, 640, true);
	subscribe(1, true);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	peer_send(peer, &m);
	/* What was sent before the host read it still comes; the PING of silence must then be the
	 * first answer. */
	peer_send_type(peer, HXFR_PING, 1);
	while (peer_take(peer)->header.type != HXFR_PONG)
		ck_assert_int_lt(after++, 20);
	subscribe(1, false);
}
END_TEST

START_TEST(config_and_keyframe_requests_reach_the_subscribed_scanout)
{
	struct hxfr_message config = { .header = { .type = HXFR_CONFIG_REQ, .session_id = 2 },
		.config = { .profile = HXFR_PROFILE_MAIN } };
	const struct hxfr_message *m;
	size_t size;

	enable(2, 640, true);
	subscribe(2, true);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	peer_send_type(peer, HXFR_KEYFRAME_REQ, 2);
	for (int i = 0; i < 100; i++)
		if ((m = peer_expect(peer, HXFR_FRAME_RESPONSE))->frame_response.is_keyframe)
			break;
	ck_assert(m->frame_response.is_keyframe);
	peer_send(peer, &config);
	for (int i = 0; i < 100; i++)
		if ((m = peer_expect(peer, HXFR_FRAME_RESPONSE))->frame_response.is_keyframe)
			break;
	ck_assert_uint_eq(peer_unit(m, &size)[5], HXFR_PROFILE_MAIN);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_frame_is_answered_with_its_pts_id_and_size,
		answers_come_in_request_order,
		only_the_first_frame_and_forced_ones_are_keyframes,
		keyframe_req_makes_the_next_frame_one_and_is_not_answered,
		keyframe_req_of_another_session_id_leaves_a_stream_alone,
		another_frame_size_starts_with_a_keyframe,
		pixels_are_what_is_encoded,
		pixels_that_contradict_the_geometry_are_an_error_and_the_next_frame_works,
		impossible_frames_are_errors_and_the_next_one_works,
		id_0_without_pixels_is_the_console,
		config_req_is_not_answered_and_changes_the_stream,
		a_peer_that_said_hello_is_told_its_configuration,
		impossible_configurations_are_clamped_or_passed_over,
		ping_is_answered_with_its_session_id,
		unknown_types_are_skipped,
		session_ids_are_streams_of_their_own,
		too_many_session_ids_are_an_error,
		scanouts_1_to_15_can_be_enabled,
		subscribed_scanouts_send_frames_unasked,
		subscribing_to_what_is_not_there_fails,
		disable_scanout_ends_its_frames_and_is_not_answered,
		config_and_keyframe_requests_reach_the_subscribed_scanout,
		NULL,
	};
	return suite_run_with("session", tests, set_up, tear_down);
}

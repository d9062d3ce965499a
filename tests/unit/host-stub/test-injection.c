/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a client sees of every injected fault. */
#include "peer.h"
#include "suite.h"

#include <errno.h>
#include <hxfr/error.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define DELAY_US     60000 /* of the specs below */
#define TICK_US      1000  /* timers may be early by a rounding */
#define STALL_FRAMES 20000

static struct host host;
static struct peer *peer = &host.peer;

static void tear_down(void)
{
	host_stop(&host);
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void start(const char *faults)
{
	host_start(&host, faults, NULL);
}

static void send_frames(int n)
{
	for (int i = 1; i <= n; i++) {
		struct hxfr_frame_request request = { .resource_id = (uint32_t)i,
			.width = 64,
			.height = 64,
			.format = HXFR_FORMAT_NV12,
			.pts = i };
		peer_send_frame(peer, &request);
	}
}

static void expect_pts(int64_t pts)
{
	ck_assert_int_eq(peer_expect(peer, HXFR_FRAME_RESPONSE)->frame_response.pts, pts);
}

static void expect_broken(int error)
{
	ck_assert_ptr_null(peer_take(peer));
	ck_assert_msg(errno == error, "%s", strerror(errno));
}

START_TEST(delay_is_pipelined)
{
	start("delay=60");
	int64_t begin_us = now_us();
	send_frames(10);
	for (int i = 1; i <= 10; i++)
		expect_pts(i);
	ck_assert_int_ge(now_us() - begin_us, DELAY_US - TICK_US);
	ck_assert_int_lt(now_us() - begin_us, 10 * DELAY_US);
}
END_TEST

START_TEST(a_session_ends_with_answers_not_due)
{
	struct stats stats;

	start("delay=600000");
	send_frames(3);
	do
		stats_get(&host.stats, &stats);
	while (stats.frames < 3);
}
END_TEST

START_TEST(serial_delay_is_one_engine)
{
	start("serial-delay=60");
	int64_t begin_us = now_us();
	send_frames(4);
	for (int i = 1; i <= 4; i++)
		expect_pts(i);
	ck_assert_int_ge(now_us() - begin_us, 4 * DELAY_US - TICK_US);
}
END_TEST

START_TEST(drop_leaves_a_gap)
{
	start("drop=3");
	send_frames(5);
	expect_pts(1);
	expect_pts(2);
	expect_pts(4);
	expect_pts(5);
}
END_TEST

START_TEST(error_answers_that_frame)
{
	start("error=-3@2");
	send_frames(3);
	expect_pts(1);
	ck_assert_int_eq(peer_expect(peer, HXFR_ERROR)->error.code, -3);
	expect_pts(3);
}
END_TEST

START_TEST(error_no_nul_fills_the_text)
{
	start("error-no-nul");
	send_frames(1);
	ck_assert_uint_eq(
		strlen(peer_expect(peer, HXFR_ERROR)->error.message), HXFR_ERROR_TEXT_SIZE);
}
END_TEST

START_TEST(garbage_has_no_magic)
{
	start("garbage@2");
	send_frames(2);
	expect_pts(1);
	expect_broken(EBADMSG);
}
END_TEST

START_TEST(huge_numbers_are_on_the_wire)
{
	const struct {
		const char *fault;
		int error;
	} cases[] = { { "huge-nal", EBADMSG }, { "huge-count", EMSGSIZE },
		{ "huge-payload", EMSGSIZE } };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		start(cases[i].fault);
		send_frames(1);
		ck_assert_ptr_null(peer_take(peer));
		ck_assert_msg(errno == EBADMSG || errno == EMSGSIZE, "%s: %s", cases[i].fault,
			strerror(errno));
		if (i + 1 < sizeof cases / sizeof cases[0])
			tear_down();
	}
}
END_TEST

START_TEST(no_nals_is_an_empty_answer)
{
	start("no-nals");
	send_frames(1);
	ck_assert_uint_eq(peer_expect(peer, HXFR_FRAME_RESPONSE)->frame_response.nal_count, 0);
}
END_TEST

START_TEST(wrong_pts_is_wrong)
{
	start("wrong-pts=5@2");
	send_frames(3);
	expect_pts(1);
	expect_pts(7);
	expect_pts(3);
}
END_TEST

START_TEST(truncate_ends_in_the_middle_of_a_message)
{
	start("truncate@2");
	send_frames(2);
	expect_pts(1);
	expect_broken(ECONNRESET);
}
END_TEST

START_TEST(close_ends_behind_an_answer)
{
	start("close@2");
	send_frames(2);
	expect_pts(1);
	expect_pts(2);
	peer_expect_end(peer);
}
END_TEST

/* Hangs for good cannot be waited for: nothing comes while a session that works would have answered
 * long ago. */
static void expect_hang(void)
{
	struct pollfd fd = { .fd = hxfr_connection_fd(peer->connection), .events = POLLIN };
	struct stats before, after;

	stats_get(&host.stats, &before);
	peer_send_type(peer, HXFR_PING, 1);
	do {
		stats_get(&host.stats, &after);
		poll(&fd, 1, 10);
	} while (after.bytes_in == before.bytes_in);
	ck_assert_int_eq(poll(&fd, 1, 50), 0);
}

START_TEST(hang_answers_nothing_from_then_on)
{
	start("hang@2");
	send_frames(3);
	expect_pts(1);
	expect_hang();
}
END_TEST

START_TEST(half_a_message_comes_and_then_nothing)
{
	uint8_t data[4096];
	struct stats stats;

	start("half@1");
	send_frames(2);
	do
		stats_get(&host.stats, &stats);
	while (stats.responses == 0);
	ssize_t n = recv(hxfr_connection_fd(peer->connection), data, sizeof data, MSG_DONTWAIT);
	ck_assert_int_gt(n, HXFR_HEADER_SIZE);
	ck_assert_int_eq(memcmp(data, "HXFR", 4), 0);
	ck_assert_int_lt(n, (ssize_t)(HXFR_HEADER_SIZE + (data[8] | data[9] << 8)));
	expect_hang();
}
END_TEST

START_TEST(mute_requests_skips_frames_and_answers_the_rest)
{
	start("mute-requests");
	send_frames(3);
	peer_expect_silence(peer);
}
END_TEST

START_TEST(no_pong_answers_frames_only)
{
	start("no-pong");
	peer_send_type(peer, HXFR_PING, 1);
	send_frames(1);
	expect_pts(1);
}
END_TEST

START_TEST(static_scanouts_stop_sending)
{
	struct hxfr_message m = { .header = { .type = HXFR_SUBSCRIBE }, .scanout_id = 0 };

	start("static@3");
	peer_send(peer, &m);
	peer_expect(peer, HXFR_SUBSCRIBE_RESP);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	struct pollfd fd = { .fd = hxfr_connection_fd(peer->connection), .events = POLLIN };
	ck_assert_int_eq(poll(&fd, 1, 100), 0);
}
END_TEST

START_TEST(a_client_that_does_not_read_is_dropped)
{
	struct hxfr_frame_request request = { .resource_id = 1,
		.width = 1920,
		.height = 1080,
		.format = HXFR_FORMAT_NV12,
		.force_keyframe = true };
	struct hxfr_message m = { .header = { .type = HXFR_FRAME_REQUEST },
		.frame_request = request };
	struct pollfd fd;
	int r = 0;

	start(NULL);
	fd = (struct pollfd){ .fd = hxfr_connection_fd(peer->connection), .events = POLLOUT };
	for (int i = 0; i < STALL_FRAMES && r == 0; i++) {
		ck_assert_int_eq(poll(&fd, 1, PEER_TIMEOUT_MS), 1);
		r = fd.revents & POLLHUP ? -EPIPE
					 : hxfr_connection_send_message(peer->connection, &m);
		if (r == 0)
			r = hxfr_connection_flush(peer->connection);
	}
	ck_assert_int_lt(r, 0);
	struct stats stats;
	stats_get(&host.stats, &stats);
	ck_assert_uint_eq(stats.stalled_clients, 1);
}
END_TEST

START_TEST(a_subscriber_that_does_not_read_loses_frames_first)
{
	struct hxfr_message enable = { .header = { .type = HXFR_ENABLE_SCANOUT },
		.enable_scanout = { 1, 2048, 2048, 240 } };
	struct hxfr_message subscribe = { .header = { .type = HXFR_SUBSCRIBE }, .scanout_id = 1 };
	struct stats stats;
	int64_t deadline_us = now_us() + PEER_TIMEOUT_MS * 1000;

	start(NULL);
	peer_send(peer, &enable);
	peer_send(peer, &subscribe);
	do {
		/* Keyframes, so that the socket fills. */
		struct hxfr_message key = { .header = { HXFR_KEYFRAME_REQ, 0, 1, 0 } };
		struct pollfd fd = { .fd = hxfr_connection_fd(peer->connection),
			.events = POLLOUT };
		if (poll(&fd, 1, 1) == 1 && !(fd.revents & POLLHUP))
			hxfr_connection_send_message(peer->connection, &key);
		stats_get(&host.stats, &stats);
		ck_assert_int_lt(now_us(), deadline_us);
	} while (stats.scanout_lost == 0);
	ck_assert_uint_eq(stats.stalled_clients, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		delay_is_pipelined,
		a_session_ends_with_answers_not_due,
		serial_delay_is_one_engine,
		drop_leaves_a_gap,
		error_answers_that_frame,
		error_no_nul_fills_the_text,
		garbage_has_no_magic,
		huge_numbers_are_on_the_wire,
		no_nals_is_an_empty_answer,
		wrong_pts_is_wrong,
		truncate_ends_in_the_middle_of_a_message,
		close_ends_behind_an_answer,
		hang_answers_nothing_from_then_on,
		half_a_message_comes_and_then_nothing,
		mute_requests_skips_frames_and_answers_the_rest,
		no_pong_answers_frames_only,
		static_scanouts_stop_sending,
		a_client_that_does_not_read_is_dropped,
		a_subscriber_that_does_not_read_loses_frames_first,
		NULL,
	};
	return suite_run_with("injection", tests, NULL, tear_down);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a session does with bytes that are no messages, and with clients that stop half-way. */
#include "peer.h"
#include "suite.h"

#include <hxfr/error.h>
#include <sys/socket.h>

static struct host host;
static struct peer *peer = &host.peer;
static const struct hxfr_frame_request request = {
	.resource_id = 1, .width = 64, .height = 64, .format = HXFR_FORMAT_NV12
};

static void set_up(void)
{
	host_start(&host, NULL, NULL);
}

static void tear_down(void)
{
	host_stop(&host);
}

static void expect_error(int32_t code)
{
	ck_assert_int_eq(peer_expect(peer, HXFR_ERROR)->error.code, code);
}

START_TEST(garbage_is_answered_with_an_error_and_the_end)
{
	peer_send_bytes(peer, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 26);
	expect_error(HXFR_CODE_INVALID_MESSAGE);
	peer_expect_end(peer);
}
END_TEST

START_TEST(messages_of_hosts_are_bad_messages)
{
	peer_send_type(peer, HXFR_PONG, 1);
	struct hxfr_message m = { .header = { .type = HXFR_SUBSCRIBE_RESP } };
	peer_send(peer, &m);
	expect_error(HXFR_CODE_INVALID_MESSAGE);
	peer_expect_end(peer);
}
END_TEST

START_TEST(an_announced_payload_beyond_the_limit_ends_the_connection_at_once)
{
	static const uint8_t head[12] = { 'H', 'X', 'F', 'R', 1, 1, 1, 0, 0xf0, 0xff, 0xff, 0xff };

	peer_send_bytes(peer, head, sizeof head);
	expect_error(HXFR_CODE_INVALID_MESSAGE);
	peer_expect_end(peer);
}
END_TEST

START_TEST(answers_in_front_of_garbage_still_arrive)
{
	peer_send_frame(peer, &request);
	peer_send_bytes(peer, "rubbish, rubbish", 16);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	expect_error(HXFR_CODE_INVALID_MESSAGE);
	peer_expect_end(peer);
}
END_TEST

START_TEST(a_message_in_single_bytes_is_one_message)
{
	static const uint8_t ping[12] = { 'H', 'X', 'F', 'R', HXFR_PING, 0, 5, 0, 0, 0, 0, 0 };

	for (size_t i = 0; i < sizeof ping; i++)
		peer_send_bytes(peer, ping + i, 1);
	ck_assert_uint_eq(peer_expect(peer, HXFR_PONG)->header.session_id, 5);
}
END_TEST

START_TEST(a_client_that_shuts_its_sending_side_gets_the_answers_left)
{
	tear_down();
	host_start(&host, "delay=30", NULL);
	peer_send_frame(peer, &request);
	peer_send_frame(peer, &request);
	ck_assert_int_eq(shutdown(hxfr_connection_fd(peer->connection), SHUT_WR), 0);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	peer_expect_end(peer);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		garbage_is_answered_with_an_error_and_the_end,
		messages_of_hosts_are_bad_messages,
		an_announced_payload_beyond_the_limit_ends_the_connection_at_once,
		answers_in_front_of_garbage_still_arrive,
		a_message_in_single_bytes_is_one_message,
		a_client_that_shuts_its_sending_side_gets_the_answers_left,
		NULL,
	};
	return suite_run_with("bytes", tests, set_up, tear_down);
}

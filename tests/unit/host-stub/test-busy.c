/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions with more work than they can do: an encoder that takes its time, and counts. */
#include "fake-encoder.h"
#include "peer.h"
#include "suite.h"

#include <poll.h>

#define N_FRAMES   150
#define ENCODE_MS  20 /* the work of encode(): 3 s for all frames */
#define TIMEOUT_MS 10000

static struct host host;
static struct peer *peer = &host.peer;

static void set_up(void)
{
	const struct encoder_choice choice = { &fake_blind_impl, "fake" };

	fake_reset();
	fake.work_ms = ENCODE_MS;
	host_start_with(&host, NULL, &choice);
}

static void tear_down(void)
{
	host_stop(&host);
}

/* In one piece: the session has them all before it looks for anything else. */
static void send_frames(void)
{
	struct hxfr_message m = {
		.header = { .type = HXFR_FRAME_REQUEST, .session_id = HXFR_SESSION_MAIN },
		.frame_request = { .resource_id = 1,
			.width = 64,
			.height = 64,
			.format = HXFR_FORMAT_NV12 },
	};
	static uint8_t bytes[N_FRAMES * HXFR_HEAD_MAX];
	size_t at = 0, size;

	for (unsigned i = 0; i < N_FRAMES; i++) {
		m.frame_request.pts = i;
		ck_assert_int_eq(hxfr_message_encode(&m, bytes + at, HXFR_HEAD_MAX, &size), 0);
		at += size;
	}
	peer_send_bytes(peer, bytes, at);
}

START_TEST(the_end_of_a_session_does_not_wait_for_frames_not_begun)
{
	send_frames();
	ck_assert(fake_wait_encoded(1, TIMEOUT_MS));
	session_destroy(host.session);
	host.session = NULL;
	ck_assert_uint_lt(fake_encoded(), N_FRAMES / 2);
}
END_TEST

START_TEST(nothing_is_encoded_for_a_client_that_left)
{
	struct pollfd ended = { .fd = host.ended_fd, .events = POLLIN };
	struct hxfr_message m = { .header = { .type = HXFR_ENABLE_SCANOUT },
		.enable_scanout = { 5, 640, 480, 60 } };
	struct scanout scanout;

	send_frames();
	peer_send(peer, &m);
	ck_assert(fake_wait_encoded(1, TIMEOUT_MS));
	peer_finish(peer);
	ck_assert_int_eq(poll(&ended, 1, TIMEOUT_MS), 1);
	ck_assert_uint_lt(fake_encoded(), N_FRAMES / 2);
	ck_assert_int_eq(scanout_get(&host.scanouts, 5, &scanout), 0);
}
END_TEST

START_TEST(scanouts_are_drawn_while_requests_wait)
{
	struct hxfr_message m = { .header = { .type = HXFR_SUBSCRIBE }, .scanout_id = 0 };
	unsigned n_scanout = 0;

	peer_send(peer, &m);
	peer_expect(peer, HXFR_SUBSCRIBE_RESP);
	send_frames();
	for (unsigned i = 0; i < 10;) {
		const struct hxfr_message *answer = peer_expect(peer, HXFR_FRAME_RESPONSE);
		if (answer->header.session_id == HXFR_SESSION_MAIN)
			i++;
		else if (i > 0)
			n_scanout++;
	}
	ck_assert_uint_gt(n_scanout, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_end_of_a_session_does_not_wait_for_frames_not_begun,
		nothing_is_encoded_for_a_client_that_left,
		scanouts_are_drawn_while_requests_wait,
		NULL,
	};
	return suite_run_with("busy", tests, set_up, tear_down);
}

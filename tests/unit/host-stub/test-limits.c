/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one client may hold, and all together: an encoder that keeps frames until it is told to let
 * go. */
#include "fake-encoder.h"
#include "peer.h"
#include "suite.h"

#include <errno.h>
#include <hxfr/error.h>

#define SIDE       64u
#define FRAME_SIZE ((size_t)SIDE * SIDE * 3 / 2)
#define LARGE_SIDE 4096u
#define TIMEOUT_MS 10000
#define QUIET_MS   300

static struct host host;
static struct peer *peer = &host.peer;

static void set_up(void)
{
	const struct encoder_choice choice = { &fake_pixels_impl, "fake" };

	fake_reset();
	fake.hold = true;
	host_start_with(&host, NULL, &choice);
}

static void tear_down(void)
{
	host_stop(&host);
}

static void send_frame(uint16_t session_id, uint32_t side)
{
	struct hxfr_message m = {
		.header = { .type = HXFR_FRAME_REQUEST, .session_id = session_id },
		.frame_request = { .resource_id = 1,
			.width = side,
			.height = side,
			.format = HXFR_FORMAT_NV12 },
	};
	peer_send(peer, &m);
}

static void expect_refused(void)
{
	ck_assert_int_eq(peer_expect(peer, HXFR_ERROR)->error.code, HXFR_CODE_INTERNAL);
}

START_TEST(a_quota_gives_no_more_than_it_has)
{
	struct quota quota;

	quota_init(&quota, 10);
	ck_assert_int_eq(quota_take(&quota, 11), -EDQUOT);
	ck_assert_int_eq(quota_take(&quota, 7), 0);
	ck_assert_int_eq(quota_take(&quota, 4), -EDQUOT);
	ck_assert_int_eq(quota_take(&quota, SIZE_MAX), -EDQUOT);
	ck_assert_int_eq(quota_take(&quota, 3), 0);
	quota_give(&quota, 4);
	ck_assert_int_eq(quota_take(&quota, 4), 0);
	ck_assert_int_eq(quota_take(NULL, SIZE_MAX), 0);
}
END_TEST

START_TEST(frames_beyond_what_all_clients_may_have_in_encoders_are_errors)
{
	ck_assert_int_eq(quota_take(&host.pixels, HOST_PIXELS_MAX - 2 * FRAME_SIZE), 0);
	for (int i = 0; i < 3; i++)
		send_frame(HXFR_SESSION_MAIN, SIDE);
	peer_expect_silence(peer); /* all three are taken in */
	fake_let_go(2);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	expect_refused();
	send_frame(HXFR_SESSION_MAIN, SIDE);
	fake_let_go(1);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
}
END_TEST

START_TEST(a_client_with_enough_pixels_in_encoders_is_not_read_on)
{
	const size_t size = (size_t)LARGE_SIDE * LARGE_SIDE * 3 / 2;
	const unsigned limit = (unsigned)((SESSION_PIXELS_MAX + size - 1) / size);

	for (unsigned i = 0; i < limit + 2; i++)
		send_frame(HXFR_SESSION_MAIN, LARGE_SIDE);
	ck_assert(fake_wait_held(limit, TIMEOUT_MS));
	ck_assert(!fake_wait_held(limit + 1, QUIET_MS));
	fake_let_go(limit);
	fake_let_go(2);
	for (unsigned i = 0; i < limit + 2; i++)
		peer_expect(peer, HXFR_FRAME_RESPONSE);
}
END_TEST

START_TEST(streams_beyond_what_all_clients_share_are_errors_but_never_the_first)
{
	ck_assert_int_eq(quota_take(&host.encoders, HOST_ENCODERS_MAX), 0);
	send_frame(1, SIDE);
	fake_let_go(1);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	send_frame(2, SIDE);
	expect_refused();
	quota_give(&host.encoders, 1);
	send_frame(2, SIDE);
	fake_let_go(1);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
}
END_TEST

START_TEST(a_session_that_ends_gives_everything_back)
{
	for (uint16_t id = 1; id <= 3; id++)
		send_frame(id, SIDE);
	ck_assert(fake_wait_held(3, TIMEOUT_MS));
	ck_assert_uint_eq(atomic_load(&host.pixels.used), 3 * FRAME_SIZE);
	ck_assert_uint_eq(atomic_load(&host.encoders.used), 2);
	session_destroy(host.session);
	host.session = NULL;
	ck_assert_uint_eq(atomic_load(&host.pixels.used), 0);
	ck_assert_uint_eq(atomic_load(&host.encoders.used), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_quota_gives_no_more_than_it_has,
		frames_beyond_what_all_clients_may_have_in_encoders_are_errors,
		a_client_with_enough_pixels_in_encoders_is_not_read_on,
		streams_beyond_what_all_clients_share_are_errors_but_never_the_first,
		a_session_that_ends_gives_everything_back,
		NULL,
	};
	return suite_run_with("limits", tests, set_up, tear_down);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one client may hold, and all together: an encoder that keeps frames until it is told to let go. */
#include "outbox.h"
#include "peer.h"
#include "suite.h"

#include <errno.h>
#include <hxfr/error.h>
#include <string.h>
#include <time.h>

#define SIDE       64u
#define FRAME_SIZE ((size_t)SIDE * SIDE * 3 / 2)
#define LARGE_SIDE 4096u
#define HELD_MAX   16u
#define TIMEOUT_MS 10000
#define QUIET_MS   300

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned count;
	void *tokens[HELD_MAX];
} held = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static const struct encoder_impl holding_impl;

static int holding_create(const char *name, const struct encoder_config *config,
	encoder_done_fn done, struct encoder **ret)
{
	struct encoder *e = malloc(sizeof *e);

	(void)name;
	(void)config;
	(void)done;
	e->impl = &holding_impl;
	*ret = e;
	return 0;
}

static int holding_encode(struct encoder *base, const struct encoder_frame *frame, void *token)
{
	(void)base;
	ck_assert_ptr_nonnull(frame->picture);
	pthread_mutex_lock(&held.lock);
	ck_assert_uint_lt(held.count, HELD_MAX);
	held.tokens[held.count++] = token;
	pthread_cond_broadcast(&held.changed);
	pthread_mutex_unlock(&held.lock);
	return 0;
}

static int holding_reconfigure(struct encoder *base, const struct encoder_config *config)
{
	(void)base;
	(void)config;
	return 0;
}

static void holding_destroy(struct encoder *base)
{
	free(base);
}

static const struct encoder_impl holding_impl = {
	.needs_pixels = true,
	.create = holding_create,
	.encode = holding_encode,
	.reconfigure = holding_reconfigure,
	.destroy = holding_destroy,
};

static bool wait_until_held(unsigned count, unsigned timeout_ms)
{
	struct timespec deadline;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &deadline);
	uint64_t ns = (uint64_t)deadline.tv_nsec + (uint64_t)timeout_ms * 1000000;
	deadline.tv_sec += (time_t)(ns / 1000000000);
	deadline.tv_nsec = (long)(ns % 1000000000);
	pthread_mutex_lock(&held.lock);
	while (r == 0 && held.count < count)
		r = pthread_cond_timedwait(&held.changed, &held.lock, &deadline);
	pthread_mutex_unlock(&held.lock);
	return r == 0;
}

static void let_go(unsigned count)
{
	static const uint8_t bytes[] = { 0, 0, 0, 1, 0x65 };
	const struct unit unit = { .data = bytes, .size = sizeof bytes, .is_keyframe = true };
	void *tokens[HELD_MAX];

	ck_assert(wait_until_held(count, TIMEOUT_MS));
	pthread_mutex_lock(&held.lock);
	ck_assert_uint_eq(held.count, count);
	memcpy(tokens, held.tokens, sizeof tokens);
	held.count = 0;
	pthread_mutex_unlock(&held.lock);
	for (unsigned i = 0; i < count; i++)
		outbox_done(tokens[i], 0, &unit);
}

static struct host host;
static struct peer *peer = &host.peer;

static void set_up(void)
{
	const struct encoder_choice choice = { &holding_impl, "holding" };

	held.count = 0;
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
	let_go(2);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	expect_refused();
	send_frame(HXFR_SESSION_MAIN, SIDE);
	let_go(1);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
}
END_TEST

START_TEST(a_client_with_enough_pixels_in_encoders_is_not_read_on)
{
	const size_t size = (size_t)LARGE_SIDE * LARGE_SIDE * 3 / 2;
	const unsigned limit = (unsigned)((SESSION_PIXELS_MAX + size - 1) / size);

	for (unsigned i = 0; i < limit + 2; i++)
		send_frame(HXFR_SESSION_MAIN, LARGE_SIDE);
	ck_assert(wait_until_held(limit, TIMEOUT_MS));
	ck_assert(!wait_until_held(limit + 1, QUIET_MS));
	let_go(limit);
	let_go(2);
	for (unsigned i = 0; i < limit + 2; i++)
		peer_expect(peer, HXFR_FRAME_RESPONSE);
}
END_TEST

START_TEST(streams_beyond_what_all_clients_share_are_errors_but_never_the_first)
{
	ck_assert_int_eq(quota_take(&host.encoders, HOST_ENCODERS_MAX), 0);
	send_frame(1, SIDE);
	let_go(1);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	send_frame(2, SIDE);
	expect_refused();
	quota_give(&host.encoders, 1);
	send_frame(2, SIDE);
	let_go(1);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
}
END_TEST

START_TEST(a_session_that_ends_gives_everything_back)
{
	for (uint16_t id = 1; id <= 3; id++)
		send_frame(id, SIDE);
	ck_assert(wait_until_held(3, TIMEOUT_MS));
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
	return suite_run("limits", tests, set_up, tear_down);
}

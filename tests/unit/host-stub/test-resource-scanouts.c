/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SUBSCRIBE to what a guest shows on its screens. */
#include "fake-encoder.h"
#include "resource-fixture.h"
#include "suite.h"

#define CURSOR_ID   9u
#define CURSOR_PAGE 2048u
#define SCANOUT_NS  16666667
#define TIMEOUT_MS  10000
#define QUIET_MS    300

static void subscribe(uint32_t scanout, bool success)
{
	struct hxfr_message m = { .header = { .type = HXFR_SUBSCRIBE }, .scanout_id = scanout };

	peer_send(peer, &m);
	const struct hxfr_message *answer = peer_expect(peer, HXFR_SUBSCRIBE_RESP);
	ck_assert_msg(answer->subscribe_resp.success == success, "scanout %u", scanout);
}

START_TEST(a_scanout_is_sent_at_once_and_then_on_every_flush)
{
	show(2, WIDTH, HEIGHT);
	subscribe(2, true);
	for (int i = 0; i < 5; i++) {
		const struct hxfr_message *m = peer_expect(peer, HXFR_FRAME_RESPONSE);
		ck_assert_uint_eq(m->header.session_id, 2);
		ck_assert_int_eq(m->frame_response.pts, (int64_t)i * SCANOUT_NS);
		ck_assert(m->frame_response.is_keyframe == (i == 0));
		expect_hash(m, hash_shown(WIDTH, HEIGHT));
		peer_expect_silence(peer);
		device.memory[FIRST_PAGE * PAGE]++;
		fake_device_flush(&device, ID);
	}
}
END_TEST

START_TEST(a_scanout_that_shows_something_later_is_sent_then)
{
	subscribe(0, true);
	peer_expect_silence(peer);
	show(0, WIDTH, HEIGHT);
	expect_hash(peer_expect(peer, HXFR_FRAME_RESPONSE), hash_shown(WIDTH, HEIGHT));
}
END_TEST

START_TEST(a_scanout_of_another_size_begins_with_a_keyframe)
{
	show(0, WIDTH, HEIGHT);
	subscribe(0, true);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	show(0, WIDTH / 2, HEIGHT / 2);
	const struct hxfr_message *m = peer_expect(peer, HXFR_FRAME_RESPONSE);
	ck_assert(m->frame_response.is_keyframe);
	ck_assert_int_eq(peer_spelled(m, "size"), WIDTH / 2);
	ck_assert_int_eq(m->frame_response.pts, SCANOUT_NS);
}
END_TEST

START_TEST(a_static_scanout_is_sent_again_when_asked_for)
{
	show(0, WIDTH, HEIGHT);
	subscribe(0, true);
	ck_assert(peer_expect(peer, HXFR_FRAME_RESPONSE)->frame_response.is_keyframe);
	subscribe(0, true);
	ck_assert(peer_expect(peer, HXFR_FRAME_RESPONSE)->frame_response.is_keyframe);
	peer_send_type(peer, HXFR_KEYFRAME_REQ, 0);
	ck_assert(peer_expect(peer, HXFR_FRAME_RESPONSE)->frame_response.is_keyframe);
	peer_expect_silence(peer);
}
END_TEST

START_TEST(scanouts_beyond_those_of_a_device_do_not_exist)
{
	subscribe(RESOURCE_SCANOUTS_MAX, false);
	subscribe(UINT32_MAX, false);
}
END_TEST

START_TEST(screens_are_not_plugged_in_by_clients)
{
	struct hxfr_message m = { .header = { .type = HXFR_ENABLE_SCANOUT },
		.enable_scanout = { 1, 640, 480, 60 } };

	peer_send(peer, &m);
	ck_assert(!peer_expect(peer, HXFR_SCANOUT_RESP)->scanout_resp.success);
	show(1, WIDTH, HEIGHT);
	peer_send(peer, &m);
	ck_assert(peer_expect(peer, HXFR_SCANOUT_RESP)->scanout_resp.success);
}
END_TEST

START_TEST(a_slow_encoder_skips_to_what_is_shown_now)
{
	use_fake_encoder();
	fake.hold = true;
	show(0, WIDTH, HEIGHT);
	subscribe(0, true);
	ck_assert(fake_wait_held(1, TIMEOUT_MS));
	for (int i = 0; i < 1000; i++) {
		device.memory[FIRST_PAGE * PAGE]++;
		fake_device_flush(&device, ID);
	}
	catch_up();
	ck_assert(!fake_wait_encoded(2, QUIET_MS));
	fake_let_go(1);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	ck_assert(fake_wait_held(1, TIMEOUT_MS));
	ck_assert_uint_eq(fake_hash(), hash_shown(WIDTH, HEIGHT));
	fake_let_go(1);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	peer_expect_silence(peer);
	ck_assert_uint_eq(fake_encoded(), 2);
}
END_TEST

START_TEST(a_flush_while_the_encoder_reads_is_another_frame)
{
	use_fake_encoder();
	fake.blocked = true;
	show(0, WIDTH, HEIGHT);
	subscribe(0, true);
	ck_assert(fake_wait_encoded(1, TIMEOUT_MS));
	fake_device_flush(&device, ID);
	fake_unblock();
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	peer_expect_silence(peer);
}
END_TEST

static void show_again(struct fake_device *d)
{
	publish(d);
	fake_device_scanout(d, 0, ID, WIDTH, HEIGHT);
}

START_TEST(a_subscription_outlives_the_device_process)
{
	show(0, WIDTH, HEIGHT);
	subscribe(0, true);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	fake_device_on_client(&device, show_again);
	fake_device_drop_client(&device);
	const struct hxfr_message *m = peer_expect(peer, HXFR_FRAME_RESPONSE);
	ck_assert_int_eq(m->frame_response.pts, SCANOUT_NS);
	expect_hash(m, hash_shown(WIDTH, HEIGHT));
}
END_TEST

START_TEST(a_scanout_that_cannot_be_read_is_sent_when_it_can)
{
	subscribe(0, true);
	fake_device_scanout(&device, 0, ID, WIDTH, HEIGHT + 1);
	peer_expect_silence(peer);
	show(0, WIDTH, HEIGHT);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
}
END_TEST

/* One opaque white pixel in the corner, the others transparent. */
static void add_cursor(void)
{
	const struct resource_packet add = {
		.add = { .id = CURSOR_ID, .width = 64, .height = 64, .format = 1, .n_runs = 1 }
	};
	const struct resource_run run = { 0, (uint64_t)CURSOR_PAGE * PAGE, 4 * PAGE };

	memset(device.memory + (size_t)CURSOR_PAGE * PAGE, 0, 4 * (size_t)PAGE);
	memset(device.memory + (size_t)CURSOR_PAGE * PAGE, 255, 4);
	fake_device_add(&device, &add, &run);
}

static void move_cursor(uint32_t id, int32_t x, int32_t y)
{
	fake_device_send(&device, &(struct resource_packet){ .type = RESOURCE_CURSOR,
					  .cursor = { 0, id, .x = x, .y = y } });
}

/* Of what is shown with that pixel in it; the alpha of what a cursor covered is full. */
static uint64_t hash_with_cursor(int32_t x, int32_t y)
{
	static uint8_t copy[WIDTH * HEIGHT * 4];
	const struct picture geometry = {
		.width = WIDTH, .height = HEIGHT, .format = HXFR_FORMAT_AR24, .stride = WIDTH * 4
	};
	struct picture picture;

	memcpy(copy, device.memory + FIRST_PAGE * PAGE, sizeof copy);
	for (int32_t row = y; row < (int32_t)HEIGHT; row++)
		for (int32_t column = x; column < (int32_t)WIDTH; column++)
			copy[((size_t)row * WIDTH + (size_t)column) * 4 + 3] = 255;
	memset(copy + ((size_t)y * WIDTH + (size_t)x) * 4, 255, 4);
	ck_assert_int_eq(picture_lay_out(&geometry, copy, sizeof copy, &picture), 0);
	return picture_hash(&picture);
}

START_TEST(the_cursor_is_drawn_into_a_copy_and_its_moves_are_changes)
{
	struct hxfr_frame_request console = { 0 }, by_id = request_of(ID);

	add_cursor();
	show(0, WIDTH, HEIGHT);
	uint64_t plain = hash_shown(WIDTH, HEIGHT);
	subscribe(0, true);
	expect_hash(peer_expect(peer, HXFR_FRAME_RESPONSE), plain);
	move_cursor(CURSOR_ID, 3, 2);
	expect_hash(peer_expect(peer, HXFR_FRAME_RESPONSE), hash_with_cursor(3, 2));
	move_cursor(CURSOR_ID, 9, 9);
	expect_hash(peer_expect(peer, HXFR_FRAME_RESPONSE), hash_with_cursor(9, 9));
	expect_hash(exchange(&console), hash_with_cursor(9, 9));
	expect_hash(exchange(&by_id), plain);
	move_cursor(0, 0, 0);
	expect_hash(peer_expect(peer, HXFR_FRAME_RESPONSE), plain);
	ck_assert_uint_eq(hash_shown(WIDTH, HEIGHT), plain);
}
END_TEST

START_TEST(a_cursor_that_cannot_be_read_is_left_out)
{
	show(0, WIDTH, HEIGHT);
	subscribe(0, true);
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	move_cursor(1234, 0, 0);
	expect_hash(peer_expect(peer, HXFR_FRAME_RESPONSE), hash_shown(WIDTH, HEIGHT));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_scanout_is_sent_at_once_and_then_on_every_flush,
		a_scanout_that_shows_something_later_is_sent_then,
		a_scanout_of_another_size_begins_with_a_keyframe,
		a_static_scanout_is_sent_again_when_asked_for,
		scanouts_beyond_those_of_a_device_do_not_exist,
		screens_are_not_plugged_in_by_clients,
		a_slow_encoder_skips_to_what_is_shown_now,
		a_flush_while_the_encoder_reads_is_another_frame,
		a_subscription_outlives_the_device_process,
		a_scanout_that_cannot_be_read_is_sent_when_it_can,
		the_cursor_is_drawn_into_a_copy_and_its_moves_are_changes,
		a_cursor_that_cannot_be_read_is_left_out,
		NULL,
	};

	return suite_run_with("resource scanouts", tests, resources_set_up, resources_tear_down);
}

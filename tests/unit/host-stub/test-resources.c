/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A session whose frames are the guest's resources, which a device process of the test publishes. */
#include "fake-device.h"
#include "fake-encoder.h"
#include "peer.h"
#include "resource/mirror.h"
#include "suite.h"

#include <errno.h>
#include <hxfr/error.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>

#define PAGE        FAKE_DEVICE_PAGE
#define WIDTH       64u
#define HEIGHT      48u
#define ID          5u
#define FIRST_PAGE  16u /* of that resource */
#define CURSOR_ID   9u
#define CURSOR_PAGE 2048u
#define SCANOUT_NS  16666667
#define TIMEOUT_MS  10000
#define QUIET_MS    300

static struct fake_device device;
static struct mirror *mirror;
static struct host host;
static struct peer *peer = &host.peer;

static void start_session(const struct encoder_impl *impl, const char *name)
{
	struct encoder_choice choice = { .impl = impl };

	snprintf(choice.name, sizeof choice.name, "%s", name);
	host_start_mirror(&host, mirror, &choice);
}

static void publish(struct fake_device *d)
{
	fake_device_memory(d);
	fake_device_add_plain(d, ID, WIDTH, HEIGHT, FIRST_PAGE);
}

static void start_device(void)
{
	fake_device_start(&device);
	fake_device_on_client(&device, publish);
	for (size_t i = 0; i < (size_t)FAKE_DEVICE_PAGES * PAGE; i++)
		device.memory[i] = (uint8_t)(i * 7 + i / 4096);
	ck_assert_int_eq(mirror_new(device.name, NULL, &mirror), 0);
	fake_device_wait_clients(&device, 1);
}

static void set_up(void)
{
	fake_reset();
	start_device();
	start_session(&encoder_null_impl, "null");
}

static void tear_down(void)
{
	host_stop(&host);
	mirror_destroy(mirror);
	fake_device_stop(&device);
}

/* Instead of the null encoder. */
static void use_fake_encoder(void)
{
	host_stop(&host);
	start_session(&fake_pixels_impl, "fake");
}

static struct hxfr_frame_request request_of(uint32_t id)
{
	return (struct hxfr_frame_request){
		.resource_id = id,
		.width = WIDTH,
		.height = HEIGHT,
		.format = HXFR_FORMAT_AR24,
		.stride = WIDTH * 4,
		.pts = 7,
	};
}

static const struct hxfr_message *exchange(const struct hxfr_frame_request *request)
{
	peer_send_frame(peer, request);
	return peer_expect(peer, HXFR_FRAME_RESPONSE);
}

static void expect_error(const struct hxfr_frame_request *request, int32_t code)
{
	peer_send_frame(peer, request);
	ck_assert_int_eq(peer_expect(peer, HXFR_ERROR)->error.code, code);
}

/* After this the mirror has seen all that was sent. */
static void catch_up(void)
{
	struct mirror_pixels pixels;

	ck_assert_int_eq(mirror_map(mirror, 0x7fffffff, &pixels), -ENOENT);
}

static uint64_t hash_memory(
	uint32_t width, uint32_t height, uint32_t format, uint32_t stride, size_t offset)
{
	const struct picture geometry = {
		.width = width, .height = height, .format = format, .stride = stride
	};
	struct picture picture;

	ck_assert_int_eq(
		picture_lay_out(&geometry, device.memory + offset, SIZE_MAX / 2, &picture), 0);
	return picture_hash(&picture);
}

static void expect_hash(const struct hxfr_message *m, uint64_t hash)
{
	char wanted[64];
	size_t size;
	const uint8_t *unit = peer_unit(m, &size);

	snprintf(wanted, sizeof wanted, " hash=%016" PRIx64, hash);
	ck_assert_msg(memmem(unit, size, wanted, strlen(wanted)), "no%s", wanted);
}

START_TEST(a_frame_is_the_pages_of_its_resource)
{
	struct hxfr_frame_request request = request_of(ID);
	uint64_t hash = hash_memory(WIDTH, HEIGHT, HXFR_FORMAT_AR24, WIDTH * 4, FIRST_PAGE * PAGE);
	struct stats stats;

	const struct hxfr_message *m = exchange(&request);
	ck_assert_int_eq(m->frame_response.pts, 7);
	ck_assert_int_eq(peer_spelled(m, "id"), ID);
	expect_hash(m, hash);
	device.memory[FIRST_PAGE * PAGE + 5]++;
	m = exchange(&request);
	expect_hash(m, hash_memory(WIDTH, HEIGHT, HXFR_FORMAT_AR24, WIDTH * 4, FIRST_PAGE * PAGE));
	stats_get(&host.stats, &stats);
	ck_assert_uint_eq(stats.frames_resource, 2);
	ck_assert_uint_eq(stats.frames_pixels, 0);
}
END_TEST

START_TEST(what_a_request_leaves_out_is_the_resources_own)
{
	struct hxfr_frame_request request = { .resource_id = ID };
	uint64_t whole = hash_memory(WIDTH, HEIGHT, HXFR_FORMAT_AR24, WIDTH * 4, FIRST_PAGE * PAGE);
	uint64_t part =
		hash_memory(WIDTH / 2, HEIGHT / 2, HXFR_FORMAT_AR24, WIDTH * 4, FIRST_PAGE * PAGE);

	expect_hash(exchange(&request), whole);
	request.width = WIDTH / 2;
	request.height = HEIGHT / 2;
	expect_hash(exchange(&request), part);
}
END_TEST

START_TEST(nv12_may_lie_in_a_2d_resource)
{
	struct hxfr_frame_request request = request_of(ID);

	request.format = HXFR_FORMAT_NV12;
	request.width = WIDTH * 2;
	request.height = HEIGHT;
	request.stride = WIDTH * 2 + 8;
	expect_hash(exchange(&request), hash_memory(WIDTH * 2, HEIGHT, HXFR_FORMAT_NV12,
						request.stride, FIRST_PAGE * PAGE));
	request.stride = 0;
	expect_hash(exchange(&request),
		hash_memory(WIDTH * 2, HEIGHT, HXFR_FORMAT_NV12, WIDTH * 2, FIRST_PAGE * PAGE));
}
END_TEST

START_TEST(pixels_in_the_message_are_encoded_as_before)
{
	static uint8_t pixels[16 * 16 * 4];
	const struct hxfr_frame_request request = {
		.resource_id = 999,
		.width = 16,
		.height = 16,
		.format = HXFR_FORMAT_AR24,
		.stride = 64,
		.pixels_size = sizeof pixels,
	};

	peer_send_pixels(peer, &request, pixels);
	ck_assert_int_eq(peer_spelled(peer_expect(peer, HXFR_FRAME_RESPONSE), "id"), 999);
}
END_TEST

START_TEST(a_geometry_beyond_the_resource_is_refused)
{
	static const struct {
		uint32_t width, height, format, stride;
		int32_t code;
	} cases[] = {
		{ WIDTH, HEIGHT, HXFR_FORMAT_AR24, WIDTH * 4, 0 },
		{ WIDTH, HEIGHT + 1, HXFR_FORMAT_AR24, WIDTH * 4, HXFR_CODE_INVALID_MESSAGE },
		{ WIDTH + 1, HEIGHT, HXFR_FORMAT_AR24, WIDTH * 4, HXFR_CODE_INVALID_MESSAGE },
		{ WIDTH + 1, HEIGHT, HXFR_FORMAT_AR24, 0, HXFR_CODE_INVALID_MESSAGE },
		{ WIDTH, HEIGHT, HXFR_FORMAT_AR24, WIDTH * 4 + 4, HXFR_CODE_INVALID_MESSAGE },
		{ WIDTH, HEIGHT, HXFR_FORMAT_AR24, UINT32_MAX, HXFR_CODE_INVALID_MESSAGE },
		{ 8192, 8192, HXFR_FORMAT_NV12, 8192, HXFR_CODE_INVALID_MESSAGE },
		{ UINT32_MAX, UINT32_MAX, HXFR_FORMAT_AR24, 0, HXFR_CODE_INVALID_MESSAGE },
		{ WIDTH, HEIGHT, 0x12345678, WIDTH * 4, HXFR_CODE_RESOURCE_UNUSABLE },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct hxfr_frame_request request = request_of(ID);
		request.width = cases[i].width;
		request.height = cases[i].height;
		request.format = cases[i].format;
		request.stride = cases[i].stride;
		if (cases[i].code)
			expect_error(&request, cases[i].code);
		else
			exchange(&request);
	}
}
END_TEST

START_TEST(an_unknown_id_is_error_2_once_the_device_said_so)
{
	struct hxfr_frame_request unknown = request_of(77), known = request_of(ID);
	struct stats stats;

	expect_error(&unknown, HXFR_CODE_RESOURCE_NOT_FOUND);
	ck_assert_uint_eq(fake_device_syncs(&device), 1);
	exchange(&known);
	stats_get(&host.stats, &stats);
	ck_assert_uint_eq(stats.unknown_resources, 1);
}
END_TEST

static void add_77(struct fake_device *d)
{
	fake_device_add_plain(d, 77, WIDTH, HEIGHT, 100);
}

START_TEST(an_id_the_device_comes_to_before_synced_is_served)
{
	struct hxfr_frame_request request = request_of(77);

	fake_device_on_sync(&device, add_77);
	expect_hash(exchange(&request),
		hash_memory(WIDTH, HEIGHT, HXFR_FORMAT_AR24, WIDTH * 4, 100 * PAGE));
}
END_TEST

START_TEST(a_resource_outside_the_memory_is_an_error_of_its_own)
{
	struct hxfr_frame_request outside = request_of(6), good = request_of(ID);

	fake_device_add_plain(&device, 6, WIDTH, HEIGHT, FAKE_DEVICE_PAGES - 1);
	expect_error(&outside, HXFR_CODE_NO_SURFACE);
	exchange(&good);
}
END_TEST

START_TEST(a_resource_freed_in_the_encoder_stays_readable)
{
	struct hxfr_frame_request request = request_of(ID), other = request_of(6);
	uint64_t hash = hash_memory(WIDTH, HEIGHT, HXFR_FORMAT_AR24, WIDTH * 4, FIRST_PAGE * PAGE);
	use_fake_encoder();
	fake.blocked = true;
	peer_send_frame(peer, &request);
	ck_assert(fake_wait_encoded(1, TIMEOUT_MS));
	ck_assert_uint_eq(fake_hash(), hash);
	fake_device_remove(&device, ID);
	fake_device_add_plain(&device, 6, WIDTH, HEIGHT, 200);
	catch_up();
	fake_unblock();
	peer_expect(peer, HXFR_FRAME_RESPONSE);
	ck_assert_uint_eq(fake_hash(), hash);
	expect_error(&request, HXFR_CODE_RESOURCE_NOT_FOUND);
	exchange(&other);
}
END_TEST

/* Until the mirror has noticed. */
static void wait_until_void(uint32_t id)
{
	struct mirror_pixels pixels;

	while (mirror_map_known(mirror, id, &pixels) == 0) {
		mirror_unmap(mirror, &pixels);
		sched_yield();
	}
}

START_TEST(without_a_device_frames_are_errors_until_it_comes_again)
{
	struct hxfr_frame_request request = request_of(ID);

	exchange(&request);
	fake_device_on_client(&device, NULL);
	fake_device_mute(&device, true);
	fake_device_drop_client(&device);
	wait_until_void(ID);
	peer_send_frame(peer, &request);
	ck_assert_int_eq(peer_expect(peer, HXFR_ERROR)->error.code, HXFR_CODE_INTERNAL);
	fake_device_wait_clients(&device, 2);
	fake_device_mute(&device, false);
	publish(&device);
	exchange(&request);
}
END_TEST

static void show(uint32_t scanout, uint32_t width, uint32_t height)
{
	fake_device_scanout(&device, scanout, ID, width, height);
	catch_up();
}

static uint64_t hash_shown(uint32_t width, uint32_t height)
{
	return hash_memory(width, height, HXFR_FORMAT_AR24, WIDTH * 4, FIRST_PAGE * PAGE);
}

START_TEST(id_0_is_what_scanout_0_shows)
{
	struct hxfr_frame_request request = { .width = 1920, .height = 1080, .stride = 7680 };

	expect_error(&request, HXFR_CODE_RESOURCE_NOT_FOUND);
	show(0, WIDTH, HEIGHT);
	const struct hxfr_message *m = exchange(&request);
	ck_assert_int_eq(peer_spelled(m, "size"), WIDTH);
	ck_assert_int_eq(peer_spelled(m, "id"), 0);
	expect_hash(m, hash_shown(WIDTH, HEIGHT));
	fake_device_send(
		&device, &(struct resource_packet){ .type = RESOURCE_SCANOUT,
				 .scanout = { 0, ID, .x = 8, .y = 4, .width = 16, .height = 8 } });
	catch_up();
	expect_hash(exchange(&request), hash_memory(16, 8, HXFR_FORMAT_AR24, WIDTH * 4,
						FIRST_PAGE * PAGE + (4 * WIDTH + 8) * 4));
}
END_TEST

START_TEST(a_scanout_beyond_its_resource_is_refused)
{
	static const struct resource_packet cases[] = {
		{ .type = RESOURCE_SCANOUT,
			.scanout = { 0, ID, .x = 1, .width = WIDTH, .height = HEIGHT } },
		{ .type = RESOURCE_SCANOUT,
			.scanout = { 0, ID, .x = 1, .width = WIDTH, .height = 1 } },
		{ .type = RESOURCE_SCANOUT,
			.scanout = { 0, ID, .y = UINT32_MAX, .width = WIDTH, .height = 1 } },
		{ .type = RESOURCE_SCANOUT,
			.scanout = { 0, ID, .x = UINT32_MAX, .width = 2, .height = 2 } },
		{ .type = RESOURCE_SCANOUT,
			.scanout = { 0, ID, .width = WIDTH, .height = HEIGHT + 1 } },
		{ .type = RESOURCE_SCANOUT, .scanout = { 0, ID, .width = 0, .height = 0 } },
	};
	struct hxfr_frame_request request = { 0 };
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		fake_device_send(&device, &cases[i]);
		catch_up();
		expect_error(&request, HXFR_CODE_INVALID_MESSAGE);
	}
}
END_TEST

START_TEST(a_resource_larger_on_paper_than_its_pages_is_refused)
{
	const struct resource_packet add = {
		.add = { .id = 6, .width = WIDTH, .height = 4096, .format = 2, .n_runs = 1 }
	};
	const struct resource_run run = { 0, 0, PAGE };
	struct hxfr_frame_request request = { .resource_id = 6 };

	fake_device_add(&device, &add, &run);
	expect_error(&request, HXFR_CODE_INVALID_MESSAGE);
}
END_TEST

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

START_TEST(a_device_that_makes_no_sense_costs_no_session)
{
	struct hxfr_frame_request request = request_of(ID);

	for (unsigned i = 0; i < 3; i++) {
		exchange(&request);
		fake_device_send_raw(&device, "nonsense", 8, NULL, 0);
		fake_device_wait_clients(&device, 2 + i);
	}
	exchange(&request);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_frame_is_the_pages_of_its_resource,
		what_a_request_leaves_out_is_the_resources_own,
		nv12_may_lie_in_a_2d_resource,
		pixels_in_the_message_are_encoded_as_before,
		a_geometry_beyond_the_resource_is_refused,
		an_unknown_id_is_error_2_once_the_device_said_so,
		an_id_the_device_comes_to_before_synced_is_served,
		a_resource_outside_the_memory_is_an_error_of_its_own,
		a_resource_freed_in_the_encoder_stays_readable,
		without_a_device_frames_are_errors_until_it_comes_again,
		id_0_is_what_scanout_0_shows,
		a_scanout_beyond_its_resource_is_refused,
		a_resource_larger_on_paper_than_its_pages_is_refused,
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
		a_device_that_makes_no_sense_costs_no_session,
		NULL,
	};

	return suite_run_with("resources", tests, set_up, tear_down);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FRAME_REQUESTs by the ids of a guest's resources. */
#include "fake-encoder.h"
#include "resource-fixture.h"
#include "suite.h"

#include <hxfr/error.h>
#include <sched.h>

#define TIMEOUT_MS 10000

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

static void show_late(struct fake_device *d)
{
	fake_device_scanout(d, 0, ID, WIDTH, HEIGHT);
}

START_TEST(a_screen_the_device_comes_to_before_synced_is_served)
{
	const struct hxfr_frame_request request = { 0 };

	fake_device_on_sync(&device, show_late);
	expect_hash(exchange(&request), hash_shown(WIDTH, HEIGHT));
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
		a_screen_the_device_comes_to_before_synced_is_served,
		a_scanout_beyond_its_resource_is_refused,
		a_resource_larger_on_paper_than_its_pages_is_refused,
		a_device_that_makes_no_sense_costs_no_session,
		NULL,
	};

	return suite_run_with("resources", tests, resources_set_up, resources_tear_down);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resource-fixture.h"

#include "fake-encoder.h"
#include "suite.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct fake_device device;
struct mirror *mirror;
struct host host;
struct peer *peer = &host.peer;

static void start_session(const struct encoder_impl *impl, const char *name)
{
	struct encoder_choice choice = { .impl = impl };

	snprintf(choice.name, sizeof choice.name, "%s", name);
	host_start_mirror(&host, mirror, &choice);
}

void publish(struct fake_device *d)
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

void resources_set_up(void)
{
	fake_reset();
	start_device();
	start_session(&encoder_null_impl, "null");
}

void resources_tear_down(void)
{
	host_stop(&host);
	mirror_destroy(mirror);
	fake_device_stop(&device);
}

void use_fake_encoder(void)
{
	host_stop(&host);
	start_session(&fake_pixels_impl, "fake");
}

struct hxfr_frame_request request_of(uint32_t id)
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

const struct hxfr_message *exchange(const struct hxfr_frame_request *request)
{
	peer_send_frame(peer, request);
	return peer_expect(peer, HXFR_FRAME_RESPONSE);
}

void expect_error(const struct hxfr_frame_request *request, int32_t code)
{
	peer_send_frame(peer, request);
	ck_assert_int_eq(peer_expect(peer, HXFR_ERROR)->error.code, code);
}

void catch_up(void)
{
	struct mirror_pixels pixels;

	ck_assert_int_eq(mirror_map(mirror, 0x7fffffff, &pixels), -ENOENT);
}

uint64_t hash_memory(
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

void expect_hash(const struct hxfr_message *m, uint64_t hash)
{
	char wanted[64];
	size_t size;
	const uint8_t *unit = peer_unit(m, &size);

	snprintf(wanted, sizeof wanted, " hash=%016" PRIx64, hash);
	ck_assert_msg(memmem(unit, size, wanted, strlen(wanted)), "no%s", wanted);
}

void show(uint32_t scanout, uint32_t width, uint32_t height)
{
	fake_device_scanout(&device, scanout, ID, width, height);
	catch_up();
}

uint64_t hash_shown(uint32_t width, uint32_t height)
{
	return hash_memory(width, height, HXFR_FORMAT_AR24, WIDTH * 4, FIRST_PAGE * PAGE);
}

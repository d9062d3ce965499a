/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-frontend.h"
#include "resource-client.h"
#include "suite.h"
#include "virtio/gpu-command.h"
#include "virtio/gpu.h"

#include <errno.h>
#include <fcntl.h>
#include <hxfr/wire.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONTROL     0u
#define CURSOR      1u
#define PAGE        4096u
#define FENCE       77u
#define OFF         "SCANOUT 0 0 0,0 0x0; CURSOR 0 0 hot 0,0 at 0,0"
#define REQUEST_MAX 64u

static struct loop *loop;
static struct gpu *gpu;
static struct fake_frontend frontend;
static int client;
static unsigned n_warnings;

static void count_warning(void *user, enum log_level level, const char *text)
{
	n_warnings++;
}

static const struct log_sink warnings = { .level = LOG_LEVEL_WARNING, .write = count_warning };

static void setup(void)
{
	const struct gpu_config config = { 1, 1280, 800, 60, &warnings };

	n_warnings = 0;
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(gpu_new(&config, loop, &gpu), 0);
	fake_frontend_init(&frontend, loop, gpu_device(gpu), 2);
	client = resource_client_attach(gpu_publisher(gpu));
	resource_client_told(client);
}

static void teardown(void)
{
	close(client);
	fake_frontend_finish(&frontend);
	gpu_destroy(gpu);
	loop_destroy(loop);
}

static void start(uint64_t features)
{
	fake_frontend_start(&frontend, features);
	resource_client_told(client);
}

static size_t write_command(uint8_t *ret, uint32_t type, const uint32_t *fields, unsigned n)
{
	struct hxfr_writer w;
	size_t size = 0;

	hxfr_writer_init(&w, ret, REQUEST_MAX);
	hxfr_writer_u32(&w, type);
	hxfr_writer_u32(&w, GPU_FLAG_FENCE);
	hxfr_writer_i64(&w, FENCE);
	hxfr_writer_zero(&w, 8);
	for (unsigned i = 0; i < n; i++)
		hxfr_writer_u32(&w, fields[i]);
	ck_assert_int_eq(hxfr_writer_end(&w, &size), 0);
	return size;
}

/* Returns the type of the answer. */
static uint32_t run(unsigned queue, uint32_t type, const uint32_t *fields, unsigned n)
{
	uint8_t bytes[REQUEST_MAX], answer[GPU_HEADER_SIZE];
	size_t size = write_command(bytes, type, fields, n);
	struct gpu_header header;

	ck_assert_uint_eq(
		fake_frontend_request(&frontend, queue, bytes, size, answer, sizeof answer),
		GPU_HEADER_SIZE);
	ck_assert_int_eq(gpu_header_decode(answer, sizeof answer, &header), 0);
	ck_assert_uint_eq(header.fence_id, FENCE);
	return header.type;
}

#define run_fields(queue, type, ...)                                                               \
	run(queue, type, (const uint32_t[]){ __VA_ARGS__ },                                        \
		sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static void show_a_resource(void)
{
	ck_assert_uint_eq(run_fields(CONTROL, GPU_RESOURCE_CREATE_2D, 5, 2, 64, 64), GPU_OK_NODATA);
	ck_assert_uint_eq(run_fields(CONTROL, GPU_RESOURCE_ATTACH_BACKING, 5, 1, 0, 1, 4 * PAGE, 0),
		GPU_OK_NODATA);
	ck_assert_uint_eq(run_fields(CONTROL, GPU_SET_SCANOUT, 0, 0, 64, 64, 0, 5), GPU_OK_NODATA);
	ck_assert_uint_eq(
		run_fields(CONTROL, GPU_RESOURCE_FLUSH, 0, 0, 64, 64, 5, 0), GPU_OK_NODATA);
	ck_assert_uint_eq(
		run_fields(CURSOR, GPU_UPDATE_CURSOR, 0, 1, 2, 0, 5, 0, 0, 0), GPU_OK_NODATA);
}

START_TEST(a_driver_finds_its_features_and_scanouts)
{
	const uint8_t expected[GPU_CONFIG_SIZE] = { [8] = 1 };
	uint8_t config[GPU_CONFIG_SIZE];

	ck_assert(fake_frontend_ask(&frontend, VHOST_GET_FEATURES) >> GPU_F_EDID & 1);
	ck_assert(fake_frontend_get_config(&frontend, 0, config, sizeof config));
	ck_assert_mem_eq(config, expected, sizeof config);
}
END_TEST

START_TEST(what_a_driver_shows_is_published)
{
	/* Guest memory at 4 GiB is the second region, behind the first in the same file. */
	for (unsigned event_idx = 0; event_idx < 2; event_idx++) {
		start(event_idx ? FAKE_EVENT_IDX : 0);
		show_a_resource();
		assert_told(client, "ADD 5 64x64 f2 1:16777216+16384; SCANOUT 0 5 0,0 64x64; "
				    "FLUSH 5 0,0 64x64; CURSOR 0 5 hot 0,0 at 1,2");
		fake_frontend_stop(&frontend);
		fake_frontend_reboot(&frontend);
	}
}
END_TEST

START_TEST(a_client_that_asks_hears_of_what_was_not_yet_kicked_for)
{
	struct fake_queue *queue = &frontend.queues[CONTROL];
	const uint32_t fields[] = { 0, 0, 32, 32, 5, 0 };
	uint64_t at = fake_ram_alloc(&frontend.ram, 2 * REQUEST_MAX, 16);
	const struct fake_buffer buffers[] = {
		{ at,
			(uint32_t)write_command(fake_ram_at(&frontend.ram, at), GPU_RESOURCE_FLUSH,
				fields, N_ELEMENTS(fields)),
			false },
		{ at + REQUEST_MAX, GPU_HEADER_SIZE, true },
	};
	uint32_t written;
	uint16_t head;

	start(0);
	show_a_resource();
	resource_client_told(client);
	fake_queue_put(queue, buffers, N_ELEMENTS(buffers));
	fake_frontend_settle(&frontend);
	assert_told(client, "");
	resource_client_sync(client, 3);
	fake_frontend_settle(&frontend);
	assert_told(client, "FLUSH 5 0,0 32x32; SYNCED 3");
	ck_assert(fake_queue_take(queue, &head, &written));
	/* The kick comes late, and finds nothing. */
	fake_queue_kick(queue);
	fake_frontend_settle(&frontend);
	assert_told(client, "");
}
END_TEST

START_TEST(a_ring_found_broken_for_a_client_is_spoken_of_once)
{
	struct fake_queue *queue = &frontend.queues[CONTROL];
	const struct fake_buffer nowhere = { (uint64_t)1 << 60, REQUEST_MAX, false };

	start(0);
	fake_queue_put(queue, &nowhere, 1);
	resource_client_sync(client, 3);
	fake_frontend_settle(&frontend);
	assert_told(client, "SYNCED 3");
	ck_assert_uint_eq(n_warnings, 1);
	fake_queue_kick(queue);
	resource_client_sync(client, 4);
	fake_frontend_settle(&frontend);
	ck_assert_uint_eq(n_warnings, 1);
}
END_TEST

START_TEST(nothing_is_left_after_a_reboot)
{
	start(0);
	show_a_resource();
	resource_client_told(client);
	fake_frontend_stop(&frontend);
	assert_told(client, "");
	fake_frontend_reboot(&frontend);
	fake_frontend_start(&frontend, 0);
	fake_frontend_settle(&frontend);
	/* QEMU shares its memory first; then the new driver shows itself. */
	assert_told(client, "MEMORY 2; ADD 5 64x64 f2 1:16777216+16384; SCANOUT 0 5 0,0 64x64; "
			    "CURSOR 0 5 hot 0,0 at 1,2; MEMORY 2; " OFF);
	ck_assert_uint_eq(
		run_fields(CONTROL, GPU_RESOURCE_UNREF, 5, 0), GPU_ERR_INVALID_RESOURCE_ID);
	show_a_resource();
}
END_TEST

START_TEST(a_paused_guest_goes_on_with_what_it_had)
{
	start(0);
	show_a_resource();
	fake_frontend_stop(&frontend);
	fake_frontend_start(&frontend, 0);
	resource_client_told(client);
	ck_assert_uint_eq(
		run_fields(CONTROL, GPU_RESOURCE_FLUSH, 0, 0, 64, 64, 5, 0), GPU_OK_NODATA);
	assert_told(client, "FLUSH 5 0,0 64x64");
}
END_TEST

START_TEST(another_memory_table_is_followed_while_the_guest_runs)
{
	start(0);
	show_a_resource();
	resource_client_told(client);
	fake_frontend_share(&frontend);
	fake_frontend_settle(&frontend);
	assert_told(client, "MEMORY 2; ADD 5 64x64 f2 1:16777216+16384; SCANOUT 0 5 0,0 64x64; "
			    "CURSOR 0 5 hot 0,0 at 1,2");
	ck_assert_uint_eq(
		run_fields(CONTROL, GPU_RESOURCE_FLUSH, 0, 0, 64, 64, 5, 0), GPU_OK_NODATA);
	assert_told(client, "FLUSH 5 0,0 64x64");
}
END_TEST

START_TEST(a_front_end_that_leaves_takes_its_memory_with_it)
{
	start(0);
	show_a_resource();
	resource_client_told(client);
	fake_frontend_disconnect(&frontend);
	assert_told(client, "MEMORY 0; " OFF);
	fake_frontend_connect(&frontend);
	fake_frontend_reboot(&frontend);
	start(0);
	show_a_resource();
}
END_TEST

START_TEST(the_display_socket_is_held_and_never_used)
{
	int pair[2];
	char byte;

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	fake_frontend_send(&frontend, VHOST_GPU_SET_SOCKET, 1, NULL, 0, &pair[1], 1);
	close(pair[1]);
	start(0);
	ck_assert_int_eq(send(pair[0], "display info, please", 20, MSG_NOSIGNAL), 20);
	show_a_resource();
	/* Neither an answer nor the end of it. */
	ck_assert_int_eq(recv(pair[0], &byte, 1, 0), -1);
	ck_assert_int_eq(errno, EAGAIN);
	close(pair[0]);
}
END_TEST

START_TEST(a_client_that_does_not_read_holds_nobody_up)
{
	start(FAKE_EVENT_IDX);
	show_a_resource();
	for (unsigned i = 0; i < 2000; i++)
		ck_assert_uint_eq(
			run_fields(CONTROL, GPU_SET_SCANOUT, 0, 0, 64, 64, 0, 5), GPU_OK_NODATA);
}
END_TEST

START_TEST(a_cursor_queue_without_room_for_answers_is_served)
{
	const uint32_t fields[] = { 0, 7, 8, 0, 5, 0, 0, 0 };
	uint8_t bytes[REQUEST_MAX];
	size_t size = write_command(bytes, GPU_MOVE_CURSOR, fields, N_ELEMENTS(fields));

	start(0);
	show_a_resource();
	resource_client_told(client);
	ck_assert_uint_eq(fake_frontend_request(&frontend, CURSOR, bytes, size, NULL, 0), 0);
	assert_told(client, "CURSOR 0 5 hot 0,0 at 7,8");
}
END_TEST

START_TEST(a_config_that_cannot_be_is_refused)
{
	const struct gpu_config none = { 0, 1280, 800, 60, NULL };
	const struct gpu_config wide = { 1, 5000, 800, 60, NULL };
	struct gpu *other;

	poison(&other);
	ck_assert_int_eq(gpu_new(&none, loop, &other), -EINVAL);
	ck_assert_int_eq(gpu_new(&wide, loop, &other), -EINVAL);
	assert_poisoned(&other);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_driver_finds_its_features_and_scanouts,
		what_a_driver_shows_is_published,
		a_client_that_asks_hears_of_what_was_not_yet_kicked_for,
		a_ring_found_broken_for_a_client_is_spoken_of_once,
		nothing_is_left_after_a_reboot,
		a_paused_guest_goes_on_with_what_it_had,
		another_memory_table_is_followed_while_the_guest_runs,
		a_front_end_that_leaves_takes_its_memory_with_it,
		the_display_socket_is_held_and_never_used,
		a_client_that_does_not_read_holds_nobody_up,
		a_cursor_queue_without_room_for_answers_is_served,
		a_config_that_cannot_be_is_refused,
		NULL,
	};
	return suite_run_with("gpu", tests, setup, teardown);
}

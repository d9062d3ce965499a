/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu-guest.h"
#include "resource-client.h"
#include "suite.h"

#include <unistd.h>

#define NOTHING_SHOWN                                                                              \
	"SCANOUT 0 0 0,0 0x0; CURSOR 0 0 hot 0,0 at 0,0; "                                         \
	"SCANOUT 1 0 0,0 0x0; CURSOR 1 0 hot 0,0 at 0,0"

static struct gpu_guest guest;
static int client;

static void setup(void)
{
	gpu_guest_init(&guest);
	client = resource_client_attach(guest.publisher);
	assert_told(client, "MEMORY 3; " NOTHING_SHOWN);
}

static void teardown(void)
{
	close(client);
	gpu_guest_finish(&guest);
}

static void create_and_attach(uint32_t id, uint64_t addr)
{
	ck_assert_uint_eq(gpu_guest_create(&guest, id, 64, 64), GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_guest_attach_at(&guest, id, addr, 4 * PAGE), GPU_OK_NODATA);
}

START_TEST(a_resource_is_told_of_when_it_has_pages)
{
	ck_assert_uint_eq(gpu_guest_create(&guest, 5, 64, 64), GPU_OK_NODATA);
	assert_told(client, "");
	ck_assert_uint_eq(gpu_guest_attach_at(&guest, 5, 0x10000, 4 * PAGE), GPU_OK_NODATA);
	assert_told(client, "ADD 5 64x64 f2 0:65536+16384");
	ck_assert_uint_eq(gpu_control(&guest, GPU_TRANSFER_TO_HOST_2D, 0, 0, 64, 64, 0, 0, 5, 0),
		GPU_OK_NODATA);
	assert_told(client, "");
	ck_assert_uint_eq(gpu_guest_flush(&guest, 5, 64, 60), GPU_OK_NODATA);
	assert_told(client, "FLUSH 5 0,0 64x60");
	ck_assert_uint_eq(gpu_control(&guest, GPU_RESOURCE_DETACH_BACKING, 5, 0), GPU_OK_NODATA);
	assert_told(client, "REMOVE 5");
	ck_assert_uint_eq(gpu_guest_flush(&guest, 5, 64, 60), GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_control(&guest, GPU_RESOURCE_UNREF, 5, 0), GPU_OK_NODATA);
	assert_told(client, "");
	create_and_attach(5, 0x20000);
	assert_told(client, "ADD 5 64x64 f2 0:131072+16384");
	ck_assert_uint_eq(gpu_control(&guest, GPU_RESOURCE_UNREF, 5, 0), GPU_OK_NODATA);
	assert_told(client, "REMOVE 5");
}
END_TEST

START_TEST(nothing_is_told_of_what_was_refused)
{
	create_and_attach(5, 0x10000);
	resource_client_told(client);
	gpu_guest_create(&guest, 5, 64, 64);
	gpu_guest_attach_at(&guest, 5, 0x20000, PAGE);
	gpu_guest_create(&guest, 6, 64, 64);
	gpu_guest_attach_at(&guest, 6, LOW_SIZE, PAGE);
	gpu_guest_set_scanout(&guest, 0, 5, 65, 64);
	gpu_guest_set_scanout(&guest, 2, 5, 64, 64);
	gpu_guest_flush(&guest, 5, 65, 64);
	gpu_guest_cursor(&guest, GPU_UPDATE_CURSOR, 9, 1);
	gpu_control(&guest, GPU_RESOURCE_UNREF, 9, 0);
	assert_told(client, "");
}
END_TEST

START_TEST(a_scanout_shows_only_what_clients_know)
{
	ck_assert_uint_eq(gpu_guest_create(&guest, 5, 64, 64), GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_guest_set_scanout(&guest, 1, 5, 60, 50), GPU_OK_NODATA);
	assert_told(client, "SCANOUT 1 0 0,0 0x0");
	ck_assert_uint_eq(gpu_guest_attach_at(&guest, 5, 0, PAGE), GPU_OK_NODATA);
	assert_told(client, "ADD 5 64x64 f2 0:0+4096; SCANOUT 1 5 0,0 60x50");
	ck_assert_uint_eq(gpu_control(&guest, GPU_RESOURCE_DETACH_BACKING, 5, 0), GPU_OK_NODATA);
	assert_told(client, "SCANOUT 1 0 0,0 0x0; REMOVE 5");
	ck_assert_uint_eq(gpu_guest_attach_at(&guest, 5, PAGE, PAGE), GPU_OK_NODATA);
	assert_told(client, "ADD 5 64x64 f2 0:4096+4096; SCANOUT 1 5 0,0 60x50");
	ck_assert_uint_eq(gpu_control(&guest, GPU_RESOURCE_UNREF, 5, 0), GPU_OK_NODATA);
	assert_told(client, "SCANOUT 1 0 0,0 0x0; REMOVE 5");
	create_and_attach(5, 0);
	assert_told(client, "ADD 5 64x64 f2 0:0+16384");
}
END_TEST

START_TEST(a_scanout_is_switched_off)
{
	create_and_attach(5, 0);
	gpu_guest_set_scanout(&guest, 0, 5, 64, 64);
	resource_client_told(client);
	ck_assert_uint_eq(gpu_guest_set_scanout(&guest, 0, 0, 0, 0), GPU_OK_NODATA);
	assert_told(client, "SCANOUT 0 0 0,0 0x0");
}
END_TEST

START_TEST(a_cursor_is_shown_moved_and_hidden)
{
	create_and_attach(5, 0);
	resource_client_told(client);
	gpu_guest_cursor(&guest, GPU_UPDATE_CURSOR, 5, 10);
	assert_told(client, "CURSOR 0 5 hot 3,4 at 10,20");
	gpu_guest_cursor(&guest, GPU_MOVE_CURSOR, 0, (uint32_t)-7);
	assert_told(client, "CURSOR 0 5 hot 3,4 at -7,20");
	gpu_guest_cursor(&guest, GPU_UPDATE_CURSOR, 0, 1);
	assert_told(client, "CURSOR 0 0 hot 3,4 at 1,20");
	gpu_guest_cursor(&guest, GPU_UPDATE_CURSOR, 5, 2);
	gpu_control(&guest, GPU_RESOURCE_UNREF, 5, 0);
	assert_told(client, "CURSOR 0 5 hot 3,4 at 2,20; CURSOR 0 0 hot 3,4 at 2,20; REMOVE 5");
}
END_TEST

static void show_something(void)
{
	create_and_attach(5, 0x10000);
	gpu_guest_create(&guest, 6, 64, 64);
	gpu_guest_set_scanout(&guest, 0, 5, 64, 64);
	gpu_guest_cursor(&guest, GPU_UPDATE_CURSOR, 5, 10);
	create_and_attach(7, HIGH_BASE + HIGH_SIZE - PAGE);
	gpu_guest_set_scanout(&guest, 1, 7, 32, 32);
}

START_TEST(a_new_client_is_told_of_all_there_is)
{
	int other;

	show_something();
	resource_client_told(client);
	other = resource_client_attach(guest.publisher);
	assert_told(other,
		"MEMORY 3; ADD 5 64x64 f2 0:65536+16384; ADD 7 64x64 f2 1:28672+4096 2:0+12288; "
		"SCANOUT 0 5 0,0 64x64; CURSOR 0 5 hot 3,4 at 10,20; "
		"SCANOUT 1 7 0,0 32x32; CURSOR 1 0 hot 0,0 at 0,0");
	assert_told(client, "");
	gpu_guest_flush(&guest, 5, 64, 64);
	assert_told(other, "FLUSH 5 0,0 64x64");
	assert_told(client, "FLUSH 5 0,0 64x64");
	close(other);
}
END_TEST

START_TEST(another_memory_table_is_told_of_with_all_that_is_in_it)
{
	show_something();
	resource_client_told(client);
	guest_memory_finish(&guest.memory);
	/* The lower half is somewhere else, the upper one is gone. */
	gpu_guest_map(&guest.memory, 0x8000, LOW_SIZE, 0);
	gpu_engine_memory_changed(&guest.engine);
	assert_told(client, "MEMORY 1; ADD 5 64x64 f2 0:32768+16384; ADD 7 64x64 f2; "
			    "SCANOUT 0 5 0,0 64x64; CURSOR 0 5 hot 3,4 at 10,20; "
			    "SCANOUT 1 0 0,0 0x0; CURSOR 1 0 hot 0,0 at 0,0");
	gpu_guest_flush(&guest, 7, 64, 64);
	assert_told(client, "");
	guest_memory_finish(&guest.memory);
	gpu_guest_map_all(&guest.memory);
	gpu_engine_memory_changed(&guest.engine);
	assert_told(client,
		"MEMORY 3; ADD 5 64x64 f2 0:65536+16384; ADD 7 64x64 f2 1:28672+4096 2:0+12288; "
		"SCANOUT 0 5 0,0 64x64; CURSOR 0 5 hot 3,4 at 10,20; "
		"SCANOUT 1 7 0,0 32x32; CURSOR 1 0 hot 0,0 at 0,0");
}
END_TEST

START_TEST(a_reset_leaves_the_memory_and_nothing_in_it)
{
	show_something();
	resource_client_told(client);
	gpu_engine_reset(&guest.engine);
	assert_told(client, "MEMORY 3; " NOTHING_SHOWN);
}
END_TEST

START_TEST(many_runs_come_in_several_packets)
{
	struct gpu_entry entries[1200];

	for (uint32_t i = 0; i < N_ELEMENTS(entries); i++)
		entries[i] = (struct gpu_entry){ (uint64_t)(i * 2) * PAGE, PAGE };
	gpu_guest_create(&guest, 5, 1920, 1080);
	ck_assert_uint_eq(gpu_guest_attach(&guest, 5, entries, N_ELEMENTS(entries)), GPU_OK_NODATA);
	assert_told(client,
		"ADD 5 1920x1080 f2 1200 runs 0-512; ADD 5 1920x1080 f2 1200 runs 512-1024; "
		"ADD 5 1920x1080 f2 1200 runs 1024-1200");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_resource_is_told_of_when_it_has_pages,
		nothing_is_told_of_what_was_refused,
		a_scanout_shows_only_what_clients_know,
		a_scanout_is_switched_off,
		a_cursor_is_shown_moved_and_hidden,
		a_new_client_is_told_of_all_there_is,
		another_memory_table_is_told_of_with_all_that_is_in_it,
		a_reset_leaves_the_memory_and_nothing_in_it,
		many_runs_come_in_several_packets,
		NULL,
	};
	return suite_run_with("gpu-published", tests, setup, teardown);
}

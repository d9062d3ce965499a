/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu-guest.h"
#include "suite.h"

#include <errno.h>
#include <hxfr/wire.h>

#define FIELDS_MAX 8u

static struct gpu_guest guest;

static void setup(void)
{
	gpu_guest_init(&guest);
}

static void teardown(void)
{
	gpu_guest_finish(&guest);
}

/* Resources of the tables: 1 has no backing, 2 (64x64) and 3 (100x50, less than its pixels) have;
 * 4 (65x64) has none. */
static void make_resources(void)
{
	ck_assert_uint_eq(gpu_guest_create(&guest, 1, 100, 50), GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_guest_create(&guest, 2, 64, 64), GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_guest_attach_at(&guest, 2, 0x10000, 64 * 64 * 4), GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_guest_create(&guest, 3, 100, 50), GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_guest_attach_at(&guest, 3, 0x20000, 2 * PAGE), GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_guest_create(&guest, 4, 65, 64), GPU_OK_NODATA);
}

struct row {
	uint32_t type;
	unsigned n;
	uint32_t fields[FIELDS_MAX];
	uint32_t answer;
};

static void check_rows(enum gpu_queue queue, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t answer =
			gpu_guest_run(&guest, queue, rows[i].type, rows[i].fields, rows[i].n);
		ck_assert_msg(answer == rows[i].answer, "row %zu: 0x%x", i, answer);
		ck_assert_uint_eq(guest.answer_size, GPU_HEADER_SIZE);
	}
}

START_TEST(resources_are_checked_when_they_are_created)
{
	static const struct row rows[] = {
		{ GPU_RESOURCE_CREATE_2D, 4, { 10, 1, 1, 1 }, GPU_OK_NODATA },
		{ GPU_RESOURCE_CREATE_2D, 4, { 11, 2, 16384, 16384 }, GPU_OK_NODATA },
		{ GPU_RESOURCE_CREATE_2D, 4, { 12, 3, 1, 1 }, GPU_OK_NODATA },
		{ GPU_RESOURCE_CREATE_2D, 4, { 13, 4, 1, 1 }, GPU_OK_NODATA },
		{ GPU_RESOURCE_CREATE_2D, 4, { 14, 67, 1, 1 }, GPU_OK_NODATA },
		{ GPU_RESOURCE_CREATE_2D, 4, { 15, 68, 1, 1 }, GPU_OK_NODATA },
		{ GPU_RESOURCE_CREATE_2D, 4, { 16, 121, 1, 1 }, GPU_OK_NODATA },
		{ GPU_RESOURCE_CREATE_2D, 4, { UINT32_MAX, 134, 1, 1 }, GPU_OK_NODATA },
		{ GPU_RESOURCE_CREATE_2D, 4, { 17, 0, 1, 1 }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_RESOURCE_CREATE_2D, 4, { 17, 5, 1, 1 }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_RESOURCE_CREATE_2D, 4, { 17, 160, 1, 1 }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_RESOURCE_CREATE_2D, 4, { 17, 2, 0, 1 }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_RESOURCE_CREATE_2D, 4, { 17, 2, 1, 0 }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_RESOURCE_CREATE_2D, 4, { 17, 2, 16385, 1 }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_RESOURCE_CREATE_2D, 4, { 17, 2, 1, UINT32_MAX }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_RESOURCE_CREATE_2D, 4, { 0, 2, 1, 1 }, GPU_ERR_INVALID_RESOURCE_ID },
		{ GPU_RESOURCE_CREATE_2D, 4, { 10, 2, 1, 1 }, GPU_ERR_INVALID_RESOURCE_ID },
	};

	check_rows(GPU_CONTROL_QUEUE, rows, N_ELEMENTS(rows));
}
END_TEST

START_TEST(control_commands_answer_as_the_specification_says)
{
	/* A rectangle, then the rest of the command. */
	static const struct row rows[] = {
		{ GPU_TRANSFER_TO_HOST_2D, 8, { 0, 0, 64, 64, 0, 0, 2, 0 }, GPU_OK_NODATA },
		{ GPU_TRANSFER_TO_HOST_2D, 8, { 3, 2, 5, 6, (2 * 64 + 3) * 4, 0, 2, 0 },
			GPU_OK_NODATA },
		{ GPU_TRANSFER_TO_HOST_2D, 8, { 63, 63, 1, 1, (64 * 64 - 1) * 4, 0, 2, 0 },
			GPU_OK_NODATA },
		{ GPU_TRANSFER_TO_HOST_2D, 8, { 3, 2, 5, 6, 0, 0, 2, 0 },
			GPU_ERR_INVALID_PARAMETER },
		{ GPU_TRANSFER_TO_HOST_2D, 8, { 0, 0, 64, 64, 0, 1, 2, 0 },
			GPU_ERR_INVALID_PARAMETER },
		{ GPU_TRANSFER_TO_HOST_2D, 8, { 0, 0, 65, 64, 0, 0, 2, 0 },
			GPU_ERR_INVALID_PARAMETER },
		{ GPU_TRANSFER_TO_HOST_2D, 8, { 1, 0, 64, 64, 4, 0, 2, 0 },
			GPU_ERR_INVALID_PARAMETER },
		{ GPU_TRANSFER_TO_HOST_2D, 8, { UINT32_MAX, 0, 2, 1, 0, 0, 2, 0 },
			GPU_ERR_INVALID_PARAMETER },
		{ GPU_TRANSFER_TO_HOST_2D, 8, { 0, 0, 0, 1, 0, 0, 2, 0 },
			GPU_ERR_INVALID_PARAMETER },
		{ GPU_TRANSFER_TO_HOST_2D, 8, { 0, 0, 100, 20, 0, 0, 3, 0 }, GPU_OK_NODATA },
		{ GPU_TRANSFER_TO_HOST_2D, 8, { 0, 0, 100, 21, 0, 0, 3, 0 },
			GPU_ERR_INVALID_PARAMETER },
		{ GPU_TRANSFER_TO_HOST_2D, 8, { 0, 0, 1, 1, 0, 0, 1, 0 }, GPU_ERR_UNSPEC },
		{ GPU_TRANSFER_TO_HOST_2D, 8, { 0, 0, 1, 1, 0, 0, 9, 0 },
			GPU_ERR_INVALID_RESOURCE_ID },
		{ GPU_SET_SCANOUT, 6, { 0, 0, 64, 64, 0, 2 }, GPU_OK_NODATA },
		{ GPU_SET_SCANOUT, 6, { 10, 10, 54, 54, 1, 2 }, GPU_OK_NODATA },
		{ GPU_SET_SCANOUT, 6, { 0, 0, 100, 50, 1, 1 }, GPU_OK_NODATA },
		{ GPU_SET_SCANOUT, 6, { 0, 0, 0, 0, 1, 0 }, GPU_OK_NODATA },
		{ GPU_SET_SCANOUT, 6, { 0, 0, 64, 64, 2, 2 }, GPU_ERR_INVALID_SCANOUT_ID },
		{ GPU_SET_SCANOUT, 6, { 0, 0, 64, 64, UINT32_MAX, 0 }, GPU_ERR_INVALID_SCANOUT_ID },
		{ GPU_SET_SCANOUT, 6, { 0, 0, 64, 64, 0, 9 }, GPU_ERR_INVALID_RESOURCE_ID },
		{ GPU_SET_SCANOUT, 6, { 0, 0, 64, 65, 0, 2 }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_SET_SCANOUT, 6, { 1, 0, 64, 64, 0, 2 }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_SET_SCANOUT, 6, { UINT32_MAX, 0, 2, 2, 0, 2 }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_SET_SCANOUT, 6, { 1, 0, UINT32_MAX, 64, 0, 2 }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_SET_SCANOUT, 6, { 0, 0, 64, 0, 0, 2 }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_RESOURCE_FLUSH, 6, { 0, 0, 64, 64, 2, 0 }, GPU_OK_NODATA },
		{ GPU_RESOURCE_FLUSH, 6, { 0, 0, 100, 50, 1, 0 }, GPU_OK_NODATA },
		{ GPU_RESOURCE_FLUSH, 6, { 0, 1, 64, 64, 2, 0 }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_RESOURCE_FLUSH, 6, { 0, 0, 64, 64, 9, 0 }, GPU_ERR_INVALID_RESOURCE_ID },
		{ GPU_GET_EDID, 2, { 2, 0 }, GPU_ERR_INVALID_SCANOUT_ID },
		{ GPU_GET_CAPSET_INFO, 2, { 0, 0 }, GPU_ERR_UNSPEC },
		{ 0x0207, 8, { 0 }, GPU_ERR_UNSPEC },
		{ 0, 0, { 0 }, GPU_ERR_UNSPEC },
		{ GPU_UPDATE_CURSOR, 8, { 0, 0, 0, 0, 2, 0, 0, 0 },
			GPU_ERR_UNSPEC }, /* other queue */
		{ GPU_RESOURCE_DETACH_BACKING, 2, { 1, 0 }, GPU_ERR_UNSPEC },
		{ GPU_RESOURCE_DETACH_BACKING, 2, { 9, 0 }, GPU_ERR_INVALID_RESOURCE_ID },
		{ GPU_RESOURCE_DETACH_BACKING, 2, { 3, 0 }, GPU_OK_NODATA },
		{ GPU_RESOURCE_DETACH_BACKING, 2, { 3, 0 }, GPU_ERR_UNSPEC },
		{ GPU_RESOURCE_UNREF, 2, { 2, 0 }, GPU_OK_NODATA },
		{ GPU_RESOURCE_UNREF, 2, { 2, 0 }, GPU_ERR_INVALID_RESOURCE_ID },
		{ GPU_RESOURCE_UNREF, 2, { 0, 0 }, GPU_ERR_INVALID_RESOURCE_ID },
		{ GPU_RESOURCE_CREATE_2D, 4, { 2, 1, 8, 8 }, GPU_OK_NODATA },
	};

	make_resources();
	check_rows(GPU_CONTROL_QUEUE, rows, N_ELEMENTS(rows));
}
END_TEST

START_TEST(cursor_commands_answer_as_the_specification_says)
{
	/* Scanout, x, y, padding; resource, hot spot, padding. */
	static const struct row rows[] = {
		{ GPU_UPDATE_CURSOR, 8, { 0, 1, 2, 0, 2, 3, 4, 0 }, GPU_OK_NODATA },
		{ GPU_UPDATE_CURSOR, 8, { 1, 1, 2, 0, 2, 63, 63, 0 }, GPU_OK_NODATA },
		{ GPU_UPDATE_CURSOR, 8, { 1, UINT32_MAX, 2, 0, 0, 99, 99, 0 }, GPU_OK_NODATA },
		{ GPU_UPDATE_CURSOR, 8, { 2, 1, 2, 0, 2, 3, 4, 0 }, GPU_ERR_INVALID_SCANOUT_ID },
		{ GPU_UPDATE_CURSOR, 8, { 0, 1, 2, 0, 9, 3, 4, 0 }, GPU_ERR_INVALID_RESOURCE_ID },
		{ GPU_UPDATE_CURSOR, 8, { 0, 1, 2, 0, 3, 3, 4, 0 }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_UPDATE_CURSOR, 8, { 0, 1, 2, 0, 4, 3, 4, 0 }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_UPDATE_CURSOR, 8, { 0, 1, 2, 0, 2, 64, 4, 0 }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_UPDATE_CURSOR, 8, { 0, 1, 2, 0, 2, 3, 64, 0 }, GPU_ERR_INVALID_PARAMETER },
		{ GPU_MOVE_CURSOR, 8, { 0, 5, 6, 0, 9, 99, 99, 0 }, GPU_OK_NODATA },
		{ GPU_MOVE_CURSOR, 8, { 2, 5, 6, 0, 2, 0, 0, 0 }, GPU_ERR_INVALID_SCANOUT_ID },
		{ GPU_RESOURCE_UNREF, 2, { 2, 0 }, GPU_ERR_UNSPEC }, /* other queue */
	};

	make_resources();
	check_rows(GPU_CURSOR_QUEUE, rows, N_ELEMENTS(rows));
}
END_TEST

START_TEST(backings_are_checked_when_they_are_attached)
{
	static const struct {
		uint32_t id;
		unsigned n;
		struct gpu_entry entries[3];
		uint32_t answer;
	} rows[] = {
		{ 9, 1, { { 0x1000, PAGE } }, GPU_ERR_INVALID_RESOURCE_ID },
		{ 0, 1, { { 0x1000, PAGE } }, GPU_ERR_INVALID_RESOURCE_ID },
		{ 1, 0, { { 0 } }, GPU_ERR_INVALID_PARAMETER },
		{ 1, 1, { { 0x1000, 0 } }, GPU_ERR_INVALID_PARAMETER },
		{ 1, 1, { { 0x1010, PAGE } }, GPU_ERR_INVALID_PARAMETER },
		{ 1, 2, { { 0x1000, 16 }, { 0x3000, PAGE } }, GPU_ERR_INVALID_PARAMETER },
		{ 1, 1, { { LOW_SIZE, PAGE } }, GPU_ERR_INVALID_PARAMETER },
		{ 1, 1, { { LOW_SIZE - PAGE, 2 * PAGE } }, GPU_ERR_INVALID_PARAMETER },
		{ 1, 1, { { UINT64_MAX - PAGE + 1, PAGE } }, GPU_ERR_INVALID_PARAMETER },
		{ 1, 1, { { 0, UINT32_MAX } }, GPU_ERR_INVALID_PARAMETER },
		{ 1, 2, { { 0x1000, PAGE }, { LOW_SIZE, PAGE } }, GPU_ERR_INVALID_PARAMETER },
		{ 1, 2, { { 0x1000, PAGE }, { HIGH_BASE, 2 * HIGH_SIZE } }, GPU_OK_NODATA },
		{ 1, 1, { { 0x1000, PAGE } }, GPU_ERR_UNSPEC }, /* has a backing */
	};

	ck_assert_uint_eq(gpu_guest_create(&guest, 1, 64, 64), GPU_OK_NODATA);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		uint32_t answer = gpu_guest_attach(&guest, rows[i].id, rows[i].entries, rows[i].n);
		ck_assert_msg(answer == rows[i].answer, "row %zu: 0x%x", i, answer);
	}
}
END_TEST

START_TEST(entries_that_were_promised_must_come)
{
	uint8_t bytes[GPU_ATTACH_SIZE + 600 * GPU_ENTRY_SIZE] = { 0 };
	struct hxfr_writer w;

	ck_assert_uint_eq(gpu_guest_create(&guest, 1, 64, 64), GPU_OK_NODATA);
	hxfr_writer_init(&w, bytes, sizeof bytes);
	hxfr_writer_u32(&w, GPU_RESOURCE_ATTACH_BACKING);
	hxfr_writer_zero(&w, GPU_HEADER_SIZE - 4);
	hxfr_writer_u32(&w, 1);
	hxfr_writer_u32(&w, 600);
	for (uint32_t i = 0; i < 600; i++) {
		hxfr_writer_i64(&w, (int64_t)(i * 2 + 1) * PAGE);
		hxfr_writer_u32(&w, PAGE);
		hxfr_writer_zero(&w, 4);
	}
	for (size_t n = 0; n < sizeof bytes; n += n < 100 ? 1 : 333)
		ck_assert_uint_eq(
			gpu_guest_run_bytes(&guest, GPU_CONTROL_QUEUE, bytes, n, sizeof bytes),
			GPU_ERR_UNSPEC);
	ck_assert_uint_eq(
		gpu_guest_run_bytes(&guest, GPU_CONTROL_QUEUE, bytes, sizeof bytes - 1, 4096),
		GPU_ERR_UNSPEC);
	/* Pieces as small as a driver cares to make them. */
	ck_assert_uint_eq(gpu_guest_run_bytes(&guest, GPU_CONTROL_QUEUE, bytes, sizeof bytes, 11),
		GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_resources_find(&guest.engine.resources, 1)->n_located, 600);
}
END_TEST

START_TEST(every_truncation_of_a_command_is_refused_with_its_fence)
{
	static const uint32_t types[] = { GPU_RESOURCE_CREATE_2D, GPU_RESOURCE_UNREF,
		GPU_SET_SCANOUT, GPU_RESOURCE_FLUSH, GPU_TRANSFER_TO_HOST_2D,
		GPU_RESOURCE_ATTACH_BACKING, GPU_RESOURCE_DETACH_BACKING, GPU_GET_EDID };
	static const size_t sizes[] = { 40, 32, 48, 48, 56, 32, 32, 32 };

	for (size_t i = 0; i < N_ELEMENTS(types); i++) {
		for (size_t n = 0; n < sizes[i]; n++) {
			uint8_t *bytes = calloc(1, n + 24);
			struct gpu_header header;

			bytes[0] = (uint8_t)types[i];
			bytes[1] = (uint8_t)(types[i] >> 8);
			bytes[4] = GPU_FLAG_FENCE;
			bytes[8] = 77;
			ck_assert_uint_eq(
				gpu_guest_run_bytes(&guest, GPU_CONTROL_QUEUE, bytes, n, n + !n),
				GPU_ERR_UNSPEC);
			gpu_header_decode(guest.answer, guest.answer_size, &header);
			ck_assert_uint_eq(header.fence_id, n < GPU_HEADER_SIZE ? 0 : 77);
			free(bytes);
		}
	}
}
END_TEST

START_TEST(an_answer_that_has_no_room_is_an_error_or_nothing)
{
	guest.answer_room = GPU_DISPLAY_INFO_SIZE;
	ck_assert_uint_eq(gpu_guest_run(&guest, GPU_CONTROL_QUEUE, GPU_GET_DISPLAY_INFO, NULL, 0),
		GPU_OK_DISPLAY_INFO);
	ck_assert_uint_eq(gpu_control(&guest, GPU_GET_EDID, 0, 0), GPU_ERR_UNSPEC);
	guest.answer_room = GPU_DISPLAY_INFO_SIZE - 1;
	ck_assert_uint_eq(gpu_guest_run(&guest, GPU_CONTROL_QUEUE, GPU_GET_DISPLAY_INFO, NULL, 0),
		GPU_ERR_UNSPEC);
	guest.answer_room = GPU_HEADER_SIZE - 1;
	ck_assert_uint_eq(gpu_guest_create(&guest, 1, 64, 64), 0);
	guest.answer_room = 0;
	ck_assert_uint_eq(gpu_guest_cursor(&guest, GPU_UPDATE_CURSOR, 1, 10), 0);
	ck_assert_uint_eq(guest.engine.cursors[0].id, 1);
}
END_TEST

START_TEST(every_scanout_has_an_edid_of_the_mode)
{
	uint8_t expected[EDID_SIZE];

	for (uint32_t i = 0; i < 2; i++) {
		const struct edid_mode mode = { 1920, 1080, 60 };

		ck_assert_int_eq(edid_make(&mode, i + 1, expected), 0);
		ck_assert_uint_eq(gpu_control(&guest, GPU_GET_EDID, i, 0), GPU_OK_EDID);
		ck_assert_uint_eq(guest.answer_size, GPU_EDID_SIZE);
		ck_assert_mem_eq(guest.answer + GPU_HEADER_SIZE + 8, expected, EDID_SIZE);
	}
}
END_TEST

START_TEST(resources_are_limited)
{
	for (uint32_t id = 1; id <= GPU_RESOURCES_MAX; id++)
		ck_assert_uint_eq(gpu_guest_create(&guest, id, 1, 1), GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_guest_create(&guest, 5000, 1, 1), GPU_ERR_OUT_OF_MEMORY);
	ck_assert_uint_eq(gpu_control(&guest, GPU_RESOURCE_UNREF, 7, 0), GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_guest_create(&guest, 5000, 1, 1), GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_guest_create(&guest, 5001, 1, 1), GPU_ERR_OUT_OF_MEMORY);
}
END_TEST

START_TEST(bytes_are_limited_and_come_back)
{
	/* The same pages may be behind many resources. */
	uint32_t n = (uint32_t)(GPU_BACKING_MAX / LOW_SIZE);

	for (uint32_t id = 1; id <= n + 1; id++)
		ck_assert_uint_eq(gpu_guest_create(&guest, id, 4096, 4096), GPU_OK_NODATA);
	for (uint32_t id = 1; id <= n; id++)
		ck_assert_uint_eq(gpu_guest_attach_at(&guest, id, 0, LOW_SIZE), GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_guest_attach_at(&guest, n + 1, 0, 1), GPU_ERR_OUT_OF_MEMORY);
	ck_assert_uint_eq(gpu_control(&guest, GPU_RESOURCE_DETACH_BACKING, 1, 0), GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_guest_attach_at(&guest, n + 1, 0, 1), GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_guest_attach_at(&guest, 1, 0, LOW_SIZE), GPU_ERR_OUT_OF_MEMORY);
	gpu_engine_reset(&guest.engine);
	ck_assert_uint_eq(guest.engine.resources.backing_size, 0);
	ck_assert_uint_eq(guest.engine.resources.n_runs, 0);
	ck_assert_uint_eq(guest.engine.resources.n, 0);
}
END_TEST

START_TEST(runs_and_entries_are_limited)
{
	const uint32_t most = GPU_ENTRIES_MAX, pages = LOW_SIZE / PAGE;
	struct gpu_entry *entries = calloc(most + 1, sizeof *entries);
	uint32_t id = 1;

	for (uint32_t i = 0; i <= most; i++)
		entries[i] = (struct gpu_entry){ (uint64_t)(pages - 1 - i % pages) * PAGE, PAGE };
	for (; id <= GPU_RUNS_MAX / most; id++) {
		ck_assert_uint_eq(gpu_guest_create(&guest, id, 4096, 4096), GPU_OK_NODATA);
		ck_assert_uint_eq(
			gpu_guest_attach(&guest, id, entries, most + 1), GPU_ERR_INVALID_PARAMETER);
		ck_assert_uint_eq(gpu_guest_attach(&guest, id, entries, most), GPU_OK_NODATA);
	}
	ck_assert_uint_eq(gpu_guest_create(&guest, id, 64, 64), GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_guest_attach(&guest, id, entries, 1), GPU_ERR_OUT_OF_MEMORY);
	ck_assert_uint_eq(gpu_control(&guest, GPU_RESOURCE_UNREF, 1, 0), GPU_OK_NODATA);
	ck_assert_uint_eq(gpu_guest_attach(&guest, id, entries, 1), GPU_OK_NODATA);
	free(entries);
}
END_TEST

START_TEST(nothing_is_left_of_a_driver_after_a_reset)
{
	make_resources();
	ck_assert_uint_eq(gpu_guest_set_scanout(&guest, 1, 2, 64, 64), GPU_OK_NODATA);
	gpu_guest_cursor(&guest, GPU_UPDATE_CURSOR, 2, 10);
	gpu_engine_reset(&guest.engine);
	ck_assert_uint_eq(guest.engine.scanouts[1].id, 0);
	ck_assert_uint_eq(guest.engine.cursors[0].id, 0);
	ck_assert_uint_eq(guest.engine.cursors[0].x, 0);
	for (uint32_t id = 1; id <= 4; id++)
		ck_assert_uint_eq(gpu_control(&guest, GPU_RESOURCE_UNREF, id, 0),
			GPU_ERR_INVALID_RESOURCE_ID);
	make_resources();
}
END_TEST

START_TEST(a_config_that_no_monitor_can_say_is_refused)
{
	const struct edid_mode mode = { 1920, 1080, 60 }, wide = { 4096, 1080, 60 };
	struct gpu_engine engine;

	poison(&engine);
	ck_assert_int_eq(gpu_engine_init(&engine, 0, &mode, NULL), -EINVAL);
	ck_assert_int_eq(gpu_engine_init(&engine, 17, &mode, NULL), -EINVAL);
	ck_assert_int_eq(gpu_engine_init(&engine, 1, &wide, NULL), -EINVAL);
	assert_poisoned(&engine);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		resources_are_checked_when_they_are_created,
		control_commands_answer_as_the_specification_says,
		cursor_commands_answer_as_the_specification_says,
		backings_are_checked_when_they_are_attached,
		entries_that_were_promised_must_come,
		every_truncation_of_a_command_is_refused_with_its_fence,
		an_answer_that_has_no_room_is_an_error_or_nothing,
		every_scanout_has_an_edid_of_the_mode,
		resources_are_limited,
		bytes_are_limited_and_come_back,
		runs_and_entries_are_limited,
		nothing_is_left_of_a_driver_after_a_reset,
		a_config_that_no_monitor_can_say_is_refused,
		NULL,
	};
	return suite_run_with("gpu-engine", tests, setup, teardown);
}

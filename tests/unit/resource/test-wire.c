/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resource/wire.h"
#include "suite.h"

#include <errno.h>

#define PAGE RESOURCE_RUN_ALIGN

/* One of every type, with values that no two fields share. */
static const struct resource_packet samples[] = {
	{ .type = RESOURCE_MEMORY, .memory = { .n_regions = RESOURCE_REGIONS_MAX } },
	{ .type = RESOURCE_ADD,
		.add = { .id = 0x01020304,
			.width = 1920,
			.height = 1080,
			.format = 2,
			.n_runs = 5,
			.first_run = 3,
			.n_here = 2,
			.runs = { { 7, 0x123456000, 0x7000 }, { 1, 0, 0xfedcba9876000 } } } },
	{ .type = RESOURCE_ADD, .add = { .id = 9, .width = 64, .height = 65, .format = 1 } },
	{ .type = RESOURCE_REMOVE, .remove = { .id = 77 } },
	{ .type = RESOURCE_SCANOUT,
		.scanout = { .scanout = 15,
			.id = 3,
			.x = 10,
			.y = 20,
			.width = 30,
			.height = 40 } },
	{ .type = RESOURCE_FLUSH,
		.flush = { .id = 3, .x = 11, .y = 21, .width = 31, .height = 41 } },
	{ .type = RESOURCE_CURSOR,
		.cursor = { .scanout = 2, .id = 8, .hot_x = 4, .hot_y = 5, .x = -6, .y = -7 } },
	{ .type = RESOURCE_SYNC, .sync = { .cookie = 0xdeadbeef } },
	{ .type = RESOURCE_SYNCED, .sync = { .cookie = 0xfeedface } },
};

/* Through bytes: equal packets have equal ones. */
static void assert_same(const struct resource_packet *a, const struct resource_packet *b)
{
	uint8_t a_bytes[RESOURCE_PACKET_MAX], b_bytes[RESOURCE_PACKET_MAX];
	size_t size = resource_packet_encode(a, a_bytes);

	ck_assert_uint_eq(resource_packet_encode(b, b_bytes), size);
	ck_assert_mem_eq(a_bytes, b_bytes, size);
}

START_TEST(every_packet_comes_back_as_it_was)
{
	for (size_t i = 0; i < N_ELEMENTS(samples); i++) {
		uint8_t bytes[RESOURCE_PACKET_MAX];
		struct resource_packet back;
		size_t size = resource_packet_encode(&samples[i], bytes);

		poison(&back);
		ck_assert_uint_gt(size, 0);
		ck_assert_int_eq(resource_packet_decode(bytes, size, &back), 0);
		ck_assert_uint_eq(back.type, samples[i].type);
		assert_same(&back, &samples[i]);
	}
}
END_TEST

START_TEST(decoded_fields_are_where_they_belong)
{
	uint8_t bytes[RESOURCE_PACKET_MAX];
	struct resource_packet back;

	ck_assert_int_eq(
		resource_packet_decode(bytes, resource_packet_encode(&samples[1], bytes), &back),
		0);
	ck_assert_uint_eq(back.add.id, 0x01020304);
	ck_assert_uint_eq(back.add.width, 1920);
	ck_assert_uint_eq(back.add.first_run, 3);
	ck_assert_uint_eq(back.add.n_here, 2);
	ck_assert_uint_eq(back.add.runs[0].region, 7);
	ck_assert_uint_eq(back.add.runs[0].offset, 0x123456000);
	ck_assert_uint_eq(back.add.runs[1].size, 0xfedcba9876000);
	ck_assert_int_eq(
		resource_packet_decode(bytes, resource_packet_encode(&samples[6], bytes), &back),
		0);
	ck_assert_int_eq(back.cursor.x, -6);
	ck_assert_int_eq(back.cursor.y, -7);
}
END_TEST

START_TEST(bytes_are_little_endian)
{
	static const uint8_t expected[] = { 4, 0, 0, 0, 15, 0, 0, 0, 3, 0, 0, 0, 10, 0, 0, 0, 20, 0,
		0, 0, 30, 0, 0, 0, 40, 0, 0, 0 };
	uint8_t bytes[RESOURCE_PACKET_MAX];

	ck_assert_uint_eq(resource_packet_encode(&samples[4], bytes), sizeof(expected));
	ck_assert_mem_eq(bytes, expected, sizeof(expected));
}
END_TEST

START_TEST(every_truncation_and_a_byte_too_many_are_refused)
{
	for (size_t i = 0; i < N_ELEMENTS(samples); i++) {
		uint8_t bytes[RESOURCE_PACKET_MAX + 1] = { 0 };
		size_t size = resource_packet_encode(&samples[i], bytes);
		struct resource_packet back;

		poison(&back);
		for (size_t cut = 0; cut < size; cut++)
			ck_assert_int_eq(resource_packet_decode(bytes, cut, &back), -EBADMSG);
		ck_assert_int_eq(resource_packet_decode(bytes, size + 1, &back), -EBADMSG);
		assert_poisoned(&back);
	}
}
END_TEST

START_TEST(a_full_packet_of_runs_fits)
{
	static struct resource_packet full = { .type = RESOURCE_ADD,
		.add = { .id = 1, .n_runs = RESOURCE_RUNS_MAX, .n_here = RESOURCE_RUNS_PACKET } };
	uint8_t bytes[RESOURCE_PACKET_MAX];
	struct resource_packet back;

	full.add.first_run = RESOURCE_RUNS_MAX - RESOURCE_RUNS_PACKET;
	for (uint32_t i = 0; i < RESOURCE_RUNS_PACKET; i++)
		full.add.runs[i] = (struct resource_run){ i % 8, (uint64_t)i * PAGE, PAGE };
	size_t size = resource_packet_encode(&full, bytes);
	ck_assert_int_eq(resource_packet_decode(bytes, size, &back), 0);
	ck_assert_uint_eq(back.add.runs[RESOURCE_RUNS_PACKET - 1].offset,
		(uint64_t)(RESOURCE_RUNS_PACKET - 1) * PAGE);
}
END_TEST

static int decode_add(uint32_t n_runs, uint32_t first, uint32_t n_here, struct resource_run run)
{
	struct resource_packet packet = { .type = RESOURCE_ADD,
		.add = { .id = 1, .n_runs = n_runs, .first_run = first, .n_here = n_here } };
	uint8_t bytes[RESOURCE_PACKET_MAX];
	struct resource_packet back;

	for (uint32_t i = 0; i < n_here && i < RESOURCE_RUNS_PACKET; i++)
		packet.add.runs[i] = run;
	return resource_packet_decode(bytes, resource_packet_encode(&packet, bytes), &back);
}

START_TEST(counts_of_runs_beyond_the_limits_are_refused)
{
	static const struct {
		uint32_t n_runs, first, n_here;
		int result;
	} cases[] = {
		{ 0, 0, 0, 0 },
		{ 1, 0, 1, 0 },
		{ 600, 512, 88, 0 },
		{ RESOURCE_RUNS_MAX, 0, RESOURCE_RUNS_PACKET, 0 },
		{ 0, 0, 1, -EBADMSG },
		{ 0, 1, 0, -EBADMSG },
		{ 1, 0, 0, -EBADMSG },
		{ 1, 1, 1, -EBADMSG },
		{ 1, UINT32_MAX, 1, -EBADMSG },
		{ 600, 512, 89, -EBADMSG },
		{ 600, 0, RESOURCE_RUNS_PACKET + 1, -EBADMSG },
		{ RESOURCE_RUNS_MAX + 1, 0, 1, -EBADMSG },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		ck_assert_int_eq(decode_add(cases[i].n_runs, cases[i].first, cases[i].n_here,
					 (struct resource_run){ 0, 0, PAGE }),
			cases[i].result);
}
END_TEST

START_TEST(runs_that_cannot_be_are_refused)
{
	static const struct {
		struct resource_run run;
		int result;
	} cases[] = {
		{ { 7, 0, PAGE }, 0 },
		{ { 0, RESOURCE_END_MAX - PAGE + 1 - PAGE, PAGE }, 0 },
		{ { 8, 0, PAGE }, -EBADMSG },
		{ { UINT32_MAX, 0, PAGE }, -EBADMSG },
		{ { 0, 0, 0 }, -EBADMSG },
		{ { 0, 1, PAGE }, -EBADMSG },
		{ { 0, 0, PAGE - 1 }, -EBADMSG },
		{ { 0, RESOURCE_END_MAX - PAGE + 1, PAGE }, -EBADMSG },
		{ { 0, PAGE, UINT64_MAX - PAGE + 1 }, -EBADMSG },
		{ { 0, UINT64_MAX - PAGE + 1, 2 * PAGE }, -EBADMSG },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		ck_assert_int_eq(decode_add(1, 0, 1, cases[i].run), cases[i].result);
}
END_TEST

START_TEST(numbers_that_no_device_has_are_refused)
{
	static const struct resource_packet cases[] = {
		{ .type = RESOURCE_MEMORY, .memory = { .n_regions = RESOURCE_REGIONS_MAX + 1 } },
		{ .type = RESOURCE_ADD, .add = { .id = 0 } },
		{ .type = RESOURCE_REMOVE, .remove = { .id = 0 } },
		{ .type = RESOURCE_FLUSH, .flush = { .id = 0 } },
		{ .type = RESOURCE_SCANOUT, .scanout = { .scanout = RESOURCE_SCANOUTS_MAX } },
		{ .type = RESOURCE_CURSOR, .cursor = { .scanout = RESOURCE_SCANOUTS_MAX } },
	};
	struct resource_packet back;
	uint8_t bytes[RESOURCE_PACKET_MAX];

	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		ck_assert_int_eq(resource_packet_decode(
					 bytes, resource_packet_encode(&cases[i], bytes), &back),
			-EBADMSG);
}
END_TEST

START_TEST(a_packet_of_no_known_type_is_refused)
{
	uint8_t bytes[8] = { 0 };
	struct resource_packet back;

	for (unsigned type = 0; type < 256; type++)
		for (size_t size = 4; size <= 8; size += 4) {
			bool known = type == RESOURCE_MEMORY || type == RESOURCE_SYNC ||
				     type == RESOURCE_SYNCED;
			bytes[0] = (uint8_t)type;
			ck_assert_int_eq(resource_packet_decode(bytes, size, &back),
				known && size == 8 ? 0 : -EBADMSG);
		}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_packet_comes_back_as_it_was,
		decoded_fields_are_where_they_belong,
		bytes_are_little_endian,
		every_truncation_and_a_byte_too_many_are_refused,
		a_full_packet_of_runs_fits,
		counts_of_runs_beyond_the_limits_are_refused,
		runs_that_cannot_be_are_refused,
		numbers_that_no_device_has_are_refused,
		a_packet_of_no_known_type_is_refused,
		NULL,
	};

	return suite_run("resource wire", tests);
}

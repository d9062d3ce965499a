/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "frame-memory.h"
#include "program.h"
#include "sample.h"
#include "suite.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

START_TEST(percentiles_are_values_that_occurred)
{
	struct sample s;

	sample_begin(&s);
	ck_assert(isnan(sample_percentile(&s, 50)));
	for (int i = 100; i >= 1; i--)
		sample_add(&s, i);
	ck_assert_double_eq(sample_percentile(&s, 0), 1);
	ck_assert_double_eq(sample_percentile(&s, 50), 50);
	ck_assert_double_eq(sample_percentile(&s, 99), 99);
	ck_assert_double_eq(sample_percentile(&s, 100), 100);
	sample_add(&s, 1000);
	ck_assert_double_eq(sample_percentile(&s, 99), 100);
	ck_assert_double_eq(sample_percentile(&s, 100), 1000);
	sample_end(&s);
}
END_TEST

START_TEST(sizes_are_two_numbers_and_nothing_else)
{
	static const char *const wrong[] = { "", "640", "640x", "x480", "640x480x2", "640X480",
		"0x480", "640x0", "-1x480", "640x 480", "640x480 ", "16385x1", "99999999999x1" };
	uint32_t width, height;

	poison(&width);
	poison(&height);
	for (size_t i = 0; i < N_ELEMENTS(wrong); i++)
		ck_assert_msg(!program_parse_size(wrong[i], &width, &height), "%s", wrong[i]);
	assert_poisoned(&width);
	assert_poisoned(&height);
	ck_assert(program_parse_size("1x16384", &width, &height));
	ck_assert_uint_eq(width, 1);
	ck_assert_uint_eq(height, 16384);
}
END_TEST

START_TEST(pixels_in_memory_are_behind_the_descriptor)
{
	struct frame_memory *memory;
	struct frame_buffer buffer;
	uint8_t byte = 1;

	ck_assert_int_eq(frame_memory_open("memfd", &memory), 0);
	ck_assert_int_eq(frame_memory_allocate(memory, 33, 7, &buffer), 0);
	ck_assert_uint_eq(buffer.stride, 33 * 4);
	ck_assert_uint_eq(buffer.size, 33 * 4 * 7);
	ck_assert_uint_eq(buffer.id, 0);
	ck_assert_int_eq(pread(buffer.fd, &byte, 1, (off_t)buffer.size - 1), 1);
	ck_assert_uint_eq(byte, 0);
	ck_assert_int_eq(frame_memory_begin(memory, &buffer), 0);
	buffer.pixels[buffer.size - 1] = 42;
	ck_assert_int_eq(frame_memory_end(memory, &buffer), 0);
	ck_assert_int_eq(pread(buffer.fd, &byte, 1, (off_t)buffer.size - 1), 1);
	ck_assert_uint_eq(byte, 42);
	frame_memory_free(memory, &buffer);
	frame_memory_close(memory);
}
END_TEST

START_TEST(memory_of_no_known_kind_is_refused)
{
	struct frame_memory *memory;

	poison(&memory);
	ck_assert_int_eq(frame_memory_open("magnetic", &memory), -EINVAL);
	assert_poisoned(&memory);
}
END_TEST

START_TEST(every_kind_of_memory_is_in_the_list_of_the_help)
{
	g_auto(GStrv) names = g_strsplit(FRAME_MEMORY_NAMES, ", ", 0);

	for (unsigned i = 0; i <= g_strv_length(names); i++)
		ck_assert_int_eq(g_strcmp0(frame_memory_name(i), names[i]), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		percentiles_are_values_that_occurred,
		sizes_are_two_numbers_and_nothing_else,
		pixels_in_memory_are_behind_the_descriptor,
		memory_of_no_known_kind_is_refused,
		every_kind_of_memory_is_in_the_list_of_the_help,
		NULL,
	};

	return suite_run("guest-programs-support", tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "suite.h"

#include <hxfr/wire.h>

#include <errno.h>

START_TEST(reader_is_little_endian_and_signed)
{
	static const uint8_t bytes[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xfe, 0xff, 0xff,
		0xff, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct hxfr_reader r;

	hxfr_reader_init(&r, bytes, sizeof(bytes));
	ck_assert_uint_eq(hxfr_reader_u8(&r), 0x01);
	ck_assert_uint_eq(hxfr_reader_u16(&r), 0x0302);
	ck_assert_uint_eq(hxfr_reader_u32(&r), 0x07060504);
	ck_assert_int_eq(hxfr_reader_i32(&r), -2);
	ck_assert_int_eq(hxfr_reader_i64(&r), -3);
	ck_assert_int_eq(hxfr_reader_end(&r), 0);
}
END_TEST

START_TEST(eight_bytes_without_a_sign_keep_their_top_bit)
{
	static const uint8_t expected[] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint8_t bytes[sizeof(expected)];
	struct hxfr_writer w;
	struct hxfr_reader r;
	size_t size;

	hxfr_writer_init(&w, bytes, sizeof(bytes));
	hxfr_writer_u64(&w, UINT64_MAX - 1);
	ck_assert_int_eq(hxfr_writer_end(&w, &size), 0);
	ck_assert_mem_eq(bytes, expected, sizeof(expected));
	hxfr_reader_init(&r, bytes, sizeof(bytes));
	ck_assert(hxfr_reader_u64(&r) == UINT64_MAX - 1);
	ck_assert_int_eq(hxfr_reader_end(&r), 0);
}
END_TEST

START_TEST(other_peoples_numbers_are_big_endian)
{
	static const uint8_t expected[] = { 0x01, 0x02, 0x03, 0xfe };
	uint8_t bytes[sizeof(expected)];
	struct hxfr_writer w;
	struct hxfr_reader r;
	size_t size;

	hxfr_writer_init(&w, bytes, sizeof(bytes));
	hxfr_writer_be32(&w, 0x010203fe);
	ck_assert_int_eq(hxfr_writer_end(&w, &size), 0);
	ck_assert_mem_eq(bytes, expected, sizeof(expected));
	hxfr_reader_init(&r, bytes, sizeof(bytes));
	ck_assert_uint_eq(hxfr_reader_be32(&r), 0x010203fe);
	ck_assert_uint_eq(hxfr_reader_be32(&r), 0);
	ck_assert_int_eq(hxfr_reader_end(&r), -EBADMSG);
}
END_TEST

START_TEST(reader_yields_zero_after_the_first_failure)
{
	static const uint8_t bytes[] = { 1, 2, 3 };
	struct hxfr_reader r;

	hxfr_reader_init(&r, bytes, sizeof(bytes));
	ck_assert_uint_eq(hxfr_reader_u32(&r), 0);
	ck_assert_uint_eq(hxfr_reader_u8(&r), 0);
	ck_assert_ptr_null(hxfr_reader_bytes(&r, 1));
	ck_assert_int_eq(hxfr_reader_end(&r), -EBADMSG);
}
END_TEST

START_TEST(reader_refuses_a_length_that_would_overflow)
{
	static const uint8_t bytes[] = { 1, 2, 3 };
	struct hxfr_reader r;

	hxfr_reader_init(&r, bytes, sizeof(bytes));
	hxfr_reader_u8(&r);
	ck_assert_ptr_null(hxfr_reader_bytes(&r, SIZE_MAX));
	ck_assert(r.failed);
}
END_TEST

START_TEST(reader_refuses_leftover_bytes)
{
	static const uint8_t bytes[] = { 1, 2 };
	struct hxfr_reader r;

	hxfr_reader_init(&r, bytes, sizeof(bytes));
	hxfr_reader_u8(&r);
	ck_assert_uint_eq(hxfr_reader_left(&r), 1);
	ck_assert_int_eq(hxfr_reader_end(&r), -EBADMSG);
}
END_TEST

START_TEST(writer_spells_out_every_byte)
{
	static const uint8_t expected[] = { 0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0xfe, 0xff,
		0xff, 0xff, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'h', 'i', 0, 0 };
	uint8_t bytes[sizeof(expected)];
	struct hxfr_writer w;
	size_t size;

	poison(&bytes);
	hxfr_writer_init(&w, bytes, sizeof(bytes));
	hxfr_writer_u8(&w, 0x01);
	hxfr_writer_u16(&w, 0x0203);
	hxfr_writer_u32(&w, 0x04050607);
	hxfr_writer_i32(&w, -2);
	hxfr_writer_i64(&w, -3);
	hxfr_writer_bytes(&w, "hi", 2);
	hxfr_writer_zero(&w, 2);
	ck_assert_int_eq(hxfr_writer_end(&w, &size), 0);
	ck_assert_uint_eq(size, sizeof(expected));
	ck_assert_mem_eq(bytes, expected, sizeof(expected));
}
END_TEST

START_TEST(writer_stays_inside_and_latches)
{
	uint8_t bytes[4];
	struct hxfr_writer w;
	size_t size;

	poison(&bytes);
	poison(&size);
	hxfr_writer_init(&w, bytes, 3);
	hxfr_writer_u32(&w, 1);
	hxfr_writer_u8(&w, 1);
	ck_assert_int_eq(hxfr_writer_end(&w, &size), -ENOSPC);
	assert_poisoned(&bytes);
	assert_poisoned(&size);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		reader_is_little_endian_and_signed,
		eight_bytes_without_a_sign_keep_their_top_bit,
		other_peoples_numbers_are_big_endian,
		reader_yields_zero_after_the_first_failure,
		reader_refuses_a_length_that_would_overflow,
		reader_refuses_leftover_bytes,
		writer_spells_out_every_byte,
		writer_stays_inside_and_latches,
		NULL,
	};

	return suite_run("wire", tests);
}

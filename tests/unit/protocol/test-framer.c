/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "suite.h"
#include "vectors.h"

#include <hxfr/framer.h>

#include <errno.h>

#define HOST_PAYLOAD_MAX (HXFR_FRAME_REQUEST_SIZE + HXFR_PIXELS_MAX)
#define UNKNOWN_TYPE     0x7f

static const uint8_t zeros[HXFR_READ_SIZE];

static void feed(struct hxfr_framer *f, const void *bytes, size_t n)
{
	const uint8_t *from = bytes;
	size_t space;
	void *to;

	while (n > 0) {
		ck_assert_int_eq(hxfr_framer_reserve(f, &to, &space), 0);
		ck_assert_uint_gt(space, 0);
		space = space < n ? space : n;
		memcpy(to, from, space);
		hxfr_framer_commit(f, space);
		from += space;
		n -= space;
	}
}

static void feed_header(struct hxfr_framer *f, uint8_t type, uint32_t payload_size)
{
	struct hxfr_header h = { .type = type, .payload_size = payload_size };
	uint8_t bytes[HXFR_HEADER_SIZE];

	hxfr_header_encode(&h, bytes);
	feed(f, bytes, sizeof(bytes));
}

static int next(struct hxfr_framer *f)
{
	struct hxfr_header h;
	const uint8_t *payload;

	return hxfr_framer_next(f, &h, &payload);
}

static void assert_next_is(struct hxfr_framer *f, const struct vector *v)
{
	struct hxfr_header h;
	const uint8_t *payload;

	ck_assert_int_eq(hxfr_framer_next(f, &h, &payload), 1);
	ck_assert_uint_eq(h.payload_size, v->size - HXFR_HEADER_SIZE);
	ck_assert_uint_eq(h.type, v->bytes[4]);
	ck_assert_mem_eq(payload, v->bytes + HXFR_HEADER_SIZE, h.payload_size);
}

START_TEST(framer_finds_every_message_in_one_run_of_bytes)
{
	struct hxfr_framer f;
	struct vector *v;
	size_t n = vectors_load(&v);

	hxfr_framer_init(&f, HOST_PAYLOAD_MAX);
	for (size_t i = 0; i < n; i++)
		feed(&f, v[i].bytes, v[i].size);
	for (size_t i = 0; i < n; i++)
		assert_next_is(&f, &v[i]);
	ck_assert_int_eq(next(&f), 0);
	ck_assert(!hxfr_framer_in_message(&f));
	hxfr_framer_finish(&f);
	vectors_free(v, n);
}
END_TEST

START_TEST(framer_takes_bytes_one_at_a_time)
{
	struct hxfr_framer f;
	struct vector *v;
	size_t n = vectors_load(&v);

	hxfr_framer_init(&f, HOST_PAYLOAD_MAX);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < v[i].size; k++) {
			ck_assert_int_eq(next(&f), 0);
			ck_assert_int_eq(hxfr_framer_in_message(&f), k > 0);
			feed(&f, v[i].bytes + k, 1);
		}
		assert_next_is(&f, &v[i]);
	}
	hxfr_framer_finish(&f);
	vectors_free(v, n);
}
END_TEST

START_TEST(framer_knows_a_torn_message_behind_whole_ones)
{
	struct hxfr_framer f;

	hxfr_framer_init(&f, HOST_PAYLOAD_MAX);
	feed_header(&f, HXFR_PING, 0);
	feed_header(&f, HXFR_PONG, 0);
	ck_assert(!hxfr_framer_in_message(&f));
	feed(&f, "HX", 2);
	ck_assert(hxfr_framer_in_message(&f));
	hxfr_framer_finish(&f);
}
END_TEST

START_TEST(framer_refuses_before_it_buffers)
{
	static const struct {
		uint8_t type;
		uint32_t payload_max, payload_size;
	} cases[] = {
		{ HXFR_PING, HOST_PAYLOAD_MAX, 1 },
		{ HXFR_ERROR, HOST_PAYLOAD_MAX, HXFR_ERROR_SIZE + 1 },
		{ HXFR_HELLO, HOST_PAYLOAD_MAX, HXFR_EXTENSION_MAX + 1 },
		{ HXFR_FRAME_REQUEST, HOST_PAYLOAD_MAX, HOST_PAYLOAD_MAX + 1 },
		{ HXFR_FRAME_REQUEST, HOST_PAYLOAD_MAX, UINT32_MAX },
		{ HXFR_FRAME_RESPONSE, UINT32_MAX, UINT32_MAX },
		{ HXFR_FRAME_REQUEST, 1000, 1001 },
	};
	struct hxfr_framer f;
	void *data;
	size_t size;

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		hxfr_framer_init(&f, cases[i].payload_max);
		feed_header(&f, cases[i].type, cases[i].payload_size);
		ck_assert_int_eq(hxfr_framer_reserve(&f, &data, &size), 0);
		ck_assert_int_eq(next(&f), -EMSGSIZE);
		ck_assert_int_eq(next(&f), -EMSGSIZE);
		ck_assert_uint_le(f.capacity, 2 * HXFR_READ_SIZE);
		hxfr_framer_finish(&f);
	}
}
END_TEST

START_TEST(framer_accepts_a_payload_at_its_limit)
{
	struct hxfr_framer f;

	hxfr_framer_init(&f, HOST_PAYLOAD_MAX);
	feed_header(&f, HXFR_FRAME_REQUEST, HOST_PAYLOAD_MAX);
	ck_assert_int_eq(next(&f), 0);
	hxfr_framer_finish(&f);
}
END_TEST

START_TEST(framer_grows_with_what_arrived_not_with_what_was_promised)
{
	size_t arrived = HXFR_HEADER_SIZE;
	struct hxfr_framer f;

	hxfr_framer_init(&f, HOST_PAYLOAD_MAX);
	feed_header(&f, HXFR_FRAME_REQUEST, HOST_PAYLOAD_MAX);
	for (int i = 0; i < 40; i++) {
		ck_assert_int_eq(next(&f), 0);
		feed(&f, zeros, sizeof(zeros));
		arrived += sizeof(zeros);
		ck_assert_uint_le(f.capacity, 2 * arrived);
	}
	hxfr_framer_finish(&f);
}
END_TEST

START_TEST(framer_never_outgrows_its_payload_limit)
{
	const uint32_t payload_max = 3 * HXFR_READ_SIZE;
	struct hxfr_framer f;

	hxfr_framer_init(&f, payload_max);
	for (int i = 0; i < 10; i++) {
		feed_header(&f, HXFR_FRAME_REQUEST, payload_max);
		for (int k = 0; k < 3; k++)
			feed(&f, zeros, sizeof(zeros));
		ck_assert_int_eq(next(&f), 1);
	}
	ck_assert_uint_le(f.capacity, payload_max + HXFR_READ_SIZE);
	hxfr_framer_finish(&f);
}
END_TEST

START_TEST(framer_in_steady_state_neither_allocates_nor_moves)
{
	struct hxfr_framer f;
	struct hxfr_header h;
	const uint8_t *payload, *data = NULL;
	size_t capacity = 0;

	hxfr_framer_init(&f, HOST_PAYLOAD_MAX);
	for (int i = 0; i < 100; i++) {
		feed_header(&f, HXFR_FRAME_REQUEST, 3 * HXFR_READ_SIZE);
		for (int k = 0; k < 3; k++)
			feed(&f, zeros, sizeof(zeros));
		ck_assert_int_eq(hxfr_framer_next(&f, &h, &payload), 1);
		if (i == 0) {
			data = f.data;
			capacity = f.capacity;
		}
		ck_assert_ptr_eq(f.data, data);
		ck_assert_ptr_eq(payload, data + HXFR_HEADER_SIZE);
		ck_assert_uint_eq(f.capacity, capacity);
	}
	hxfr_framer_finish(&f);
}
END_TEST

START_TEST(framer_starts_every_lone_message_at_the_front)
{
	struct hxfr_framer f;
	struct hxfr_header h;
	const uint8_t *payload;

	hxfr_framer_init(&f, HOST_PAYLOAD_MAX);
	feed_header(&f, HXFR_FRAME_REQUEST, 3 * HXFR_READ_SIZE);
	for (int i = 0; i < 3; i++)
		feed(&f, zeros, sizeof(zeros));
	ck_assert_int_eq(next(&f), 1);
	for (int i = 0; i < 100; i++) {
		feed_header(&f, HXFR_PING, 0);
		ck_assert_int_eq(hxfr_framer_next(&f, &h, &payload), 1);
		ck_assert_ptr_eq(payload, f.data + HXFR_HEADER_SIZE);
	}
	hxfr_framer_finish(&f);
}
END_TEST

START_TEST(framer_lends_a_whole_read_between_messages_and_the_rest_within_a_big_one)
{
	const uint32_t big = 8 * HXFR_READ_SIZE;
	struct hxfr_framer f;
	size_t size;
	void *data;

	hxfr_framer_init(&f, HOST_PAYLOAD_MAX);
	ck_assert_int_eq(hxfr_framer_reserve(&f, &data, &size), 0);
	ck_assert_uint_ge(size, HXFR_READ_SIZE);

	feed_header(&f, HXFR_FRAME_REQUEST, big);
	for (int i = 0; i < 8; i++)
		feed(&f, zeros, sizeof(zeros));
	ck_assert_int_eq(next(&f), 1);

	feed_header(&f, HXFR_FRAME_REQUEST, big);
	ck_assert_int_eq(hxfr_framer_reserve(&f, &data, &size), 0);
	ck_assert_uint_eq(size, big);
	hxfr_framer_finish(&f);
}
END_TEST

START_TEST(framer_skips_unknown_types_without_buffering_them)
{
	const unsigned reads = 100;
	struct hxfr_framer f;

	hxfr_framer_init(&f, 0);
	feed_header(&f, UNKNOWN_TYPE, reads * HXFR_READ_SIZE);
	for (unsigned i = 0; i < reads; i++) {
		ck_assert_int_eq(next(&f), 0);
		ck_assert(hxfr_framer_in_message(&f));
		feed(&f, zeros, sizeof(zeros));
	}
	feed_header(&f, UNKNOWN_TYPE, 0);
	feed_header(&f, HXFR_PING, 0);
	ck_assert_int_eq(next(&f), 1);
	ck_assert_uint_eq(f.skipped_messages, 2);
	ck_assert_uint_le(f.capacity, 2 * HXFR_READ_SIZE);
	ck_assert(!hxfr_framer_in_message(&f));
	hxfr_framer_finish(&f);
}
END_TEST

START_TEST(framer_latches_a_wrong_magic_and_leaves_outputs_alone)
{
	struct hxfr_framer f;
	struct hxfr_header h;
	const uint8_t *payload;

	for (size_t i = 0; i < 4; i++) {
		uint8_t bytes[HXFR_HEADER_SIZE] = { 0x48, 0x58, 0x46, 0x52, HXFR_PING };

		bytes[i] ^= 0x80;
		poison(&h);
		poison(&payload);
		hxfr_framer_init(&f, HOST_PAYLOAD_MAX);
		feed(&f, bytes, sizeof(bytes));
		ck_assert_int_eq(hxfr_framer_next(&f, &h, &payload), -EBADMSG);
		feed_header(&f, HXFR_PING, 0);
		ck_assert_int_eq(hxfr_framer_next(&f, &h, &payload), -EBADMSG);
		assert_poisoned(&h);
		assert_poisoned(&payload);
		hxfr_framer_finish(&f);
	}
}
END_TEST

START_TEST(framer_says_so_when_nobody_takes_its_messages)
{
	struct hxfr_framer f;
	size_t size, total = 0;
	void *data;
	int r;

	hxfr_framer_init(&f, HXFR_CONFIG_SIZE);
	while ((r = hxfr_framer_reserve(&f, &data, &size)) == 0) {
		memset(data, 0, size);
		hxfr_framer_commit(&f, size);
		total += size;
		ck_assert_uint_le(total, 2 * HXFR_READ_SIZE);
	}
	ck_assert_int_eq(r, -ENOBUFS);
	hxfr_framer_finish(&f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		framer_finds_every_message_in_one_run_of_bytes,
		framer_takes_bytes_one_at_a_time,
		framer_knows_a_torn_message_behind_whole_ones,
		framer_refuses_before_it_buffers,
		framer_accepts_a_payload_at_its_limit,
		framer_grows_with_what_arrived_not_with_what_was_promised,
		framer_never_outgrows_its_payload_limit,
		framer_in_steady_state_neither_allocates_nor_moves,
		framer_starts_every_lone_message_at_the_front,
		framer_lends_a_whole_read_between_messages_and_the_rest_within_a_big_one,
		framer_skips_unknown_types_without_buffering_them,
		framer_latches_a_wrong_magic_and_leaves_outputs_alone,
		framer_says_so_when_nobody_takes_its_messages,
		NULL,
	};

	return suite_run("framer", tests);
}

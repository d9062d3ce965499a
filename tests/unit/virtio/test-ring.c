/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ring-fixture.h"
#include "suite.h"

#include <errno.h>

static const struct fake_buffer buffers[] = {
	{ .addr = DATA, .size = 16 },
	{ .addr = FAKE_RAM_HIGH, .size = 100 },
	{ .addr = DATA + 64, .size = 1, .in = true },
	{ .addr = HIGH_END - 4096, .size = 4096, .in = true },
	{ .addr = LOW_END - 1, .size = 1, .in = true },
};

static void check_chain(uint16_t head)
{
	ck_assert_int_eq(ring_pop(&ring, &chain), 1);
	ck_assert_uint_eq(chain.head, head);
	ck_assert_uint_eq(chain.n_out, 2);
	ck_assert_uint_eq(chain.n_in, 3);
	ck_assert_uint_eq(chain.out_size, 116);
	ck_assert_uint_eq(chain.in_size, 4098);
	for (unsigned i = 0; i < N_ELEMENTS(buffers); i++) {
		const struct iovec *piece = i < 2 ? &chain.out[i] : &chain.in[i - 2];

		ck_assert_ptr_eq(piece->iov_base,
			guest_memory_at(&memory, buffers[i].addr, buffers[i].size));
		ck_assert_uint_eq(piece->iov_len, buffers[i].size);
	}
	ring_push(&ring, head, 7);
}

START_TEST(a_chain_is_what_the_driver_put)
{
	uint16_t head = fake_queue_put(&queue, buffers, N_ELEMENTS(buffers)), taken;
	uint32_t written;

	check_chain(head);
	ck_assert(fake_queue_take(&queue, &taken, &written));
	ck_assert_uint_eq(taken, head);
	ck_assert_uint_eq(written, 7);
	ck_assert_int_eq(ring_pop(&ring, &chain), 0);
}
END_TEST

START_TEST(an_indirect_chain_is_the_same)
{
	check_chain(fake_queue_put_indirect(&queue, buffers, N_ELEMENTS(buffers)));
}
END_TEST

START_TEST(descriptors_may_come_before_an_indirect_table)
{
	const struct fake_desc first = { .addr = DATA, .len = 16, .flags = FAKE_NEXT, .next = 5 };
	const struct fake_desc second = { .addr = TABLE, .len = 64, .flags = FAKE_INDIRECT };

	fake_desc_write(&ram, queue.desc, 3, &first);
	fake_desc_write(&ram, queue.desc, 5, &second);
	for (unsigned i = 1; i < N_ELEMENTS(buffers); i++) {
		struct fake_desc desc = {
			.addr = buffers[i].addr,
			.len = buffers[i].size,
			.flags = (uint16_t)((i < 4 ? FAKE_NEXT : 0) | (i >= 2 ? FAKE_WRITE : 0)),
			.next = (uint16_t)i,
		};

		fake_desc_write(&ram, TABLE, i - 1, &desc);
	}
	fake_queue_offer(&queue, 3);
	check_chain(3);
}
END_TEST

/* What the driver put into the ring, and into an indirect table at TABLE; head 0 unless said. */
static const struct broken {
	const char *what;
	uint16_t head;
	struct fake_desc ring[3], table[3];
} broken[] = {
	{ "a head beyond the table", RING_SIZE, { { DATA, 16 } } },
	{ "a head far beyond", 0xffff, { { DATA, 16 } } },
	{ "a next beyond the table", 0, { { DATA, 16, FAKE_NEXT, RING_SIZE } } },
	{ "a loop of one", 0, { { DATA, 16, FAKE_NEXT, 0 } } },
	{ "a loop of two", 0, { { DATA, 16, FAKE_NEXT, 1 }, { DATA, 16, FAKE_NEXT, 0 } } },
	{ "a loop behind the head", 0,
		{ { DATA, 16, FAKE_NEXT, 1 }, { DATA, 16, FAKE_NEXT, 2 },
			{ DATA, 16, FAKE_NEXT, 1 } } },
	{ "no bytes", 0, { { DATA, 0 } } },
	{ "no bytes behind some", 0, { { DATA, 16, FAKE_NEXT, 1 }, { DATA, 0 } } },
	{ "address 0", 0, { { 0, 16 } } },
	{ "before the first region", 0, { { FAKE_RAM_LOW - 1, 16 } } },
	{ "between the regions", 0, { { LOW_END, 16 } } },
	{ "across the end of a region", 0, { { LOW_END - 15, 16 } } },
	{ "behind the last region", 0, { { HIGH_END, 1 } } },
	{ "an end beyond 2^64", 0, { { UINT64_MAX - 7, 16 } } },
	{ "a length up to 4 GiB", 0, { { DATA, UINT32_MAX } } },
	{ "to be read behind what is to be written", 0,
		{ { DATA, 16, FAKE_NEXT | FAKE_WRITE, 1 }, { DATA, 16 } } },
	{ "an indirect table with a next", 0,
		{ { TABLE, 16, FAKE_INDIRECT | FAKE_NEXT, 1 }, { DATA, 16 } }, { { DATA, 16 } } },
	{ "an indirect table of no entries", 0, { { TABLE, 0, FAKE_INDIRECT } }, { { DATA, 16 } } },
	{ "half an entry", 0, { { TABLE, 8, FAKE_INDIRECT } }, { { DATA, 16 } } },
	{ "an entry and a half", 0, { { TABLE, 24, FAKE_INDIRECT } }, { { DATA, 16 } } },
	{ "an indirect table outside memory", 0, { { LOW_END, 16, FAKE_INDIRECT } } },
	{ "an indirect table that ends there", 0, { { LOW_END - 16, 32, FAKE_INDIRECT } } },
	{ "an indirect next beyond its table", 0, { { TABLE, 32, FAKE_INDIRECT } },
		{ { DATA, 16, FAKE_NEXT, 2 }, { DATA, 16 }, { DATA, 16 } } },
	{ "a loop in an indirect table", 0, { { TABLE, 32, FAKE_INDIRECT } },
		{ { DATA, 16, FAKE_NEXT, 1 }, { DATA, 16, FAKE_NEXT, 0 } } },
	{ "an indirect table in itself", 0, { { TABLE, 16, FAKE_INDIRECT } },
		{ { TABLE, 16, FAKE_INDIRECT } } },
	{ "an indirect table in another", 0, { { TABLE, 32, FAKE_INDIRECT } },
		{ { DATA, 16, FAKE_NEXT, 1 }, { TABLE + 32, 16, FAKE_INDIRECT }, { DATA, 16 } } },
};

START_TEST(a_broken_chain_stops_the_ring_and_is_said_once)
{
	for (unsigned i = 0; i < N_ELEMENTS(broken); i++) {
		ring_renew();
		const struct broken *b = &broken[i];

		for (unsigned j = 0; j < N_ELEMENTS(b->ring); j++) {
			fake_desc_write(&ram, queue.desc, j, &b->ring[j]);
			fake_desc_write(&ram, TABLE, j, &b->table[j]);
		}
		fake_queue_offer(&queue, b->head);
		ck_assert_msg(ring_pop(&ring, &chain) == -EBADMSG, "%s", b->what);
		ck_assert(ring.broken);
		fake_queue_offer(&queue, b->head);
		ck_assert_int_eq(ring_pop(&ring, &chain), 0);
		ck_assert_uint_eq(fake_queue_used_idx(&queue), 0);
	}
}
END_TEST

START_TEST(a_broken_ring_serves_again_after_a_reset)
{
	const struct fake_desc loop = { DATA, 16, FAKE_NEXT, 0 };

	fake_desc_write(&ram, queue.desc, 0, &loop);
	fake_queue_offer(&queue, 0);
	ck_assert_int_eq(ring_pop(&ring, &chain), -EBADMSG);
	ck_assert_uint_eq(ring_stop(&ring), 0);
	fake_queue_reset(&queue);
	start_at(0, 0);
	serve_one();
}
END_TEST

/* An indirect table of so many buffers. */
static int pop_indirect(unsigned n, uint32_t size)
{
	const struct fake_desc outer = { TABLE, 16 * n, FAKE_INDIRECT };

	for (unsigned i = 0; i < n; i++) {
		struct fake_desc desc = {
			.addr = FAKE_RAM_HIGH,
			.len = size,
			.flags = i + 1 < n ? FAKE_NEXT : 0,
			.next = (uint16_t)(i + 1),
		};

		fake_desc_write(&ram, TABLE, i, &desc);
	}
	fake_desc_write(&ram, queue.desc, 0, &outer);
	fake_queue_offer(&queue, 0);
	return ring_pop(&ring, &chain);
}

START_TEST(a_chain_is_as_long_as_the_limit)
{
	ck_assert_int_eq(pop_indirect(RING_CHAIN_MAX, 1), 1);
	ck_assert_uint_eq(chain.n_out, RING_CHAIN_MAX);
	ck_assert_uint_eq(chain.out[RING_CHAIN_MAX - 1].iov_len, 1);
}
END_TEST

START_TEST(a_chain_is_no_longer_than_the_limit)
{
	ck_assert_int_eq(pop_indirect(RING_CHAIN_MAX + 1, 1), -EBADMSG);
}
END_TEST

START_TEST(the_bytes_of_a_chain_stay_below_4_gib)
{
	ck_assert_int_eq(pop_indirect(255, FAKE_RAM_SIZE / 2), 1);
	ck_assert_uint_eq(chain.out_size, 255ull * (FAKE_RAM_SIZE / 2));
	ring_push(&ring, chain.head, 0);
	ck_assert_int_eq(pop_indirect(256, FAKE_RAM_SIZE / 2), -EBADMSG);
}
END_TEST

START_TEST(a_ringful_may_be_available)
{
	for (unsigned i = 0; i < RING_SIZE; i++)
		put_one();
	for (unsigned i = 0; i < RING_SIZE; i++)
		ck_assert_int_eq(ring_pop(&ring, &chain), 1);
	ck_assert_int_eq(ring_pop(&ring, &chain), 0);
}
END_TEST

START_TEST(more_than_a_ringful_is_refused)
{
	put_one();
	fake_queue_set_avail_idx(&queue, RING_SIZE + 1);
	ck_assert_int_eq(ring_pop(&ring, &chain), -EBADMSG);
}
END_TEST

START_TEST(an_available_index_that_goes_back_is_refused)
{
	serve_one();
	fake_queue_set_avail_idx(&queue, 0);
	ck_assert_int_eq(ring_pop(&ring, &chain), -EBADMSG);
}
END_TEST

START_TEST(requests_in_flight_count_for_a_ringful)
{
	for (unsigned i = 0; i < RING_SIZE; i++)
		put_one();
	for (unsigned i = 0; i < RING_SIZE; i++)
		ck_assert_int_eq(ring_pop(&ring, &chain), 1);
	fake_queue_offer(&queue, 0);
	ck_assert_int_eq(ring_pop(&ring, &chain), -EBADMSG);
}
END_TEST

START_TEST(indices_wrap)
{
	start_at(65530, 0);
	for (unsigned i = 0; i < 20; i++) {
		serve_one();
		ck_assert(take_one());
	}
	ck_assert_uint_eq(fake_queue_used_idx(&queue), (uint16_t)(65530 + 20));
}
END_TEST

START_TEST(an_unpopped_request_comes_again)
{
	uint16_t first = put_one(), second = put_one();

	ck_assert_int_eq(ring_pop(&ring, &chain), 1);
	ring_unpop(&ring);
	ck_assert_int_eq(ring_pop(&ring, &chain), 1);
	ck_assert_uint_eq(chain.head, first);
	ring_push(&ring, first, 0);
	ck_assert_int_eq(ring_pop(&ring, &chain), 1);
	ck_assert_uint_eq(chain.head, second);
	/* Nothing of the kind is popped: no index goes back for it. */
	ring_push(&ring, second, 0);
	ring_unpop(&ring);
	ck_assert_int_eq(ring_pop(&ring, &chain), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_chain_is_what_the_driver_put,
		an_indirect_chain_is_the_same,
		descriptors_may_come_before_an_indirect_table,
		a_broken_chain_stops_the_ring_and_is_said_once,
		a_broken_ring_serves_again_after_a_reset,
		a_chain_is_as_long_as_the_limit,
		a_chain_is_no_longer_than_the_limit,
		the_bytes_of_a_chain_stay_below_4_gib,
		a_ringful_may_be_available,
		more_than_a_ringful_is_refused,
		an_available_index_that_goes_back_is_refused,
		requests_in_flight_count_for_a_ringful,
		indices_wrap,
		an_unpopped_request_comes_again,
		NULL,
	};

	return suite_run_with("virtio ring", tests, ring_setup, ring_teardown);
}

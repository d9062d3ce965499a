/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ring-fixture.h"
#include "suite.h"

#include <errno.h>

START_TEST(a_ring_that_stops_goes_on_from_what_was_not_given_back)
{
	put_one();
	put_one();
	put_one();
	ck_assert_int_eq(ring_pop(&ring, &chain), 1);
	ring_push(&ring, chain.head, 0);
	ck_assert_int_eq(ring_pop(&ring, &chain), 1);
	uint16_t second = chain.head;
	ck_assert_int_eq(ring_pop(&ring, &chain), 1);
	ck_assert_uint_eq(ring_stop(&ring), 1);
	ck_assert_int_eq(ring_pop(&ring, &chain), 0);
	ck_assert_int_eq(ring_start(&ring, &memory, 1), 0);
	ck_assert_int_eq(ring_pop(&ring, &chain), 1);
	ck_assert_uint_eq(chain.head, second);
}
END_TEST

START_TEST(what_is_pushed_after_a_stop_is_dropped)
{
	put_one();
	ck_assert_int_eq(ring_pop(&ring, &chain), 1);
	ring_stop(&ring);
	ring_push(&ring, chain.head, 0);
	ring_notify(&ring);
	ck_assert_int_eq(ring_start(&ring, &memory, 0), 0);
	ring_push(&ring, chain.head, 0);
	ring_notify(&ring);
	ck_assert_uint_eq(fake_queue_used_idx(&queue), 0);
	ck_assert(!fake_queue_interrupted(&queue));
}
END_TEST

START_TEST(a_disabled_ring_gives_nothing_out)
{
	put_one();
	ring.enabled = false;
	ck_assert_int_eq(ring_pop(&ring, &chain), 0);
	ring.enabled = true;
	ck_assert_int_eq(ring_pop(&ring, &chain), 1);
}
END_TEST

START_TEST(a_round_is_no_longer_than_the_ring)
{
	ring_begin_round(&ring);
	for (unsigned i = 0; i < RING_SIZE; i++) {
		serve_one();
		ck_assert(take_one());
	}
	put_one();
	ck_assert_int_eq(ring_pop(&ring, &chain), 0);
	ck_assert(ring_end_round(&ring));
	ck_assert_int_eq(ring_pop(&ring, &chain), 1);
	ring_begin_round(&ring);
	ck_assert(!ring_end_round(&ring));
}
END_TEST

START_TEST(pushes_interrupt_once_notified)
{
	serve_one();
	ck_assert(!fake_queue_interrupted(&queue));
	ring_notify(&ring);
	ck_assert(fake_queue_interrupted(&queue));
	ring_notify(&ring);
	ck_assert(!fake_queue_interrupted(&queue));
}
END_TEST

START_TEST(a_driver_that_polls_is_not_interrupted)
{
	fake_queue_set_no_interrupt(&queue, true);
	serve_one();
	ring_notify(&ring);
	ck_assert(!fake_queue_interrupted(&queue));
	fake_queue_set_no_interrupt(&queue, false);
	serve_one();
	ring_notify(&ring);
	ck_assert(fake_queue_interrupted(&queue));
}
END_TEST

static const uint16_t bases[] = { 0, 1, 65530, 65533, 65534, 65535 };

START_TEST(event_idx_interrupts_when_the_event_is_passed)
{
	for (unsigned i = 0; i < N_ELEMENTS(bases); i++) {
		ring_renew();
		start_at(bases[i], EVENT_IDX);
		/* The first interrupt comes in any case: nobody knows what the driver saw. */
		fake_queue_set_used_event(&queue, (uint16_t)(bases[i] + 1000));
		serve_one();
		ring_notify(&ring);
		ck_assert(fake_queue_interrupted(&queue));
		ck_assert(take_one());
		fake_queue_set_used_event(&queue, (uint16_t)(bases[i] + 3));
		for (unsigned used = 2; used <= 5; used++) {
			serve_one();
			ring_notify(&ring);
			ck_assert_int_eq(fake_queue_interrupted(&queue), used == 4);
		}
	}
}
END_TEST

START_TEST(event_idx_interrupts_once_for_many)
{
	for (unsigned i = 0; i < N_ELEMENTS(bases); i++) {
		ring_renew();
		start_at(bases[i], EVENT_IDX);
		serve_one();
		ring_notify(&ring);
		ck_assert(fake_queue_interrupted(&queue));
		ck_assert(take_one()); /* which asks for the next one */
		for (unsigned j = 0; j < 4; j++)
			serve_one();
		ring_notify(&ring);
		ck_assert(fake_queue_interrupted(&queue));
		ring_notify(&ring);
		ck_assert(!fake_queue_interrupted(&queue));
	}
}
END_TEST

/* No kick is wanted for what is put while others wait, one is for the first after all were popped. */
START_TEST(event_idx_asks_for_a_kick_when_the_ring_was_emptied)
{
	for (unsigned i = 0; i < N_ELEMENTS(bases); i++) {
		ring_renew();
		start_at(bases[i], EVENT_IDX);
		for (unsigned round = 0; round < 3; round++) {
			put_one();
			ck_assert(fake_queue_kick(&queue));
			put_one();
			ck_assert(!fake_queue_kick(&queue));
			for (unsigned j = 0; j < 2; j++) {
				ck_assert_int_eq(ring_pop(&ring, &chain), 1);
				ring_push(&ring, chain.head, 0);
				ck_assert(take_one());
			}
			ck_assert_int_eq(ring_pop(&ring, &chain), 0);
		}
	}
}
END_TEST

/* The driver puts a request just when it is asked for kicks: here the index is where the wish is
 * written to, and 65535 becomes 0. */
START_TEST(a_ring_is_looked_at_again_after_asking_for_kicks)
{
	const struct fake_desc desc = { .addr = DATA, .len = 16 };

	queue.avail = fake_ram_alloc(&ram, 256, 4) + 2;
	ring.avail_addr = fake_ram_user(queue.avail);
	ring.used_addr = ring.avail_addr + 2;
	ck_assert_int_eq(ring_start(&ring, &memory, 65535), 0);
	fake_desc_write(&ram, queue.desc, 0, &desc);
	fake_queue_set_avail_idx(&queue, 65535);
	ck_assert_int_eq(ring_pop(&ring, &chain), 1);
}
END_TEST

START_TEST(kicks_can_be_declined_and_asked_for)
{
	for (unsigned i = 0; i < 2; i++) {
		ring_renew();
		static const uint64_t features[] = { 0, EVENT_IDX };

		start_at(0, features[i]);
		put_one();
		ck_assert(fake_queue_kick(&queue));
		ck_assert_int_eq(ring_pop(&ring, &chain), 1);
		ck_assert(!ring_want_kicks(&ring, false));
		ck_assert_int_eq(ring_pop(&ring, &chain), 0);
		put_one();
		ck_assert(!fake_queue_kick(&queue));
		ck_assert(ring_want_kicks(&ring, true));
		ck_assert_int_eq(ring_pop(&ring, &chain), 1);
		ck_assert_int_eq(ring_pop(&ring, &chain), 0);
		ck_assert(!ring_want_kicks(&ring, true));
		put_one();
		ck_assert(fake_queue_kick(&queue));
	}
}
END_TEST

static const struct start {
	const char *what;
	unsigned size;
	uint64_t desc, avail, used; /* added to the right ones */
	int error;
} starts[] = {
	{ "size 0", 0, 0, 0, 0, -EINVAL },
	{ "no power of two", 6, 0, 0, 0, -EINVAL },
	{ "larger than the limit", 2 * RING_SIZE_MAX, 0, 0, 0, -EINVAL },
	{ "2^31", 1u << 31, 0, 0, 0, -EINVAL },
	{ "descriptors not aligned", RING_SIZE, 8, 0, 0, -EFAULT },
	{ "available ring not aligned", RING_SIZE, 0, 1, 0, -EFAULT },
	{ "used ring not aligned", RING_SIZE, 0, 0, 2, -EFAULT },
	{ "descriptors outside memory", RING_SIZE, FAKE_RAM_SIZE, 0, 0, -EFAULT },
	{ "available ring outside memory", RING_SIZE, 0, FAKE_RAM_SIZE, 0, -EFAULT },
	{ "used ring outside memory", RING_SIZE, 0, 0, FAKE_RAM_SIZE, -EFAULT },
	{ "size 1", 1, 0, 0, 0, 0 },
	{ "the limit", RING_SIZE_MAX, 0, 0, 0, 0 },
};

START_TEST(a_ring_starts_only_where_it_can_be)
{
	for (unsigned i = 0; i < N_ELEMENTS(starts); i++) {
		ring_renew();
		const struct start *s = &starts[i];

		ring_stop(&ring);
		ring.size = s->size;
		ring.desc_addr += s->desc;
		ring.avail_addr += s->avail;
		ring.used_addr += s->used;
		ck_assert_msg(ring_start(&ring, &memory, 0) == s->error, "%s", s->what);
		ck_assert_int_eq(ring.started, s->error == 0);
	}
}
END_TEST

/* The last byte of the parts, with their events, must be in memory. */
START_TEST(a_ring_fits_to_the_last_byte)
{
	uint64_t end = fake_ram_user(HIGH_END);

	ring_stop(&ring);
	ring.avail_addr = end - (6 + 2 * RING_SIZE);
	ck_assert_int_eq(ring_start(&ring, &memory, 0), 0);
	ring_stop(&ring);
	ring.avail_addr += 2;
	ck_assert_int_eq(ring_start(&ring, &memory, 0), -EFAULT);
	ring.avail_addr = fake_ram_user(queue.avail);
	ring.used_addr = (end - (6 + 8 * RING_SIZE)) & ~3ull;
	ck_assert_int_eq(ring_start(&ring, &memory, 0), 0);
	ring_stop(&ring);
	ring.used_addr += 4;
	ck_assert_int_eq(ring_start(&ring, &memory, 0), -EFAULT);
}
END_TEST

START_TEST(a_ring_goes_on_in_another_mapping)
{
	struct guest_memory other;

	serve_one();
	fake_ram_share(&ram, &other);
	ck_assert_int_eq(ring_remap(&ring, &other), 0);
	guest_memory_finish(&memory);
	memory = other;
	ring.memory = &memory;
	serve_one();
	ck_assert_uint_eq(fake_queue_used_idx(&queue), 2);
}
END_TEST

START_TEST(a_ring_whose_memory_is_gone_stops)
{
	struct guest_memory none;

	guest_memory_init(&none);
	put_one();
	ck_assert_int_eq(ring_remap(&ring, &none), -EFAULT);
	ck_assert(!ring.started);
	ck_assert_int_eq(ring_pop(&ring, &chain), 0);
	ck_assert_int_eq(ring_remap(&ring, &none), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_ring_that_stops_goes_on_from_what_was_not_given_back,
		what_is_pushed_after_a_stop_is_dropped,
		a_disabled_ring_gives_nothing_out,
		a_round_is_no_longer_than_the_ring,
		pushes_interrupt_once_notified,
		a_driver_that_polls_is_not_interrupted,
		event_idx_interrupts_when_the_event_is_passed,
		event_idx_interrupts_once_for_many,
		event_idx_asks_for_a_kick_when_the_ring_was_emptied,
		a_ring_is_looked_at_again_after_asking_for_kicks,
		kicks_can_be_declined_and_asked_for,
		a_ring_starts_only_where_it_can_be,
		a_ring_fits_to_the_last_byte,
		a_ring_goes_on_in_another_mapping,
		a_ring_whose_memory_is_gone_stops,
		NULL,
	};

	return suite_run_with("virtio ring life", tests, ring_setup, ring_teardown);
}

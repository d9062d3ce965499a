/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ring-fixture.h"

#include <check.h>
#include <unistd.h>

struct fake_ram ram;
struct fake_queue queue;
struct guest_memory memory;
struct ring ring;
struct ring_chain chain;

void start_at(uint16_t base, uint64_t features)
{
	ring.features = features;
	queue.event_idx = features & EVENT_IDX;
	fake_queue_set_indices(&queue, base);
	ck_assert_int_eq(ring_start(&ring, &memory, base), 0);
}

void ring_setup(void)
{
	fake_ram_init(&ram);
	fake_ram_share(&ram, &memory);
	fake_queue_init(&queue, &ram, RING_SIZE);
	ring_init(&ring);
	ring.size = RING_SIZE;
	ring.desc_addr = fake_ram_user(queue.desc);
	ring.avail_addr = fake_ram_user(queue.avail);
	ring.used_addr = fake_ram_user(queue.used);
	ring.call_fd = dup(queue.call_fd);
	ring.enabled = true;
	start_at(0, 0);
}

void ring_teardown(void)
{
	ring_finish(&ring);
	guest_memory_finish(&memory);
	fake_queue_finish(&queue);
	fake_ram_finish(&ram);
}

void ring_renew(void)
{
	ring_teardown();
	ring_setup();
}

uint16_t put_one(void)
{
	return fake_queue_put(&queue, &(struct fake_buffer){ .addr = DATA, .size = 64 }, 1);
}

void serve_one(void)
{
	uint16_t head = put_one();

	ck_assert_int_eq(ring_pop(&ring, &chain), 1);
	ck_assert_uint_eq(chain.head, head);
	ring_push(&ring, head, 0);
}

bool take_one(void)
{
	uint32_t written;
	uint16_t head;

	return fake_queue_take(&queue, &head, &written);
}

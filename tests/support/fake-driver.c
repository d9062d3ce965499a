/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-driver.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define DESC_SIZE   16u
#define REGION_SIZE (FAKE_RAM_SIZE / 2)

void fake_fail(const char *file, int line, const char *text)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, text);
	abort();
}

void fake_ram_init(struct fake_ram *ram)
{
	ram->fd = memfd_create("guest", MFD_CLOEXEC);
	fake_must(ram->fd >= 0 && ftruncate(ram->fd, FAKE_RAM_SIZE) == 0);
	ram->data = mmap(NULL, FAKE_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, ram->fd, 0);
	fake_must(ram->data != MAP_FAILED);
	ram->next = FAKE_RAM_LOW;
}

void fake_ram_finish(struct fake_ram *ram)
{
	munmap(ram->data, FAKE_RAM_SIZE);
	close(ram->fd);
}

uint64_t fake_ram_alloc(struct fake_ram *ram, size_t size, size_t align)
{
	uint64_t addr = (ram->next + align - 1) & ~(uint64_t)(align - 1);

	fake_must(size <= REGION_SIZE && addr + size <= FAKE_RAM_LOW + REGION_SIZE);
	ram->next = addr + size;
	memset(fake_ram_at(ram, addr), 0, size);
	return addr;
}

static uint64_t offset_of(uint64_t guest_addr)
{
	bool high = guest_addr >= FAKE_RAM_HIGH;
	uint64_t offset = guest_addr - (high ? FAKE_RAM_HIGH : FAKE_RAM_LOW);

	fake_must(offset <= REGION_SIZE);
	return offset + (high ? REGION_SIZE : 0);
}

uint8_t *fake_ram_at(const struct fake_ram *ram, uint64_t guest_addr)
{
	return ram->data + offset_of(guest_addr);
}

uint64_t fake_ram_user(uint64_t guest_addr)
{
	return FAKE_RAM_USER + offset_of(guest_addr);
}

struct guest_region fake_ram_region(unsigned index)
{
	return (struct guest_region){
		.guest_addr = index == 0 ? FAKE_RAM_LOW : FAKE_RAM_HIGH,
		.size = REGION_SIZE,
		.user_addr = FAKE_RAM_USER + index * REGION_SIZE,
		.fd_offset = index * REGION_SIZE,
		.fd = -1,
	};
}

void fake_ram_share(const struct fake_ram *ram, struct guest_memory *ret)
{
	guest_memory_init(ret);
	for (unsigned i = 0; i < 2; i++) {
		struct guest_region region = fake_ram_region(i);

		fake_must(guest_memory_add(ret, &region, dup(ram->fd)) == 0);
	}
}

static _Atomic uint16_t *index_at(const struct fake_queue *queue, uint64_t addr)
{
	return (_Atomic uint16_t *)fake_ram_at(queue->ram, addr);
}

static _Atomic uint16_t *used_event(const struct fake_queue *queue)
{
	return index_at(queue, queue->avail + 4 + 2ull * queue->size);
}

static _Atomic uint16_t *avail_event(const struct fake_queue *queue)
{
	return index_at(queue, queue->used + 4 + 8ull * queue->size);
}

void fake_queue_init(struct fake_queue *queue, struct fake_ram *ram, unsigned size)
{
	*queue = (struct fake_queue){
		.ram = ram,
		.size = size,
		.desc = fake_ram_alloc(ram, (size_t)DESC_SIZE * size, 16),
		.avail = fake_ram_alloc(ram, 6 + (size_t)2 * size, 2),
		.used = fake_ram_alloc(ram, 6 + (size_t)8 * size, 4),
		.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	fake_must(size <= FAKE_QUEUE_MAX && queue->kick_fd >= 0 && queue->call_fd >= 0);
	fake_queue_reset(queue);
}

void fake_queue_finish(struct fake_queue *queue)
{
	close(queue->kick_fd);
	close(queue->call_fd);
}

void fake_queue_reset(struct fake_queue *queue)
{
	memset(fake_ram_at(queue->ram, queue->desc), 0, (size_t)DESC_SIZE * queue->size);
	memset(fake_ram_at(queue->ram, queue->avail), 0, 6 + (size_t)2 * queue->size);
	memset(fake_ram_at(queue->ram, queue->used), 0, 6 + (size_t)8 * queue->size);
	queue->next_avail = queue->next_used = queue->kicked_avail = 0;
	queue->n_free = 0;
	for (unsigned i = queue->size; i-- > 0;)
		queue->free[queue->n_free++] = (uint16_t)i;
}

void fake_desc_write(
	struct fake_ram *ram, uint64_t table, unsigned index, const struct fake_desc *desc)
{
	memcpy(fake_ram_at(ram, table + (uint64_t)DESC_SIZE * index), desc, DESC_SIZE);
}

static uint16_t take_free(struct fake_queue *queue)
{
	fake_must(queue->n_free > 0);
	return queue->free[--queue->n_free];
}

void fake_queue_offer(struct fake_queue *queue, uint16_t head)
{
	uint16_t slot = queue->next_avail & (queue->size - 1);

	atomic_store(index_at(queue, queue->avail + 4 + 2ull * slot), head);
	queue->next_avail++;
	atomic_store(index_at(queue, queue->avail + 2), queue->next_avail);
}

static struct fake_desc describe(const struct fake_buffer *buffer)
{
	return (struct fake_desc){
		.addr = buffer->addr,
		.len = buffer->size,
		.flags = buffer->in ? FAKE_WRITE : 0,
	};
}

uint16_t fake_queue_put(struct fake_queue *queue, const struct fake_buffer *buffers, unsigned n)
{
	uint16_t head = take_free(queue), index = head;

	fake_must(n > 0);
	queue->chain_size[head] = (uint16_t)n;
	for (unsigned i = 0; i < n; i++) {
		struct fake_desc desc = describe(&buffers[i]);

		if (i + 1 < n) {
			desc.flags |= FAKE_NEXT;
			desc.next = queue->next[index] = take_free(queue);
		}
		fake_desc_write(queue->ram, queue->desc, index, &desc);
		index = desc.next;
	}
	fake_queue_offer(queue, head);
	return head;
}

uint16_t fake_queue_put_indirect(
	struct fake_queue *queue, const struct fake_buffer *buffers, unsigned n)
{
	uint64_t table = fake_ram_alloc(queue->ram, (size_t)DESC_SIZE * n, 16);
	struct fake_desc outer = {
		.addr = table,
		.len = DESC_SIZE * n,
		.flags = FAKE_INDIRECT,
	};
	uint16_t head = take_free(queue);

	queue->chain_size[head] = 1;
	for (unsigned i = 0; i < n; i++) {
		struct fake_desc desc = describe(&buffers[i]);

		if (i + 1 < n) {
			desc.flags |= FAKE_NEXT;
			desc.next = (uint16_t)(i + 1);
		}
		fake_desc_write(queue->ram, table, i, &desc);
	}
	fake_desc_write(queue->ram, queue->desc, head, &outer);
	fake_queue_offer(queue, head);
	return head;
}

bool fake_queue_kick(struct fake_queue *queue)
{
	uint16_t before = queue->kicked_avail, now = queue->next_avail;
	bool wanted;

	queue->kicked_avail = now;
	if (queue->event_idx) {
		uint16_t event = atomic_load(avail_event(queue));
		wanted = (uint16_t)(now - event - 1) < (uint16_t)(now - before);
	} else {
		wanted = !(atomic_load(index_at(queue, queue->used)) & 1);
	}
	if (wanted)
		eventfd_write(queue->kick_fd, 1);
	return wanted;
}

bool fake_queue_take(struct fake_queue *queue, uint16_t *ret_head, uint32_t *ret_written)
{
	uint16_t slot = queue->next_used & (queue->size - 1);
	uint32_t entry[2];
	uint16_t index;

	if (fake_queue_used_idx(queue) == queue->next_used)
		return false;
	memcpy(entry, fake_ram_at(queue->ram, queue->used + 4 + 8ull * slot), sizeof(entry));
	fake_must(entry[0] < queue->size && queue->chain_size[entry[0]] > 0);
	index = (uint16_t)entry[0];
	for (unsigned n = queue->chain_size[entry[0]]; n > 0; n--) {
		queue->free[queue->n_free++] = index;
		index = queue->next[index];
	}
	queue->chain_size[entry[0]] = 0;
	queue->next_used++;
	if (queue->event_idx)
		fake_queue_set_used_event(queue, queue->next_used);
	*ret_head = (uint16_t)entry[0];
	*ret_written = entry[1];
	return true;
}

bool fake_queue_interrupted(struct fake_queue *queue)
{
	eventfd_t n;

	return eventfd_read(queue->call_fd, &n) == 0;
}

void fake_queue_set_used_event(struct fake_queue *queue, uint16_t event)
{
	atomic_store(used_event(queue), event);
}

void fake_queue_set_no_interrupt(struct fake_queue *queue, bool no_interrupt)
{
	atomic_store(index_at(queue, queue->avail), no_interrupt);
}

void fake_queue_set_avail_idx(struct fake_queue *queue, uint16_t idx)
{
	atomic_store(index_at(queue, queue->avail + 2), idx);
}

uint16_t fake_queue_used_idx(const struct fake_queue *queue)
{
	return atomic_load(index_at(queue, queue->used + 2));
}

void fake_queue_set_indices(struct fake_queue *queue, uint16_t idx)
{
	queue->next_avail = queue->next_used = queue->kicked_avail = idx;
	fake_queue_set_avail_idx(queue, idx);
	atomic_store(index_at(queue, queue->used + 2), idx);
}

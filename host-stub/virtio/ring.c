/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ring.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Virtio 1.2, 2.7.5 to 2.7.8. */
#define DESC_SIZE              16u
#define DESC_F_NEXT            1u
#define DESC_F_WRITE           2u
#define DESC_F_INDIRECT        4u
#define AVAIL_F_NO_INTERRUPT   1u
#define USED_F_NO_NOTIFY       1u
#define PART_FLAGS             0u
#define PART_IDX               2u
#define PART_ENTRIES           4u
#define AVAIL_ENTRY_SIZE       2u
#define USED_ENTRY_SIZE        8u
#define EVENT_SIZE             2u
#define DESC_ALIGN             16u
#define AVAIL_ALIGN            2u
#define USED_ALIGN             4u
#define VIRTIO_F_EVENT_IDX_BIT 29

#define UNLIMITED UINT_MAX

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

/* Where descriptors are chained: the ring's own table, or an indirect one. */
struct table {
	const uint8_t *entries;
	unsigned n;
	bool indirect;
};

/* Both sides first store what they did, then load what the other one wants to know, and must not
 * miss each other: sequentially consistent. (Fences would do, but not for ThreadSanitizer.) */
static uint16_t load16(const uint8_t *at)
{
	return le16toh(atomic_load((const _Atomic uint16_t *)at));
}

static void store16(uint8_t *at, uint16_t v)
{
	atomic_store((_Atomic uint16_t *)at, htole16(v));
}

static uint8_t *used_event(const struct ring *ring)
{
	return ring->avail + PART_ENTRIES + (size_t)AVAIL_ENTRY_SIZE * ring->size;
}

static uint8_t *avail_event(const struct ring *ring)
{
	return ring->used + PART_ENTRIES + (size_t)USED_ENTRY_SIZE * ring->size;
}

static bool has_event_idx(const struct ring *ring)
{
	return ring->features >> VIRTIO_F_EVENT_IDX_BIT & 1;
}

void ring_init(struct ring *ring)
{
	*ring = (struct ring){ .kick_fd = -1, .call_fd = -1, .budget = UNLIMITED };
}

void ring_finish(struct ring *ring)
{
	if (ring->kick_fd >= 0)
		close(ring->kick_fd);
	if (ring->call_fd >= 0)
		close(ring->call_fd);
	ring_init(ring);
}

static uint8_t *find_part(
	const struct guest_memory *memory, uint64_t addr, uint64_t size, unsigned align)
{
	uint8_t *part = guest_memory_at_user(memory, addr, size);

	return (uintptr_t)part % align == 0 ? part : NULL;
}

static int find_parts(struct ring *ring, const struct guest_memory *memory)
{
	uint64_t avail_size = PART_ENTRIES + (uint64_t)AVAIL_ENTRY_SIZE * ring->size + EVENT_SIZE;
	uint64_t used_size = PART_ENTRIES + (uint64_t)USED_ENTRY_SIZE * ring->size + EVENT_SIZE;
	uint8_t *desc, *avail, *used;

	desc = find_part(memory, ring->desc_addr, (uint64_t)DESC_SIZE * ring->size, DESC_ALIGN);
	avail = find_part(memory, ring->avail_addr, avail_size, AVAIL_ALIGN);
	used = find_part(memory, ring->used_addr, used_size, USED_ALIGN);
	if (!desc || !avail || !used)
		return -EFAULT;
	ring->memory = memory;
	ring->desc = desc;
	ring->avail = avail;
	ring->used = used;
	return 0;
}

int ring_start(struct ring *ring, const struct guest_memory *memory, uint16_t base)
{
	int r;

	if (ring->size == 0 || ring->size > RING_SIZE_MAX || (ring->size & (ring->size - 1)) != 0)
		return -EINVAL;
	r = find_parts(ring, memory);
	if (r < 0)
		return r;
	ring->next_avail = base;
	ring->next_used = load16(ring->used + PART_IDX);
	ring->signalled_used = ring->next_used;
	ring->signalled_valid = false;
	ring->in_flight = 0;
	ring->budget = UNLIMITED;
	ring->broken = false;
	ring->started = true;
	ring_want_kicks(ring, true);
	return 0;
}

int ring_remap(struct ring *ring, const struct guest_memory *memory)
{
	int r = ring->started ? find_parts(ring, memory) : 0;

	if (r < 0)
		ring_stop(ring);
	return r;
}

uint16_t ring_stop(struct ring *ring)
{
	ring->started = false;
	ring->next_avail -= (uint16_t)ring->in_flight;
	ring->in_flight = 0;
	ring->desc = ring->avail = ring->used = NULL;
	return ring->next_avail;
}

void ring_begin_round(struct ring *ring)
{
	ring->budget = ring->size;
}

bool ring_end_round(struct ring *ring)
{
	bool more = ring->budget == 0;

	ring->budget = UNLIMITED;
	return more;
}

/* The driver may write at any time: what was checked must be what is used, so the compiler must not
 * read it a second time. */
static void load_desc(const uint8_t *at, struct desc *ret)
{
	memcpy(ret, at, sizeof(*ret));
	atomic_signal_fence(memory_order_seq_cst);
	ret->addr = le64toh(ret->addr);
	ret->len = le32toh(ret->len);
	ret->flags = le16toh(ret->flags);
	ret->next = le16toh(ret->next);
}

static int enter_indirect(const struct ring *ring, const struct desc *desc, struct table *table)
{
	if (table->indirect || (desc->flags & DESC_F_NEXT) || desc->len % DESC_SIZE != 0)
		return -EBADMSG;
	table->entries = guest_memory_at(ring->memory, desc->addr, desc->len);
	if (!table->entries)
		return -EBADMSG;
	table->n = desc->len / DESC_SIZE;
	table->indirect = true;
	return 0;
}

static int add_buffer(const struct ring *ring, const struct desc *desc, struct ring_chain *chain)
{
	bool in = desc->flags & DESC_F_WRITE;
	size_t *sum = in ? &chain->in_size : &chain->out_size;
	unsigned n = chain->n_out + chain->n_in;
	void *data = guest_memory_at(ring->memory, desc->addr, desc->len);

	/* The limit is also what ends a loop. */
	if (!data || n == RING_CHAIN_MAX || *sum + desc->len > UINT32_MAX)
		return -EBADMSG;
	/* What the device reads stands first, virtio 1.2, 2.7.4.2. */
	if (!in && chain->n_in > 0)
		return -EBADMSG;
	chain->iov[n] = (struct iovec){ .iov_base = data, .iov_len = desc->len };
	*sum += desc->len;
	if (in)
		chain->n_in++;
	else
		chain->n_out++;
	return 0;
}

static int read_chain(const struct ring *ring, uint16_t head, struct ring_chain *ret)
{
	struct table table = { .entries = ring->desc, .n = ring->size };
	unsigned index = head;
	struct desc desc;
	int r;

	ret->head = head;
	ret->n_out = ret->n_in = 0;
	ret->out_size = ret->in_size = 0;
	do {
		if (index >= table.n)
			return -EBADMSG;
		load_desc(table.entries + (size_t)DESC_SIZE * index, &desc);
		if (desc.flags & DESC_F_INDIRECT) {
			r = enter_indirect(ring, &desc, &table);
			index = 0;
			desc.flags |= DESC_F_NEXT;
		} else {
			r = add_buffer(ring, &desc, ret);
			index = desc.next;
		}
		if (r < 0)
			return r;
	} while (desc.flags & DESC_F_NEXT);
	ret->out = ret->iov;
	ret->in = ret->iov + ret->n_out;
	return 0;
}

static uint16_t n_available(const struct ring *ring)
{
	return (uint16_t)(load16(ring->avail + PART_IDX) - ring->next_avail);
}

static int break_ring(struct ring *ring)
{
	ring->broken = true;
	return -EBADMSG;
}

int ring_pop(struct ring *ring, struct ring_chain *ret)
{
	uint16_t n, slot, head;

	if (!ring->started || !ring->enabled || ring->broken || ring->budget == 0)
		return 0;
	n = n_available(ring);
	if (n == 0 && ring->wants_kicks && ring_want_kicks(ring, true))
		n = n_available(ring);
	if (n == 0)
		return 0;
	if (n + ring->in_flight > ring->size)
		return break_ring(ring);
	slot = ring->next_avail & (ring->size - 1);
	head = load16(ring->avail + PART_ENTRIES + (size_t)AVAIL_ENTRY_SIZE * slot);
	if (read_chain(ring, head, ret) < 0)
		return break_ring(ring);
	ring->next_avail++;
	ring->in_flight++;
	if (ring->budget != UNLIMITED)
		ring->budget--;
	return 1;
}

void ring_unpop(struct ring *ring)
{
	if (!ring->started || ring->in_flight == 0)
		return;
	ring->next_avail--;
	ring->in_flight--;
	if (ring->budget != UNLIMITED)
		ring->budget++;
}

void ring_push(struct ring *ring, uint16_t head, uint32_t written)
{
	uint32_t entry[] = { htole32(head), htole32(written) };
	uint16_t slot = ring->next_used & (ring->size - 1);

	/* What a ring had given out before it stopped is the driver's again. */
	if (!ring->started || ring->in_flight == 0)
		return;
	memcpy(ring->used + PART_ENTRIES + (size_t)USED_ENTRY_SIZE * slot, entry, sizeof(entry));
	ring->in_flight--;
	ring->next_used++;
	store16(ring->used + PART_IDX, ring->next_used);
}

/* Did the driver's event lie among the entries since the last interrupt (virtio 1.2, 2.7.7.2)? */
static bool event_passed(uint16_t event, uint16_t now, uint16_t before)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
}

static bool wants_interrupt(const struct ring *ring)
{
	if (!has_event_idx(ring))
		return !(load16(ring->avail + PART_FLAGS) & AVAIL_F_NO_INTERRUPT);
	return !ring->signalled_valid ||
	       event_passed(load16(used_event(ring)), ring->next_used, ring->signalled_used);
}

void ring_notify(struct ring *ring)
{
	bool wanted;

	if (!ring->started || ring->next_used == ring->signalled_used)
		return;
	wanted = wants_interrupt(ring);
	ring->signalled_used = ring->next_used;
	ring->signalled_valid = true;
	if (wanted && ring->call_fd >= 0)
		eventfd_write(ring->call_fd, 1);
}

bool ring_want_kicks(struct ring *ring, bool want)
{
	ring->wants_kicks = want;
	if (!ring->started)
		return false;
	if (!has_event_idx(ring))
		store16(ring->used + PART_FLAGS, want ? 0 : USED_F_NO_NOTIFY);
	else if (want)
		store16(avail_event(ring), ring->next_avail);
	if (!want)
		return false;
	return n_available(ring) != 0;
}

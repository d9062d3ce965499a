/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The driver's side of virtio: RAM (a memfd), and rings in it that are filled, kicked and emptied
 * as a kernel does it, or spoiled byte by byte. fake-frontend.h puts a whole device behind it. What
 * cannot be, aborts: this is test code. One thread.
 *
 *	struct fake_ram ram;
 *	struct fake_queue queue;
 *	fake_ram_init(&ram);
 *	fake_queue_init(&queue, &ram, 16);
 *	uint64_t at = fake_ram_alloc(&ram, 64, 1);
 *	fake_queue_put(&queue, (struct fake_buffer[]){ { .addr = at, .size = 64 } }, 1);
 *	fake_queue_kick(&queue);
 *	... the device pops, pushes, notifies ...
 *	fake_queue_take(&queue, &head, &written);
 */

#include "virtio/memory.h"

#define FAKE_RAM_SIZE  (32u * 1024 * 1024) /* bytes; two regions of half the size each */
#define FAKE_RAM_LOW   0x00100000ull       /* guest-physical address of the first one */
#define FAKE_RAM_HIGH  0x100000000ull      /* of the second */
#define FAKE_RAM_USER  0x7f0000000000ull   /* user address of the first, the second behind it */
#define FAKE_QUEUE_MAX 1024u

/* Ends the test unless the condition holds. */
#define fake_must(condition) ((condition) ? (void)0 : fake_fail(__FILE__, __LINE__, #condition))
void fake_fail(const char *file, int line, const char *text) __attribute__((noreturn));

struct fake_ram {
	int fd; /* memfd */
	uint8_t *data;
	uint64_t next; /* what fake_ram_alloc() gives out; may be set back to reuse it */
};

void fake_ram_init(struct fake_ram *ram);
void fake_ram_finish(struct fake_ram *ram);
/* Guest-physical address of so many bytes of the first region, zeroed; align: a power of two. */
uint64_t fake_ram_alloc(struct fake_ram *ram, size_t size, size_t align);
/* A pointer to RAM; aborts when that is none. */
uint8_t *fake_ram_at(const struct fake_ram *ram, uint64_t guest_addr);
/* User address of a guest-physical one. */
uint64_t fake_ram_user(uint64_t guest_addr);
/* A table entry for region 0 or 1, without descriptor. */
struct guest_region fake_ram_region(unsigned index);
/* The memory table that a front end would make of it. */
void fake_ram_share(const struct fake_ram *ram, struct guest_memory *ret);

struct fake_buffer {
	uint64_t addr; /* guest-physical */
	uint32_t size;
	bool in; /* the device writes */
};

struct fake_queue {
	struct fake_ram *ram;
	unsigned size;
	uint64_t desc, avail, used; /* guest-physical */
	bool event_idx;             /* was negotiated; false at first */
	int kick_fd, call_fd;       /* eventfds */
	uint16_t next_avail, next_used, kicked_avail;
	uint16_t free[FAKE_QUEUE_MAX], n_free;
	uint16_t next[FAKE_QUEUE_MAX], chain_size[FAKE_QUEUE_MAX]; /* by head */
};

/* Allocates the parts; size: a power of two up to FAKE_QUEUE_MAX. */
void fake_queue_init(struct fake_queue *queue, struct fake_ram *ram, unsigned size);
void fake_queue_finish(struct fake_queue *queue);
/* As a driver that was loaded anew: empty, from index 0. */
void fake_queue_reset(struct fake_queue *queue);

/* Puts a request: n buffers, chained in the ring or in an indirect table. Returns its head. Aborts
 * when there is no room. */
uint16_t fake_queue_put(struct fake_queue *queue, const struct fake_buffer *buffers, unsigned n);
uint16_t fake_queue_put_indirect(
	struct fake_queue *queue, const struct fake_buffer *buffers, unsigned n);
/* Kicks if the device wants to know of what was put since the last time. Was it so? */
bool fake_queue_kick(struct fake_queue *queue);
/* A request that came back, whose descriptors are free again. False: none. */
bool fake_queue_take(struct fake_queue *queue, uint16_t *ret_head, uint32_t *ret_written);
/* Was there an interrupt since the last time? */
bool fake_queue_interrupted(struct fake_queue *queue);
/* Asks for an interrupt once the used index goes past `used_event` (EVENT_IDX). */
void fake_queue_set_used_event(struct fake_queue *queue, uint16_t used_event);
/* Asks for no interrupts, or for all (without EVENT_IDX). */
void fake_queue_set_no_interrupt(struct fake_queue *queue, bool no_interrupt);

/* The raw parts. Flags: 1 NEXT, 2 WRITE, 4 INDIRECT. */
#define FAKE_NEXT     1u
#define FAKE_WRITE    2u
#define FAKE_INDIRECT 4u
struct fake_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};
/* Writes entry `index` of a table at a guest-physical address. */
void fake_desc_write(
	struct fake_ram *ram, uint64_t table, unsigned index, const struct fake_desc *desc);
/* Offers a head, whatever it is. */
void fake_queue_offer(struct fake_queue *queue, uint16_t head);
void fake_queue_set_avail_idx(struct fake_queue *queue, uint16_t idx);
uint16_t fake_queue_used_idx(const struct fake_queue *queue);
/* Goes on from these indices, as after many requests. */
void fake_queue_set_indices(struct fake_queue *queue, uint16_t idx);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A split virtqueue seen from the device (virtio 1.2, 2.7), with INDIRECT_DESC and EVENT_IDX. The
 * driver is hostile: indices, lengths, addresses and loops are checked, a ring found broken stays
 * stopped until the driver resets it, and neither a chain nor a round is longer than the ring.
 */

#include "memory.h"

#define RING_SIZE_MAX  1024u /* entries; VIRTQUEUE_MAX_SIZE of QEMU */
#define RING_CHAIN_MAX 1024u /* descriptors of a chain, indirect ones included */

struct ring {
	/* As the front end says; addresses are the front end's own (user) addresses. */
	unsigned size; /* entries, a power of two */
	uint64_t desc_addr, avail_addr, used_addr;
	uint64_t features;    /* negotiated */
	int kick_fd, call_fd; /* owned; -1: none */
	bool enabled;         /* SET_VRING_ENABLE */

	bool started; /* the parts below are valid */
	bool broken;  /* the driver broke its own ring; ring_pop() says so once */
	const struct guest_memory *memory; /* borrowed */
	uint8_t *desc, *avail, *used;      /* in guest memory */
	uint16_t next_avail, next_used;
	unsigned in_flight; /* popped and not pushed */
	unsigned budget; /* how many more requests ring_pop() gives out; see ring_begin_round() */
	bool wants_kicks;
	uint16_t signalled_used; /* EVENT_IDX: used index at the last interrupt */
	bool signalled_valid;
};

/* One request. `out` is what the device reads, `in` what it writes. Pointers are into guest memory
 * and void when the memory table changes or the ring stops. */
struct ring_chain {
	uint16_t head;
	unsigned n_out, n_in;
	size_t out_size, in_size; /* bytes; each at most 4 GiB - 1 */
	struct iovec *out, *in;   /* both in iov */
	struct iovec iov[RING_CHAIN_MAX];
};

void ring_init(struct ring *ring);
/* Closes descriptors. */
void ring_finish(struct ring *ring);

/* Begins to serve at `base`, the index of the next available entry. -EINVAL: size is no power of
 * two from 1 to RING_SIZE_MAX; -EFAULT: a part is not in memory or not aligned. */
int ring_start(struct ring *ring, const struct guest_memory *memory, uint16_t base);
/* Looks the parts up anew after the memory table changed. On -EFAULT the ring is stopped;
 * ring_stop() still returns its base. */
int ring_remap(struct ring *ring, const struct guest_memory *memory);
/* Returns the base to go on from: that of the first request that was not given back. */
uint16_t ring_stop(struct ring *ring);

/* A driver that goes on adding requests must not keep the device from all else: between these two
 * ring_pop() gives out no more than a ringful. The second returns true when that was not enough.
 * The device's core calls them around kicked(). */
void ring_begin_round(struct ring *ring);
bool ring_end_round(struct ring *ring);

/* The next request. 1 and *ret; 0: none (or stopped, disabled, or broken), and a kick will tell of
 * the next one; -EBADMSG: the driver broke the ring, said once. Requests must be given back by
 * ring_push() in the order they came, unless the ring stopped. *ret is undefined unless 1. */
int ring_pop(struct ring *ring, struct ring_chain *ret);
/* Puts the last popped request back, as if it had not been popped. */
void ring_unpop(struct ring *ring);
/* Gives a request back, `written` bytes of its `in` part filled. The driver is not told yet. */
void ring_push(struct ring *ring, uint16_t head, uint32_t written);
/* Interrupts the driver if it wants to know of what was pushed since the last time. */
void ring_notify(struct ring *ring);
/* Asks the driver for kicks, as a ring that starts does, or for none (which is only a hint) while
 * the device looks by itself. After asking for them, ring_pop() once more if this returns true: a
 * request may have come in the meantime. */
bool ring_want_kicks(struct ring *ring, bool want);

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A ring in memory that a driver wrote, and goes on writing. The input: size, features and places
 * of the ring, a list of steps, then the memory from address 0 on. Every step ends, nothing is
 * given out that is not memory, and a broken ring is said once.
 */

#include "fuzz-target.h"

#include "virtio/ring.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY_SIZE 65536u /* two regions of half the size */
#define REGION_SIZE (MEMORY_SIZE / 2)
#define HEAD_SIZE   10u
#define PLACE       256u /* parts are at multiples of it */

enum step {
	STEP_POP,
	STEP_PUSH,
	STEP_UNPOP,
	STEP_NOTIFY,
	STEP_WANT_KICKS,
	STEP_WANT_NONE,
	STEP_DRAIN,
	STEP_RESTART,
	STEP_REMAP,
	STEP_WRITE, /* three bytes behind it: offset, value */
	N_STEPS,
};

static struct guest_memory memory;
static struct ring_chain chain;

static void share_memory(void)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	PROMISE(fd >= 0 && ftruncate(fd, MEMORY_SIZE) == 0);
	for (unsigned i = 0; i < 2; i++) {
		const struct guest_region region = {
			.guest_addr = i * REGION_SIZE,
			.user_addr = i * REGION_SIZE,
			.size = REGION_SIZE,
			.fd_offset = i * REGION_SIZE,
		};

		PROMISE(guest_memory_add(&memory, &region, dup(fd)) == 0);
	}
	close(fd);
}

static bool in_memory(const struct iovec *iov)
{
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *map = memory.regions[i].map, *base = iov->iov_base;

		if (base >= map && base < map + REGION_SIZE)
			return iov->iov_len <= (size_t)(map + REGION_SIZE - base);
	}
	return false;
}

static size_t check_pieces(const struct iovec *iov, unsigned n)
{
	size_t sum = 0;

	for (unsigned i = 0; i < n; i++) {
		PROMISE(iov[i].iov_len > 0 && in_memory(&iov[i]));
		sum += iov[i].iov_len;
	}
	return sum;
}

/* As a device would, wherever that is: also in the ring itself. */
static void use_chain(void)
{
	static const uint8_t answer[24] = { 0xff, 0xff };
	uint8_t request[24];

	PROMISE(chain.n_out + chain.n_in > 0 && chain.n_out + chain.n_in <= RING_CHAIN_MAX);
	PROMISE(check_pieces(chain.out, chain.n_out) == chain.out_size);
	PROMISE(check_pieces(chain.in, chain.n_in) == chain.in_size);
	PROMISE(chain.out_size <= UINT32_MAX && chain.in_size <= UINT32_MAX);
	iov_read(chain.out, chain.n_out, 0, request, sizeof(request));
	iov_write(chain.in, chain.n_in, 0, answer, sizeof(answer));
}

static bool pop(struct ring *ring)
{
	bool could = ring->started && ring->enabled && !ring->broken;
	int r = ring_pop(ring, &chain);

	PROMISE(r == 0 || (could && (r == 1 || r == -EBADMSG)));
	PROMISE((r == -EBADMSG) == (could && ring->broken));
	if (r == 1)
		use_chain();
	return r == 1;
}

static void drain(struct ring *ring)
{
	unsigned n = 0;

	ring_begin_round(ring);
	for (; pop(ring); n++)
		ring_push(ring, chain.head, 1);
	PROMISE(n <= ring->size);
	PROMISE(ring_end_round(ring) == (n == ring->size));
	ring_notify(ring);
}

static void restart(struct ring *ring)
{
	uint16_t base = ring_stop(ring);

	PROMISE(!pop(ring));
	PROMISE(ring_start(ring, &memory, base) == 0 && ring->next_avail == base);
}

static void write_memory(const uint8_t *what)
{
	unsigned at = what[0] | (unsigned)what[1] << 8;

	memory.regions[at / REGION_SIZE].map[at % REGION_SIZE] = what[2];
}

/* Returns how many bytes of the steps it was. */
static size_t do_step(struct ring *ring, const uint8_t *step, size_t left)
{
	switch (step[0] % N_STEPS) {
	case STEP_POP:
		pop(ring);
		break;
	case STEP_PUSH:
		ring_push(ring, step[0], step[0]);
		break;
	case STEP_UNPOP:
		ring_unpop(ring);
		break;
	case STEP_NOTIFY:
		ring_notify(ring);
		break;
	case STEP_WANT_KICKS:
	case STEP_WANT_NONE:
		ring_want_kicks(ring, step[0] % N_STEPS == STEP_WANT_KICKS);
		break;
	case STEP_DRAIN:
		drain(ring);
		break;
	case STEP_RESTART:
		restart(ring);
		break;
	case STEP_REMAP:
		PROMISE(ring_remap(ring, &memory) == 0);
		break;
	case STEP_WRITE:
		if (left < 4)
			break;
		write_memory(step + 1);
		return 4;
	}
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *head = data;
	size_t n_steps, n_memory;
	struct ring ring;

	if (size < HEAD_SIZE)
		return 0;
	if (memory.n_regions == 0)
		share_memory();
	data += HEAD_SIZE;
	size -= HEAD_SIZE;
	n_steps = head[9] < size ? head[9] : size;
	n_memory = size - n_steps < MEMORY_SIZE ? size - n_steps : MEMORY_SIZE;
	for (unsigned i = 0; i < 2; i++) {
		size_t from = i * REGION_SIZE < n_memory ? i * REGION_SIZE : n_memory;
		size_t n = n_memory - from < REGION_SIZE ? n_memory - from : REGION_SIZE;

		memset(memory.regions[i].map, 0, REGION_SIZE);
		memcpy(memory.regions[i].map, data + n_steps + from, n);
	}
	ring_init(&ring);
	ring.size = 1u << head[0] % 12;
	ring.features = (uint64_t)(head[1] & 3) << 28;
	ring.enabled = true;
	ring.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ring.desc_addr = (uint64_t)head[2] * PLACE + (head[1] >> 2 & 15);
	ring.avail_addr = (uint64_t)head[3] * PLACE + (head[1] >> 6 & 1);
	ring.used_addr = (uint64_t)head[4] * PLACE + (head[1] >> 7 & 1);
	if (ring_start(&ring, &memory, (uint16_t)(head[5] | head[6] << 8)) == 0) {
		for (size_t at = 0; at < n_steps;)
			at += do_step(&ring, data + at, n_steps - at);
		drain(&ring);
	}
	ring_finish(&ring);
	return 0;
}

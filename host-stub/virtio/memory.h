/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's RAM as the front end shares it (vhost-user specification, "Memory regions
 * description"): regions of guest-physical addresses, each backed by a descriptor that is mapped
 * here. Every address of the guest is turned into a pointer by this file and by no other.
 *
 * The guest writes to this memory at any time: read a value once, check the copy, use the copy.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* VHOST_MEMORY_BASELINE_NREGIONS, what front ends without CONFIGURE_MEM_SLOTS send at most. */
#define GUEST_REGIONS_MAX 8u

struct guest_region {
	uint64_t guest_addr; /* guest-physical */
	uint64_t size;       /* bytes */
	uint64_t user_addr;  /* in the front end's address space; names ring parts only */
	uint64_t fd_offset;  /* where in fd the region begins */
	int fd;              /* owned */
	uint8_t *map;        /* size bytes; NULL: not mapped */
	void *mapping;       /* of whole pages, that map is in */
	size_t mapping_size;
};

struct guest_memory {
	struct guest_region regions[GUEST_REGIONS_MAX];
	unsigned n_regions;
};

void guest_memory_init(struct guest_memory *memory);
/* Unmaps and closes all; every pointer into it is void. */
void guest_memory_finish(struct guest_memory *memory);

/*
 * Adds and maps a region; *region says addresses and sizes, fd is taken over (also on failure).
 * -EINVAL: size 0, an end beyond 2^64, an overlap with another region, or fd is shorter than
 * fd_offset + size; -ENOSPC: GUEST_REGIONS_MAX; else as mmap(2). A front end that makes its file
 * shorter later on kills us (SIGBUS): it has to be trusted, unlike its guest.
 */
int guest_memory_add(struct guest_memory *memory, const struct guest_region *region, int fd);

/* size > 0 bytes at a guest-physical address; NULL unless one region holds all of them. */
void *guest_memory_at(const struct guest_memory *memory, uint64_t guest_addr, uint64_t size);
/* The same for an address of the front end. */
void *guest_memory_at_user(const struct guest_memory *memory, uint64_t user_addr, uint64_t size);
/* Where those bytes are in which region's descriptor. 0, or -EFAULT. */
int guest_memory_locate(const struct guest_memory *memory, uint64_t guest_addr, uint64_t size,
	unsigned *ret_region, uint64_t *ret_fd_offset);

/* Copies between a vector over guest memory and ours, `offset` bytes into the vector. Returns the
 * bytes copied: fewer when the vector is shorter. */
size_t iov_read(const struct iovec *iov, unsigned n, size_t offset, void *ret, size_t size);
size_t iov_write(const struct iovec *iov, unsigned n, size_t offset, const void *data, size_t size);

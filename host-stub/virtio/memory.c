/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HUGE_PAGE_MAX (1024u * 1024 * 1024)

void guest_memory_init(struct guest_memory *memory)
{
	*memory = (struct guest_memory){ 0 };
}

void guest_memory_finish(struct guest_memory *memory)
{
	for (unsigned i = 0; i < memory->n_regions; i++) {
		munmap(memory->regions[i].mapping, memory->regions[i].mapping_size);
		close(memory->regions[i].fd);
	}
	guest_memory_init(memory);
}

static bool overlaps(const struct guest_region *a, const struct guest_region *b)
{
	return a->guest_addr <= b->guest_addr + (b->size - 1) &&
	       b->guest_addr <= a->guest_addr + (a->size - 1);
}

static int check_region(const struct guest_memory *memory, const struct guest_region *region)
{
	uint64_t last = region->size - 1, end;

	if (region->size == 0 || region->guest_addr + last < last ||
		region->user_addr + last < last)
		return -EINVAL;
	if (__builtin_add_overflow(region->fd_offset, region->size, &end))
		return -EINVAL;
	for (unsigned i = 0; i < memory->n_regions; i++) {
		if (overlaps(region, &memory->regions[i]))
			return -EINVAL;
	}
	return memory->n_regions == GUEST_REGIONS_MAX ? -ENOSPC : 0;
}

/* st_blksize of a hugetlbfs file is the size of its pages, and mmap(2) wants multiples of it. */
static uint64_t page_size(const struct stat *st)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), block = (uint64_t)st->st_blksize;

	return block > page && block <= HUGE_PAGE_MAX && (block & (block - 1)) == 0 ? block : page;
}

static int map_region(struct guest_region *region)
{
	uint64_t mask, start, size;
	struct stat st;

	if (fstat(region->fd, &st) < 0)
		return -errno;
	/* Only a file has a size. */
	if (region->fd_offset + region->size > (uint64_t)st.st_size)
		return -EINVAL;
	mask = page_size(&st) - 1;
	start = region->fd_offset & ~mask;
	size = (region->fd_offset + region->size - start + mask) & ~mask;
	region->mapping = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
		region->fd, (off_t)start);
	if (region->mapping == MAP_FAILED)
		return -errno;
	region->mapping_size = size;
	region->map = (uint8_t *)region->mapping + (region->fd_offset - start);
	return 0;
}

int guest_memory_add(struct guest_memory *memory, const struct guest_region *region, int fd)
{
	struct guest_region added = {
		.guest_addr = region->guest_addr,
		.size = region->size,
		.user_addr = region->user_addr,
		.fd_offset = region->fd_offset,
		.fd = fd,
	};
	int r = check_region(memory, &added);

	if (r == 0)
		r = map_region(&added);
	if (r < 0) {
		close(fd);
		return r;
	}
	memory->regions[memory->n_regions++] = added;
	return 0;
}

static bool holds(uint64_t start, uint64_t room, uint64_t addr, uint64_t size)
{
	return addr >= start && addr - start < room && size > 0 && size <= room - (addr - start);
}

void *guest_memory_at(const struct guest_memory *memory, uint64_t guest_addr, uint64_t size)
{
	for (unsigned i = 0; i < memory->n_regions; i++) {
		const struct guest_region *region = &memory->regions[i];

		if (holds(region->guest_addr, region->size, guest_addr, size))
			return region->map + (guest_addr - region->guest_addr);
	}
	return NULL;
}

void *guest_memory_at_user(const struct guest_memory *memory, uint64_t user_addr, uint64_t size)
{
	for (unsigned i = 0; i < memory->n_regions; i++) {
		const struct guest_region *region = &memory->regions[i];

		if (holds(region->user_addr, region->size, user_addr, size))
			return region->map + (user_addr - region->user_addr);
	}
	return NULL;
}

int guest_memory_locate(const struct guest_memory *memory, uint64_t guest_addr, uint64_t size,
	unsigned *ret_region, uint64_t *ret_fd_offset)
{
	for (unsigned i = 0; i < memory->n_regions; i++) {
		const struct guest_region *region = &memory->regions[i];

		if (!holds(region->guest_addr, region->size, guest_addr, size))
			continue;
		*ret_region = i;
		*ret_fd_offset = region->fd_offset + (guest_addr - region->guest_addr);
		return 0;
	}
	return -EFAULT;
}

/* The next piece of a vector, at most `size` bytes of it; NULL at its end. */
static uint8_t *next_piece(
	const struct iovec **iov, unsigned *n, size_t *offset, size_t size, size_t *ret_size)
{
	while (*n > 0 && *offset >= (*iov)->iov_len) {
		*offset -= (*iov)->iov_len;
		(*iov)++;
		(*n)--;
	}
	if (*n == 0 || size == 0)
		return NULL;

	uint8_t *piece = (uint8_t *)(*iov)->iov_base + *offset;
	size_t left = (*iov)->iov_len - *offset;

	*ret_size = size < left ? size : left;
	*offset += *ret_size;
	return piece;
}

size_t iov_read(const struct iovec *iov, unsigned n, size_t offset, void *ret, size_t size)
{
	size_t done = 0, piece_size;
	uint8_t *piece;

	while ((piece = next_piece(&iov, &n, &offset, size - done, &piece_size))) {
		memcpy((uint8_t *)ret + done, piece, piece_size);
		done += piece_size;
	}
	return done;
}

size_t iov_write(const struct iovec *iov, unsigned n, size_t offset, const void *data, size_t size)
{
	size_t done = 0, piece_size;
	uint8_t *piece;

	while ((piece = next_piece(&iov, &n, &offset, size - done, &piece_size))) {
		memcpy(piece, (const uint8_t *)data + done, piece_size);
		done += piece_size;
	}
	return done;
}

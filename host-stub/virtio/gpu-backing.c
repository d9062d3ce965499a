/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu-backing.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_CAPACITY 16u

void gpu_backing_init(struct gpu_backing *backing)
{
	*backing = (struct gpu_backing){ 0 };
}

void gpu_backing_finish(struct gpu_backing *backing)
{
	free(backing->runs);
	gpu_backing_init(backing);
}

static uint64_t whole_pages(uint64_t size)
{
	return (size + GPU_PAGE_SIZE - 1) / GPU_PAGE_SIZE * GPU_PAGE_SIZE;
}

static int grow(struct gpu_backing *backing)
{
	uint32_t capacity = backing->capacity ? 2 * backing->capacity : FIRST_CAPACITY;
	struct gpu_run *runs = reallocarray(backing->runs, capacity, sizeof *runs);

	if (!runs)
		return -ENOMEM;
	backing->runs = runs;
	backing->capacity = capacity;
	return 0;
}

int gpu_backing_add(struct gpu_backing *backing, uint64_t addr, uint64_t size)
{
	struct gpu_run *last = backing->n_runs > 0 ? &backing->runs[backing->n_runs - 1] : NULL;

	/* The last page whole must not wrap either. */
	if (size == 0 || size > UINT64_MAX - GPU_PAGE_SIZE - addr ||
		addr > UINT64_MAX - GPU_PAGE_SIZE)
		return -EINVAL;
	if (last && last->addr + last->size == addr) {
		last->size += size;
		backing->size += size;
		return 0;
	}
	if (addr % GPU_PAGE_SIZE > 0 || (last && last->size % GPU_PAGE_SIZE > 0))
		return -EINVAL;
	if (!backing->runs || backing->n_runs == backing->capacity) {
		int r = grow(backing);
		if (r < 0)
			return r;
	}
	backing->runs[backing->n_runs++] = (struct gpu_run){ addr, size };
	backing->size += size;
	return 0;
}

uint64_t gpu_backing_pages_size(const struct gpu_backing *backing)
{
	return whole_pages(backing->size);
}

struct located {
	struct resource_run *runs; /* NULL: only counted */
	struct resource_run last;
	uint32_t n;
};

static int put(struct located *to, unsigned region, uint64_t offset, uint64_t size)
{
	struct resource_run *last = &to->last;

	if (to->n > 0 && last->region == region && last->offset + last->size == offset) {
		last->size += size;
	} else {
		if (to->n == RESOURCE_RUNS_MAX)
			return -E2BIG;
		*last = (struct resource_run){ region, offset, size };
		to->n++;
	}
	if (to->runs)
		to->runs[to->n - 1] = *last;
	return 0;
}

static int locate_run(
	const struct guest_memory *memory, const struct gpu_run *run, struct located *to)
{
	uint64_t addr = run->addr, left = whole_pages(run->size);

	while (left > 0) {
		const struct guest_region *region;
		uint64_t offset, here;
		unsigned index;
		int r = guest_memory_locate(memory, addr, GPU_PAGE_SIZE, &index, &offset);

		if (r < 0)
			return r;
		if (offset % GPU_PAGE_SIZE > 0)
			return -EFAULT;
		region = &memory->regions[index];
		here = region->size - (addr - region->guest_addr);
		here -= here % GPU_PAGE_SIZE;
		if (here > left)
			here = left;
		r = put(to, index, offset, here);
		if (r < 0)
			return r;
		addr += here;
		left -= here;
	}
	return 0;
}

static int locate_all(
	const struct gpu_backing *backing, const struct guest_memory *memory, struct located *to)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < backing->n_runs; i++)
		r = locate_run(memory, &backing->runs[i], to);
	return r;
}

int gpu_backing_locate(const struct gpu_backing *backing, const struct guest_memory *memory,
	struct resource_run **ret_runs, uint32_t *ret_n_runs)
{
	struct located count = { 0 }, all = { 0 };
	int r;

	r = locate_all(backing, memory, &count);
	if (r == 0 && count.n == 0)
		r = -EINVAL;
	if (r < 0)
		return r;
	all.runs = calloc(count.n, sizeof *all.runs);
	if (!all.runs)
		return -ENOMEM;
	locate_all(backing, memory, &all);
	*ret_runs = all.runs;
	*ret_n_runs = all.n;
	return 0;
}

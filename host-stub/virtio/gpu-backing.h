/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's pages behind a resource. Pages are mapped whole by whoever shows them, one after
 * another, so entries that follow each other in guest memory are joined to runs, a run begins on a
 * page, and every run but the last ends on one: a list that breaks this could only be shown by
 * copying, or with bytes of somebody else between its own. The last page counts whole; what a
 * driver keeps behind its pixels there is seen too.
 */

#include "../resource/wire.h"
#include "memory.h"

#define GPU_PAGE_SIZE RESOURCE_RUN_ALIGN

/* Guest-physical; size is a multiple of GPU_PAGE_SIZE but in the last run. */
struct gpu_run {
	uint64_t addr, size;
};

struct gpu_backing {
	struct gpu_run *runs; /* owned */
	uint32_t n_runs, capacity;
	uint64_t size; /* bytes, as the driver said */
};

void gpu_backing_init(struct gpu_backing *backing);
void gpu_backing_finish(struct gpu_backing *backing);
/* An entry of ATTACH_BACKING. -EINVAL: no bytes, an end beyond 2^64, or not on a page (above);
 * -ENOMEM. */
int gpu_backing_add(struct gpu_backing *backing, uint64_t addr, uint64_t size);
/* What it takes of GPU_BACKING_MAX: whole pages. */
uint64_t gpu_backing_pages_size(const struct gpu_backing *backing);
/*
 * Where the runs are in the descriptors of the memory table, split where regions meet. 0,
 * *ret_runs (to be freed) and their number; -EFAULT: not all in memory, or not on a page of a
 * descriptor; -E2BIG: more than RESOURCE_RUNS_MAX; -EINVAL: no runs; -ENOMEM.
 */
int gpu_backing_locate(const struct gpu_backing *backing, const struct guest_memory *memory,
	struct resource_run **ret_runs, uint32_t *ret_n_runs);

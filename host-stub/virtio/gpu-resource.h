/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The resources of a guest, by id. Ids, geometry and pages are the driver's choice; the numbers of
 * all three are limited. */

#include "gpu-backing.h"

#define GPU_RESOURCES_MAX 4096u
#define GPU_SIDE_MAX      16384u                             /* pixels */
#define GPU_BACKING_MAX   ((uint64_t)4 * 1024 * 1024 * 1024) /* bytes of all resources */
#define GPU_RUNS_MAX      131072u /* of all resources: 512 MiB in single pages */
#define GPU_ENTRIES_MAX   65536u  /* of an ATTACH_BACKING: 256 MiB in single pages */
#define GPU_BUCKETS       1024u
#define GPU_PIXEL_SIZE    4u /* bytes, of every format there is */

struct gpu_resource {
	uint32_t id, width, height, format;
	struct gpu_backing backing; /* n_runs 0: none */
	struct resource_run
		*located; /* owned; NULL: no backing, or it is not in the memory table */
	uint32_t n_located;
	struct gpu_resource *next; /* of its bucket */
};

struct gpu_resources {
	struct gpu_resource *buckets[GPU_BUCKETS];
	unsigned n;
	uint64_t backing_size; /* of GPU_BACKING_MAX */
	uint64_t n_runs;       /* of GPU_RUNS_MAX */
};

/* All zero is an empty table. Frees every resource. */
void gpu_resources_clear(struct gpu_resources *table);
/* -EEXIST: id 0, or one that is in use; -EINVAL: format or size; -ENOSPC; -ENOMEM. */
int gpu_resources_create(
	struct gpu_resources *table, uint32_t id, uint32_t format, uint32_t width, uint32_t height);
/* NULL: none. Valid until it is removed. */
struct gpu_resource *gpu_resources_find(const struct gpu_resources *table, uint32_t id);
void gpu_resources_remove(struct gpu_resources *table, struct gpu_resource *resource);
/* In no order; NULL begins, and ends. */
struct gpu_resource *gpu_resources_next(
	const struct gpu_resources *table, const struct gpu_resource *resource);

/* Takes the runs over when it succeeds. -EBUSY: has a backing; -ENOSPC: limits of the table; else
 * as gpu_backing_locate(). */
int gpu_resource_attach(struct gpu_resources *table, struct gpu_resource *resource,
	struct gpu_backing *backing, const struct guest_memory *memory);
void gpu_resource_detach(struct gpu_resources *table, struct gpu_resource *resource);
/* Looks for the backing in another memory table. */
void gpu_resource_relocate(struct gpu_resource *resource, const struct guest_memory *memory);

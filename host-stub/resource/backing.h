/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The pages behind a resource: runs of the descriptors of guest memory, and, once somebody asked
 * for it, one read-only mapping in which they follow each other. Counted references; any thread,
 * except that runs are set before a backing is shared.
 */

#include "../quota.h"
#include "wire.h"

/* The descriptors of a MEMORY packet. */
struct regions;

/* Takes the descriptors over, also on failure. -ENOMEM. */
int regions_new(const int *fds, unsigned n, struct regions **ret);
struct regions *regions_ref(struct regions *regions);
void regions_unref(struct regions *regions); /* NULL is fine */
unsigned regions_count(const struct regions *regions);

/* What all backings of a mirror may take together. */
struct backing_quotas {
	struct quota runs;     /* known */
	struct quota bytes;    /* mapped */
	struct quota mappings; /* of the process: vm.max_map_count */
};

struct backing {
	struct backing *next; /* for the one list its owner keeps it on */
};

/* n_runs > 0 runs, to be set. quotas outlives it. -EDQUOT: too many runs; -ENOMEM. */
int backing_new(struct regions *regions, uint32_t n_runs, struct backing_quotas *quotas,
	struct backing **ret);
/* n runs from `first` on, all within n_runs; their regions are below regions_count(). */
void backing_set_runs(
	struct backing *backing, uint32_t first, const struct resource_run *runs, uint32_t n);
struct backing *backing_ref(struct backing *backing);
void backing_unref(struct backing *backing);

/*
 * All runs, in their order; maps them the first time. *ret_data is valid as long as the reference
 * of the caller, and the pages behind it change when the guest likes. -EFAULT: a run is not inside
 * its descriptor, or lies there in huge pages, which can only be mapped whole; -EDQUOT; -ENOMEM.
 */
int backing_map(struct backing *backing, const uint8_t **ret_data, size_t *ret_size);
/* Unmaps it if the caller's is the only reference; nobody may get another one meanwhile. */
void backing_unmap_idle(struct backing *backing);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a device process said of its guest: resources, scanouts, cursors. Takes packets, maps
 * nothing, does no I/O (but for the closing of descriptors). One thread, or a lock of the owner.
 */

#include "backing.h"

#define TABLE_RESOURCES_MAX 4096u /* as GPU_RESOURCES_MAX */

struct table_resource {
	uint32_t id, width, height, format;
	uint32_t n_runs, n_known;
	struct backing *backing; /* NULL: no runs */
};

struct table_scanout {
	uint32_t id; /* 0: shows nothing */
	uint32_t x, y, width, height;
	uint64_t serial; /* of table.serial when it changed last */
};

struct table_cursor {
	uint32_t id; /* 0: hidden */
	uint32_t hot_x, hot_y;
	int32_t x, y;
};

struct table {
	struct backing_quotas *quotas; /* borrowed */
	struct regions *regions;       /* NULL before the first MEMORY */
	struct table_resource resources[TABLE_RESOURCES_MAX];
	unsigned n_resources;
	struct table_scanout scanouts[RESOURCE_SCANOUTS_MAX];
	struct table_cursor cursors[RESOURCE_SCANOUTS_MAX];
	uint64_t serial; /* grows with every change of what a scanout shows; never smaller again */
	struct backing *dropped;
};

void table_init(struct table *table, struct backing_quotas *quotas);
void table_finish(struct table *table);
/* Forgets all; scanouts show nothing. */
void table_clear(struct table *table);
/* Backings of resources that are gone, a list to be released with table_release(): that takes a
 * while when they are mapped, and needs no lock. */
struct backing *table_take_dropped(struct table *table);
void table_release(struct backing *dropped);

/*
 * Does what a packet says. regions: of a MEMORY packet, as many as it has, else NULL; borrowed.
 * -EBADMSG: the packet contradicts those before it, or only clients send it; -ENOSPC:
 * TABLE_RESOURCES_MAX; -EDQUOT, -ENOMEM: too many runs. The table is then good for table_clear()
 * only.
 */
int table_apply(struct table *table, const struct resource_packet *packet, struct regions *regions);

/* A resource of which all runs are known, one at least. NULL: there is none; else valid until the
 * next packet. */
const struct table_resource *table_find(const struct table *table, uint32_t id);

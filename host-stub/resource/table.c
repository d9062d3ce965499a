/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "table.h"

#include <errno.h>
#include <string.h>

void table_init(struct table *table, struct backing_quotas *quotas)
{
	memset(table, 0, sizeof *table);
	table->quotas = quotas;
}

static void drop_backing(struct table *table, struct table_resource *resource)
{
	if (!resource->backing)
		return;
	resource->backing->next = table->dropped;
	table->dropped = resource->backing;
	resource->backing = NULL;
}

static void touch_scanout(struct table *table, unsigned scanout)
{
	table->scanouts[scanout].serial = ++table->serial;
}

void table_clear(struct table *table)
{
	for (unsigned i = 0; i < table->n_resources; i++)
		drop_backing(table, &table->resources[i]);
	table->n_resources = 0;
	memset(table->cursors, 0, sizeof table->cursors);
	for (unsigned i = 0; i < RESOURCE_SCANOUTS_MAX; i++) {
		table->scanouts[i] = (struct table_scanout){ 0 };
		touch_scanout(table, i);
	}
	regions_unref(table->regions);
	table->regions = NULL;
}

struct backing *table_take_dropped(struct table *table)
{
	struct backing *dropped = table->dropped;

	table->dropped = NULL;
	return dropped;
}

void table_release(struct backing *dropped)
{
	while (dropped) {
		struct backing *next = dropped->next;
		backing_unref(dropped);
		dropped = next;
	}
}

void table_finish(struct table *table)
{
	table_clear(table);
	table_release(table_take_dropped(table));
}

static struct table_resource *find(struct table *table, uint32_t id)
{
	for (unsigned i = 0; i < table->n_resources; i++)
		if (table->resources[i].id == id)
			return &table->resources[i];
	return NULL;
}

const struct table_resource *table_find(const struct table *table, uint32_t id)
{
	const struct table_resource *resource = find((struct table *)(uintptr_t)table, id);

	return resource && resource->backing && resource->n_known == resource->n_runs ? resource
										      : NULL;
}

static void touch_resource(struct table *table, uint32_t id)
{
	for (unsigned i = 0; i < RESOURCE_SCANOUTS_MAX; i++)
		if (table->scanouts[i].id == id ||
			(table->scanouts[i].id != 0 && table->cursors[i].id == id))
			touch_scanout(table, i);
}

static int apply_memory(
	struct table *table, const struct resource_packet *packet, struct regions *regions)
{
	if (!regions || regions_count(regions) != packet->memory.n_regions)
		return -EBADMSG;
	table_clear(table);
	table->regions = regions_ref(regions);
	return 0;
}

/* A resource that is there already gets new pages. */
static int begin_resource(struct table *table, const struct resource_packet *packet)
{
	struct table_resource *resource = find(table, packet->add.id);

	if (!resource && table->n_resources == TABLE_RESOURCES_MAX)
		return -ENOSPC;
	if (!resource)
		resource = &table->resources[table->n_resources++];
	else
		drop_backing(table, resource);
	*resource = (struct table_resource){
		.id = packet->add.id,
		.width = packet->add.width,
		.height = packet->add.height,
		.format = packet->add.format,
		.n_runs = packet->add.n_runs,
	};
	if (resource->n_runs == 0)
		return 0;
	if (!table->regions)
		return -EBADMSG;
	return backing_new(table->regions, resource->n_runs, table->quotas, &resource->backing);
}

static int add_runs(struct table *table, const struct resource_packet *packet)
{
	struct table_resource *resource = find(table, packet->add.id);

	if (!resource || resource->n_runs != packet->add.n_runs ||
		resource->n_known != packet->add.first_run)
		return -EBADMSG;
	for (uint32_t i = 0; i < packet->add.n_here; i++)
		if (packet->add.runs[i].region >= regions_count(table->regions))
			return -EBADMSG;
	backing_set_runs(
		resource->backing, resource->n_known, packet->add.runs, packet->add.n_here);
	resource->n_known += packet->add.n_here;
	if (resource->n_known == resource->n_runs)
		touch_resource(table, resource->id);
	return 0;
}

static int apply_add(struct table *table, const struct resource_packet *packet)
{
	int r = packet->add.first_run == 0 ? begin_resource(table, packet) : 0;

	return r < 0 || packet->add.n_here == 0 ? r : add_runs(table, packet);
}

static int apply_remove(struct table *table, const struct resource_packet *packet)
{
	struct table_resource *resource = find(table, packet->remove.id);

	if (!resource)
		return 0;
	drop_backing(table, resource);
	*resource = table->resources[--table->n_resources];
	return 0;
}

static int apply_scanout(struct table *table, const struct resource_packet *packet)
{
	table->scanouts[packet->scanout.scanout] = (struct table_scanout){
		.id = packet->scanout.id,
		.x = packet->scanout.x,
		.y = packet->scanout.y,
		.width = packet->scanout.width,
		.height = packet->scanout.height,
	};
	touch_scanout(table, packet->scanout.scanout);
	return 0;
}

static int apply_cursor(struct table *table, const struct resource_packet *packet)
{
	table->cursors[packet->cursor.scanout] = (struct table_cursor){
		.id = packet->cursor.id,
		.hot_x = packet->cursor.hot_x,
		.hot_y = packet->cursor.hot_y,
		.x = packet->cursor.x,
		.y = packet->cursor.y,
	};
	touch_scanout(table, packet->cursor.scanout);
	return 0;
}

int table_apply(struct table *table, const struct resource_packet *packet, struct regions *regions)
{
	switch (packet->type) {
	case RESOURCE_MEMORY:
		return apply_memory(table, packet, regions);
	case RESOURCE_ADD:
		return apply_add(table, packet);
	case RESOURCE_REMOVE:
		return apply_remove(table, packet);
	case RESOURCE_SCANOUT:
		return apply_scanout(table, packet);
	case RESOURCE_FLUSH:
		touch_resource(table, packet->flush.id);
		return 0;
	case RESOURCE_CURSOR:
		return apply_cursor(table, packet);
	case RESOURCE_SYNCED:
		return 0;
	default:
		return -EBADMSG;
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu-resource.h"

#include <errno.h>
#include <stdlib.h>

static unsigned bucket_of(uint32_t id)
{
	return (id * 2654435761u >> 16) % GPU_BUCKETS; /* 2^32 / golden ratio */
}

static bool format_is_known(uint32_t format)
{
	static const uint32_t formats[] = { 1, 2, 3, 4, 67, 68, 121, 134 };

	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
		if (formats[i] == format)
			return true;
	}
	return false;
}

static bool side_is_possible(uint32_t side)
{
	return side > 0 && side <= GPU_SIDE_MAX;
}

int gpu_resources_create(
	struct gpu_resources *table, uint32_t id, uint32_t format, uint32_t width, uint32_t height)
{
	struct gpu_resource **bucket = &table->buckets[bucket_of(id)], *resource;

	if (id == 0 || gpu_resources_find(table, id))
		return -EEXIST;
	if (!format_is_known(format) || !side_is_possible(width) || !side_is_possible(height))
		return -EINVAL;
	if (table->n == GPU_RESOURCES_MAX)
		return -ENOSPC;
	resource = calloc(1, sizeof *resource);
	if (!resource)
		return -ENOMEM;
	resource->id = id;
	resource->width = width;
	resource->height = height;
	resource->format = format;
	resource->next = *bucket;
	*bucket = resource;
	table->n++;
	return 0;
}

struct gpu_resource *gpu_resources_find(const struct gpu_resources *table, uint32_t id)
{
	struct gpu_resource *resource = table->buckets[bucket_of(id)];

	while (resource && resource->id != id)
		resource = resource->next;
	return resource;
}

/* Out of its bucket. */
static void destroy(struct gpu_resources *table, struct gpu_resource *resource)
{
	gpu_resource_detach(table, resource);
	free(resource);
	table->n--;
}

void gpu_resources_remove(struct gpu_resources *table, struct gpu_resource *resource)
{
	struct gpu_resource **link = &table->buckets[bucket_of(resource->id)];

	while (*link != resource)
		link = &(*link)->next;
	*link = resource->next;
	destroy(table, resource);
}

void gpu_resources_clear(struct gpu_resources *table)
{
	struct gpu_resource *resource;

	for (unsigned i = 0; i < GPU_BUCKETS; i++) {
		while ((resource = table->buckets[i])) {
			table->buckets[i] = resource->next;
			destroy(table, resource);
		}
	}
}

struct gpu_resource *gpu_resources_next(
	const struct gpu_resources *table, const struct gpu_resource *resource)
{
	unsigned bucket = 0;

	if (resource && resource->next)
		return resource->next;
	if (resource)
		bucket = bucket_of(resource->id) + 1;
	for (; bucket < GPU_BUCKETS; bucket++) {
		if (table->buckets[bucket])
			return table->buckets[bucket];
	}
	return NULL;
}

int gpu_resource_attach(struct gpu_resources *table, struct gpu_resource *resource,
	struct gpu_backing *backing, const struct guest_memory *memory)
{
	uint64_t size = gpu_backing_pages_size(backing);
	int r;

	if (resource->backing.n_runs > 0)
		return -EBUSY;
	if (size > GPU_BACKING_MAX - table->backing_size ||
		backing->n_runs > GPU_RUNS_MAX - table->n_runs)
		return -ENOSPC;
	r = gpu_backing_locate(backing, memory, &resource->located, &resource->n_located);
	if (r < 0)
		return r;
	resource->backing = *backing;
	gpu_backing_init(backing);
	table->backing_size += size;
	table->n_runs += resource->backing.n_runs;
	return 0;
}

static void forget_located(struct gpu_resource *resource)
{
	free(resource->located);
	resource->located = NULL;
	resource->n_located = 0;
}

void gpu_resource_detach(struct gpu_resources *table, struct gpu_resource *resource)
{
	table->backing_size -= gpu_backing_pages_size(&resource->backing);
	table->n_runs -= resource->backing.n_runs;
	forget_located(resource);
	gpu_backing_finish(&resource->backing);
}

void gpu_resource_relocate(struct gpu_resource *resource, const struct guest_memory *memory)
{
	forget_located(resource);
	gpu_backing_locate(&resource->backing, memory, &resource->located, &resource->n_located);
}

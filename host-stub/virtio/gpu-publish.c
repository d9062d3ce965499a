/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu-publish.h"

static uint32_t visible(const struct gpu_engine *engine, uint32_t id)
{
	const struct gpu_resource *resource = gpu_resources_find(&engine->resources, id);

	return resource && resource->located ? id : 0;
}

void gpu_publish_memory(const struct gpu_engine *engine, unsigned to)
{
	int fds[GUEST_REGIONS_MAX];

	for (unsigned i = 0; i < engine->memory->n_regions; i++)
		fds[i] = engine->memory->regions[i].fd;
	publisher_memory(engine->publisher, to, fds, engine->memory->n_regions);
}

void gpu_publish_resource(
	const struct gpu_engine *engine, unsigned to, const struct gpu_resource *resource)
{
	const struct resource_packet packet = {
		.type = RESOURCE_ADD,
		.add = {
			.id = resource->id,
			.width = resource->width,
			.height = resource->height,
			.format = resource->format,
		},
	};

	publisher_add(engine->publisher, to, &packet, resource->located, resource->n_located);
}

void gpu_publish_removal(const struct gpu_engine *engine, uint32_t id)
{
	const struct resource_packet packet = { .type = RESOURCE_REMOVE, .remove = { .id = id } };

	publisher_send(engine->publisher, PUBLISHER_ALL, &packet);
}

void gpu_publish_flush(const struct gpu_engine *engine, uint32_t id, const struct gpu_rect *rect)
{
	const struct resource_packet packet = {
		.type = RESOURCE_FLUSH,
		.flush = {
			.id = id,
			.x = rect->x,
			.y = rect->y,
			.width = rect->width,
			.height = rect->height,
		},
	};

	if (visible(engine, id))
		publisher_send(engine->publisher, PUBLISHER_ALL, &packet);
}

void gpu_publish_scanout(const struct gpu_engine *engine, unsigned to, unsigned scanout)
{
	const struct gpu_scanout *state = &engine->scanouts[scanout];
	struct resource_packet packet = {
		.type = RESOURCE_SCANOUT,
		.scanout = { .scanout = scanout, .id = visible(engine, state->id) },
	};

	if (packet.scanout.id > 0) {
		packet.scanout.x = state->rect.x;
		packet.scanout.y = state->rect.y;
		packet.scanout.width = state->rect.width;
		packet.scanout.height = state->rect.height;
	}
	publisher_send(engine->publisher, to, &packet);
}

void gpu_publish_cursor(const struct gpu_engine *engine, unsigned to, unsigned scanout)
{
	const struct gpu_cursor *state = &engine->cursors[scanout];
	const struct resource_packet packet = {
		.type = RESOURCE_CURSOR,
		.cursor = {
			.scanout = scanout,
			.id = visible(engine, state->id),
			.hot_x = state->hot_x,
			.hot_y = state->hot_y,
			.x = (int32_t)state->x,
			.y = (int32_t)state->y,
		},
	};

	publisher_send(engine->publisher, to, &packet);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu-engine.h"
#include "gpu-publish.h"

#include <errno.h>

#define ENTRIES_AT_ONCE 256u

struct request {
	struct gpu_command command;
	const struct ring_chain *chain;
	uint8_t response[GPU_RESPONSE_MAX];
	size_t response_size; /* 0: the header alone says it */
};

int gpu_engine_init(struct gpu_engine *engine, unsigned n_scanouts, const struct edid_mode *mode,
	const struct log_sink *log)
{
	static const struct guest_memory no_memory;
	uint8_t edid[EDID_SIZE];

	if (n_scanouts == 0 || n_scanouts > RESOURCE_SCANOUTS_MAX || edid_make(mode, 1, edid) < 0)
		return -EINVAL;
	*engine = (struct gpu_engine){
		.n_scanouts = n_scanouts,
		.mode = *mode,
		.log = log,
		.memory = &no_memory,
	};
	return 0;
}

void gpu_engine_finish(struct gpu_engine *engine)
{
	gpu_resources_clear(&engine->resources);
}

static struct gpu_resource *find(const struct gpu_engine *engine, uint32_t id)
{
	return gpu_resources_find(&engine->resources, id);
}

static bool rect_is_in(const struct gpu_rect *rect, const struct gpu_resource *resource)
{
	return rect->width > 0 && rect->height > 0 && rect->width <= resource->width &&
	       rect->x <= resource->width - rect->width && rect->height <= resource->height &&
	       rect->y <= resource->height - rect->height;
}

/* Tells of all that shows a resource whose pages came or went. */
static void publish_users(struct gpu_engine *engine, uint32_t id)
{
	for (unsigned i = 0; i < engine->n_scanouts; i++) {
		if (engine->scanouts[i].id == id)
			gpu_publish_scanout(engine, PUBLISHER_ALL, i);
		if (engine->cursors[i].id == id)
			gpu_publish_cursor(engine, PUBLISHER_ALL, i);
	}
}

static int get_display_info(struct gpu_engine *engine, struct request *request)
{
	request->response_size = gpu_display_info_encode(&request->command.header,
		engine->n_scanouts, engine->mode.width, engine->mode.height, request->response);
	return 0;
}

static int get_edid(struct gpu_engine *engine, struct request *request)
{
	uint32_t scanout = request->command.edid.scanout;
	uint8_t edid[EDID_SIZE];
	int r;

	if (scanout >= engine->n_scanouts)
		return -ECHRNG;
	r = edid_make(&engine->mode, scanout + 1, edid);
	if (r < 0)
		return r;
	request->response_size =
		gpu_edid_encode(&request->command.header, edid, sizeof edid, request->response);
	return 0;
}

static int create(struct gpu_engine *engine, struct request *request)
{
	const struct gpu_command *c = &request->command;

	return gpu_resources_create(&engine->resources, c->create.id, c->create.format,
		c->create.width, c->create.height);
}

/* Clients know of it no more; first what shows it, then itself. */
static void withdraw(struct gpu_engine *engine, struct gpu_resource *resource)
{
	bool published = resource->backing.n_runs > 0;

	gpu_resource_detach(&engine->resources, resource);
	if (!published)
		return;
	publish_users(engine, resource->id);
	gpu_publish_removal(engine, resource->id);
}

static int unref(struct gpu_engine *engine, struct request *request)
{
	struct gpu_resource *resource = find(engine, request->command.resource.id);

	if (!resource)
		return -ENOENT;
	withdraw(engine, resource);
	for (unsigned i = 0; i < engine->n_scanouts; i++) {
		if (engine->scanouts[i].id == resource->id)
			engine->scanouts[i].id = 0;
		if (engine->cursors[i].id == resource->id)
			engine->cursors[i].id = 0;
	}
	gpu_resources_remove(&engine->resources, resource);
	return 0;
}

static int read_entries(const struct ring_chain *chain, uint32_t n, struct gpu_backing *ret)
{
	uint8_t bytes[ENTRIES_AT_ONCE * GPU_ENTRY_SIZE];
	size_t at = GPU_ATTACH_SIZE;
	struct gpu_entry entry;
	int r = 0;

	for (uint32_t done = 0; r == 0 && done < n;) {
		uint32_t here = n - done < ENTRIES_AT_ONCE ? n - done : ENTRIES_AT_ONCE;
		size_t size = here * GPU_ENTRY_SIZE;

		if (iov_read(chain->out, chain->n_out, at, bytes, size) < size)
			return -EBADMSG;
		for (uint32_t i = 0; r == 0 && i < here; i++) {
			gpu_entry_decode(bytes + i * GPU_ENTRY_SIZE, &entry);
			r = gpu_backing_add(ret, entry.addr, entry.length);
		}
		done += here;
		at += size;
	}
	return r;
}

static int attach(struct gpu_engine *engine, struct request *request)
{
	struct gpu_resource *resource = find(engine, request->command.attach.id);
	uint32_t n = request->command.attach.n_entries;
	struct gpu_backing backing;
	int r;

	if (!resource)
		return -ENOENT;
	if (resource->backing.n_runs > 0)
		return -EBUSY;
	if (n == 0 || n > GPU_ENTRIES_MAX)
		return -EINVAL;
	gpu_backing_init(&backing);
	r = read_entries(request->chain, n, &backing);
	if (r == 0)
		r = gpu_resource_attach(&engine->resources, resource, &backing, engine->memory);
	gpu_backing_finish(&backing);
	if (r < 0)
		return r;
	gpu_publish_resource(engine, PUBLISHER_ALL, resource);
	publish_users(engine, resource->id);
	return 0;
}

static int detach(struct gpu_engine *engine, struct request *request)
{
	struct gpu_resource *resource = find(engine, request->command.resource.id);

	if (!resource)
		return -ENOENT;
	if (resource->backing.n_runs == 0)
		return -ENODATA;
	withdraw(engine, resource);
	return 0;
}

/* The pages are the picture, so pixels can only be taken from where they belong. */
static int transfer(struct gpu_engine *engine, struct request *request)
{
	const struct gpu_command *c = &request->command;
	const struct gpu_rect *rect = &c->transfer.rect;
	struct gpu_resource *resource = find(engine, c->transfer.id);
	uint64_t stride, offset;

	if (!resource)
		return -ENOENT;
	if (resource->backing.n_runs == 0)
		return -ENODATA;
	if (!rect_is_in(rect, resource))
		return -EINVAL;
	stride = (uint64_t)resource->width * GPU_PIXEL_SIZE;
	offset = rect->y * stride + (uint64_t)rect->x * GPU_PIXEL_SIZE;
	if (c->transfer.offset != offset)
		return -EINVAL;
	offset += (rect->height - 1) * stride + (uint64_t)rect->width * GPU_PIXEL_SIZE;
	return offset <= resource->backing.size ? 0 : -EINVAL;
}

static int set_scanout(struct gpu_engine *engine, struct request *request)
{
	const struct gpu_command *c = &request->command;
	uint32_t index = c->set_scanout.scanout, id = c->set_scanout.id;

	if (index >= engine->n_scanouts)
		return -ECHRNG;
	if (id > 0) {
		const struct gpu_resource *resource = find(engine, id);

		if (!resource)
			return -ENOENT;
		if (!rect_is_in(&c->set_scanout.rect, resource))
			return -EINVAL;
	}
	engine->scanouts[index] = (struct gpu_scanout){ id, c->set_scanout.rect };
	gpu_publish_scanout(engine, PUBLISHER_ALL, index);
	return 0;
}

static int flush(struct gpu_engine *engine, struct request *request)
{
	const struct gpu_command *c = &request->command;
	const struct gpu_resource *resource = find(engine, c->flush.id);

	if (!resource)
		return -ENOENT;
	if (!rect_is_in(&c->flush.rect, resource))
		return -EINVAL;
	gpu_publish_flush(engine, resource->id, &c->flush.rect);
	return 0;
}

static int update_cursor(struct gpu_engine *engine, struct request *request)
{
	uint32_t scanout = request->command.cursor.scanout;
	int r;

	if (scanout >= engine->n_scanouts)
		return -ECHRNG;
	r = gpu_cursor_update(&engine->cursors[scanout], &request->command, &engine->resources);
	if (r < 0)
		return r;
	gpu_publish_cursor(engine, PUBLISHER_ALL, scanout);
	return 0;
}

static int move_cursor(struct gpu_engine *engine, struct request *request)
{
	uint32_t scanout = request->command.cursor.scanout;

	if (scanout >= engine->n_scanouts)
		return -ECHRNG;
	gpu_cursor_move(&engine->cursors[scanout], &request->command);
	gpu_publish_cursor(engine, PUBLISHER_ALL, scanout);
	return 0;
}

static const struct handler {
	uint32_t type;
	enum gpu_queue queue;
	/* 0, or an error that response_to() knows; *request has the answer if it is more than a
	 * header. */
	int (*run)(struct gpu_engine *engine, struct request *request);
} handlers[] = {
	{ GPU_TRANSFER_TO_HOST_2D, GPU_CONTROL_QUEUE, transfer },
	{ GPU_SET_SCANOUT, GPU_CONTROL_QUEUE, set_scanout },
	{ GPU_RESOURCE_FLUSH, GPU_CONTROL_QUEUE, flush },
	{ GPU_RESOURCE_CREATE_2D, GPU_CONTROL_QUEUE, create },
	{ GPU_RESOURCE_UNREF, GPU_CONTROL_QUEUE, unref },
	{ GPU_RESOURCE_ATTACH_BACKING, GPU_CONTROL_QUEUE, attach },
	{ GPU_RESOURCE_DETACH_BACKING, GPU_CONTROL_QUEUE, detach },
	{ GPU_GET_DISPLAY_INFO, GPU_CONTROL_QUEUE, get_display_info },
	{ GPU_GET_EDID, GPU_CONTROL_QUEUE, get_edid },
	{ GPU_UPDATE_CURSOR, GPU_CURSOR_QUEUE, update_cursor },
	{ GPU_MOVE_CURSOR, GPU_CURSOR_QUEUE, move_cursor },
};

static int run(struct gpu_engine *engine, enum gpu_queue queue, struct request *request)
{
	for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
		if (handlers[i].type == request->command.header.type && handlers[i].queue == queue)
			return handlers[i].run(engine, request);
	}
	return -ENOTSUP;
}

static uint32_t response_to(int result)
{
	switch (result) {
	case 0:
		return GPU_OK_NODATA;
	case -ENOMEM:
	case -ENOSPC:
	case -E2BIG:
		return GPU_ERR_OUT_OF_MEMORY;
	case -ECHRNG:
		return GPU_ERR_INVALID_SCANOUT_ID;
	case -ENOENT:
	case -EEXIST:
		return GPU_ERR_INVALID_RESOURCE_ID;
	case -EINVAL:
	case -EFAULT:
		return GPU_ERR_INVALID_PARAMETER;
	default:
		return GPU_ERR_UNSPEC;
	}
}

static void log_refusal(struct gpu_engine *engine, const struct gpu_header *header, int result)
{
	log_write(engine->log, engine->refused ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING,
		"gpu: %s (0x%04x) refused: 0x%04x", gpu_command_name(header->type), header->type,
		response_to(result));
	engine->refused = true;
}

size_t gpu_engine_execute(
	struct gpu_engine *engine, enum gpu_queue queue, const struct ring_chain *chain)
{
	struct request request = { .chain = chain };
	uint8_t bytes[GPU_COMMAND_MAX];
	size_t size = iov_read(chain->out, chain->n_out, 0, bytes, sizeof bytes);
	int r = gpu_command_decode(bytes, size, &request.command);

	if (r < 0)
		gpu_header_decode(bytes, size, &request.command.header);
	else
		r = run(engine, queue, &request);
	if (r == 0 && request.response_size > chain->in_size)
		r = -EMSGSIZE;
	if (r < 0)
		log_refusal(engine, &request.command.header, r);
	if (r < 0 || request.response_size == 0)
		request.response_size = gpu_response_encode(
			&request.command.header, response_to(r), request.response);
	/* The cursor queue of Linux has no room for an answer. */
	if (request.response_size > chain->in_size)
		return 0;
	return iov_write(chain->in, chain->n_in, 0, request.response, request.response_size);
}

void gpu_engine_show(const struct gpu_engine *engine, unsigned to)
{
	for (unsigned i = 0; i < engine->n_scanouts; i++) {
		gpu_publish_scanout(engine, to, i);
		gpu_publish_cursor(engine, to, i);
	}
}

void gpu_engine_snapshot(const struct gpu_engine *engine, unsigned to)
{
	struct gpu_resource *resource = NULL;

	gpu_publish_memory(engine, to);
	while ((resource = gpu_resources_next(&engine->resources, resource))) {
		if (resource->backing.n_runs > 0)
			gpu_publish_resource(engine, to, resource);
	}
	gpu_engine_show(engine, to);
}

void gpu_engine_memory_changed(struct gpu_engine *engine)
{
	struct gpu_resource *resource = NULL;

	while ((resource = gpu_resources_next(&engine->resources, resource)))
		gpu_resource_relocate(resource, engine->memory);
	gpu_engine_snapshot(engine, PUBLISHER_ALL);
}

void gpu_engine_reset(struct gpu_engine *engine)
{
	gpu_resources_clear(&engine->resources);
	for (unsigned i = 0; i < engine->n_scanouts; i++) {
		engine->scanouts[i] = (struct gpu_scanout){ 0 };
		engine->cursors[i] = (struct gpu_cursor){ 0 };
	}
	engine->refused = false;
	gpu_engine_snapshot(engine, PUBLISHER_ALL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu-command.h"

#include <errno.h>
#include <hxfr/wire.h>
#include <stdbool.h>

static void read_header(struct hxfr_reader *r, struct gpu_header *ret)
{
	ret->type = hxfr_reader_u32(r);
	ret->flags = hxfr_reader_u32(r);
	ret->fence_id = hxfr_reader_u64(r);
	ret->ctx_id = hxfr_reader_u32(r);
	hxfr_reader_bytes(r, 4); /* ring_idx, padding */
}

static void read_rect(struct hxfr_reader *r, struct gpu_rect *ret)
{
	ret->x = hxfr_reader_u32(r);
	ret->y = hxfr_reader_u32(r);
	ret->width = hxfr_reader_u32(r);
	ret->height = hxfr_reader_u32(r);
}

static void read_nothing(struct hxfr_reader *r, struct gpu_command *ret)
{
}

static void read_create(struct hxfr_reader *r, struct gpu_command *ret)
{
	ret->create.id = hxfr_reader_u32(r);
	ret->create.format = hxfr_reader_u32(r);
	ret->create.width = hxfr_reader_u32(r);
	ret->create.height = hxfr_reader_u32(r);
}

static void read_resource(struct hxfr_reader *r, struct gpu_command *ret)
{
	ret->resource.id = hxfr_reader_u32(r);
	hxfr_reader_bytes(r, 4);
}

static void read_attach(struct hxfr_reader *r, struct gpu_command *ret)
{
	ret->attach.id = hxfr_reader_u32(r);
	ret->attach.n_entries = hxfr_reader_u32(r);
}

static void read_transfer(struct hxfr_reader *r, struct gpu_command *ret)
{
	read_rect(r, &ret->transfer.rect);
	ret->transfer.offset = hxfr_reader_u64(r);
	ret->transfer.id = hxfr_reader_u32(r);
	hxfr_reader_bytes(r, 4);
}

static void read_set_scanout(struct hxfr_reader *r, struct gpu_command *ret)
{
	read_rect(r, &ret->set_scanout.rect);
	ret->set_scanout.scanout = hxfr_reader_u32(r);
	ret->set_scanout.id = hxfr_reader_u32(r);
}

static void read_flush(struct hxfr_reader *r, struct gpu_command *ret)
{
	read_rect(r, &ret->flush.rect);
	ret->flush.id = hxfr_reader_u32(r);
	hxfr_reader_bytes(r, 4);
}

static void read_edid(struct hxfr_reader *r, struct gpu_command *ret)
{
	ret->edid.scanout = hxfr_reader_u32(r);
	hxfr_reader_bytes(r, 4);
}

static void read_cursor(struct hxfr_reader *r, struct gpu_command *ret)
{
	ret->cursor.scanout = hxfr_reader_u32(r);
	ret->cursor.x = hxfr_reader_u32(r);
	ret->cursor.y = hxfr_reader_u32(r);
	hxfr_reader_bytes(r, 4);
	ret->cursor.id = hxfr_reader_u32(r);
	ret->cursor.hot_x = hxfr_reader_u32(r);
	ret->cursor.hot_y = hxfr_reader_u32(r);
	hxfr_reader_bytes(r, 4);
}

static const struct command {
	uint32_t type;
	const char *name;
	void (*read)(struct hxfr_reader *r, struct gpu_command *ret);
} commands[] = {
	{ GPU_GET_DISPLAY_INFO, "GET_DISPLAY_INFO", read_nothing },
	{ GPU_RESOURCE_CREATE_2D, "RESOURCE_CREATE_2D", read_create },
	{ GPU_RESOURCE_UNREF, "RESOURCE_UNREF", read_resource },
	{ GPU_SET_SCANOUT, "SET_SCANOUT", read_set_scanout },
	{ GPU_RESOURCE_FLUSH, "RESOURCE_FLUSH", read_flush },
	{ GPU_TRANSFER_TO_HOST_2D, "TRANSFER_TO_HOST_2D", read_transfer },
	{ GPU_RESOURCE_ATTACH_BACKING, "RESOURCE_ATTACH_BACKING", read_attach },
	{ GPU_RESOURCE_DETACH_BACKING, "RESOURCE_DETACH_BACKING", read_resource },
	{ GPU_GET_CAPSET_INFO, "GET_CAPSET_INFO", read_nothing },
	{ GPU_GET_EDID, "GET_EDID", read_edid },
	{ GPU_UPDATE_CURSOR, "UPDATE_CURSOR", read_cursor },
	{ GPU_MOVE_CURSOR, "MOVE_CURSOR", read_cursor },
};

static const struct command *find_command(uint32_t type)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (commands[i].type == type)
			return &commands[i];
	}
	return NULL;
}

int gpu_header_decode(const void *data, size_t size, struct gpu_header *ret)
{
	struct gpu_header header = { 0 };
	struct hxfr_reader r;

	hxfr_reader_init(&r, data, size);
	read_header(&r, &header);
	if (r.failed)
		return -EBADMSG;
	*ret = header;
	return 0;
}

int gpu_command_decode(const void *data, size_t size, struct gpu_command *ret)
{
	struct gpu_command command = { 0 };
	const struct command *known;
	struct hxfr_reader r;

	hxfr_reader_init(&r, data, size);
	read_header(&r, &command.header);
	known = find_command(command.header.type);
	if (known)
		known->read(&r, &command);
	if (r.failed)
		return -EBADMSG;
	*ret = command;
	return 0;
}

void gpu_entry_decode(const uint8_t data[GPU_ENTRY_SIZE], struct gpu_entry *ret)
{
	struct hxfr_reader r;

	hxfr_reader_init(&r, data, GPU_ENTRY_SIZE);
	ret->addr = hxfr_reader_u64(&r);
	ret->length = hxfr_reader_u32(&r);
}

const char *gpu_command_name(uint32_t type)
{
	const struct command *known = find_command(type);

	return known ? known->name : "?";
}

static void write_u64(struct hxfr_writer *w, uint64_t v)
{
	hxfr_writer_u64(w, v);
}

static void write_header(struct hxfr_writer *w, const struct gpu_header *to, uint32_t type)
{
	bool fence = to->flags & GPU_FLAG_FENCE;

	hxfr_writer_u32(w, type);
	hxfr_writer_u32(w, fence ? GPU_FLAG_FENCE : 0);
	write_u64(w, fence ? to->fence_id : 0);
	hxfr_writer_u32(w, fence ? to->ctx_id : 0);
	hxfr_writer_zero(w, 4);
}

size_t gpu_response_encode(const struct gpu_header *to, uint32_t type, uint8_t ret[GPU_HEADER_SIZE])
{
	struct hxfr_writer w;

	hxfr_writer_init(&w, ret, GPU_HEADER_SIZE);
	write_header(&w, to, type);
	return w.pos;
}

size_t gpu_display_info_encode(const struct gpu_header *to, unsigned n_displays, uint32_t width,
	uint32_t height, uint8_t ret[GPU_DISPLAY_INFO_SIZE])
{
	struct hxfr_writer w;

	hxfr_writer_init(&w, ret, GPU_DISPLAY_INFO_SIZE);
	write_header(&w, to, GPU_OK_DISPLAY_INFO);
	for (uint32_t i = 0; i < GPU_DISPLAYS; i++) {
		bool enabled = i < n_displays;

		hxfr_writer_u32(&w, enabled ? i * width : 0);
		hxfr_writer_u32(&w, 0);
		hxfr_writer_u32(&w, enabled ? width : 0);
		hxfr_writer_u32(&w, enabled ? height : 0);
		hxfr_writer_u32(&w, enabled);
		hxfr_writer_u32(&w, 0); /* flags */
	}
	return w.pos;
}

size_t gpu_edid_encode(const struct gpu_header *to, const uint8_t *edid, uint32_t edid_size,
	uint8_t ret[GPU_EDID_SIZE])
{
	struct hxfr_writer w;

	hxfr_writer_init(&w, ret, GPU_EDID_SIZE);
	write_header(&w, to, GPU_OK_EDID);
	hxfr_writer_u32(&w, edid_size);
	hxfr_writer_zero(&w, 4);
	hxfr_writer_bytes(&w, edid, edid_size);
	hxfr_writer_zero(&w, GPU_EDID_SIZE - w.pos);
	return w.pos;
}

void gpu_config_encode(uint32_t n_scanouts, uint8_t ret[GPU_CONFIG_SIZE])
{
	struct hxfr_writer w;

	hxfr_writer_init(&w, ret, GPU_CONFIG_SIZE);
	hxfr_writer_zero(&w, 8); /* events_read, events_clear */
	hxfr_writer_u32(&w, n_scanouts);
	hxfr_writer_u32(&w, 0); /* num_capsets */
}

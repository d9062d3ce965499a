/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "message.h"

#include <errno.h>
#include <hxfr/wire.h>
#include <string.h>

#define FLAGS_VERSION      1u
#define FLAGS_VERSION_MASK 3u
#define FLAGS_REPLY        4u
#define FLAGS_NEEDS_REPLY  8u

int vhost_message_payload_size(const uint8_t header[VHOST_HEADER_SIZE], uint32_t *ret)
{
	struct hxfr_reader r;
	uint32_t flags, size;

	hxfr_reader_init(&r, header, VHOST_HEADER_SIZE);
	hxfr_reader_u32(&r);
	flags = hxfr_reader_u32(&r);
	size = hxfr_reader_u32(&r);
	if ((flags & FLAGS_VERSION_MASK) != FLAGS_VERSION || (flags & FLAGS_REPLY))
		return -EBADMSG;
	if (size > VHOST_PAYLOAD_MAX)
		return -EMSGSIZE;
	*ret = size;
	return 0;
}

static void decode_nothing(struct hxfr_reader *r, struct vhost_message *m)
{
}

static void decode_u64(struct hxfr_reader *r, struct vhost_message *m)
{
	m->u64 = hxfr_reader_u64(r);
}

static void decode_state(struct hxfr_reader *r, struct vhost_message *m)
{
	m->state.index = hxfr_reader_u32(r);
	m->state.num = hxfr_reader_u32(r);
}

static void decode_addr(struct hxfr_reader *r, struct vhost_message *m)
{
	m->addr.index = hxfr_reader_u32(r);
	m->addr.flags = hxfr_reader_u32(r);
	m->addr.desc = hxfr_reader_u64(r);
	m->addr.used = hxfr_reader_u64(r);
	m->addr.avail = hxfr_reader_u64(r);
	m->addr.log = hxfr_reader_u64(r);
}

static void decode_memory(struct hxfr_reader *r, struct vhost_message *m)
{
	uint32_t n = hxfr_reader_u32(r);

	hxfr_reader_u32(r); /* padding */
	if (n > GUEST_REGIONS_MAX) {
		r->failed = true;
		return;
	}
	m->memory.n = n;
	for (uint32_t i = 0; i < n; i++) {
		struct guest_region *region = &m->memory.regions[i];

		region->guest_addr = hxfr_reader_u64(r);
		region->size = hxfr_reader_u64(r);
		region->user_addr = hxfr_reader_u64(r);
		region->fd_offset = hxfr_reader_u64(r);
		region->fd = -1;
	}
}

static void decode_config(struct hxfr_reader *r, struct vhost_message *m)
{
	const uint8_t *data;

	m->config.offset = hxfr_reader_u32(r);
	m->config.size = hxfr_reader_u32(r);
	m->config.flags = hxfr_reader_u32(r);
	if (m->config.size > VHOST_CONFIG_MAX) {
		r->failed = true;
		return;
	}
	data = hxfr_reader_bytes(r, m->config.size);
	if (data)
		memcpy(m->config.data, data, m->config.size);
}

static void (*const decoders[])(struct hxfr_reader *r, struct vhost_message *m) = {
	[VHOST_GET_FEATURES] = decode_nothing,
	[VHOST_SET_FEATURES] = decode_u64,
	[VHOST_SET_OWNER] = decode_nothing,
	[VHOST_RESET_OWNER] = decode_nothing,
	[VHOST_SET_MEM_TABLE] = decode_memory,
	[VHOST_SET_VRING_NUM] = decode_state,
	[VHOST_SET_VRING_ADDR] = decode_addr,
	[VHOST_SET_VRING_BASE] = decode_state,
	[VHOST_GET_VRING_BASE] = decode_state,
	[VHOST_SET_VRING_KICK] = decode_u64,
	[VHOST_SET_VRING_CALL] = decode_u64,
	[VHOST_SET_VRING_ERR] = decode_u64,
	[VHOST_GET_PROTOCOL_FEATURES] = decode_nothing,
	[VHOST_SET_PROTOCOL_FEATURES] = decode_u64,
	[VHOST_GET_QUEUE_NUM] = decode_nothing,
	[VHOST_SET_VRING_ENABLE] = decode_state,
	[VHOST_GET_CONFIG] = decode_config,
	[VHOST_SET_CONFIG] = decode_config,
	[VHOST_GPU_SET_SOCKET] = decode_nothing,
	[VHOST_RESET_DEVICE] = decode_nothing,
};

int vhost_message_decode(const void *data, size_t size, struct vhost_message *ret)
{
	struct vhost_message m = { 0 };
	uint32_t payload_size = 0, flags;
	struct hxfr_reader r;

	if (size < VHOST_HEADER_SIZE || vhost_message_payload_size(data, &payload_size) < 0 ||
		payload_size != size - VHOST_HEADER_SIZE)
		return -EBADMSG;
	hxfr_reader_init(&r, data, size);
	m.request = hxfr_reader_u32(&r);
	flags = hxfr_reader_u32(&r);
	hxfr_reader_u32(&r);
	m.needs_reply = flags & FLAGS_NEEDS_REPLY;
	if (m.request < sizeof(decoders) / sizeof(decoders[0]) && decoders[m.request]) {
		decoders[m.request](&r, &m);
		if (hxfr_reader_end(&r) < 0)
			return -EBADMSG;
	}
	*ret = m;
	return 0;
}

static void begin_reply(
	struct hxfr_writer *w, const struct vhost_message *to, uint32_t payload_size, uint8_t *ret)
{
	hxfr_writer_init(w, ret, VHOST_REPLY_MAX);
	hxfr_writer_u32(w, to->request);
	hxfr_writer_u32(w, FLAGS_VERSION | FLAGS_REPLY);
	hxfr_writer_u32(w, payload_size);
}

size_t vhost_reply_u64(const struct vhost_message *to, uint64_t value, uint8_t *ret)
{
	struct hxfr_writer w;

	begin_reply(&w, to, 8, ret);
	hxfr_writer_u64(&w, value);
	return w.pos;
}

size_t vhost_reply_state(const struct vhost_message *to, uint32_t num, uint8_t *ret)
{
	struct hxfr_writer w;

	begin_reply(&w, to, 8, ret);
	hxfr_writer_u32(&w, to->state.index);
	hxfr_writer_u32(&w, num);
	return w.pos;
}

size_t vhost_reply_config(const struct vhost_message *to, uint8_t *ret)
{
	uint32_t size = to->config.size;
	struct hxfr_writer w;

	begin_reply(&w, to, size > 0 ? 12 + size : 0, ret);
	if (size > 0) {
		hxfr_writer_u32(&w, to->config.offset);
		hxfr_writer_u32(&w, size);
		hxfr_writer_u32(&w, to->config.flags);
		hxfr_writer_bytes(&w, to->config.data, size);
	}
	return w.pos;
}

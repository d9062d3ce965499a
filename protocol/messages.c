/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <hxfr/messages.h>

#include <hxfr/wire.h>

#include <errno.h>
#include <string.h>

#define NAL_SIZE_SIZE 4u /* the u32 in front of every blob */

void hxfr_header_encode(const struct hxfr_header *header, uint8_t ret[HXFR_HEADER_SIZE])
{
	struct hxfr_writer w;

	hxfr_writer_init(&w, ret, HXFR_HEADER_SIZE);
	hxfr_writer_u32(&w, HXFR_MAGIC);
	hxfr_writer_u8(&w, header->type);
	hxfr_writer_u8(&w, header->flags);
	hxfr_writer_u16(&w, header->session_id);
	hxfr_writer_u32(&w, header->payload_size);
}

int hxfr_header_decode(const uint8_t data[HXFR_HEADER_SIZE], struct hxfr_header *ret)
{
	struct hxfr_reader r;

	hxfr_reader_init(&r, data, HXFR_HEADER_SIZE);
	if (hxfr_reader_u32(&r) != HXFR_MAGIC)
		return -EBADMSG;
	ret->type = hxfr_reader_u8(&r);
	ret->flags = hxfr_reader_u8(&r);
	ret->session_id = hxfr_reader_u16(&r);
	ret->payload_size = hxfr_reader_u32(&r);
	return 0;
}

static void skip(struct hxfr_reader *r, size_t n)
{
	(void)hxfr_reader_bytes(r, n);
}

/* text has room for n bytes and a NUL; what the peer sent behind its first NUL is dropped. */
static void read_text(struct hxfr_reader *r, char *text, size_t n)
{
	const uint8_t *bytes = hxfr_reader_bytes(r, n);
	size_t length = bytes ? strnlen((const char *)bytes, n) : 0;

	memset(text, 0, n + 1);
	if (length > 0)
		memcpy(text, bytes, length);
}

static void write_text(struct hxfr_writer *w, const char *text, size_t n)
{
	size_t length = strnlen(text, n);

	hxfr_writer_bytes(w, text, length);
	hxfr_writer_zero(w, n - length);
}

static int decode_frame_request(struct hxfr_reader *r, struct hxfr_message *m)
{
	struct hxfr_frame_request *p = &m->frame_request;
	bool has_pixels = m->header.flags & HXFR_FLAG_PIXELS;

	p->resource_id = hxfr_reader_u32(r);
	p->width = hxfr_reader_u32(r);
	p->height = hxfr_reader_u32(r);
	p->format = hxfr_reader_u32(r);
	p->stride = hxfr_reader_u32(r);
	p->pts = hxfr_reader_i64(r);
	p->duration = hxfr_reader_i64(r);
	p->force_keyframe = hxfr_reader_u8(r);
	skip(r, 7);
	p->pixels_size = hxfr_reader_left(r);
	p->pixels = p->pixels_size > 0 ? hxfr_reader_bytes(r, p->pixels_size) : NULL;
	return has_pixels == (p->pixels_size > 0) ? hxfr_reader_end(r) : -EBADMSG;
}

static int bulk_frame_request(const struct hxfr_message *m, size_t *ret)
{
	if (m->frame_request.pixels_size > HXFR_PIXELS_MAX)
		return -EMSGSIZE;
	*ret = m->frame_request.pixels_size;
	return 0;
}

static void encode_frame_request(struct hxfr_writer *w, const struct hxfr_message *m)
{
	const struct hxfr_frame_request *p = &m->frame_request;

	hxfr_writer_u32(w, p->resource_id);
	hxfr_writer_u32(w, p->width);
	hxfr_writer_u32(w, p->height);
	hxfr_writer_u32(w, p->format);
	hxfr_writer_u32(w, p->stride);
	hxfr_writer_i64(w, p->pts);
	hxfr_writer_i64(w, p->duration);
	hxfr_writer_u8(w, p->force_keyframe);
	hxfr_writer_zero(w, 7);
}

static int decode_frame_response(struct hxfr_reader *r, struct hxfr_message *m)
{
	struct hxfr_frame_response *p = &m->frame_response;

	p->pts = hxfr_reader_i64(r);
	p->dts = hxfr_reader_i64(r);
	p->is_keyframe = hxfr_reader_u8(r);
	skip(r, 3);
	p->nal_count = hxfr_reader_u32(r);
	if (p->nal_count > HXFR_NAL_COUNT_MAX)
		return -EMSGSIZE;
	p->nals = r->data + r->pos;
	p->nals_size = hxfr_reader_left(r);
	for (uint32_t i = 0; i < p->nal_count; i++)
		skip(r, hxfr_reader_u32(r));
	return hxfr_reader_end(r);
}

/* The size of a single blob is written by the encoder, it is no part of the bulk. */
static int bulk_frame_response(const struct hxfr_message *m, size_t *ret)
{
	const struct hxfr_frame_response *p = &m->frame_response;

	if (p->nal_count > HXFR_NAL_COUNT_MAX || p->nals_size > HXFR_ACCESS_UNIT_MAX)
		return -EMSGSIZE;
	if (p->nals_size < (size_t)p->nal_count * NAL_SIZE_SIZE ||
		(p->nal_count == 0 && p->nals_size > 0))
		return -EINVAL;
	*ret = p->nal_count == 1 ? p->nals_size - NAL_SIZE_SIZE : p->nals_size;
	return 0;
}

static void encode_frame_response(struct hxfr_writer *w, const struct hxfr_message *m)
{
	const struct hxfr_frame_response *p = &m->frame_response;

	hxfr_writer_i64(w, p->pts);
	hxfr_writer_i64(w, p->dts);
	hxfr_writer_u8(w, p->is_keyframe);
	hxfr_writer_zero(w, 3);
	hxfr_writer_u32(w, p->nal_count);
	if (p->nal_count == 1)
		hxfr_writer_u32(w, (uint32_t)(p->nals_size - NAL_SIZE_SIZE));
}

static int decode_config(struct hxfr_reader *r, struct hxfr_message *m)
{
	struct hxfr_config *p = &m->config;

	p->width = hxfr_reader_u32(r);
	p->height = hxfr_reader_u32(r);
	p->bitrate = hxfr_reader_u32(r);
	p->framerate_num = hxfr_reader_u32(r);
	p->framerate_den = hxfr_reader_u32(r);
	p->profile = hxfr_reader_u8(r);
	p->level = hxfr_reader_u8(r);
	p->realtime = hxfr_reader_u8(r);
	skip(r, 5);
	return 0;
}

static void encode_config(struct hxfr_writer *w, const struct hxfr_message *m)
{
	const struct hxfr_config *p = &m->config;

	hxfr_writer_u32(w, p->width);
	hxfr_writer_u32(w, p->height);
	hxfr_writer_u32(w, p->bitrate);
	hxfr_writer_u32(w, p->framerate_num);
	hxfr_writer_u32(w, p->framerate_den);
	hxfr_writer_u8(w, p->profile);
	hxfr_writer_u8(w, p->level);
	hxfr_writer_u8(w, p->realtime);
	hxfr_writer_zero(w, 5);
}

static int decode_empty(struct hxfr_reader *r, struct hxfr_message *m)
{
	return 0;
}

static void encode_empty(struct hxfr_writer *w, const struct hxfr_message *m)
{
}

static int decode_enable_scanout(struct hxfr_reader *r, struct hxfr_message *m)
{
	struct hxfr_enable_scanout *p = &m->enable_scanout;

	p->scanout_id = hxfr_reader_u32(r);
	p->width = hxfr_reader_u32(r);
	p->height = hxfr_reader_u32(r);
	p->refresh_hz = hxfr_reader_u32(r);
	return 0;
}

static void encode_enable_scanout(struct hxfr_writer *w, const struct hxfr_message *m)
{
	const struct hxfr_enable_scanout *p = &m->enable_scanout;

	hxfr_writer_u32(w, p->scanout_id);
	hxfr_writer_u32(w, p->width);
	hxfr_writer_u32(w, p->height);
	hxfr_writer_u32(w, p->refresh_hz);
}

static int decode_scanout_id(struct hxfr_reader *r, struct hxfr_message *m)
{
	m->scanout_id = hxfr_reader_u32(r);
	return 0;
}

static void encode_scanout_id(struct hxfr_writer *w, const struct hxfr_message *m)
{
	hxfr_writer_u32(w, m->scanout_id);
}

static int decode_scanout_resp(struct hxfr_reader *r, struct hxfr_message *m)
{
	m->scanout_resp.scanout_id = hxfr_reader_u32(r);
	m->scanout_resp.success = hxfr_reader_u32(r);
	read_text(r, m->scanout_resp.connector, HXFR_CONNECTOR_SIZE);
	return 0;
}

static void encode_scanout_resp(struct hxfr_writer *w, const struct hxfr_message *m)
{
	hxfr_writer_u32(w, m->scanout_resp.scanout_id);
	hxfr_writer_u32(w, m->scanout_resp.success);
	write_text(w, m->scanout_resp.connector, HXFR_CONNECTOR_SIZE);
}

static int decode_subscribe_resp(struct hxfr_reader *r, struct hxfr_message *m)
{
	m->subscribe_resp.scanout_id = hxfr_reader_u32(r);
	m->subscribe_resp.success = hxfr_reader_u32(r);
	return 0;
}

static void encode_subscribe_resp(struct hxfr_writer *w, const struct hxfr_message *m)
{
	hxfr_writer_u32(w, m->subscribe_resp.scanout_id);
	hxfr_writer_u32(w, m->subscribe_resp.success);
}

static int decode_hello(struct hxfr_reader *r, struct hxfr_message *m)
{
	m->hello.version = hxfr_reader_u32(r);
	m->hello.features = hxfr_reader_u32(r);
	return 0;
}

static void encode_hello(struct hxfr_writer *w, const struct hxfr_message *m)
{
	hxfr_writer_u32(w, m->hello.version);
	hxfr_writer_u32(w, m->hello.features);
}

static int decode_error(struct hxfr_reader *r, struct hxfr_message *m)
{
	m->error.code = hxfr_reader_i32(r);
	read_text(r, m->error.message, HXFR_ERROR_TEXT_SIZE);
	return 0;
}

static void encode_error(struct hxfr_writer *w, const struct hxfr_message *m)
{
	hxfr_writer_i32(w, m->error.code);
	write_text(w, m->error.message, HXFR_ERROR_TEXT_SIZE);
}

/*
 * decode is called with payload_min to payload_max bytes, so that only what those cannot say is
 * left to check; bytes behind what it reads are an extension of a later version. bulk (NULL: the
 * type has none) checks the bulk data and says how much of it follows the head.
 */
static const struct type {
	const char *name;
	uint32_t payload_min, payload_max;
	int (*decode)(struct hxfr_reader *r, struct hxfr_message *m);
	void (*encode)(struct hxfr_writer *w, const struct hxfr_message *m);
	int (*bulk)(const struct hxfr_message *m, size_t *ret);
} types[UINT8_MAX + 1] = {
	[HXFR_FRAME_REQUEST] = { "FRAME_REQUEST", HXFR_FRAME_REQUEST_SIZE,
		HXFR_FRAME_REQUEST_SIZE + HXFR_PIXELS_MAX, decode_frame_request,
		encode_frame_request, bulk_frame_request },
	[HXFR_FRAME_RESPONSE] = { "FRAME_RESPONSE", HXFR_FRAME_RESPONSE_SIZE,
		HXFR_FRAME_RESPONSE_SIZE + HXFR_ACCESS_UNIT_MAX, decode_frame_response,
		encode_frame_response, bulk_frame_response },
	[HXFR_KEYFRAME_REQ] = { "KEYFRAME_REQ", 0, 0, decode_empty, encode_empty },
	[HXFR_CONFIG_REQ] = { "CONFIG_REQ", HXFR_CONFIG_SIZE, HXFR_CONFIG_SIZE, decode_config,
		encode_config },
	[HXFR_CONFIG_RESP] = { "CONFIG_RESP", HXFR_CONFIG_SIZE, HXFR_EXTENSION_MAX, decode_config,
		encode_config },
	[HXFR_PING] = { "PING", 0, 0, decode_empty, encode_empty },
	[HXFR_PONG] = { "PONG", 0, 0, decode_empty, encode_empty },
	[HXFR_ENABLE_SCANOUT] = { "ENABLE_SCANOUT", HXFR_ENABLE_SCANOUT_SIZE,
		HXFR_ENABLE_SCANOUT_SIZE, decode_enable_scanout, encode_enable_scanout },
	[HXFR_DISABLE_SCANOUT] = { "DISABLE_SCANOUT", HXFR_SCANOUT_ID_SIZE, HXFR_SCANOUT_ID_SIZE,
		decode_scanout_id, encode_scanout_id },
	[HXFR_SCANOUT_RESP] = { "SCANOUT_RESP", HXFR_SCANOUT_RESP_SIZE, HXFR_SCANOUT_RESP_SIZE,
		decode_scanout_resp, encode_scanout_resp },
	[HXFR_SUBSCRIBE] = { "SUBSCRIBE", HXFR_SCANOUT_ID_SIZE, HXFR_SCANOUT_ID_SIZE,
		decode_scanout_id, encode_scanout_id },
	[HXFR_SUBSCRIBE_RESP] = { "SUBSCRIBE_RESP", HXFR_SUBSCRIBE_RESP_SIZE,
		HXFR_SUBSCRIBE_RESP_SIZE, decode_subscribe_resp, encode_subscribe_resp },
	[HXFR_HELLO] = { "HELLO", HXFR_HELLO_SIZE, HXFR_EXTENSION_MAX, decode_hello, encode_hello },
	[HXFR_HELLO_RESP] = { "HELLO_RESP", HXFR_HELLO_SIZE, HXFR_EXTENSION_MAX, decode_hello,
		encode_hello },
	[HXFR_ERROR] = { "ERROR", HXFR_ERROR_SIZE, HXFR_ERROR_SIZE, decode_error, encode_error },
};

bool hxfr_type_known(uint8_t type)
{
	return types[type].name;
}

uint32_t hxfr_type_payload_max(uint8_t type)
{
	return types[type].payload_max;
}

const char *hxfr_type_name(uint8_t type)
{
	return types[type].name ? types[type].name : "UNKNOWN";
}

int hxfr_message_decode(
	const struct hxfr_header *header, const void *payload, struct hxfr_message *ret)
{
	const struct type *type = &types[header->type];
	struct hxfr_message m = { .header = *header };
	struct hxfr_reader reader;
	int r;

	if (!type->name)
		return -EOPNOTSUPP;
	if (header->payload_size > type->payload_max)
		return -EMSGSIZE;
	if (header->payload_size < type->payload_min)
		return -EBADMSG;
	hxfr_reader_init(&reader, payload, header->payload_size);
	r = type->decode(&reader, &m);
	if (r < 0)
		return r;
	*ret = m;
	return 0;
}

int hxfr_message_encode(const struct hxfr_message *m, uint8_t *data, size_t size, size_t *ret_size)
{
	const struct type *type = &types[m->header.type];
	struct hxfr_header header = m->header;
	size_t bulk = 0, head;
	struct hxfr_writer w;
	int r;

	if (!type->name)
		return -EOPNOTSUPP;
	r = type->bulk ? type->bulk(m, &bulk) : 0;
	if (r < 0)
		return r;

	hxfr_writer_init(&w, data, size);
	hxfr_writer_zero(&w, HXFR_HEADER_SIZE);
	type->encode(&w, m);
	r = hxfr_writer_end(&w, &head);
	if (r < 0)
		return r;
	header.flags = header.type == HXFR_FRAME_REQUEST && bulk > 0 ? HXFR_FLAG_PIXELS : 0;
	header.payload_size = (uint32_t)(head - HXFR_HEADER_SIZE + bulk);
	hxfr_header_encode(&header, data);
	*ret_size = head;
	return 0;
}

bool hxfr_nal_next(const struct hxfr_frame_response *m, size_t *pos, const uint8_t **ret_data,
	size_t *ret_size)
{
	struct hxfr_reader r;

	if (*pos >= m->nals_size)
		return false;
	hxfr_reader_init(&r, m->nals + *pos, m->nals_size - *pos);
	*ret_size = hxfr_reader_u32(&r);
	*ret_data = hxfr_reader_bytes(&r, *ret_size);
	*pos += r.pos;
	return true;
}

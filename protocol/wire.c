/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <hxfr/wire.h>

#include <errno.h>
#include <string.h>

void hxfr_reader_init(struct hxfr_reader *r, const void *data, size_t size)
{
	*r = (struct hxfr_reader){ .data = data, .size = size };
}

const uint8_t *hxfr_reader_bytes(struct hxfr_reader *r, size_t n)
{
	const uint8_t *bytes;

	if (r->failed || n > r->size - r->pos) {
		r->failed = true;
		return NULL;
	}
	bytes = r->data + r->pos;
	r->pos += n;
	return bytes;
}

static uint64_t read_le(struct hxfr_reader *r, size_t n)
{
	const uint8_t *bytes = hxfr_reader_bytes(r, n);
	uint64_t v = 0;

	for (size_t i = 0; bytes && i < n; i++)
		v |= (uint64_t)bytes[i] << (8 * i);
	return v;
}

uint8_t hxfr_reader_u8(struct hxfr_reader *r)
{
	return (uint8_t)read_le(r, 1);
}

uint16_t hxfr_reader_u16(struct hxfr_reader *r)
{
	return (uint16_t)read_le(r, 2);
}

uint32_t hxfr_reader_u32(struct hxfr_reader *r)
{
	return (uint32_t)read_le(r, 4);
}

int32_t hxfr_reader_i32(struct hxfr_reader *r)
{
	return (int32_t)read_le(r, 4);
}

int64_t hxfr_reader_i64(struct hxfr_reader *r)
{
	return (int64_t)read_le(r, 8);
}

uint64_t hxfr_reader_u64(struct hxfr_reader *r)
{
	return read_le(r, 8);
}

uint32_t hxfr_reader_be32(struct hxfr_reader *r)
{
	return __builtin_bswap32(hxfr_reader_u32(r));
}

size_t hxfr_reader_left(const struct hxfr_reader *r)
{
	return r->size - r->pos;
}

int hxfr_reader_end(const struct hxfr_reader *r)
{
	return r->failed || hxfr_reader_left(r) > 0 ? -EBADMSG : 0;
}

void hxfr_writer_init(struct hxfr_writer *w, void *data, size_t size)
{
	*w = (struct hxfr_writer){ .data = data, .size = size };
}

static uint8_t *claim(struct hxfr_writer *w, size_t n)
{
	uint8_t *bytes;

	if (w->failed || n > w->size - w->pos) {
		w->failed = true;
		return NULL;
	}
	bytes = w->data + w->pos;
	w->pos += n;
	return bytes;
}

static void write_le(struct hxfr_writer *w, uint64_t v, size_t n)
{
	uint8_t *bytes = claim(w, n);

	for (size_t i = 0; bytes && i < n; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
}

void hxfr_writer_u8(struct hxfr_writer *w, uint8_t v)
{
	write_le(w, v, 1);
}

void hxfr_writer_u16(struct hxfr_writer *w, uint16_t v)
{
	write_le(w, v, 2);
}

void hxfr_writer_u32(struct hxfr_writer *w, uint32_t v)
{
	write_le(w, v, 4);
}

void hxfr_writer_i32(struct hxfr_writer *w, int32_t v)
{
	write_le(w, (uint32_t)v, 4);
}

void hxfr_writer_i64(struct hxfr_writer *w, int64_t v)
{
	write_le(w, (uint64_t)v, 8);
}

void hxfr_writer_u64(struct hxfr_writer *w, uint64_t v)
{
	write_le(w, v, 8);
}

void hxfr_writer_be32(struct hxfr_writer *w, uint32_t v)
{
	hxfr_writer_u32(w, __builtin_bswap32(v));
}

void hxfr_writer_bytes(struct hxfr_writer *w, const void *data, size_t n)
{
	uint8_t *bytes = claim(w, n);

	if (bytes && n > 0)
		memcpy(bytes, data, n);
}

void hxfr_writer_zero(struct hxfr_writer *w, size_t n)
{
	uint8_t *bytes = claim(w, n);

	if (bytes && n > 0)
		memset(bytes, 0, n);
}

int hxfr_writer_end(const struct hxfr_writer *w, size_t *ret_size)
{
	if (w->failed)
		return -ENOSPC;
	*ret_size = w->pos;
	return 0;
}

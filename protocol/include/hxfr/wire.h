/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Cursors over bytes: the only place where the byte order of HXFR (little-endian, unaligned,
 * unpadded) is known. Both latch the first error: after it getters yield 0 and setters do nothing,
 * so that a codec is straight-line code with one check at its end. No I/O, no allocation.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hxfr_reader {
	const uint8_t *data; /* borrowed */
	size_t size;
	size_t pos;
	bool failed;
};

void hxfr_reader_init(struct hxfr_reader *r, const void *data, size_t size);
uint8_t hxfr_reader_u8(struct hxfr_reader *r);
uint16_t hxfr_reader_u16(struct hxfr_reader *r);
uint32_t hxfr_reader_u32(struct hxfr_reader *r);
int32_t hxfr_reader_i32(struct hxfr_reader *r);
int64_t hxfr_reader_i64(struct hxfr_reader *r);
uint64_t hxfr_reader_u64(struct hxfr_reader *r);
/* Big-endian: other people's protocols. */
uint32_t hxfr_reader_be32(struct hxfr_reader *r);
/* n bytes in place, borrowed from the reader's data; NULL once failed. */
const uint8_t *hxfr_reader_bytes(struct hxfr_reader *r, size_t n);
size_t hxfr_reader_left(const struct hxfr_reader *r);
/* 0, or -EBADMSG when a getter ran past the end or bytes are left over. */
int hxfr_reader_end(const struct hxfr_reader *r);

struct hxfr_writer {
	uint8_t *data; /* borrowed */
	size_t size;
	size_t pos;
	bool failed;
};

void hxfr_writer_init(struct hxfr_writer *w, void *data, size_t size);
void hxfr_writer_u8(struct hxfr_writer *w, uint8_t v);
void hxfr_writer_u16(struct hxfr_writer *w, uint16_t v);
void hxfr_writer_u32(struct hxfr_writer *w, uint32_t v);
void hxfr_writer_i32(struct hxfr_writer *w, int32_t v);
void hxfr_writer_i64(struct hxfr_writer *w, int64_t v);
void hxfr_writer_u64(struct hxfr_writer *w, uint64_t v);
void hxfr_writer_be32(struct hxfr_writer *w, uint32_t v);
void hxfr_writer_bytes(struct hxfr_writer *w, const void *data, size_t n);
void hxfr_writer_zero(struct hxfr_writer *w, size_t n);
/* 0 and *ret_size = bytes written, or -ENOSPC when they did not fit. */
int hxfr_writer_end(const struct hxfr_writer *w, size_t *ret_size);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pixels somebody else owns, and the checks that what a peer says of them can be true. */

#include <hxfr/messages.h>

#define PICTURE_SIDE_MAX 8192u /* pixels; what encoders of today take at most */

struct picture {
	uint32_t width, height;   /* pixels */
	uint32_t format;          /* enum hxfr_format */
	uint32_t stride;          /* bytes per row of every plane */
	const uint8_t *planes[2]; /* borrowed; NV12: Y, then interleaved CbCr; else pixels, NULL */
};

/* 0; -EINVAL for a width or height of 0 or beyond PICTURE_SIDE_MAX; -ENOTSUP for an unknown
 * format. */
int picture_check(uint32_t width, uint32_t height, uint32_t format);

/* Bytes that carry pixels in a row; of a format that passed picture_check(). */
uint32_t picture_row_size(uint32_t width, uint32_t format);
/* Rows of all planes together: height, and for NV12 half of it again, rounded up. */
uint32_t picture_rows(uint32_t height, uint32_t format);

/*
 * *ret: a picture of width, height, format and stride of `geometry` in `size` bytes at data, which
 * it borrows. The last row may lack its padding, bytes behind the picture are ignored. -EINVAL for
 * a geometry that cannot be (picture_check, a stride shorter than a row, fewer bytes than the rows
 * need); -ENOTSUP for an unknown format.
 */
int picture_lay_out(
	const struct picture *geometry, const uint8_t *data, size_t size, struct picture *ret);
/* The pixels a FRAME_REQUEST brought: clients send whole GStreamer buffers. Returns as above. */
int picture_from_request(const struct hxfr_frame_request *request, struct picture *ret);

/* A hash of the pixels without the padding of rows; not cryptographic, the same on every
 * machine. */
uint64_t picture_hash(const struct picture *picture);

/* Is the colour matrix of a picture of that height BT.709 (720 rows and more), or else BT.601? */
bool picture_is_bt709(uint32_t height);

/* "AR24", "AB24", "NV12" or "????". */
const char *picture_format_name(uint32_t format);

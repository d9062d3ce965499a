/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The test picture: moving colour bars and the id and time stamp in decimal digits for a person,
 * and the same as a grid of black and white cells for a test, which reads them back from the
 * decoded, lossy-compressed picture.
 *
 * Grid: PATTERN_COLUMNS x PATTERN_ROWS square cells, row by row from the top left, white is 1, most
 * significant bit first: u32 id, i64 pts, u32 check (FNV-1a of the 12 bytes in front, big-endian).
 * The side of a cell is a multiple of 16 (a macroblock) and the grid begins on a multiple of 16, so
 * that it survives a poor encoder. It needs 256x128 pixels; smaller pictures have bars only.
 *
 * No I/O, and of libhxfr only the header with the format codes: pattern_dep is this and picture.h
 * alone.
 */

#include <stddef.h>
#include <stdint.h>

#define PATTERN_COLUMNS 16u
#define PATTERN_ROWS    8u

struct pattern_code {
	uint32_t id;
	int64_t pts; /* ns */
};

struct pattern_canvas {
	uint32_t width, height; /* pixels */
	uint32_t format;        /* enum hxfr_format */
	uint32_t stride;        /* bytes per row; NV12: of both planes */
	uint8_t *pixels;        /* rows x stride bytes; NV12: the second plane follows the first */
};

/* Draws the picture over the whole canvas. The format must be one of enum hxfr_format. */
void pattern_draw(const struct pattern_canvas *canvas, const struct pattern_code *code);

/*
 * Reads the grid from luma: rows of `stride` bytes, one byte a pixel, limited or full range. 0;
 * -ERANGE when the picture is too small for a grid; -EBADMSG when the check does not match: no
 * pattern, or damaged.
 */
int pattern_read(const uint8_t *luma, size_t stride, uint32_t width, uint32_t height,
	struct pattern_code *ret);

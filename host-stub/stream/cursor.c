/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cursor.h"

#define BYTES 4u /* of a pixel */

/* From `from` up to `to` of the cursor lie within side pixels of the canvas. */
static void clip(int32_t at, uint32_t size, uint32_t side, uint32_t *ret_from, uint32_t *ret_to)
{
	int64_t from = at < 0 ? -(int64_t)at : 0;
	int64_t to = (int64_t)side - at;

	*ret_to = to < 0 ? 0 : to < size ? (uint32_t)to : size;
	*ret_from = from < *ret_to ? (uint32_t)from : *ret_to;
}

static uint8_t mix(uint8_t over, uint8_t under, uint8_t alpha)
{
	unsigned sum = over + (under * (255u - alpha) + 127) / 255;

	return sum < 255 ? (uint8_t)sum : 255;
}

static void draw_pixel(const uint8_t *from, bool opaque, bool swap, uint8_t *to)
{
	uint8_t alpha = opaque ? 255 : from[3];
	unsigned red = swap ? 2 : 0;

	to[0] = mix(from[red], to[0], alpha);
	to[1] = mix(from[1], to[1], alpha);
	to[2] = mix(from[2 - red], to[2], alpha);
	to[3] = 255;
}

void cursor_draw(const struct cursor *cursor, const struct picture *canvas, uint8_t *data)
{
	const struct picture *picture = &cursor->picture;
	bool swap = picture->format != canvas->format;
	uint32_t left, right, top, bottom;

	clip(cursor->x, picture->width, canvas->width, &left, &right);
	clip(cursor->y, picture->height, canvas->height, &top, &bottom);
	for (uint32_t y = top; y < bottom; y++) {
		const uint8_t *from = picture->planes[0] + (size_t)y * picture->stride;
		uint8_t *to = data + (size_t)(cursor->y + (int64_t)y) * canvas->stride;
		for (uint32_t x = left; x < right; x++)
			draw_pixel(from + (size_t)x * BYTES, cursor->opaque, swap,
				to + (size_t)(cursor->x + (int64_t)x) * BYTES);
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The pointer that a guest leaves to its screen to draw. */

#include "picture.h"

#define CURSOR_SIDE 64u /* pixels, virtio 1.2, 5.7.6.10 */

struct cursor {
	struct picture picture; /* AR24 or AB24 */
	bool opaque;  /* its alpha means nothing; else colours are premultiplied with it */
	int32_t x, y; /* of its top left corner, on the canvas */
};

/* Draws the part of the cursor that lies on the canvas, AR24 or AB24, whose pixels at data are the
 * caller's. */
void cursor_draw(const struct cursor *cursor, const struct picture *canvas, uint8_t *data);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The cursor of a scanout (virtio 1.2, 5.7.6.10). */

#include "gpu-command.h"
#include "gpu-resource.h"

#define GPU_CURSOR_SIDE 64u /* pixels: the only size there is */

struct gpu_cursor {
	uint32_t id; /* of its resource; 0: hidden */
	uint32_t hot_x, hot_y;
	uint32_t x, y; /* as the driver says; one left of or above the scanout has wrapped */
};

/* UPDATE_CURSOR. -ENOENT: there is no such resource; -EINVAL: it has not the size of a cursor, or
 * the hot spot is not in it. */
int gpu_cursor_update(struct gpu_cursor *cursor, const struct gpu_command *command,
	const struct gpu_resources *resources);
/* MOVE_CURSOR */
void gpu_cursor_move(struct gpu_cursor *cursor, const struct gpu_command *command);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu-cursor.h"

#include <errno.h>

void gpu_cursor_move(struct gpu_cursor *cursor, const struct gpu_command *command)
{
	cursor->x = command->cursor.x;
	cursor->y = command->cursor.y;
}

static int check_image(const struct gpu_command *command, const struct gpu_resources *resources)
{
	const struct gpu_resource *image = gpu_resources_find(resources, command->cursor.id);

	if (!image)
		return -ENOENT;
	if (image->width != GPU_CURSOR_SIDE || image->height != GPU_CURSOR_SIDE)
		return -EINVAL;
	if (command->cursor.hot_x >= GPU_CURSOR_SIDE || command->cursor.hot_y >= GPU_CURSOR_SIDE)
		return -EINVAL;
	return 0;
}

int gpu_cursor_update(struct gpu_cursor *cursor, const struct gpu_command *command,
	const struct gpu_resources *resources)
{
	if (command->cursor.id > 0) {
		int r = check_image(command, resources);
		if (r < 0)
			return r;
		cursor->hot_x = command->cursor.hot_x;
		cursor->hot_y = command->cursor.hot_y;
	}
	cursor->id = command->cursor.id;
	gpu_cursor_move(cursor, command);
	return 0;
}

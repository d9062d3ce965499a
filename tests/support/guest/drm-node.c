/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drm-node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>

#define NODES_MAX    64 /* of a kind, drivers/gpu/drm/drm_drv.c */
#define RENDER_FIRST 128
#define PATH_SIZE    32

static bool has_driver(int fd, const char *driver)
{
	drmVersionPtr version = drmGetVersion(fd);
	bool has = version && version->name && strcmp(version->name, driver) == 0;

	drmFreeVersion(version);
	return has;
}

int drm_node_open(const char *driver, int type, int *ret_fd)
{
	int error = -ENODEV;

	for (int i = 0; i < NODES_MAX; i++) {
		char path[PATH_SIZE];

		if (type == DRM_NODE_PRIMARY)
			snprintf(path, sizeof path, "/dev/dri/card%d", i);
		else
			snprintf(path, sizeof path, "/dev/dri/renderD%d", RENDER_FIRST + i);
		int fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 && errno == EACCES)
			error = -EACCES;
		if (fd < 0)
			continue;
		if (has_driver(fd, driver)) {
			*ret_fd = fd;
			return 0;
		}
		close(fd);
	}
	return error;
}

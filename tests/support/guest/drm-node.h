/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Finds a GPU by the name of its driver. The number of a node says nothing: vgem has some too. */

#define DRM_DRIVER_VIRTIO "virtio_gpu" /* DRIVER_NAME, drivers/gpu/drm/virtio/virtgpu_drv.h */
#define DRM_DRIVER_VGEM   "vgem"       /* DRIVER_NAME, drivers/gpu/drm/vgem/vgem_drv.c */

/* The first node of the driver, for reading and writing; the caller closes it. type, of
 * <xf86drm.h>: DRM_NODE_PRIMARY (/dev/dri/cardN: modes and dumb buffers) or DRM_NODE_RENDER
 * (/dev/dri/renderDN). 0 and *ret_fd; -ENODEV when there is none; -EACCES when it may not be
 * opened. */
int drm_node_open(const char *driver, int type, int *ret_fd);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The part of libdrm that vsockenc uses, played without a GPU. Linked into an executable that
 * exports its symbols (export_dynamic), or preloaded, it takes the place of the real functions in
 * plugins loaded later.
 *
 * Two render nodes exist: "/dev/zero" with driver "i915" is listed first and never the right one;
 * "/dev/null" has the driver that fake_drm_set_driver() names. A DMA-BUF is any descriptor; its
 * inode says which buffer it is. Handles and resource ids differ, so that mixing them up shows.
 *
 * A node is a 2D device. RESOURCE_CREATE fails unless a test allows it; then resources are memfds,
 * and handles belong to the descriptor of the node that they were made or imported on.
 *
 * Any thread may call anything here.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_DRM_DRIVER    "virtio_gpu"
#define FAKE_DRM_NODE      "/dev/null"
#define FAKE_DRM_DECOY     "/dev/zero"
#define FAKE_DRM_FIRST_ID  1000u /* resource id of the first buffer seen; then 1001 ... */
#define FAKE_DRM_DIRECTORY 4096u /* buffers told apart */

struct fake_drm_counts {
	unsigned scans;    /* drmGetDevices2 that listed devices */
	unsigned prime;    /* drmPrimeFDToHandle */
	unsigned info;     /* DRM_IOCTL_VIRTGPU_RESOURCE_INFO */
	unsigned create;   /* DRM_IOCTL_VIRTGPU_RESOURCE_CREATE that made one */
	unsigned refused;  /* and that made none */
	unsigned transfer; /* DRM_IOCTL_VIRTGPU_TRANSFER_TO_HOST of the whole of a resource */
	unsigned close;    /* drmCloseBufferHandle, DRM_IOCTL_GEM_CLOSE */
	unsigned open;     /* handles open now */
	/* Any of these on the wrong node, with a handle that is not open there, transfers of a part
	 * or of what was not created here. */
	unsigned decoys;
};

/* Back to the start: driver FAKE_DRM_DRIVER, 2D, nothing fails but RESOURCE_CREATE, counts 0, all
 * buffers forgotten. */
void fake_drm_reset(void);
/* Driver name of FAKE_DRM_NODE (borrowed); NULL hides the node. */
void fake_drm_set_driver(const char *name);
/* RESOURCE_INFO answers EINVAL from now on. */
void fake_drm_fail_info(bool fail);
/* Errno of every import of what was not created here; 0: none. */
void fake_drm_fail_import(int error);
/* RESOURCE_CREATE works n times from now on, then fails with ENOMEM. */
void fake_drm_allow_create(unsigned n);
/* TRANSFER_TO_HOST answers EIO from now on. */
void fake_drm_fail_transfer(bool fail);
/* 3D_FEATURES as nodes that are opened from now on have them. */
void fake_drm_set_3d(bool has_3d);
void fake_drm_get_counts(struct fake_drm_counts *ret);
/* The resource id of a descriptor's buffer, numbered now if it was never seen. */
uint32_t fake_drm_resource_id(int dmabuf_fd);

/* What the host saw of a resource that was created here: its size, and its memory as it was when it
 * was last transferred. */
struct fake_drm_resource {
	uint32_t width, height;
	unsigned transfers;
	size_t size;
	const uint8_t *data; /* of the last transfer; until the next one, or the next reset */
};

/* Aborts when no such resource was ever created. */
struct fake_drm_resource fake_drm_resource(uint32_t id);

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
 * Any thread may call anything here.
 */

#include <stdbool.h>
#include <stdint.h>

#define FAKE_DRM_DRIVER    "virtio_gpu"
#define FAKE_DRM_NODE      "/dev/null"
#define FAKE_DRM_DECOY     "/dev/zero"
#define FAKE_DRM_FIRST_ID  1000u /* resource id of the first buffer seen; then 1001 ... */
#define FAKE_DRM_DIRECTORY 4096u /* buffers told apart */

struct fake_drm_counts {
	unsigned scans;  /* drmGetDevices2 that listed devices */
	unsigned prime;  /* drmPrimeFDToHandle */
	unsigned info;   /* DRM_IOCTL_VIRTGPU_RESOURCE_INFO */
	unsigned close;  /* drmCloseBufferHandle, DRM_IOCTL_GEM_CLOSE */
	unsigned open;   /* handles open now */
	unsigned decoys; /* any of these on the wrong node, or closing what is not open */
};

/* Back to the start: driver FAKE_DRM_DRIVER, nothing fails, counts 0, all buffers forgotten. */
void fake_drm_reset(void);
/* Driver name of FAKE_DRM_NODE (borrowed); NULL hides the node. */
void fake_drm_set_driver(const char *name);
/* RESOURCE_INFO answers EINVAL from now on. */
void fake_drm_fail_info(bool fail);
void fake_drm_get_counts(struct fake_drm_counts *ret);
/* The resource id of a descriptor's buffer, numbered now if it was never seen. */
uint32_t fake_drm_resource_id(int dmabuf_fd);

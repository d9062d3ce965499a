/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A virtio-gpu 2D device (virtio 1.2, 5.7) as vhost-user-gpu back end. Its resources are the
 * guest's own pages: nothing is copied, TRANSFER_TO_HOST_2D only checks. It answers display info
 * and EDID itself, sends nothing to QEMU's display, and publishes resources, scanouts, cursor and
 * flushes (resource/publisher.h). Limits of what a guest may have are in gpu-resource.h.
 */

#include "../resource/publisher.h"
#include "device.h"

#define GPU_SCANOUTS_MAX RESOURCE_SCANOUTS_MAX

struct gpu_config {
	unsigned n_scanouts;    /* 1 to GPU_SCANOUTS_MAX, all connected from the start */
	uint32_t width, height; /* of each, pixels */
	uint32_t refresh_hz;
	const struct log_sink *log; /* may be NULL */
};

struct gpu;

/* loop and log outlive it. -EINVAL: n_scanouts, or a mode that no EDID can say (edid_make());
 * -ENOMEM, -EMFILE. */
int gpu_new(const struct gpu_config *config, struct loop *loop, struct gpu **ret);
/* NULL is fine. */
void gpu_destroy(struct gpu *gpu);
/* Borrowed: to listen with. */
struct device *gpu_device(struct gpu *gpu);
struct publisher *gpu_publisher(struct gpu *gpu);

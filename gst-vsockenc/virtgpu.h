/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A virtio-gpu render node: finding it, and the ioctls that vsockenc needs. The kernel's structures
 * are spelled out in virtgpu.c: packaged headers are missing or give fields other names.
 *
 * GEM handles belong to the node they were opened on, and importing one buffer twice gives one
 * handle: who closes it closes it for both. The resolver and the uploads therefore open a node
 * each. Any thread.
 */

#include <stdbool.h>
#include <stdint.h>

struct virtgpu;

/*
 * The first render node whose driver is virtio_gpu (path NULL), or the node at path. 0 and *ret;
 * -ENODEV when the guest has no such node, or path is not one; -EACCES when it may not be opened;
 * other -errno.
 */
int virtgpu_open(const char *path, struct virtgpu **ret);
struct virtgpu *virtgpu_ref(struct virtgpu *gpu);
/* NULL is fine. */
void virtgpu_unref(struct virtgpu *gpu);

/* Are its resources plain memory of the guest (2D)? With 3D they are textures of the host, of which
 * the guest's memory is a copy at best. */
bool virtgpu_is_2d(const struct virtgpu *gpu);

/* The resource behind a DMA-BUF (borrowed) and the handle that keeps its id valid. 0; -ENODEV or
 * -EINVAL when the descriptor is no buffer of this device; other -errno. */
int virtgpu_import(struct virtgpu *gpu, int fd, uint32_t *ret_id, uint32_t *ret_handle);
void virtgpu_close(struct virtgpu *gpu, uint32_t handle);

/* A resource of our own: width * height * 4 bytes of shared memory. */
struct virtgpu_resource {
	uint32_t id, handle, width, height;
};

/*
 * Makes a 2D resource, and a DMA-BUF of its memory (the caller's to close). 0; -errno. An id is no
 * proof that the host knows the resource: the kernel does not wait for its answer.
 */
int virtgpu_create(struct virtgpu *gpu, uint32_t width, uint32_t height,
	struct virtgpu_resource *ret, int *ret_fd);
/* Shows the host what was written to all of it: before every request that names it. */
int virtgpu_transfer(struct virtgpu *gpu, const struct virtgpu_resource *resource);

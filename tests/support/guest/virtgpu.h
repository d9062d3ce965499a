/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a program needs of the virtio-gpu driver to have 2D resources of its own: no KMS, no
 * libdrm_virtgpu (there is none), a render node suffices. fd is an open node of the driver.
 */

#include <stddef.h>
#include <stdint.h>

struct virtgpu_resource {
	uint32_t handle; /* GEM handle, of the file it was made on */
	uint32_t id;     /* what the host knows it by */
};

/* A 2D resource of 32-bit pixels (B8G8R8X8), its memory zeroed and its stride width * 4. 0 and
 * *ret, to be closed with drmCloseBufferHandle(); -errno. An id is no proof that the host accepted
 * the resource: its refusal arrives later and is only in the kernel's log. */
int virtgpu_create(int fd, uint32_t width, uint32_t height, struct virtgpu_resource *ret);

/* The id behind a handle. 0 and *ret_id; -errno. */
int virtgpu_info(int fd, uint32_t handle, uint32_t *ret_id);

/* Imports a DMA-BUF: ENODEV for one of another device (as long as the kernel says so), EINVAL for
 * what is no DMA-BUF. 0 and *ret, whose handle is to be closed; -errno. */
int virtgpu_import(int fd, int dmabuf_fd, struct virtgpu_resource *ret);

/* Tells the host that the resource has new pixels, all of it. Returns when the command is queued:
 * 2D transfers carry no fence, the order of the queue is all there is. 0 or -errno. */
int virtgpu_transfer(int fd, uint32_t handle, uint32_t width, uint32_t height);

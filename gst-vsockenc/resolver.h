/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * DMA-BUF -> virtio-gpu resource id: the interface to the kernel, and the cache in front of it.
 *
 * A memory is asked for once: the answer (also a refusal) is attached to the GstMemory and shared
 * by all memories of the same DMA-BUF, so that a buffer pool costs its ioctls once. The kernel
 * handle behind an id is kept while any of these memories lives, because an imported buffer loses
 * its id with its handle.
 */

#include <gst/gst.h>
#include <stdint.h>

struct resolver_impl {
	const char *name;
	/* The resource id behind a DMA-BUF descriptor (borrowed), never 0, and the kernel handle
	 * that keeps it valid. 0; -ENODEV or -EINVAL when the descriptor is no buffer of this
	 * device; other -errno. */
	int (*resolve)(void *self, int fd, uint32_t *ret_id, uint32_t *ret_handle);
	/* Gives a handle back. Any thread. */
	void (*release)(void *self, uint32_t handle);
	void (*destroy)(void *self);
};

struct resolver;
struct virtgpu;

/* Takes self over; impl->destroy(self) is called when the resolver and every memory that it
 * answered for are gone. */
struct resolver *resolver_new(const struct resolver_impl *impl, void *self);
/* Memories keep their answers. NULL is fine. */
void resolver_unref(struct resolver *resolver);

/*
 * The id of the buffer behind mem. 0 and *ret_id > 0; -ENOTSUP when mem has no file descriptor;
 * else what impl->resolve said the first time it was asked about this buffer. Any thread.
 */
int resolver_lookup(struct resolver *resolver, GstMemory *mem, uint32_t *ret_id);

/* The real one, on a node of its own (virtgpu.h says why). Takes a reference. */
struct resolver *resolver_virtgpu_new(struct virtgpu *gpu);

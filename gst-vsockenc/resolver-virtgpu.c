/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resolver.h"
#include "virtgpu.h"

static int virtgpu_resolve(void *self, int fd, uint32_t *ret_id, uint32_t *ret_handle)
{
	return virtgpu_import(self, fd, ret_id, ret_handle);
}

static void virtgpu_release(void *self, uint32_t handle)
{
	virtgpu_close(self, handle);
}

static void virtgpu_destroy(void *self)
{
	virtgpu_unref(self);
}

static const struct resolver_impl resolver_virtgpu = {
	.name = "virtgpu",
	.resolve = virtgpu_resolve,
	.release = virtgpu_release,
	.destroy = virtgpu_destroy,
};

struct resolver *resolver_virtgpu_new(struct virtgpu *gpu)
{
	return resolver_new(&resolver_virtgpu, virtgpu_ref(gpu));
}

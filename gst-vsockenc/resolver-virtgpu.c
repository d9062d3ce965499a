/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resolver.h"

#include <drm.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>

/*
 * DRM_IOCTL_VIRTGPU_RESOURCE_INFO of <drm/virtgpu_drm.h>, spelled out: packaged headers are missing
 * or give the fourth field another name.
 */
struct virtgpu_resource_info {
	uint32_t bo_handle;
	uint32_t res_handle;
	uint32_t size;
	uint32_t blob_mem;
};
#define VIRTGPU_RESOURCE_INFO DRM_IOWR(DRM_COMMAND_BASE + 0x05, struct virtgpu_resource_info)

#define VIRTGPU_DRIVER "virtio_gpu" /* DRIVER_NAME, drivers/gpu/drm/virtio/virtgpu_drv.h */
#define DEVICES_MAX    64

struct virtgpu {
	int fd; /* render node */
};

static int virtgpu_resolve(void *self, int fd, uint32_t *ret_id, uint32_t *ret_handle)
{
	struct virtgpu *v = self;
	struct virtgpu_resource_info info = { 0 };
	int r;

	if (drmPrimeFDToHandle(v->fd, fd, &info.bo_handle) != 0)
		return -errno;

	if (drmIoctl(v->fd, VIRTGPU_RESOURCE_INFO, &info) != 0)
		r = -errno;
	else
		r = info.res_handle != 0 ? 0 : -ENODEV;
	if (r < 0) {
		drmCloseBufferHandle(v->fd, info.bo_handle);
		return r;
	}

	*ret_id = info.res_handle;
	*ret_handle = info.bo_handle;
	return 0;
}

static void virtgpu_release(void *self, uint32_t handle)
{
	struct virtgpu *v = self;

	drmCloseBufferHandle(v->fd, handle);
}

static void virtgpu_destroy(void *self)
{
	struct virtgpu *v = self;

	close(v->fd);
	g_free(v);
}

static const struct resolver_impl resolver_virtgpu = {
	.name = "virtgpu",
	.resolve = virtgpu_resolve,
	.release = virtgpu_release,
	.destroy = virtgpu_destroy,
};

static bool node_is_virtgpu(int fd)
{
	drmVersionPtr version = drmGetVersion(fd);
	bool is = version && version->name && strcmp(version->name, VIRTGPU_DRIVER) == 0;

	drmFreeVersion(version);
	return is;
}

static int node_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (!node_is_virtgpu(fd)) {
		close(fd);
		return -ENODEV;
	}
	return fd;
}

/* The descriptor of the first usable node, or the error of the last one tried that was not just
 * another driver's. */
static int node_find(void)
{
	drmDevicePtr devices[DEVICES_MAX];
	int n = drmGetDevices2(0, devices, DEVICES_MAX), fd = -ENODEV;

	if (n < 0)
		return n == -ENOENT ? -ENODEV : n;
	if (n > DEVICES_MAX)
		n = DEVICES_MAX;

	for (int i = 0; i < n && fd < 0; i++) {
		int r;

		if (!(devices[i]->available_nodes & (1 << DRM_NODE_RENDER)))
			continue;
		r = node_open(devices[i]->nodes[DRM_NODE_RENDER]);
		if (r != -ENODEV)
			fd = r;
	}
	drmFreeDevices(devices, n);
	return fd;
}

int resolver_virtgpu_new(const char *path, struct resolver **ret)
{
	struct virtgpu *v;
	int fd = path ? node_open(path) : node_find();

	if (fd < 0)
		return fd;

	v = g_new(struct virtgpu, 1);
	v->fd = fd;
	*ret = resolver_new(&resolver_virtgpu, v);
	return 0;
}

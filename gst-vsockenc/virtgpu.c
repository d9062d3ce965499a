/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "virtgpu.h"

#include <drm.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>

struct getparam {
	uint64_t param;
	uint64_t value; /* address of an int */
};

struct resource_create {
	uint32_t target;
	uint32_t format;
	uint32_t bind;
	uint32_t width;
	uint32_t height;
	uint32_t depth;
	uint32_t array_size;
	uint32_t last_level;
	uint32_t nr_samples;
	uint32_t flags;
	uint32_t bo_handle;
	uint32_t res_handle;
	uint32_t size;
	uint32_t stride;
};

struct resource_info {
	uint32_t bo_handle;
	uint32_t res_handle;
	uint32_t size;
	uint32_t blob_mem;
};

struct transfer_to_host {
	uint32_t bo_handle;
	struct {
		uint32_t x, y, z, w, h, d;
	} box;
	uint32_t level;
	uint32_t offset; /* newer kernels know two more fields, and take them to be 0 */
};

#define GETPARAM         DRM_IOWR(DRM_COMMAND_BASE + 0x03, struct getparam)
#define RESOURCE_CREATE  DRM_IOWR(DRM_COMMAND_BASE + 0x04, struct resource_create)
#define RESOURCE_INFO    DRM_IOWR(DRM_COMMAND_BASE + 0x05, struct resource_info)
#define TRANSFER_TO_HOST DRM_IOWR(DRM_COMMAND_BASE + 0x07, struct transfer_to_host)

#define PARAM_3D_FEATURES 1
#define TARGET_2D         2 /* PIPE_TEXTURE_2D, which is all that 2D devices take */
#define FORMAT_B8G8R8X8   2 /* VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM */
#define BYTES_PER_PIXEL   4

#define DRIVER      "virtio_gpu" /* DRIVER_NAME, drivers/gpu/drm/virtio/virtgpu_drv.h */
#define DEVICES_MAX 64

struct virtgpu {
	gint refs; /* atomic */
	int fd;
	bool is_2d;
};

/* --- the node --- */

static bool node_is_virtgpu(int fd)
{
	drmVersionPtr version = drmGetVersion(fd);
	bool is = version && version->name && strcmp(version->name, DRIVER) == 0;

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

/* A kernel that does not say is none to make guesses about. */
static bool node_is_2d(int fd)
{
	int has_3d = 1;
	struct getparam get = { .param = PARAM_3D_FEATURES, .value = (uintptr_t)&has_3d };

	return drmIoctl(fd, GETPARAM, &get) == 0 && !has_3d;
}

int virtgpu_open(const char *path, struct virtgpu **ret)
{
	struct virtgpu *gpu;
	int fd = path ? node_open(path) : node_find();

	if (fd < 0)
		return fd;

	gpu = g_new(struct virtgpu, 1);
	gpu->refs = 1;
	gpu->fd = fd;
	gpu->is_2d = node_is_2d(fd);
	*ret = gpu;
	return 0;
}

struct virtgpu *virtgpu_ref(struct virtgpu *gpu)
{
	g_atomic_int_inc(&gpu->refs);
	return gpu;
}

void virtgpu_unref(struct virtgpu *gpu)
{
	if (!gpu || !g_atomic_int_dec_and_test(&gpu->refs))
		return;
	close(gpu->fd);
	g_free(gpu);
}

bool virtgpu_is_2d(const struct virtgpu *gpu)
{
	return gpu->is_2d;
}

/* --- resources --- */

void virtgpu_close(struct virtgpu *gpu, uint32_t handle)
{
	drmCloseBufferHandle(gpu->fd, handle);
}

int virtgpu_import(struct virtgpu *gpu, int fd, uint32_t *ret_id, uint32_t *ret_handle)
{
	struct resource_info info = { 0 };
	int r;

	if (drmPrimeFDToHandle(gpu->fd, fd, &info.bo_handle) != 0)
		return -errno;

	if (drmIoctl(gpu->fd, RESOURCE_INFO, &info) != 0)
		r = -errno;
	else
		r = info.res_handle != 0 ? 0 : -ENODEV;
	if (r < 0) {
		virtgpu_close(gpu, info.bo_handle);
		return r;
	}

	*ret_id = info.res_handle;
	*ret_handle = info.bo_handle;
	return 0;
}

int virtgpu_create(struct virtgpu *gpu, uint32_t width, uint32_t height,
	struct virtgpu_resource *ret, int *ret_fd)
{
	struct resource_create create = {
		.target = TARGET_2D,
		.format = FORMAT_B8G8R8X8,
		.width = width,
		.height = height,
		.depth = 1,
		.array_size = 1,
		.size = width * height * BYTES_PER_PIXEL,
		.stride = width * BYTES_PER_PIXEL,
	};
	int fd, r;

	if (drmIoctl(gpu->fd, RESOURCE_CREATE, &create) != 0)
		return -errno;
	if (drmPrimeHandleToFD(gpu->fd, create.bo_handle, DRM_CLOEXEC | DRM_RDWR, &fd) != 0) {
		r = -errno;
		virtgpu_close(gpu, create.bo_handle);
		return r;
	}

	*ret = (struct virtgpu_resource){
		.id = create.res_handle,
		.handle = create.bo_handle,
		.width = width,
		.height = height,
	};
	*ret_fd = fd;
	return 0;
}

int virtgpu_transfer(struct virtgpu *gpu, const struct virtgpu_resource *resource)
{
	struct transfer_to_host transfer = {
		.bo_handle = resource->handle,
		.box = { .w = resource->width, .h = resource->height, .d = 1 },
	};

	return drmIoctl(gpu->fd, TRANSFER_TO_HOST, &transfer) == 0 ? 0 : -errno;
}

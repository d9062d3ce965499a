/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "virtgpu.h"

#include <drm.h>
#include <errno.h>
#include <xf86drm.h>

/* Of <drm/virtgpu_drm.h>, spelled out: packaged headers are missing or stale. */
struct virtgpu_resource_create {
	uint32_t target, format, bind;
	uint32_t width, height, depth;
	uint32_t array_size, last_level, nr_samples;
	uint32_t flags;
	uint32_t bo_handle;  /* returned */
	uint32_t res_handle; /* returned */
	uint32_t size, stride;
};

struct virtgpu_resource_info {
	uint32_t bo_handle;
	uint32_t res_handle; /* returned */
	uint32_t size;       /* returned */
	uint32_t blob_mem;   /* returned */
};

struct virtgpu_transfer_to_host {
	uint32_t bo_handle;
	uint32_t x, y, z, w, h, d;
	uint32_t level, offset, stride, layer_stride;
};

#define VIRTGPU_RESOURCE_CREATE  DRM_IOWR(DRM_COMMAND_BASE + 0x04, struct virtgpu_resource_create)
#define VIRTGPU_RESOURCE_INFO    DRM_IOWR(DRM_COMMAND_BASE + 0x05, struct virtgpu_resource_info)
#define VIRTGPU_TRANSFER_TO_HOST DRM_IOWR(DRM_COMMAND_BASE + 0x07, struct virtgpu_transfer_to_host)

#define TARGET_2D       2 /* PIPE_TEXTURE_2D; the only one without a 3D host */
#define FORMAT_B8G8R8X8 2 /* VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, <linux/virtio_gpu.h> */

int virtgpu_create(int fd, uint32_t width, uint32_t height, struct virtgpu_resource *ret)
{
	struct virtgpu_resource_create create = {
		.target = TARGET_2D,
		.format = FORMAT_B8G8R8X8,
		.width = width,
		.height = height,
		.depth = 1,
		.array_size = 1,
		.size = width * height * 4,
		.stride = width * 4,
	};

	if (drmIoctl(fd, VIRTGPU_RESOURCE_CREATE, &create) != 0)
		return -errno;
	*ret = (struct virtgpu_resource){ .handle = create.bo_handle, .id = create.res_handle };
	return 0;
}

int virtgpu_info(int fd, uint32_t handle, uint32_t *ret_id)
{
	struct virtgpu_resource_info info = { .bo_handle = handle };

	if (drmIoctl(fd, VIRTGPU_RESOURCE_INFO, &info) != 0)
		return -errno;
	*ret_id = info.res_handle;
	return 0;
}

int virtgpu_import(int fd, int dmabuf_fd, struct virtgpu_resource *ret)
{
	struct virtgpu_resource resource;

	if (drmPrimeFDToHandle(fd, dmabuf_fd, &resource.handle) != 0)
		return -errno;
	int r = virtgpu_info(fd, resource.handle, &resource.id);
	if (r < 0) {
		drmCloseBufferHandle(fd, resource.handle);
		return r;
	}
	*ret = resource;
	return 0;
}

int virtgpu_transfer(int fd, uint32_t handle, uint32_t width, uint32_t height)
{
	struct virtgpu_transfer_to_host transfer = {
		.bo_handle = handle,
		.w = width,
		.h = height,
		.d = 1,
	};

	return drmIoctl(fd, VIRTGPU_TRANSFER_TO_HOST, &transfer) != 0 ? -errno : 0;
}

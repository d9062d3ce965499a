/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "frame-memory.h"

#include "drm-node.h"
#include "virtgpu.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

struct way {
	const char *name;
	int (*open)(int *ret_fd);
	/* Sets fd, and id and handle where there are such, of a buffer whose geometry is filled in.
	 * On failure, what was set is freed by the caller. */
	int (*allocate)(int fd, struct frame_buffer *buffer);
	bool is_dmabuf;
};

struct frame_memory {
	const struct way *way;
	int fd; /* of the device; -1: none needed */
};

static int open_virtio(int *ret_fd)
{
	return drm_node_open(DRM_DRIVER_VIRTIO, DRM_NODE_RENDER, ret_fd);
}

static int open_virtio_card(int *ret_fd)
{
	int fd;

	int r = drm_node_open(DRM_DRIVER_VIRTIO, DRM_NODE_PRIMARY, &fd);
	if (r < 0)
		return r;
	drmDropMaster(
		fd); /* whoever opens a card first is its master; that is a compositor's place */
	*ret_fd = fd;
	return 0;
}

static int open_vgem(int *ret_fd)
{
	return drm_node_open(DRM_DRIVER_VGEM, DRM_NODE_PRIMARY, ret_fd);
}

static int open_path(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int open_heap(int *ret_fd)
{
	return open_path("/dev/dma_heap/system", ret_fd);
}

static int open_udmabuf(int *ret_fd)
{
	return open_path("/dev/udmabuf", ret_fd);
}

static int open_nothing(int *ret_fd)
{
	*ret_fd = -1;
	return 0;
}

static int export_handle(int fd, struct frame_buffer *buffer)
{
	if (drmPrimeHandleToFD(fd, buffer->handle, DRM_CLOEXEC | DRM_RDWR, &buffer->fd) != 0)
		return -errno;
	return 0;
}

static int allocate_resource(int fd, struct frame_buffer *buffer)
{
	struct virtgpu_resource resource;

	int r = virtgpu_create(fd, buffer->words, buffer->rows, &resource);
	if (r < 0)
		return r;
	buffer->handle = resource.handle;
	buffer->id = resource.id;
	return export_handle(fd, buffer);
}

static int allocate_dumb(int fd, struct frame_buffer *buffer)
{
	uint32_t stride;
	uint64_t size;

	if (drmModeCreateDumbBuffer(
		    fd, buffer->words, buffer->rows, 32, 0, &buffer->handle, &stride, &size) != 0)
		return -errno;
	return stride == buffer->stride ? export_handle(fd, buffer) : -ERANGE;
}

static int allocate_virtio_dumb(int fd, struct frame_buffer *buffer)
{
	int r = allocate_dumb(fd, buffer);
	if (r < 0)
		return r;
	return virtgpu_info(fd, buffer->handle, &buffer->id);
}

static int allocate_heap(int fd, struct frame_buffer *buffer)
{
	struct dma_heap_allocation_data data = {
		.len = buffer->size,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};

	if (ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &data) != 0)
		return -errno;
	buffer->fd = (int)data.fd;
	return 0;
}

static int allocate_memfd(int fd, struct frame_buffer *buffer)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = (buffer->size + page - 1) / page * page;

	(void)fd;
	buffer->fd = memfd_create("frame", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (buffer->fd < 0 || ftruncate(buffer->fd, (off_t)size) != 0 ||
		fcntl(buffer->fd, F_ADD_SEALS, F_SEAL_SHRINK) != 0)
		return -errno;
	return 0;
}

static int allocate_udmabuf(int fd, struct frame_buffer *buffer)
{
	struct frame_buffer memory = *buffer;

	int r = allocate_memfd(-1, &memory);
	if (r < 0) {
		buffer->fd = memory.fd;
		return r;
	}
	struct udmabuf_create create = {
		.memfd = (uint32_t)memory.fd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = (uint64_t)lseek(memory.fd, 0, SEEK_END),
	};
	buffer->fd = ioctl(fd, UDMABUF_CREATE, &create);
	r = buffer->fd < 0 ? -errno : 0;
	close(memory.fd);
	return r;
}

static const struct way ways[] = {
	{ "virtio", open_virtio, allocate_resource, true },
	{ "dumb", open_virtio_card, allocate_virtio_dumb, true },
	{ "vgem", open_vgem, allocate_dumb, true },
	{ "heap", open_heap, allocate_heap, true },
	{ "udmabuf", open_udmabuf, allocate_udmabuf, true },
	{ "memfd", open_nothing, allocate_memfd, false },
};

#define N_WAYS (sizeof ways / sizeof ways[0])

const char *frame_memory_name(unsigned index)
{
	return index < N_WAYS ? ways[index].name : NULL;
}

int frame_memory_open(const char *name, struct frame_memory **ret)
{
	const struct way *way = NULL;
	int fd;

	for (size_t i = 0; i < N_WAYS; i++)
		if (strcmp(ways[i].name, name) == 0)
			way = &ways[i];
	if (!way)
		return -EINVAL;
	int r = way->open(&fd);
	if (r < 0)
		return r;
	struct frame_memory *memory = malloc(sizeof *memory);
	if (!memory) {
		close(fd);
		return -ENOMEM;
	}
	*memory = (struct frame_memory){ .way = way, .fd = fd };
	*ret = memory;
	return 0;
}

void frame_memory_close(struct frame_memory *memory)
{
	if (!memory)
		return;
	if (memory->fd >= 0)
		close(memory->fd);
	free(memory);
}

int frame_memory_allocate(
	struct frame_memory *memory, uint32_t words, uint32_t rows, struct frame_buffer *ret)
{
	struct frame_buffer buffer = {
		.fd = -1,
		.words = words,
		.rows = rows,
		.stride = words * 4,
		.size = (size_t)words * 4 * rows,
	};

	int r = memory->way->allocate(memory->fd, &buffer);
	if (r < 0)
		goto fail;
	void *pixels = mmap(NULL, buffer.size, PROT_READ | PROT_WRITE, MAP_SHARED, buffer.fd, 0);
	if (pixels == MAP_FAILED) {
		r = -errno;
		goto fail;
	}
	buffer.pixels = pixels;
	*ret = buffer;
	return 0;
fail:
	frame_memory_free(memory, &buffer);
	return r;
}

void frame_memory_free(struct frame_memory *memory, struct frame_buffer *buffer)
{
	if (buffer->pixels)
		munmap(buffer->pixels, buffer->size);
	if (buffer->handle)
		drmCloseBufferHandle(memory->fd, buffer->handle);
	if (buffer->fd >= 0)
		close(buffer->fd);
	*buffer = (struct frame_buffer){ .fd = -1 };
}

static int sync_pixels(
	const struct frame_memory *memory, const struct frame_buffer *buffer, uint64_t edge)
{
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_RW | edge };

	if (!memory->way->is_dmabuf)
		return 0;
	return drmIoctl(buffer->fd, DMA_BUF_IOCTL_SYNC, &sync) != 0 ? -errno : 0;
}

int frame_memory_begin(struct frame_memory *memory, const struct frame_buffer *buffer)
{
	return sync_pixels(memory, buffer, DMA_BUF_SYNC_START);
}

int frame_memory_end(struct frame_memory *memory, const struct frame_buffer *buffer)
{
	int r = sync_pixels(memory, buffer, DMA_BUF_SYNC_END);
	if (r < 0 || buffer->id == 0)
		return r;
	return virtgpu_transfer(memory->fd, buffer->handle, buffer->words, buffer->rows);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dmabuf-frame.h"

#include <errno.h>
#include <gst/allocators/gstdmabuf.h>
#include <sys/mman.h>
#include <unistd.h>

guint8 frame_pattern(guint seed, gsize i)
{
	return (guint8)(i * 7 + i / 251 + seed * 31);
}

GstMemory *dmabuf_wrap(int fd, gsize size)
{
	g_autoptr(GstAllocator) allocator = gst_dmabuf_allocator_new();

	return gst_dmabuf_allocator_alloc(allocator, fd, size);
}

static void fill(int fd, const guint8 *data, gsize size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR)
			g_error("cannot fill a memfd: %s", g_strerror(errno));
		data += MAX(n, 0);
		size -= (gsize)MAX(n, 0);
	}
}

GstMemory *dmabuf_new(gsize size, const void *data)
{
	int fd = memfd_create("fake-dmabuf", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		g_error("no memfd: %s", g_strerror(errno));
	if (data)
		fill(fd, data, size);
	return dmabuf_wrap(fd, size);
}

int dmabuf_fd(GstMemory *memory)
{
	return gst_dmabuf_memory_get_fd(memory);
}

GstBuffer *dmabuf_frame_new(const GstVideoInfo *info, guint seed)
{
	GstVideoInfo layout = *info; /* the meta's arguments are not const */
	gsize size = GST_VIDEO_INFO_SIZE(info);
	g_autofree guint8 *data = g_malloc(size);
	GstBuffer *buffer = gst_buffer_new();

	for (gsize i = 0; i < size; i++)
		data[i] = frame_pattern(seed, i);
	gst_buffer_append_memory(buffer, dmabuf_new(size, data));
	gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE,
		GST_VIDEO_INFO_FORMAT(info), GST_VIDEO_INFO_WIDTH(info),
		GST_VIDEO_INFO_HEIGHT(info), GST_VIDEO_INFO_N_PLANES(info), layout.offset,
		layout.stride);
	return buffer;
}

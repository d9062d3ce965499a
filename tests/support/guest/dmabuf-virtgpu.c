/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The DMA-BUFs of the benchmark (dmabuf-frame.h) when it runs in a guest: resources of its
 * virtio-gpu, which live as long as the process. */

#include "dmabuf-frame.h"
#include "frame-memory.h"

#include <gst/allocators/gstdmabuf.h>
#include <string.h>
#include <unistd.h>

#define ROW_WORDS 1024u

static struct frame_memory *gpu(void)
{
	static struct frame_memory *memory;
	int r = memory ? 0 : frame_memory_open("virtio", &memory);

	if (r < 0)
		g_error("no virtio-gpu to make frames with: %s", g_strerror(-r));
	return memory;
}

GstMemory *dmabuf_wrap(int fd, gsize size)
{
	g_autoptr(GstAllocator) allocator = gst_dmabuf_allocator_new();

	return gst_dmabuf_allocator_alloc(allocator, fd, size);
}

GstMemory *dmabuf_new(gsize size, const void *data)
{
	guint32 rows = (guint32)((size + ROW_WORDS * 4 - 1) / (ROW_WORDS * 4));
	struct frame_buffer buffer;
	int r = frame_memory_allocate(gpu(), ROW_WORDS, rows, &buffer);

	if (r < 0)
		g_error("no virtio-gpu resource of %" G_GSIZE_FORMAT " bytes: %s", size,
			g_strerror(-r));
	if (data) {
		frame_memory_begin(gpu(), &buffer);
		memcpy(buffer.pixels, data, size);
		frame_memory_end(gpu(), &buffer);
	}
	return dmabuf_wrap(dup(buffer.fd), size);
}

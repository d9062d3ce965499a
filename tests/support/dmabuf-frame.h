/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * DMA-BUF memory without a GPU: descriptors wrapped by GStreamer's DMA-BUF allocator. A memfd is
 * always ready and can be mapped; a pipe is ready once something was written to it and cannot be
 * mapped at all.
 */

#include <gst/video/video.h>

/* Takes fd over. */
GstMemory *dmabuf_wrap(int fd, gsize size);
/* A memfd of size bytes, filled from data (NULL: zeros). */
GstMemory *dmabuf_new(gsize size, const void *data);
int dmabuf_fd(GstMemory *memory);

/* One frame in one memfd, filled with a pattern that depends on seed, with a GstVideoMeta. */
GstBuffer *dmabuf_frame_new(const GstVideoInfo *info, guint seed);
/* Byte i of the pattern. */
guint8 frame_pattern(guint seed, gsize i);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Virtio-gpu resources as memory for frames that have none: what is written into one once is sent
 * by id, and no pixel crosses the socket.
 *
 * Resources are made on 2D devices only. There a resource is the guest's own memory, of which any
 * layout of bytes can be made, NV12 included: its width is a row of bytes in pixels of 4 bytes, its
 * height all rows of all planes. With 3D it would be a texture of the host's GPU: a copy more, and
 * nothing but packed RGB.
 *
 * The memory is a DMA-BUF that stays mapped while it lives: a frame costs neither mmap() nor page
 * faults. It keeps its node and handle, whoever made it is gone or not.
 */

#include "picture.h"
#include "virtgpu.h"

/*
 * A pool of such memory, for upstream. Its configuration needs caps that format_from_caps() takes.
 * With GST_BUFFER_POOL_OPTION_VIDEO_META buffers have the wire's layout, and a GstVideoMeta that
 * says so; without it GStreamer's default one, which differs for NV12 of odd height only. Where no
 * resource can be made the buffer is one of system memory, so that upstream does not fail. Takes a
 * reference on gpu.
 */
GstBufferPool *upload_pool_new(struct virtgpu *gpu);

/*
 * Shows the host what the CPU wrote to a memory of ours (of any pool, of any element), or to a
 * share of it. 0 and the id to send; -ENOTSUP when it is none of ours; other -errno. Any thread.
 */
int upload_flush(GstMemory *mem, uint32_t *ret_id);
bool upload_is_ours(GstMemory *mem);

/* Copies frames into resources. One thread at a time. */
struct upload;

/* At most n_buffers are held at once. Takes a reference on gpu. */
struct upload *upload_new(struct virtgpu *gpu, guint n_buffers);
/* Buffers that are held stay valid. NULL is fine. */
void upload_free(struct upload *upload);
/*
 * Copies the visible pixels of buffer. 0 and *ret, a buffer of one memory of ours with the layout
 * of picture_copy_stride(), the caller's to unref once the host is done with it; -EAGAIN when
 * n_buffers are held; what made no resource the first time for this size, without another try; or
 * -errno of picture_copy(). Never waits for a buffer.
 */
int upload_write(
	struct upload *upload, const struct picture *picture, GstBuffer *buffer, GstBuffer **ret);

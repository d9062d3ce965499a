/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the suites of DMA-BUFs share: the fixture with a fake GPU, frames in memfds and in pipes,
 * and their pixels. */

#include "dmabuf-frame.h"
#include "fake-libdrm.h"
#include "fixture.h"

/* Frames of dmabuf_frame(). */
#define DMABUF_CAPS "video/x-raw(memory:DMABuf),format=NV12,width=320,height=240,framerate=30/1"

/* fixture_start() with DMABUF_CAPS and a GPU that was never asked before. */
void dmabuf_start(struct fixture *f, const struct fake_host_options *options);
struct fake_drm_counts dmabuf_counts(void);

/* Frame number i: pattern and pts depend on i. */
GstBuffer *dmabuf_frame(guint i);
/* A frame with pts 0 and no meta. Takes memory over. */
GstBuffer *dmabuf_frame_wrap(GstMemory *memory);
/* Frame number i in a pipe, whose fence dmabuf_signal() signals; its pixels cannot be read. Close
 * *ret_fence. */
GstBuffer *dmabuf_frame_pending(guint i, int *ret_fence);
void dmabuf_signal(int fence);

/* size bytes of the pattern; free them. */
guint8 *dmabuf_pattern(guint seed, gsize size);
/* Request i carried exactly these pixels and no id; the host keeps pixels. */
void dmabuf_assert_pixels(struct fixture *f, guint i, const guint8 *data, gsize size);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where the visible pixels of a buffer are, and how they get onto the wire.
 *
 * Version 1 of the wire can say one stride, counted from the first byte of the buffer, and knows
 * NV12's second plane to be behind `stride * height` bytes. A buffer that is laid out like that
 * goes as it is; others are copied.
 */

#include <gst/video/video.h>
#include <hxfr/connection.h>
#include <stdbool.h>
#include <stdint.h>

#define PICTURE_PLANES_MAX 2u

struct picture_plane {
	gsize offset;    /* bytes from the start of the buffer to the first visible pixel */
	guint stride;    /* bytes */
	guint row_bytes; /* visible */
	guint rows;      /* visible */
};

struct picture {
	uint32_t format;        /* enum hxfr_format */
	uint32_t width, height; /* visible pixels: the crop rectangle where there is one */
	bool cropped; /* there are pixels beside it in its rows, which are nobody's business */
	unsigned n_planes;
	struct picture_plane planes[PICTURE_PLANES_MAX];
};

/*
 * Reads the layout off info, overridden by the buffer's GstVideoMeta (strides, offsets) and
 * GstVideoCropMeta. 0; -EINVAL when the buffer is too small for it, or the metas contradict the
 * format or each other.
 */
int picture_init(struct picture *picture, const GstVideoInfo *info, GstBuffer *buffer);

/* Can a request that names the buffer's resource describe it: one memory from its first byte on,
 * the wire's layout? */
bool picture_fits_resource(const struct picture *picture, GstBuffer *buffer);

/* The layout of a copy, plane behind plane: bytes per row, the same for every plane and a multiple
 * of 4, and rows of all planes. */
guint picture_copy_stride(const struct picture *picture);
guint picture_copy_rows(const struct picture *picture);
/* Copies the visible pixels so; `to` has room for stride * rows bytes. 0; -EMSGSIZE beyond
 * HXFR_PIXELS_MAX; -EIO when the buffer cannot be mapped. */
int picture_copy(const struct picture *picture, GstBuffer *buffer, guint8 *to);

/* The visible pixels in the wire's layout, for hxfr_connection_send(). */
struct pixels {
	uint32_t stride; /* bytes per row of every plane */
	size_t size;     /* bytes in all */
	struct iovec body[PICTURE_PLANES_MAX];
	unsigned n_body;
	bool copied; /* into a scratch buffer, because the layout was not the wire's */
	/* private */
	GstBuffer *buffer;
	unsigned n_maps;
	GstMapInfo maps[PICTURE_PLANES_MAX];
};

/*
 * Maps the buffer for reading, without a copy where the wire's layout allows; otherwise rows are
 * copied into a buffer of *scratch, a pool that is made when needed (start with NULL; the caller
 * unrefs it). 0 and *ret, which holds a reference on the buffer; -EMSGSIZE beyond HXFR_PIXELS_MAX;
 * -EIO when it cannot be mapped; -ENOMEM.
 */
int pixels_map(const struct picture *picture, GstBuffer *buffer, GstBufferPool **scratch,
	struct pixels *ret);
/* Unmaps, and lets the buffer go. Any thread. */
void pixels_unmap(struct pixels *pixels);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "picture.h"
#include "format.h"

#include <errno.h>
#include <gst/allocators/gstdmabuf.h>
#include <linux/dma-buf.h>
#include <string.h>
#include <sys/ioctl.h>

#define STRIDE_ALIGN 4u /* of copies; GStreamer's default layout has it too */

struct rectangle {
	guint x, y, width, height;
};

static int visible_rectangle(const GstVideoInfo *info, GstBuffer *buffer, struct rectangle *ret)
{
	const GstVideoCropMeta *crop = gst_buffer_get_video_crop_meta(buffer);
	guint width = (guint)GST_VIDEO_INFO_WIDTH(info),
	      height = (guint)GST_VIDEO_INFO_HEIGHT(info);

	if (!crop) {
		*ret = (struct rectangle){ 0, 0, width, height };
		return 0;
	}
	if (crop->width == 0 || crop->height == 0 || crop->x >= width || crop->y >= height ||
		crop->width > width - crop->x || crop->height > height - crop->y)
		return -EINVAL;

	*ret = (struct rectangle){ crop->x, crop->y, crop->width, crop->height };
	return 0;
}

/* Bytes from the first visible pixel to behind the last. */
static gsize plane_extent(const struct picture_plane *plane)
{
	return (gsize)plane->stride * (plane->rows - 1) + plane->row_bytes;
}

/* Plane 1 of NV12 has half the rows, and a pair of bytes for two columns; packed formats have plane
 * 0 only. */
static void plane_crop(struct picture_plane *plane, const GstVideoInfo *info, unsigned i,
	const struct rectangle *r)
{
	guint sub = i == 0 ? 0 : 1, bytes = (guint)GST_VIDEO_INFO_COMP_PSTRIDE(info, i);

	plane->offset += (gsize)(r->y >> sub) * plane->stride + (gsize)(r->x >> sub) * bytes;
	plane->rows = (r->height + sub) >> sub;
	plane->row_bytes = ((r->width + sub) >> sub) * bytes;
}

static int plane_init(struct picture_plane *plane, const GstVideoInfo *info, unsigned i,
	const GstVideoMeta *meta, const struct rectangle *visible)
{
	gint stride = meta ? meta->stride[i] : GST_VIDEO_INFO_PLANE_STRIDE(info, i);

	if (stride <= 0)
		return -EINVAL;
	plane->offset = meta ? meta->offset[i] : GST_VIDEO_INFO_PLANE_OFFSET(info, i);
	plane->stride = (guint)stride;
	plane_crop(plane, info, i, visible);
	return plane->row_bytes <= plane->stride ? 0 : -EINVAL;
}

int picture_init(struct picture *picture, const GstVideoInfo *info, GstBuffer *buffer)
{
	const GstVideoMeta *meta = gst_buffer_get_video_meta(buffer);
	gsize size = gst_buffer_get_size(buffer);
	struct picture p = { .format = format_fourcc(GST_VIDEO_INFO_FORMAT(info)) };
	struct rectangle visible;
	int r;

	p.n_planes = GST_VIDEO_INFO_N_PLANES(info);
	if (p.format == 0 || p.n_planes > PICTURE_PLANES_MAX ||
		(meta && meta->n_planes < p.n_planes))
		return -EINVAL;
	r = visible_rectangle(info, buffer, &visible);
	if (r < 0)
		return r;
	p.width = visible.width;
	p.height = visible.height;
	p.cropped = visible.width < (guint)GST_VIDEO_INFO_WIDTH(info);

	for (unsigned i = 0; i < p.n_planes; i++) {
		r = plane_init(&p.planes[i], info, i, meta, &visible);
		if (r < 0)
			return r;
		if (p.planes[i].offset > size ||
			plane_extent(&p.planes[i]) > size - p.planes[i].offset)
			return -EINVAL;
	}

	*picture = p;
	return 0;
}

bool picture_fits_resource(const struct picture *p, GstBuffer *buffer)
{
	gsize memory_offset;

	if (gst_buffer_n_memory(buffer) != 1 || p->planes[0].offset != 0)
		return false;
	gst_memory_get_sizes(gst_buffer_peek_memory(buffer, 0), &memory_offset, NULL);
	if (memory_offset != 0)
		return false;
	return p->n_planes == 1 ||
	       (p->planes[1].stride == p->planes[0].stride &&
		       p->planes[1].offset == (gsize)p->planes[0].stride * p->height);
}

/* --- pixels --- */

/* The CPU may not see what a device wrote before this, nor keep it cached after. What is no real
 * DMA-BUF says ENOTTY, and needs none of it. */
static void sync_dmabufs(GstBuffer *buffer, guint64 start_or_end)
{
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_READ | start_or_end };

	for (guint i = 0; i < gst_buffer_n_memory(buffer); i++) {
		GstMemory *mem = gst_buffer_peek_memory(buffer, i);

		if (gst_is_dmabuf_memory(mem))
			ioctl(gst_dmabuf_memory_get_fd(mem), DMA_BUF_IOCTL_SYNC, &sync);
	}
}

static void pixels_init(struct pixels *px, GstBuffer *buffer)
{
	*px = (struct pixels){ .buffer = gst_buffer_ref(buffer) };
	sync_dmabufs(buffer, DMA_BUF_SYNC_START);
}

void pixels_unmap(struct pixels *px)
{
	for (unsigned i = 0; i < px->n_maps; i++)
		gst_memory_unmap(px->maps[i].memory, &px->maps[i]);
	sync_dmabufs(px->buffer, DMA_BUF_SYNC_END);
	gst_buffer_unref(px->buffer);
}

/* Maps the memory that holds a plane; *ret_available bytes can be read from *ret_data on. */
static int pixels_map_plane(struct pixels *px, const struct picture_plane *plane,
	const guint8 **ret_data, gsize *ret_available)
{
	GstMapInfo *map = &px->maps[px->n_maps];
	guint first, length;
	gsize skip;

	/* A plane that is spread over memories is in none of them: nobody makes such buffers. */
	if (!gst_buffer_find_memory(
		    px->buffer, plane->offset, plane_extent(plane), &first, &length, &skip) ||
		length != 1 ||
		!gst_memory_map(gst_buffer_peek_memory(px->buffer, first), map, GST_MAP_READ))
		return -EIO;

	px->n_maps++;
	*ret_data = map->data + skip;
	*ret_available = map->size - skip;
	return 0;
}

/* Rows as they lie are sent when that wastes less than it saves. */
static bool plane_is_sendable(const struct picture_plane *plane, guint stride, gsize available)
{
	return plane->stride == stride && stride < 2 * plane->row_bytes &&
	       (gsize)stride * plane->rows <= available;
}

static int pixels_map_planes(struct pixels *px, const struct picture *p,
	const guint8 *ret_data[PICTURE_PLANES_MAX], bool *ret_sendable)
{
	bool sendable = true;

	for (unsigned i = 0; i < p->n_planes; i++) {
		gsize available;
		int r = pixels_map_plane(px, &p->planes[i], &ret_data[i], &available);

		if (r < 0)
			return r;
		sendable &= plane_is_sendable(&p->planes[i], p->planes[0].stride, available);
	}
	*ret_sendable = sendable;
	return 0;
}

static void pixels_describe(struct pixels *px, const struct picture *p, guint stride,
	const guint8 *const data[PICTURE_PLANES_MAX])
{
	px->stride = stride;
	px->n_body = p->n_planes;
	for (unsigned i = 0; i < p->n_planes; i++) {
		px->body[i].iov_base = (void *)data[i];
		px->body[i].iov_len = (size_t)stride * p->planes[i].rows;
		px->size += px->body[i].iov_len;
	}
}

static GstBufferPool *scratch_pool_new(gsize size)
{
	GstBufferPool *pool = gst_buffer_pool_new();
	GstStructure *config = gst_buffer_pool_get_config(pool);

	gst_buffer_pool_config_set_params(config, NULL, (guint)size, 0, 0);
	if (gst_buffer_pool_set_config(pool, config) && gst_buffer_pool_set_active(pool, TRUE))
		return pool;
	gst_object_unref(pool);
	return NULL;
}

static bool scratch_pool_has_size(GstBufferPool *pool, gsize size)
{
	GstStructure *config = gst_buffer_pool_get_config(pool);
	guint have = 0;

	gst_buffer_pool_config_get_params(config, NULL, &have, NULL, NULL);
	gst_structure_free(config);
	return have == size;
}

static GstBuffer *scratch_acquire(GstBufferPool **pool, gsize size)
{
	GstBuffer *buffer = NULL;

	if (*pool && !scratch_pool_has_size(*pool, size)) {
		gst_buffer_pool_set_active(*pool, FALSE);
		gst_clear_object(pool);
	}
	if (!*pool)
		*pool = scratch_pool_new(size);
	if (*pool)
		gst_buffer_pool_acquire_buffer(*pool, &buffer, NULL);
	return buffer;
}

/* What lies beside a crop rectangle stays there. */
static void copy_plane(guint8 *to, guint stride, const guint8 *from,
	const struct picture_plane *plane, bool cropped)
{
	if (plane->stride == stride && !cropped) {
		memcpy(to, from, plane_extent(plane));
		return;
	}
	for (guint row = 0; row < plane->rows; row++)
		memcpy(to + (gsize)row * stride, from + (gsize)row * plane->stride,
			plane->row_bytes);
}

/* Plane behind plane; where they are in *ret_data. */
static void copy_planes(const struct picture *p, guint stride, guint8 *to,
	const guint8 *const from[PICTURE_PLANES_MAX], const guint8 *ret_data[PICTURE_PLANES_MAX])
{
	for (unsigned i = 0; i < p->n_planes; i++) {
		copy_plane(to, stride, from[i], &p->planes[i], p->cropped);
		ret_data[i] = to;
		to += (gsize)stride * p->planes[i].rows;
	}
}

guint picture_copy_stride(const struct picture *p)
{
	guint stride = 0;

	for (unsigned i = 0; i < p->n_planes; i++)
		stride = MAX(stride, GST_ROUND_UP_N(p->planes[i].row_bytes, STRIDE_ALIGN));
	return stride;
}

guint picture_copy_rows(const struct picture *p)
{
	guint rows = 0;

	for (unsigned i = 0; i < p->n_planes; i++)
		rows += p->planes[i].rows;
	return rows;
}

static guint64 wire_size(const struct picture *p, guint stride)
{
	return (guint64)picture_copy_rows(p) * stride;
}

int picture_copy(const struct picture *p, GstBuffer *buffer, guint8 *to)
{
	const guint8 *from[PICTURE_PLANES_MAX] = { 0 }, *data[PICTURE_PLANES_MAX];
	guint stride = picture_copy_stride(p);
	struct pixels px;
	bool sendable;
	int r;

	if (wire_size(p, stride) > HXFR_PIXELS_MAX)
		return -EMSGSIZE;
	pixels_init(&px, buffer);
	r = pixels_map_planes(&px, p, from, &sendable);
	if (r == 0)
		copy_planes(p, stride, to, from, data);
	pixels_unmap(&px);
	return r;
}

static int pixels_copy(const struct picture *p, const guint8 *const from[PICTURE_PLANES_MAX],
	GstBufferPool **scratch, struct pixels *ret)
{
	guint stride = picture_copy_stride(p);
	const guint8 *data[PICTURE_PLANES_MAX] = { 0 };
	GstBuffer *copy = scratch_acquire(scratch, wire_size(p, stride));
	struct pixels px;

	if (!copy)
		return -ENOMEM;
	pixels_init(&px, copy);
	gst_buffer_unref(copy);
	if (!gst_memory_map(gst_buffer_peek_memory(copy, 0), &px.maps[0], GST_MAP_READWRITE)) {
		pixels_unmap(&px);
		return -EIO;
	}
	px.n_maps = 1;

	copy_planes(p, stride, px.maps[0].data, from, data);
	pixels_describe(&px, p, stride, data);
	px.copied = true;
	*ret = px;
	return 0;
}

int pixels_map(
	const struct picture *p, GstBuffer *buffer, GstBufferPool **scratch, struct pixels *ret)
{
	const guint8 *data[PICTURE_PLANES_MAX] = { 0 };
	struct pixels px;
	bool sendable;
	int r;

	if (wire_size(p, picture_copy_stride(p)) > HXFR_PIXELS_MAX)
		return -EMSGSIZE;

	pixels_init(&px, buffer);
	r = pixels_map_planes(&px, p, data, &sendable);
	if (r == 0 && sendable && !p->cropped &&
		wire_size(p, p->planes[0].stride) <= HXFR_PIXELS_MAX) {
		pixels_describe(&px, p, p->planes[0].stride, data);
		*ret = px;
		return 0;
	}
	if (r == 0)
		r = pixels_copy(p, data, scratch, ret);
	pixels_unmap(&px);
	return r;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "upload.h"
#include "format.h"

#include <errno.h>
#include <gst/allocators/gstdmabuf.h>

#define BYTES_PER_PIXEL 4u /* of resources */

/* --- memory --- */

/* Owned by its memory. */
struct owned {
	struct virtgpu *gpu;
	struct virtgpu_resource resource;
};

static GQuark owned_quark(void)
{
	return g_quark_from_static_string("vsockenc-upload");
}

static void owned_free(void *data)
{
	struct owned *o = data;

	virtgpu_close(o->gpu, o->resource.handle);
	virtgpu_unref(o->gpu);
	g_free(o);
}

/* It is kept mapped as it is mapped first: for reading alone, writing would map it anew. */
static bool map_for_good(GstMemory *mem)
{
	GstMapInfo map;

	if (!gst_memory_map(mem, &map, GST_MAP_READWRITE))
		return false;
	gst_memory_unmap(mem, &map);
	return true;
}

static int memory_new(
	struct virtgpu *gpu, GstAllocator *allocator, guint stride, gsize size, GstMemory **ret)
{
	struct owned *o = g_new(struct owned, 1);
	GstMemory *mem;
	int fd, r;

	r = virtgpu_create(gpu, stride / BYTES_PER_PIXEL, (guint)((size + stride - 1) / stride),
		&o->resource, &fd);
	if (r < 0) {
		g_free(o);
		return r;
	}
	o->gpu = virtgpu_ref(gpu);
	mem = gst_dmabuf_allocator_alloc_with_flags(
		allocator, fd, size, GST_FD_MEMORY_FLAG_KEEP_MAPPED);
	gst_mini_object_set_qdata(GST_MINI_OBJECT_CAST(mem), owned_quark(), o, owned_free);
	if (!map_for_good(mem)) {
		gst_memory_unref(mem);
		return -EIO;
	}
	*ret = mem;
	return 0;
}

static const struct owned *find_owned(GstMemory *mem)
{
	while (mem->parent)
		mem = mem->parent;
	return gst_mini_object_get_qdata(GST_MINI_OBJECT_CAST(mem), owned_quark());
}

bool upload_is_ours(GstMemory *mem)
{
	return find_owned(mem) != NULL;
}

int upload_flush(GstMemory *mem, uint32_t *ret_id)
{
	const struct owned *o = find_owned(mem);
	int r = o ? virtgpu_transfer(o->gpu, &o->resource) : -ENOTSUP;

	if (r == 0)
		*ret_id = o->resource.id;
	return r;
}

/* --- the pool --- */

struct _VsockUploadPool {
	GstBufferPool parent;
	struct virtgpu *gpu;
	GstAllocator *allocator;
	GstVideoInfo info; /* layout of its buffers */
	gboolean has_meta;
	gint error; /* atomic: -errno of the first resource that could not be made */
};

G_DECLARE_FINAL_TYPE(VsockUploadPool, vsock_upload_pool, VSOCK, UPLOAD_POOL, GstBufferPool)
G_DEFINE_TYPE(VsockUploadPool, vsock_upload_pool, GST_TYPE_BUFFER_POOL)

static const gchar **pool_get_options(GstBufferPool *pool)
{
	static const gchar *options[] = { GST_BUFFER_POOL_OPTION_VIDEO_META, NULL };

	return options;
}

/* The second plane right behind the first, however odd their height. */
static void use_wire_layout(GstVideoInfo *info)
{
	gsize rows = (gsize)GST_VIDEO_INFO_HEIGHT(info);
	gsize stride = (gsize)GST_VIDEO_INFO_PLANE_STRIDE(info, 0);

	if (GST_VIDEO_INFO_N_PLANES(info) > 1) {
		GST_VIDEO_INFO_PLANE_OFFSET(info, 1) = stride * rows;
		rows += (rows + 1) / 2;
	}
	GST_VIDEO_INFO_SIZE(info) = stride * rows;
}

static gboolean pool_set_config(GstBufferPool *pool, GstStructure *config)
{
	VsockUploadPool *self = VSOCK_UPLOAD_POOL(pool);
	guint size, min, max;
	GstVideoInfo info;
	GstCaps *caps;

	if (!gst_buffer_pool_config_get_params(config, &caps, &size, &min, &max) || !caps ||
		!format_from_caps(caps, &info))
		return FALSE;

	self->has_meta =
		gst_buffer_pool_config_has_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
	if (self->has_meta)
		use_wire_layout(&info);
	info.size = MAX(info.size, size);
	if (info.size > HXFR_PIXELS_MAX)
		return FALSE;
	self->info = info;
	gst_buffer_pool_config_set_params(config, caps, (guint)info.size, min, max);
	return GST_BUFFER_POOL_CLASS(vsock_upload_pool_parent_class)->set_config(pool, config);
}

static GstFlowReturn pool_alloc_buffer(
	GstBufferPool *pool, GstBuffer **ret, GstBufferPoolAcquireParams *params)
{
	VsockUploadPool *self = VSOCK_UPLOAD_POOL(pool);
	GstVideoInfo *info = &self->info;
	GstBuffer *buffer = gst_buffer_new();
	GstMemory *mem;
	int r = memory_new(self->gpu, self->allocator, (guint)GST_VIDEO_INFO_PLANE_STRIDE(info, 0),
		info->size, &mem);

	if (r < 0) {
		g_atomic_int_set(&self->error, r);
		mem = gst_allocator_alloc(NULL, info->size, NULL);
	}
	gst_buffer_append_memory(buffer, mem);
	if (self->has_meta)
		gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE,
			GST_VIDEO_INFO_FORMAT(info), GST_VIDEO_INFO_WIDTH(info),
			GST_VIDEO_INFO_HEIGHT(info), GST_VIDEO_INFO_N_PLANES(info), info->offset,
			info->stride);
	*ret = buffer;
	return GST_FLOW_OK;
}

static void pool_finalize(GObject *object)
{
	VsockUploadPool *self = VSOCK_UPLOAD_POOL(object);

	G_OBJECT_CLASS(vsock_upload_pool_parent_class)->finalize(object);
	gst_object_unref(self->allocator);
	virtgpu_unref(self->gpu);
}

static void vsock_upload_pool_init(VsockUploadPool *self)
{
	self->allocator = gst_dmabuf_allocator_new();
}

static void vsock_upload_pool_class_init(VsockUploadPoolClass *klass)
{
	GstBufferPoolClass *pool_class = GST_BUFFER_POOL_CLASS(klass);

	G_OBJECT_CLASS(klass)->finalize = pool_finalize;
	pool_class->get_options = pool_get_options;
	pool_class->set_config = pool_set_config;
	pool_class->alloc_buffer = pool_alloc_buffer;
}

GstBufferPool *upload_pool_new(struct virtgpu *gpu)
{
	VsockUploadPool *self = g_object_new(vsock_upload_pool_get_type(), NULL);

	gst_object_ref_sink(self);
	self->gpu = virtgpu_ref(gpu);
	return GST_BUFFER_POOL(self);
}

/* --- copies --- */

struct upload {
	struct virtgpu *gpu;
	guint n_buffers;
	GstBufferPool *pool;           /* NULL: none yet */
	guint width, height, n_planes; /* of the pool's frames */
};

struct upload *upload_new(struct virtgpu *gpu, guint n_buffers)
{
	struct upload *u = g_new0(struct upload, 1);

	u->gpu = virtgpu_ref(gpu);
	u->n_buffers = n_buffers;
	return u;
}

static void drop_pool(struct upload *u)
{
	if (u->pool)
		gst_buffer_pool_set_active(u->pool, FALSE);
	gst_clear_object(&u->pool);
}

void upload_free(struct upload *u)
{
	if (!u)
		return;
	drop_pool(u);
	virtgpu_unref(u->gpu);
	g_free(u);
}

/* Bytes are bytes: of the format only the number of planes matters here. */
static GstCaps *copy_caps(const struct picture *p)
{
	const char *format = p->n_planes > 1 ? "NV12" : "BGRx";

	return gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, format, "width",
		G_TYPE_INT, (gint)p->width, "height", G_TYPE_INT, (gint)p->height, NULL);
}

static int make_pool(struct upload *u, const struct picture *p)
{
	GstBufferPool *pool = upload_pool_new(u->gpu);
	GstStructure *config = gst_buffer_pool_get_config(pool);
	GstCaps *caps = copy_caps(p);
	guint size = picture_copy_stride(p) * picture_copy_rows(p);

	gst_buffer_pool_config_set_params(config, caps, size, 0, u->n_buffers);
	gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
	gst_caps_unref(caps);
	if (!gst_buffer_pool_set_config(pool, config) || !gst_buffer_pool_set_active(pool, TRUE)) {
		gst_object_unref(pool);
		return -ENOMEM;
	}
	u->pool = pool;
	u->width = p->width;
	u->height = p->height;
	u->n_planes = p->n_planes;
	return 0;
}

static int use_pool(struct upload *u, const struct picture *p)
{
	if (u->pool && u->width == p->width && u->height == p->height && u->n_planes == p->n_planes)
		return 0;
	drop_pool(u);
	return make_pool(u, p);
}

/* A buffer of ours, of the picture's size. */
static int acquire(struct upload *u, const struct picture *p, GstBuffer **ret)
{
	GstBufferPoolAcquireParams params = { .flags = GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT };
	GstBuffer *buffer;
	int r = use_pool(u, p);

	if (r < 0)
		return r;
	r = g_atomic_int_get(&VSOCK_UPLOAD_POOL(u->pool)->error);
	if (r < 0)
		return r;
	if (gst_buffer_pool_acquire_buffer(u->pool, &buffer, &params) != GST_FLOW_OK)
		return -EAGAIN;
	if (upload_is_ours(gst_buffer_peek_memory(buffer, 0))) {
		*ret = buffer;
		return 0;
	}
	gst_buffer_unref(buffer);
	r = g_atomic_int_get(&VSOCK_UPLOAD_POOL(u->pool)->error);
	return r < 0 ? r : -ENOMEM;
}

int upload_write(struct upload *u, const struct picture *p, GstBuffer *from, GstBuffer **ret)
{
	GstBuffer *buffer = NULL;
	GstMapInfo map;
	int r;

	if ((guint64)picture_copy_stride(p) * picture_copy_rows(p) > HXFR_PIXELS_MAX)
		return -EMSGSIZE;
	r = acquire(u, p, &buffer);
	if (r < 0)
		return r;
	if (gst_memory_map(gst_buffer_peek_memory(buffer, 0), &map, GST_MAP_WRITE)) {
		r = picture_copy(p, from, map.data);
		gst_memory_unmap(map.memory, &map);
	} else {
		r = -EIO;
	}
	if (r < 0) {
		gst_buffer_unref(buffer);
		return r;
	}
	*ret = buffer;
	return 0;
}

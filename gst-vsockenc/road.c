/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "road.h"
#include "resolver.h"
#include "upload.h"

#include <errno.h>
#include <gst/allocators/gstfdmemory.h>

#define BUFFERS_BEYOND_WINDOW 1u /* a frame that left the window is still being finished */

struct roads {
	char *device;
	guint max_in_flight;
	bool upload_wanted, ids_refused;

	/* Each opened when first needed: NULL and 0 before, NULL and -errno when there is none. */
	struct virtgpu *import_gpu, *upload_gpu;
	int import_error, upload_error;
	struct resolver *resolver; /* on import_gpu */
	struct upload *upload;     /* on upload_gpu */
	GstBufferPool *scratch;

	/* Of the last frame: 0, or why it did not take that road. */
	int not_by_id, not_by_upload;
	enum road last;
};

/* The pixels of a request, until they are sent. */
struct body {
	struct link_body link;
	struct pixels pixels;
};

struct roads *roads_new(const struct roads_config *config)
{
	struct roads *r = g_new0(struct roads, 1);

	r->device = g_strdup(config->device);
	r->max_in_flight = config->max_in_flight;
	r->upload_wanted = config->upload;
	return r;
}

void roads_free(struct roads *r)
{
	if (!r)
		return;
	resolver_unref(r->resolver);
	virtgpu_unref(r->import_gpu);
	upload_free(r->upload);
	virtgpu_unref(r->upload_gpu);
	if (r->scratch)
		gst_buffer_pool_set_active(r->scratch, FALSE);
	gst_clear_object(&r->scratch);
	g_free(r->device);
	g_free(r);
}

/* --- devices --- */

static int open_import(struct roads *r)
{
	if (r->import_gpu || r->import_error < 0)
		return r->import_error;

	r->import_error = virtgpu_open(r->device, &r->import_gpu);
	if (r->import_error == 0)
		r->resolver = resolver_virtgpu_new(r->import_gpu);
	return r->import_error;
}

static int open_upload(struct roads *r)
{
	if (!r->upload_wanted)
		return -EPERM;
	if (r->upload_gpu || r->upload_error < 0)
		return r->upload_error;

	r->upload_error = virtgpu_open(r->device, &r->upload_gpu);
	if (r->upload_error == 0 && !virtgpu_is_2d(r->upload_gpu))
		r->upload_error = -EOPNOTSUPP;
	if (r->upload_error == 0)
		r->upload = upload_new(r->upload_gpu, r->max_in_flight + BUFFERS_BEYOND_WINDOW);
	return r->upload_error;
}

/* --- by id --- */

static int load_resource(struct roads *r, GstBuffer *buffer, struct cargo *cargo)
{
	GstMemory *mem = gst_buffer_n_memory(buffer) > 0 ? gst_buffer_peek_memory(buffer, 0) : NULL;
	int error;

	if (!mem || !gst_is_fd_memory(mem))
		return -ENOTSUP;
	if (!picture_fits_resource(&cargo->picture, buffer))
		return -ERANGE;

	cargo->road = ROAD_POOL;
	cargo->tentative = true;
	error = upload_flush(mem, &cargo->resource_id);
	if (error != -ENOTSUP)
		return error;

	error = open_import(r);
	if (error < 0)
		return error;
	cargo->road = ROAD_ID;
	cargo->tentative = virtgpu_is_2d(r->import_gpu);
	return resolver_lookup(r->resolver, mem, &cargo->resource_id);
}

static int load_by_id(struct roads *r, GstBuffer *buffer, struct cargo *cargo)
{
	int error = load_resource(r, buffer, cargo);

	if (error == 0)
		cargo->stride = cargo->picture.planes[0].stride;
	return error;
}

static int load_by_upload(struct roads *r, GstBuffer *buffer, struct cargo *cargo)
{
	int error = open_upload(r);

	if (error == 0)
		error = upload_write(r->upload, &cargo->picture, buffer, &cargo->held);
	if (error == 0)
		error = upload_flush(gst_buffer_peek_memory(cargo->held, 0), &cargo->resource_id);
	if (error < 0) {
		gst_clear_buffer(&cargo->held);
		return error;
	}
	cargo->road = ROAD_UPLOAD;
	cargo->tentative = true;
	cargo->stride = picture_copy_stride(&cargo->picture);
	return 0;
}

/* --- by pixels --- */

static void body_release(struct link_body *link)
{
	struct body *body = (struct body *)link;

	pixels_unmap(&body->pixels);
	g_free(body);
}

static int load_pixels(struct roads *r, GstBuffer *buffer, struct cargo *cargo)
{
	struct body *body = g_new0(struct body, 1);
	int error = pixels_map(&cargo->picture, buffer, &r->scratch, &body->pixels);

	if (error < 0) {
		g_free(body);
		return error;
	}
	body->link.pieces = body->pixels.body;
	body->link.n_pieces = body->pixels.n_body;
	body->link.release = body_release;

	cargo->road = ROAD_PIXELS;
	cargo->resource_id = 0;
	cargo->tentative = false;
	cargo->stride = body->pixels.stride;
	cargo->pixels_size = body->pixels.size;
	cargo->copied = body->pixels.copied;
	cargo->body = &body->link;
	return 0;
}

/* --- the choice --- */

static int load(struct roads *r, GstBuffer *buffer, struct cargo *cargo)
{
	r->not_by_upload = 0;
	r->not_by_id = r->ids_refused ? -EREMOTEIO : load_by_id(r, buffer, cargo);
	if (r->not_by_id == 0)
		return 0;
	r->not_by_upload = r->ids_refused ? -EREMOTEIO : load_by_upload(r, buffer, cargo);
	return r->not_by_upload == 0 ? 0 : load_pixels(r, buffer, cargo);
}

int roads_take(struct roads *r, const GstVideoInfo *info, GstBuffer *buffer, struct cargo *ret)
{
	struct cargo cargo = { 0 };
	int error = picture_init(&cargo.picture, info, buffer);

	if (error == 0)
		error = load(r, buffer, &cargo);
	if (error < 0)
		return error;

	r->last = cargo.road;
	*ret = cargo;
	return 0;
}

void cargo_unload(struct cargo *cargo)
{
	if (cargo->body)
		cargo->body->release(cargo->body);
	cargo->body = NULL;
	gst_clear_buffer(&cargo->held);
}

void roads_refuse_ids(struct roads *r)
{
	r->ids_refused = true;
}

GstBufferPool *roads_offer_pool(struct roads *r)
{
	if (r->ids_refused || open_upload(r) < 0)
		return NULL;
	return upload_pool_new(r->upload_gpu);
}

/* --- words --- */

const char *road_name(enum road road)
{
	static const char *const names[ROAD_COUNT] = {
		[ROAD_ID] = "id",
		[ROAD_POOL] = "pool",
		[ROAD_UPLOAD] = "upload",
		[ROAD_PIXELS] = "pixels",
	};

	return names[road];
}

static const char *why_not_by_id(int error)
{
	switch (-error) {
	case EREMOTEIO:
		return "the host refused resource ids";
	case ENOTSUP:
		return "they are in system memory";
	case ERANGE:
		return "their strides, offsets or crop cannot be said by resource id";
	case ENODEV:
		return "they are in DMA-BUFs of no virtio-gpu of this VM";
	case EINVAL:
		return "their memory is no DMA-BUF, or none of the virtio-gpu";
	default:
		return g_strerror(-error);
	}
}

static const char *why_not_by_upload(int error)
{
	switch (-error) {
	case EPERM:
		return "upload=false";
	case ENODEV:
		return "there is no virtio-gpu node";
	case EOPNOTSUPP:
		return "the virtio-gpu has 3D, whose resources are no plain memory";
	case EAGAIN:
		return "all upload buffers are in flight";
	case EACCES:
		return "the virtio-gpu node may not be opened";
	default:
		return g_strerror(-error);
	}
}

char *roads_explain(const struct roads *r)
{
	switch (r->last) {
	case ROAD_ID:
		return g_strdup("they are virtio-gpu resources");
	case ROAD_POOL:
		return g_strdup(
			"upstream writes them into the virtio-gpu resources it was offered");
	case ROAD_UPLOAD:
		return g_strdup(why_not_by_id(r->not_by_id));
	default:
		if (r->not_by_id == -EREMOTEIO)
			return g_strdup(why_not_by_id(r->not_by_id));
		return g_strdup_printf("%s, and not by upload: %s", why_not_by_id(r->not_by_id),
			why_not_by_upload(r->not_by_upload));
	}
}

bool roads_is_detour(const struct roads *r)
{
	return r->last == ROAD_PIXELS && r->not_by_id != -ENOTSUP && r->not_by_id != -EREMOTEIO;
}

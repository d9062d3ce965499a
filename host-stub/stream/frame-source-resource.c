/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../resource/mirror.h"
#include "cursor.h"
#include "frame-source.h"
#include "scratch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BYTES 4u /* of a pixel of a 2D resource */

struct resource_source {
	struct frame_source base;
	struct mirror *mirror;
	struct stats_counter *stats;
	int wake_fd;
	bool watching;
	struct mirror_pixels mapped;
	struct scratch scratch; /* for a picture with a cursor */
};

/* virtio_gpu_formats, virtio 1.2, 5.7.6.8; in memory order, as DRM has them. */
static const struct {
	uint32_t virtio, fourcc;
	bool opaque;
} formats[] = {
	{ 1, HXFR_FORMAT_AR24, false },  /* B8G8R8A8 */
	{ 2, HXFR_FORMAT_AR24, true },   /* B8G8R8X8 */
	{ 67, HXFR_FORMAT_AB24, false }, /* R8G8B8A8 */
	{ 134, HXFR_FORMAT_AB24, true }, /* R8G8B8X8 */
};

static uint32_t find_format(uint32_t virtio, bool *ret_opaque)
{
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
		if (formats[i].virtio == virtio) {
			*ret_opaque = formats[i].opaque;
			return formats[i].fourcc;
		}
	return 0;
}

static uint32_t own_format(const struct mirror_pixels *pixels)
{
	bool opaque;

	return find_format(pixels->format, &opaque);
}

/* A stride of 0 is the resource's own, as far as a picture of that width can have it. */
static uint32_t choose_stride(const struct mirror_pixels *pixels, const struct picture *picture)
{
	if (picture->format == HXFR_FORMAT_NV12)
		return picture_row_size(picture->width, HXFR_FORMAT_NV12);
	uint32_t width = pixels->width > picture->width ? pixels->width : picture->width;
	return width <= UINT32_MAX / BYTES ? width * BYTES : 0;
}

static int lay_out_request(const struct mirror_pixels *pixels,
	const struct hxfr_frame_request *request, struct picture *ret)
{
	struct picture picture = {
		.width = request->width ? request->width : pixels->width,
		.height = request->height ? request->height : pixels->height,
		.format = request->format ? request->format : own_format(pixels),
		.stride = request->stride,
	};

	int r = picture_check(picture.width, picture.height, picture.format);
	if (r < 0)
		return r;
	if (picture.stride == 0)
		picture.stride = choose_stride(pixels, &picture);
	return picture_lay_out(&picture, pixels->data, pixels->size, ret);
}

/* The part of a 2D resource that a scanout, or a cursor, shows. */
static int lay_out_part(
	const struct mirror_pixels *pixels, const struct mirror_scanout *part, struct picture *ret)
{
	const struct picture picture = {
		.width = part->width,
		.height = part->height,
		.format = own_format(pixels),
		.stride = choose_stride(pixels, &(struct picture){ .width = part->width }),
	};
	uint64_t skipped = (uint64_t)part->y * picture.stride + (uint64_t)part->x * BYTES;

	if ((uint64_t)part->x + part->width > pixels->width ||
		(uint64_t)part->y + part->height > pixels->height || skipped > pixels->size)
		return -EINVAL;
	return picture_lay_out(&picture, pixels->data + skipped, pixels->size - skipped, ret);
}

static int copy_picture(struct resource_source *source, struct picture *picture)
{
	uint32_t row = picture_row_size(picture->width, picture->format);

	int r = scratch_reserve(&source->scratch, (size_t)row * picture->height);
	if (r < 0)
		return r;
	for (uint32_t y = 0; y < picture->height; y++)
		memcpy(source->scratch.data + (size_t)y * row,
			picture->planes[0] + (size_t)y * picture->stride, row);
	picture->planes[0] = source->scratch.data;
	picture->stride = row;
	return 0;
}

static int lay_out_cursor(
	const struct mirror_pixels *pixels, const struct table_cursor *shown, struct cursor *ret)
{
	const struct mirror_scanout part = {
		.width = pixels->width < CURSOR_SIDE ? pixels->width : CURSOR_SIDE,
		.height = pixels->height < CURSOR_SIDE ? pixels->height : CURSOR_SIDE,
	};

	ret->x = shown->x;
	ret->y = shown->y;
	find_format(pixels->format, &ret->opaque);
	return lay_out_part(pixels, &part, &ret->picture);
}

/* A cursor that cannot be drawn is left out. -ENOMEM. */
static int add_cursor(struct resource_source *source, uint32_t scanout, struct picture *picture)
{
	struct table_cursor shown;
	struct mirror_pixels pixels;
	struct cursor cursor;
	int r = 0;

	if (mirror_cursor(source->mirror, scanout, &shown) < 0 ||
		mirror_map_known(source->mirror, shown.id, &pixels) < 0)
		return 0;
	if (lay_out_cursor(&pixels, &shown, &cursor) == 0) {
		r = copy_picture(source, picture);
		if (r == 0)
			cursor_draw(&cursor, picture, source->scratch.data);
	}
	mirror_unmap(source->mirror, &pixels);
	return r;
}

static int map_shown(struct resource_source *source, uint32_t scanout,
	const struct mirror_scanout *shown, struct picture *ret)
{
	struct picture picture;

	int r = mirror_map_known(source->mirror, shown->id, &source->mapped);
	if (r < 0)
		return r;
	r = lay_out_part(&source->mapped, shown, &picture);
	if (r == 0)
		r = add_cursor(source, scanout, &picture);
	if (r < 0)
		mirror_unmap(source->mirror, &source->mapped);
	else
		*ret = picture;
	return r;
}

/* The request may have been faster than what the device says of the screen. */
static int map_console(struct resource_source *source, struct picture *ret)
{
	struct mirror_scanout shown;

	int r = mirror_scanout(source->mirror, 0, &shown);
	if (r < 0) {
		r = mirror_catch_up(source->mirror);
		if (r == 0)
			r = mirror_scanout(source->mirror, 0, &shown);
	}
	return r < 0 ? r : map_shown(source, 0, &shown, ret);
}

static int map_resource(struct resource_source *source, const struct hxfr_frame_request *request,
	struct picture *ret)
{
	int r = mirror_map(source->mirror, request->resource_id, &source->mapped);
	if (r < 0)
		return r;
	r = lay_out_request(&source->mapped, request, ret);
	if (r < 0)
		mirror_unmap(source->mirror, &source->mapped);
	return r;
}

static int resource_map(struct frame_source *base, const struct hxfr_frame_request *request,
	bool pixels, struct picture *ret)
{
	struct resource_source *source = (struct resource_source *)base;

	(void)pixels;
	int r = request->resource_id == 0 ? map_console(source, ret)
					  : map_resource(source, request, ret);
	if (r == 0)
		stats_add(source->stats, frames_resource, 1);
	else if (r == -ENOENT)
		stats_add(source->stats, unknown_resources, 1);
	return r;
}

static void resource_unmap(struct frame_source *base)
{
	struct resource_source *source = (struct resource_source *)base;

	mirror_unmap(source->mirror, &source->mapped);
	scratch_trim(&source->scratch);
}

static void resource_destroy(struct frame_source *base)
{
	struct resource_source *source = (struct resource_source *)base;

	if (source->watching)
		mirror_unwatch(source->mirror, source->wake_fd);
	scratch_finish(&source->scratch);
	free(source);
}

/* Screens are plugged in when the virtual machine starts. */
static int resource_enable(struct frame_source *base, const struct hxfr_enable_scanout *wanted)
{
	struct resource_source *source = (struct resource_source *)base;
	struct mirror_scanout shown;

	if (wanted->scanout_id == 0)
		return -EINVAL;
	return mirror_scanout(source->mirror, wanted->scanout_id, &shown) < 0 ? -EINVAL : 0;
}

static void resource_disable(struct frame_source *base, uint32_t scanout)
{
	(void)base;
	(void)scanout;
}

/* One that shows nothing may do so later: when the guest has booted, or its device came again. */
static int resource_next(struct frame_source *base, uint32_t scanout,
	const struct scanout_position *position, int64_t *ret_due_us)
{
	struct resource_source *source = (struct resource_source *)base;
	struct mirror_scanout shown;

	if (scanout >= RESOURCE_SCANOUTS_MAX)
		return -ENOENT;
	int r = source->watching ? 0 : mirror_watch(source->mirror, source->wake_fd);
	if (r < 0)
		return r;
	source->watching = true;
	bool changed = mirror_scanout(source->mirror, scanout, &shown) == 0 &&
		       shown.serial != position->serial;
	*ret_due_us = changed ? position->due_us : INT64_MAX;
	return 0;
}

static int resource_map_scanout(struct frame_source *base, uint32_t scanout, int64_t pts,
	bool pixels, struct scanout_position *position, struct picture *ret)
{
	struct resource_source *source = (struct resource_source *)base;
	struct mirror_scanout shown;

	(void)pts;
	(void)pixels;
	int r = mirror_scanout(source->mirror, scanout, &shown);
	if (r == 0)
		r = map_shown(source, scanout, &shown, ret);
	if (r == 0)
		*position = (struct scanout_position){ .serial = shown.serial };
	return r;
}

static const struct frame_scanouts_impl resource_scanouts = {
	.waits = true,
	.pending_max = 1,
	.enable = resource_enable,
	.disable = resource_disable,
	.next = resource_next,
	.map = resource_map_scanout,
};

static const struct frame_source_impl resource_impl = {
	.name = "resources of the guest",
	.map = resource_map,
	.unmap = resource_unmap,
	.destroy = resource_destroy,
	.scanouts = &resource_scanouts,
};

int frame_source_resource_new(
	struct mirror *mirror, struct stats_counter *stats, int wake_fd, struct frame_source **ret)
{
	struct resource_source *source = calloc(1, sizeof *source);
	if (!source)
		return -ENOMEM;
	source->base.impl = &resource_impl;
	source->mirror = mirror;
	source->stats = stats;
	source->wake_fd = wake_fd;
	*ret = &source->base;
	return 0;
}

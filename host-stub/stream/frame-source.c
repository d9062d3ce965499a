/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "frame-source.h"

#include "pattern.h"
#include "scratch.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define PENDING_MAX 8u /* frames of a scanout in its encoder; beyond, some are lost */
#define SECOND_US   1000000

static int inline_map(struct frame_source *source, const struct hxfr_frame_request *request,
	bool pixels, struct picture *ret)
{
	(void)source;
	(void)pixels;
	return request->pixels ? picture_from_request(request, ret) : -ENOENT;
}

static void inline_unmap(struct frame_source *source)
{
	(void)source;
}

static void inline_destroy(struct frame_source *source)
{
	free(source);
}

static const struct frame_source_impl inline_impl = {
	.name = "inline pixels",
	.map = inline_map,
	.unmap = inline_unmap,
	.destroy = inline_destroy,
};

int frame_source_inline_new(struct frame_source **ret)
{
	struct frame_source *source = calloc(1, sizeof *source);
	if (!source)
		return -ENOMEM;
	source->impl = &inline_impl;
	*ret = source;
	return 0;
}

struct pattern_source {
	struct frame_source base;
	struct scanout_table *scanouts;
	bool every_id;
	struct scratch scratch;
};

static int draw(
	struct pattern_source *source, const struct pattern_code *code, struct picture *picture)
{
	uint32_t rows = picture_rows(picture->height, picture->format);

	int r = scratch_reserve(&source->scratch, (size_t)picture->stride * rows);
	if (r < 0)
		return r;
	struct pattern_canvas canvas = {
		.width = picture->width,
		.height = picture->height,
		.format = picture->format,
		.stride = picture->stride,
		.pixels = source->scratch.data,
	};
	pattern_draw(&canvas, code);
	picture->planes[0] = canvas.pixels;
	if (picture->format == HXFR_FORMAT_NV12)
		picture->planes[1] = canvas.pixels + (size_t)picture->stride * picture->height;
	return 0;
}

static int make_up(struct pattern_source *source, const struct pattern_code *code, bool pixels,
	struct picture picture, struct picture *ret)
{
	int r = picture_check(picture.width, picture.height, picture.format);
	if (r < 0)
		return r;
	picture.stride = picture_row_size(picture.width, picture.format);
	r = pixels ? draw(source, code, &picture) : 0;
	if (r == 0)
		*ret = picture;
	return r;
}

/* WIRE: id 0 without pixels is what scanout 0 shows now; a request may leave the size to it. */
static void fill_console(
	struct pattern_source *source, uint32_t resource_id, struct picture *picture)
{
	struct scanout console;

	if (resource_id != 0 || picture->width || picture->height || !source->scanouts ||
		scanout_get(source->scanouts, 0, &console) < 0)
		return;
	picture->width = console.width;
	picture->height = console.height;
	if (picture->format == 0)
		picture->format = HXFR_FORMAT_AR24;
}

static int pattern_map(struct frame_source *base, const struct hxfr_frame_request *request,
	bool pixels, struct picture *ret)
{
	struct pattern_source *source = (struct pattern_source *)base;
	const struct pattern_code code = { .id = request->resource_id, .pts = request->pts };
	struct picture picture = {
		.width = request->width,
		.height = request->height,
		.format = request->format,
	};

	if (request->resource_id != 0 && !source->every_id)
		return -ENODEV;
	fill_console(source, request->resource_id, &picture);
	return make_up(source, &code, pixels, picture, ret);
}

static void pattern_unmap(struct frame_source *base)
{
	scratch_trim(&((struct pattern_source *)base)->scratch);
}

static void pattern_destroy(struct frame_source *base)
{
	struct pattern_source *source = (struct pattern_source *)base;

	scratch_finish(&source->scratch);
	free(source);
}

static int find_scanout(struct frame_source *base, uint32_t id, struct scanout *ret)
{
	struct pattern_source *source = (struct pattern_source *)base;

	return source->scanouts ? scanout_get(source->scanouts, id, ret) : -ENOENT;
}

static int pattern_enable(struct frame_source *base, const struct hxfr_enable_scanout *wanted)
{
	struct pattern_source *source = (struct pattern_source *)base;

	return source->scanouts ? scanout_enable(source->scanouts, wanted) : -EINVAL;
}

static void pattern_disable(struct frame_source *base, uint32_t id)
{
	struct pattern_source *source = (struct pattern_source *)base;

	if (source->scanouts)
		scanout_disable(source->scanouts, id);
}

static int pattern_next(struct frame_source *source, uint32_t id,
	const struct scanout_position *position, int64_t *ret_due_us)
{
	struct scanout scanout;

	int r = find_scanout(source, id, &scanout);
	if (r == 0)
		*ret_due_us = position->due_us;
	return r;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

static int pattern_map_scanout(struct frame_source *base, uint32_t id, int64_t pts, bool pixels,
	struct scanout_position *position, struct picture *ret)
{
	struct pattern_source *source = (struct pattern_source *)base;
	const struct pattern_code code = { .id = id, .pts = pts };
	struct scanout scanout;

	int r = find_scanout(base, id, &scanout);
	if (r < 0)
		return r;
	int64_t now = now_us();
	int64_t due_us = position->due_us ? position->due_us : now;
	due_us += SECOND_US / scanout.refresh_hz;
	position->due_us = due_us > now ? due_us : now;
	const struct picture picture = {
		.width = scanout.width,
		.height = scanout.height,
		.format = HXFR_FORMAT_NV12,
	};
	return make_up(source, &code, pixels, picture, ret);
}

static const struct frame_scanouts_impl pattern_scanouts = {
	.pending_max = PENDING_MAX,
	.enable = pattern_enable,
	.disable = pattern_disable,
	.next = pattern_next,
	.map = pattern_map_scanout,
};

static const struct frame_source_impl pattern_impl = {
	.name = "pattern",
	.map = pattern_map,
	.unmap = pattern_unmap,
	.destroy = pattern_destroy,
	.scanouts = &pattern_scanouts,
};

int frame_source_pattern_new(
	struct scanout_table *scanouts, bool every_id, struct frame_source **ret)
{
	struct pattern_source *source = calloc(1, sizeof *source);
	if (!source)
		return -ENOMEM;
	source->base.impl = &pattern_impl;
	source->scanouts = scanouts;
	source->every_id = every_id;
	*ret = &source->base;
	return 0;
}

void frame_source_destroy(struct frame_source *source)
{
	if (source)
		source->impl->destroy(source);
}

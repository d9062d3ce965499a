/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "frame-source.h"

#include "pattern.h"

#include <errno.h>
#include <stdlib.h>

#define PATTERN_KEEP_MAX ((size_t)40 * 1024 * 1024) /* bytes kept for the next picture: 4K AR24 */

struct pattern_source {
	struct frame_source base;
	uint8_t *pixels;
	size_t size;
};

static int inline_map(
	struct frame_source *source, const struct hxfr_frame_request *request, struct picture *ret)
{
	(void)source;
	return request->pixels ? picture_from_request(request, ret) : -ENOENT;
}

static void no_unmap(struct frame_source *source, const struct picture *picture)
{
	(void)source;
	(void)picture;
}

static void inline_destroy(struct frame_source *source)
{
	free(source);
}

static const struct frame_source_impl inline_impl = {
	.name = "inline pixels",
	.map = inline_map,
	.unmap = no_unmap,
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

static int reserve(struct pattern_source *source, size_t size)
{
	if (size <= source->size)
		return 0;
	uint8_t *pixels = realloc(source->pixels, size);
	if (!pixels)
		return -ENOMEM;
	source->pixels = pixels;
	source->size = size;
	return 0;
}

static int pattern_map(
	struct frame_source *base, const struct hxfr_frame_request *request, struct picture *ret)
{
	struct pattern_source *source = (struct pattern_source *)base;

	int r = picture_check(request->width, request->height, request->format);
	if (r < 0)
		return r;
	uint32_t stride = picture_row_size(request->width, request->format);
	r = reserve(source, (size_t)stride * picture_rows(request->height, request->format));
	if (r < 0)
		return r;
	struct pattern_canvas canvas = {
		.width = request->width,
		.height = request->height,
		.format = request->format,
		.stride = stride,
		.pixels = source->pixels,
	};
	pattern_draw(
		&canvas, &(struct pattern_code){ .id = request->resource_id, .pts = request->pts });
	*ret = (struct picture){
		.width = request->width,
		.height = request->height,
		.format = request->format,
		.stride = stride,
		.planes = { source->pixels,
			request->format == HXFR_FORMAT_NV12
				? source->pixels + (size_t)stride * request->height
				: NULL },
	};
	return 0;
}

/* Every client has a source: what a single huge picture took is not kept for its life. */
static void pattern_unmap(struct frame_source *base, const struct picture *picture)
{
	struct pattern_source *source = (struct pattern_source *)base;

	(void)picture;
	if (source->size <= PATTERN_KEEP_MAX)
		return;
	free(source->pixels);
	source->pixels = NULL;
	source->size = 0;
}

static void pattern_destroy(struct frame_source *base)
{
	struct pattern_source *source = (struct pattern_source *)base;
	free(source->pixels);
	free(source);
}

static const struct frame_source_impl pattern_impl = {
	.name = "pattern",
	.synthetic = true,
	.map = pattern_map,
	.unmap = pattern_unmap,
	.destroy = pattern_destroy,
};

int frame_source_pattern_new(struct frame_source **ret)
{
	struct pattern_source *source = calloc(1, sizeof *source);
	if (!source)
		return -ENOMEM;
	source->base.impl = &pattern_impl;
	*ret = &source->base;
	return 0;
}

void frame_source_destroy(struct frame_source *source)
{
	if (source)
		source->impl->destroy(source);
}

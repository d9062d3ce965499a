/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "screen-format.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <glib.h>
#include <spa/buffer/meta.h>
#include <spa/param/buffers.h>
#include <spa/param/param.h>
#include <string.h>

#define BUFFERS     4
#define BUFFERS_MIN 2
#define BUFFERS_MAX 8

static const struct {
	const char *name;
	enum spa_video_format format;
} formats[] = {
	{ "BGRx", SPA_VIDEO_FORMAT_BGRx },
	{ "BGRA", SPA_VIDEO_FORMAT_BGRA },
	{ "NV12", SPA_VIDEO_FORMAT_NV12 },
};

int screen_format_parse(const char *name, enum spa_video_format *ret)
{
	for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
		if (strcmp(formats[i].name, name) == 0) {
			*ret = formats[i].format;
			return 0;
		}
	return -EINVAL;
}

int screen_modifier_parse(const char *text, uint64_t *ret)
{
	guint64 number;

	if (strcmp(text, "linear") == 0)
		*ret = DRM_FORMAT_MOD_LINEAR;
	else if (strcmp(text, "invalid") == 0)
		*ret = DRM_FORMAT_MOD_INVALID;
	else if (g_ascii_string_to_unsigned(text, 0, 0, G_MAXUINT64, &number, NULL))
		*ret = number;
	else
		return -EINVAL;
	return 0;
}

uint32_t screen_format_words(const struct screen_format *f)
{
	return f->format == SPA_VIDEO_FORMAT_NV12 ? f->width / 4 : f->width;
}

uint32_t screen_format_rows(const struct screen_format *f)
{
	return f->format == SPA_VIDEO_FORMAT_NV12 ? f->height + f->height / 2 : f->height;
}

struct spa_pod *screen_format_offer(struct spa_pod_builder *b, const struct screen_format *f)
{
	struct spa_rectangle size = SPA_RECTANGLE(f->width, f->height);
	struct spa_fraction rate = SPA_FRACTION(f->rate, 1);
	struct spa_pod_frame frame;

	spa_pod_builder_push_object(b, &frame, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat);
	spa_pod_builder_add(b, SPA_FORMAT_mediaType, SPA_POD_Id(SPA_MEDIA_TYPE_video),
		SPA_FORMAT_mediaSubtype, SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw), SPA_FORMAT_VIDEO_format,
		SPA_POD_Id(f->format), 0);
	if (f->has_modifier) {
		spa_pod_builder_prop(b, SPA_FORMAT_VIDEO_modifier, SPA_POD_PROP_FLAG_MANDATORY);
		spa_pod_builder_long(b, (int64_t)f->modifier);
	}
	spa_pod_builder_add(b, SPA_FORMAT_VIDEO_size, SPA_POD_Rectangle(&size),
		SPA_FORMAT_VIDEO_framerate, SPA_POD_Fraction(&rate), 0);
	return spa_pod_builder_pop(b, &frame);
}

struct spa_pod *screen_format_buffers(
	struct spa_pod_builder *b, const struct screen_format *f, uint32_t data_type)
{
	int stride = (int)screen_format_words(f) * 4;

	return spa_pod_builder_add_object(b, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers,
		SPA_PARAM_BUFFERS_buffers,
		SPA_POD_CHOICE_RANGE_Int(BUFFERS, BUFFERS_MIN, BUFFERS_MAX),
		SPA_PARAM_BUFFERS_blocks, SPA_POD_Int(1), SPA_PARAM_BUFFERS_size,
		SPA_POD_Int(stride * (int)screen_format_rows(f)), SPA_PARAM_BUFFERS_stride,
		SPA_POD_Int(stride), SPA_PARAM_BUFFERS_dataType,
		SPA_POD_CHOICE_FLAGS_Int(1 << data_type));
}

struct spa_pod *screen_format_meta(struct spa_pod_builder *b)
{
	return spa_pod_builder_add_object(b, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta,
		SPA_PARAM_META_type, SPA_POD_Id(SPA_META_Header), SPA_PARAM_META_size,
		SPA_POD_Int(sizeof(struct spa_meta_header)));
}

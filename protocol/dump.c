/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <hxfr/error.h>
#include <hxfr/messages.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct line {
	char *text;
	size_t size, used; /* used < size: snprintf() truncates */
};

__attribute__((format(printf, 2, 3))) static void add(struct line *l, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(l->text + l->used, l->size - l->used, format, ap);
	va_end(ap);
	if (n > 0)
		l->used += (size_t)n < l->size - l->used ? (size_t)n : l->size - l->used - 1;
}

static char printable(char c)
{
	return c >= ' ' && c <= '~' ? c : '?';
}

static void add_text(struct line *l, const char *text)
{
	for (; *text; text++)
		add(l, "%c", printable(*text));
}

static void add_fourcc(struct line *l, uint32_t fourcc)
{
	for (int i = 0; i < 4; i++)
		add(l, "%c", printable((char)(fourcc >> (8 * i))));
}

static void dump_frame_request(struct line *l, const struct hxfr_message *m)
{
	const struct hxfr_frame_request *p = &m->frame_request;

	add(l, " resource=%" PRIu32 " size=%" PRIu32 "x%" PRIu32 " format=", p->resource_id,
		p->width, p->height);
	add_fourcc(l, p->format);
	add(l, " stride=%" PRIu32 " pts=%" PRId64 " duration=%" PRId64 " keyframe=%d pixels=%zu",
		p->stride, p->pts, p->duration, p->force_keyframe, p->pixels_size);
}

static void dump_frame_response(struct line *l, const struct hxfr_message *m)
{
	const struct hxfr_frame_response *p = &m->frame_response;

	add(l, " pts=%" PRId64 " dts=%" PRId64 " keyframe=%d nals=%" PRIu32 " bytes=%zu", p->pts,
		p->dts, p->is_keyframe, p->nal_count, p->nals_size);
}

static void dump_config(struct line *l, const struct hxfr_message *m)
{
	const struct hxfr_config *p = &m->config;

	add(l, " size=%" PRIu32 "x%" PRIu32 " bitrate=%" PRIu32 " framerate=%" PRIu32 "/%" PRIu32,
		p->width, p->height, p->bitrate, p->framerate_num, p->framerate_den);
	add(l, " profile=%u level=%u realtime=%u", p->profile, p->level, p->realtime);
}

static void dump_enable_scanout(struct line *l, const struct hxfr_message *m)
{
	const struct hxfr_enable_scanout *p = &m->enable_scanout;

	add(l, " scanout=%" PRIu32 " size=%" PRIu32 "x%" PRIu32 " refresh=%" PRIu32, p->scanout_id,
		p->width, p->height, p->refresh_hz);
}

static void dump_scanout_id(struct line *l, const struct hxfr_message *m)
{
	add(l, " scanout=%" PRIu32, m->scanout_id);
}

static void dump_scanout_resp(struct line *l, const struct hxfr_message *m)
{
	add(l, " scanout=%" PRIu32 " success=%d connector=\"", m->scanout_resp.scanout_id,
		m->scanout_resp.success);
	add_text(l, m->scanout_resp.connector);
	add(l, "\"");
}

static void dump_subscribe_resp(struct line *l, const struct hxfr_message *m)
{
	add(l, " scanout=%" PRIu32 " success=%d", m->subscribe_resp.scanout_id,
		m->subscribe_resp.success);
}

static void dump_hello(struct line *l, const struct hxfr_message *m)
{
	add(l, " version=%" PRIu32 " features=0x%" PRIx32, m->hello.version, m->hello.features);
}

static void dump_error(struct line *l, const struct hxfr_message *m)
{
	add(l, " code=%" PRId32 " (%s) message=\"", m->error.code, hxfr_code_name(m->error.code));
	add_text(l, m->error.message);
	add(l, "\"");
}

/* Types without an entry have no payload to show. */
static void (*const dumps[UINT8_MAX + 1])(struct line *l, const struct hxfr_message *m) = {
	[HXFR_FRAME_REQUEST] = dump_frame_request,
	[HXFR_FRAME_RESPONSE] = dump_frame_response,
	[HXFR_CONFIG_REQ] = dump_config,
	[HXFR_CONFIG_RESP] = dump_config,
	[HXFR_ENABLE_SCANOUT] = dump_enable_scanout,
	[HXFR_DISABLE_SCANOUT] = dump_scanout_id,
	[HXFR_SCANOUT_RESP] = dump_scanout_resp,
	[HXFR_SUBSCRIBE] = dump_scanout_id,
	[HXFR_SUBSCRIBE_RESP] = dump_subscribe_resp,
	[HXFR_HELLO] = dump_hello,
	[HXFR_HELLO_RESP] = dump_hello,
	[HXFR_ERROR] = dump_error,
};

void hxfr_message_dump(const struct hxfr_message *m, char *ret, size_t size)
{
	struct line l = { .text = ret, .size = size };

	if (size == 0)
		return;
	add(&l, "%s session=%u", hxfr_type_name(m->header.type), m->header.session_id);
	if (dumps[m->header.type])
		dumps[m->header.type](&l, m);
}

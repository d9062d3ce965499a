/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "edid.h"

#include <errno.h>
#include <hxfr/wire.h>
#include <stdio.h>
#include <string.h>

#define MODEL_YEAR 2026u

/* VESA CVT 1.2, 3.4.2: reduced blanking. */
#define H_BLANK      160u
#define H_FRONT      48u
#define H_SYNC       32u
#define V_FRONT      3u
#define V_BACK_MIN   6u
#define V_BLANK_US   460u
#define BLANK_MAX    4095u
#define CLOCK_HZ     10000u /* unit of the pixel clock */
#define CLOCK_MIN    100u   /* steps of it are a half percent of the refresh rate there */
#define CLOCK_MAX    65535u
#define TEXT_SIZE    13u /* of a display descriptor */
#define TAG_DUMMY    0x10
#define TAG_NAME     0xfc
#define TAG_SERIAL   0xff
#define SYNC_DIGITAL 0x1a /* digital separate, hsync positive, vsync negative */

struct timing {
	uint32_t clock; /* CLOCK_HZ */
	uint32_t v_blank, v_sync;
};

/* CVT tells aspect ratios apart by the width of the vertical sync. */
static uint32_t v_sync_of(uint32_t width, uint32_t height)
{
	static const struct {
		uint32_t width, height, lines;
	} ratios[] = {
		{ 4, 3, 4 },
		{ 16, 9, 5 },
		{ 16, 10, 6 },
		{ 5, 4, 7 },
		{ 15, 9, 7 },
	};

	for (size_t i = 0; i < sizeof ratios / sizeof ratios[0]; i++) {
		if (width * ratios[i].height == height * ratios[i].width)
			return ratios[i].lines;
	}
	return 10;
}

static int make_timing(const struct edid_mode *mode, struct timing *ret)
{
	uint32_t field_us, least;
	struct timing t;
	uint64_t clock;

	if (mode->width == 0 || mode->width > EDID_SIDE_MAX || mode->height == 0 ||
		mode->height > EDID_SIDE_MAX || mode->refresh_hz == 0 ||
		mode->refresh_hz > EDID_HZ_MAX)
		return -ERANGE;
	/* As many lines as take V_BLANK_US when height lines take the rest of the field. */
	field_us = 1000000 / mode->refresh_hz;
	t.v_sync = v_sync_of(mode->width, mode->height);
	t.v_blank = V_BLANK_US * mode->height / (field_us - V_BLANK_US) + 1;
	least = V_FRONT + t.v_sync + V_BACK_MIN;
	if (t.v_blank < least)
		t.v_blank = least;
	clock = (uint64_t)(mode->width + H_BLANK) * (mode->height + t.v_blank) * mode->refresh_hz;
	clock = (clock + CLOCK_HZ / 2) / CLOCK_HZ;
	if (t.v_blank > BLANK_MAX || clock < CLOCK_MIN || clock > CLOCK_MAX)
		return -ERANGE;
	t.clock = (uint32_t)clock;
	*ret = t;
	return 0;
}

static uint32_t millimetres(uint32_t pixels)
{
	return (pixels * 254 + 480) / 960;
}

static uint8_t high_nibbles(uint32_t a, uint32_t b)
{
	return (uint8_t)((a >> 8) << 4 | b >> 8);
}

/* 3.10.2, detailed timing descriptor */
static void write_timing(
	struct hxfr_writer *w, const struct edid_mode *mode, const struct timing *t)
{
	uint32_t mm_w = millimetres(mode->width), mm_h = millimetres(mode->height);

	hxfr_writer_u16(w, (uint16_t)t->clock);
	hxfr_writer_u8(w, (uint8_t)mode->width);
	hxfr_writer_u8(w, (uint8_t)H_BLANK);
	hxfr_writer_u8(w, high_nibbles(mode->width, H_BLANK));
	hxfr_writer_u8(w, (uint8_t)mode->height);
	hxfr_writer_u8(w, (uint8_t)t->v_blank);
	hxfr_writer_u8(w, high_nibbles(mode->height, t->v_blank));
	hxfr_writer_u8(w, H_FRONT);
	hxfr_writer_u8(w, H_SYNC);
	hxfr_writer_u8(w, (uint8_t)(V_FRONT << 4 | t->v_sync));
	hxfr_writer_u8(w, 0); /* high bits of those four */
	hxfr_writer_u8(w, (uint8_t)mm_w);
	hxfr_writer_u8(w, (uint8_t)mm_h);
	hxfr_writer_u8(w, high_nibbles(mm_w, mm_h));
	hxfr_writer_zero(w, 2); /* borders */
	hxfr_writer_u8(w, SYNC_DIGITAL);
}

/* 3.10.3, display descriptor; text is ended by a newline and padded with blanks. */
static void write_text(struct hxfr_writer *w, uint8_t tag, const char *text)
{
	size_t n = strlen(text);

	hxfr_writer_zero(w, 3);
	hxfr_writer_u8(w, tag);
	hxfr_writer_u8(w, 0);
	hxfr_writer_bytes(w, text, n);
	if (n < TEXT_SIZE)
		hxfr_writer_u8(w, '\n');
	while (++n < TEXT_SIZE)
		hxfr_writer_u8(w, ' ');
}

/* 3.8, established timings */
static uint8_t established(const struct edid_mode *mode, uint32_t width, uint32_t height, int bit)
{
	return mode->width >= width && mode->height >= height ? (uint8_t)(1u << bit) : 0;
}

static void write_identity(struct hxfr_writer *w, unsigned number)
{
	static const uint8_t magic[] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
	const uint16_t maker = ('H' - '@') << 10 | ('L' - '@') << 5 | ('X' - '@');

	hxfr_writer_bytes(w, magic, sizeof magic);
	hxfr_writer_u8(w, maker >> 8); /* the only number of an EDID that is big-endian */
	hxfr_writer_u8(w, maker & 0xff);
	hxfr_writer_u16(w, 1); /* product */
	hxfr_writer_u32(w, number);
	hxfr_writer_u8(w, 0xff); /* no week of manufacture, but a year of the model */
	hxfr_writer_u8(w, MODEL_YEAR - 1990);
	hxfr_writer_u8(w, 1);
	hxfr_writer_u8(w, 4);
}

static void write_features(struct hxfr_writer *w, const struct edid_mode *mode)
{
	/* 3.7: red, green, blue and white of sRGB */
	static const uint8_t srgb[] = { 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50,
		0x54 };

	hxfr_writer_u8(w, 0xa0); /* digital, 8 bits a colour, interface unknown */
	hxfr_writer_u8(w, (uint8_t)((millimetres(mode->width) + 5) / 10));
	hxfr_writer_u8(w, (uint8_t)((millimetres(mode->height) + 5) / 10));
	hxfr_writer_u8(w, 120);  /* gamma 2.2 */
	hxfr_writer_u8(w, 0x06); /* sRGB, the preferred timing is the native one */
	hxfr_writer_bytes(w, srgb, sizeof srgb);
	hxfr_writer_u8(w, established(mode, 640, 480, 5) | established(mode, 800, 600, 0));
	hxfr_writer_u8(w, established(mode, 1024, 768, 3));
	hxfr_writer_u8(w, 0);
	for (int i = 0; i < 16; i++)
		hxfr_writer_u8(w, 1); /* no standard timings */
}

int edid_make(const struct edid_mode *mode, unsigned number, uint8_t ret[EDID_SIZE])
{
	char name[TEXT_SIZE + 1], serial[TEXT_SIZE + 1];
	uint8_t edid[EDID_SIZE], sum = 0;
	struct hxfr_writer w;
	struct timing timing;
	int r = make_timing(mode, &timing);

	if (r < 0)
		return r;
	snprintf(name, sizeof name, "Helix %u", number);
	snprintf(serial, sizeof serial, "%u", number);
	hxfr_writer_init(&w, edid, sizeof edid);
	write_identity(&w, number);
	write_features(&w, mode);
	write_timing(&w, mode, &timing);
	write_text(&w, TAG_NAME, name);
	write_text(&w, TAG_SERIAL, serial);
	hxfr_writer_zero(&w, 3);
	hxfr_writer_u8(&w, TAG_DUMMY);
	hxfr_writer_zero(&w, 14);
	hxfr_writer_u8(&w, 0); /* no extension blocks */
	for (size_t i = 0; i < w.pos; i++)
		sum += edid[i];
	hxfr_writer_u8(&w, (uint8_t)-sum);
	memcpy(ret, edid, sizeof edid);
	return 0;
}

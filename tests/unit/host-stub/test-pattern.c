/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pattern.h"
#include "picture.h"
#include "suite.h"

#include <errno.h>
#include <string.h>

#define NOISE 60 /* of 255, each way */

struct drawn {
	struct pattern_canvas canvas;
	uint8_t *luma; /* width x height, tight */
};

static const struct {
	uint32_t width, height;
} sizes[] = { { 320, 240 }, { 256, 128 }, { 333, 241 }, { 640, 480 }, { 641, 361 }, { 1280, 720 },
	{ 1366, 768 }, { 1920, 1080 }, { 3840, 2160 } };

static const uint32_t formats[] = { HXFR_FORMAT_AR24, HXFR_FORMAT_AB24, HXFR_FORMAT_NV12 };

static uint8_t grey(const struct pattern_canvas *c, uint32_t x, uint32_t y)
{
	const uint8_t *row = c->pixels + (size_t)y * c->stride;

	if (c->format == HXFR_FORMAT_NV12)
		return row[x];
	return (uint8_t)((row[4 * x] + 2 * row[4 * x + 1] + row[4 * x + 2]) / 4);
}

static struct drawn draw(
	uint32_t width, uint32_t height, uint32_t format, const struct pattern_code *code)
{
	uint32_t stride = picture_row_size(width, format) + 16;
	size_t size = (size_t)stride * picture_rows(height, format);
	struct drawn d = { .canvas = { width, height, format, stride, malloc(size) } };

	memset(d.canvas.pixels, 0x77, size);
	pattern_draw(&d.canvas, code);
	d.luma = malloc((size_t)width * height);
	for (uint32_t y = 0; y < height; y++)
		for (uint32_t x = 0; x < width; x++)
			d.luma[(size_t)y * width + x] = grey(&d.canvas, x, y);
	return d;
}

static void release(struct drawn *d)
{
	free(d->canvas.pixels);
	free(d->luma);
}

static void add_noise(uint8_t *luma, size_t n)
{
	uint32_t state = 1;

	for (size_t i = 0; i < n; i++) {
		state = state * 1664525u + 1013904223u;
		int v = luma[i] + (int)(state >> 16) % (2 * NOISE) - NOISE;
		luma[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
	}
}

START_TEST(every_size_and_format_reads_back_through_noise)
{
	struct pattern_code code = { 0xdeadbeef, 0x0123456789abcdef }, read;

	for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++)
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
			uint32_t w = sizes[i].width, h = sizes[i].height;
			struct drawn d = draw(w, h, formats[f], &code);
			add_noise(d.luma, (size_t)w * h);
			read = (struct pattern_code){ 0 };
			ck_assert_msg(pattern_read(d.luma, w, w, h, &read) == 0, "%ux%u %s", w, h,
				picture_format_name(formats[f]));
			ck_assert_uint_eq(read.id, code.id);
			ck_assert_int_eq(read.pts, code.pts);
			release(&d);
		}
}
END_TEST

START_TEST(extreme_codes_read_back)
{
	const struct pattern_code codes[] = { { 0, 0 }, { UINT32_MAX, -1 }, { 1, INT64_MIN },
		{ 2, INT64_MAX } };
	struct pattern_code read;

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		struct drawn d = draw(320, 240, HXFR_FORMAT_NV12, &codes[i]);
		ck_assert_int_eq(pattern_read(d.luma, 320, 320, 240, &read), 0);
		ck_assert_uint_eq(read.id, codes[i].id);
		ck_assert_int_eq(read.pts, codes[i].pts);
		release(&d);
	}
}
END_TEST

START_TEST(an_encoder_that_rounds_odd_sides_up_does_not_disturb)
{
	struct pattern_code code = { 5, 6 }, read;
	struct drawn d = draw(641, 361, HXFR_FORMAT_NV12, &code);
	uint8_t *padded = calloc(642, 362);

	for (uint32_t y = 0; y < 361; y++)
		memcpy(padded + (size_t)y * 642, d.luma + (size_t)y * 641, 641);
	ck_assert_int_eq(pattern_read(padded, 642, 642, 362, &read), 0);
	ck_assert_uint_eq(read.id, 5);
	free(padded);
	release(&d);
}
END_TEST

START_TEST(a_picture_without_pattern_is_not_read)
{
	struct pattern_code poison = { 7, 8 };
	uint8_t *luma = malloc(640 * 480);

	for (int v = 0; v < 256; v += 51) {
		memset(luma, v, 640 * 480);
		ck_assert_int_eq(pattern_read(luma, 640, 640, 480, &poison), -EBADMSG);
	}
	ck_assert_uint_eq(poison.id, 7);
	free(luma);
}
END_TEST

START_TEST(a_picture_too_small_for_the_grid_is_drawn_and_not_read)
{
	struct pattern_code code = { 1, 2 }, poison = { 7, 8 };

	for (uint32_t side = 1; side < 128; side++) {
		struct drawn d = draw(side, side, HXFR_FORMAT_NV12, &code);
		ck_assert_int_eq(pattern_read(d.luma, side, side, side, &poison), -ERANGE);
		release(&d);
	}
	ck_assert_uint_eq(poison.id, 7);
}
END_TEST

START_TEST(the_padding_of_rows_is_left_alone)
{
	struct pattern_code code = { 1, 2 };

	for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
		struct drawn d = draw(322, 241, formats[f], &code);
		uint32_t row = picture_row_size(322, formats[f]);
		for (uint32_t y = 0; y < picture_rows(241, formats[f]); y++)
			for (uint32_t x = row; x < d.canvas.stride; x++)
				ck_assert_uint_eq(
					d.canvas.pixels[(size_t)y * d.canvas.stride + x], 0x77);
		release(&d);
	}
}
END_TEST

START_TEST(the_bars_move)
{
	struct drawn a = draw(640, 360, HXFR_FORMAT_AR24, &(struct pattern_code){ 1, 0 });
	struct drawn b = draw(640, 360, HXFR_FORMAT_AR24, &(struct pattern_code){ 1, 33333333 });

	ck_assert_int_ne(memcmp(a.luma, b.luma, 640), 0);
	release(&a);
	release(&b);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_size_and_format_reads_back_through_noise,
		extreme_codes_read_back,
		an_encoder_that_rounds_odd_sides_up_does_not_disturb,
		a_picture_without_pattern_is_not_read,
		a_picture_too_small_for_the_grid_is_drawn_and_not_read,
		the_padding_of_rows_is_left_alone,
		the_bars_move,
		NULL,
	};
	return suite_run("pattern", tests);
}

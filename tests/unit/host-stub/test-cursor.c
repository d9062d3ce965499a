/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cursor.h"
#include "suite.h"

#include <limits.h>

#define SIDE   4u /* of the canvas, pixels */
#define STRIDE 16u
#define GUARD  STRIDE /* bytes in front of and behind it */

static uint8_t buffer[GUARD + SIDE * STRIDE + GUARD];
static uint8_t *const data = buffer + GUARD;
static const struct picture canvas = {
	.width = SIDE,
	.height = SIDE,
	.format = HXFR_FORMAT_AR24,
	.stride = STRIDE,
};

/* 2x2: blue and opaque, green and half transparent, transparent, white and opaque. */
static const uint8_t image[] = { 255, 0, 0, 255, 0, 128, 0, 128, 0, 0, 0, 0, 255, 255, 255, 255 };

static void draw_as(int32_t x, int32_t y, uint32_t format, bool opaque)
{
	const struct cursor cursor = {
		.picture = { .width = 2,
			.height = 2,
			.format = format,
			.stride = 8,
			.planes = { image } },
		.opaque = opaque,
		.x = x,
		.y = y,
	};

	memset(buffer, 100, sizeof buffer);
	cursor_draw(&cursor, &canvas, data);
}

static void draw(int32_t x, int32_t y)
{
	draw_as(x, y, HXFR_FORMAT_AR24, false);
}

static void assert_pixel(uint32_t x, uint32_t y, uint8_t b, uint8_t g, uint8_t r)
{
	const uint8_t *pixel = data + (size_t)y * STRIDE + (size_t)x * 4;

	ck_assert_uint_eq(pixel[0], b);
	ck_assert_uint_eq(pixel[1], g);
	ck_assert_uint_eq(pixel[2], r);
}

static unsigned count_touched(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < sizeof buffer; i += 4)
		n += memcmp(buffer + i, "dddd", 4) != 0;
	return n;
}

START_TEST(colours_are_premultiplied_and_laid_over)
{
	draw(1, 1);
	assert_pixel(1, 1, 255, 0, 0);
	assert_pixel(2, 1, 50, 178, 50);
	assert_pixel(1, 2, 100, 100, 100);
	assert_pixel(2, 2, 255, 255, 255);
	assert_pixel(0, 1, 100, 100, 100);
	assert_pixel(3, 2, 100, 100, 100);
}
END_TEST

START_TEST(the_other_order_of_colours_is_swapped)
{
	draw_as(0, 0, HXFR_FORMAT_AB24, false);
	assert_pixel(0, 0, 0, 0, 255);
	assert_pixel(1, 0, 50, 178, 50);
}
END_TEST

START_TEST(a_cursor_without_alpha_covers_all)
{
	draw_as(0, 0, HXFR_FORMAT_AR24, true);
	assert_pixel(1, 0, 0, 128, 0);
	assert_pixel(0, 1, 0, 0, 0);
}
END_TEST

START_TEST(what_is_beyond_an_edge_is_left_out)
{
	static const struct {
		int32_t x, y;
		unsigned touched; /* the transparent pixel changes the alpha of what is below */
	} cases[] = {
		{ 0, 0, 4 },
		{ -1, 0, 2 },
		{ 0, -1, 2 },
		{ -1, -1, 1 },
		{ 3, 3, 1 },
		{ 3, 0, 2 },
		{ -2, 0, 0 },
		{ 0, 4, 0 },
		{ 4, 0, 0 },
		{ INT32_MAX, INT32_MAX, 0 },
		{ INT32_MIN, INT32_MIN, 0 },
		{ INT32_MAX, INT32_MIN, 0 },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		draw(cases[i].x, cases[i].y);
		ck_assert_msg(
			count_touched() == cases[i].touched, "case %zu: %u", i, count_touched());
	}
	draw(-1, -1);
	assert_pixel(0, 0, 255, 255, 255);
}
END_TEST

START_TEST(colours_brighter_than_their_alpha_do_not_wrap)
{
	static const uint8_t wild[] = { 255, 255, 255, 0 };
	const struct cursor cursor = {
		.picture = { .width = 1,
			.height = 1,
			.format = HXFR_FORMAT_AR24,
			.stride = 4,
			.planes = { wild } },
	};

	memset(buffer, 100, sizeof buffer);
	cursor_draw(&cursor, &canvas, data);
	assert_pixel(0, 0, 255, 255, 255);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		colours_are_premultiplied_and_laid_over,
		the_other_order_of_colours_is_swapped,
		a_cursor_without_alpha_covers_all,
		what_is_beyond_an_edge_is_left_out,
		colours_brighter_than_their_alpha_do_not_wrap,
		NULL,
	};

	return suite_run("cursor", tests);
}

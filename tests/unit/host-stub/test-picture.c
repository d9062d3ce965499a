/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "picture.h"
#include "suite.h"

#include <errno.h>
#include <string.h>

#define W 64u
#define H 48u

static const uint8_t pixels[W * 4 * H + 64];

static struct hxfr_frame_request request(uint32_t format, uint32_t stride, size_t size)
{
	return (struct hxfr_frame_request){
		.width = W,
		.height = H,
		.format = format,
		.stride = stride,
		.pixels = pixels,
		.pixels_size = size,
	};
}

START_TEST(pixels_must_cover_the_geometry)
{
	const struct {
		uint32_t format, stride;
		size_t size;
		int result;
	} cases[] = {
		{ HXFR_FORMAT_AR24, W * 4, W * 4 * H, 0 },
		{ HXFR_FORMAT_AR24, W * 4, W * 4 * H - 1, -EINVAL },
		{ HXFR_FORMAT_AR24, W * 4, W * 4 * H + 64, 0 },
		{ HXFR_FORMAT_AR24, W * 4 - 1, W * 4 * H, -EINVAL },
		{ HXFR_FORMAT_AR24, 0, W * 4 * H, -EINVAL },
		{ HXFR_FORMAT_AR24, UINT32_MAX, W * 4 * H, -EINVAL },
		{ HXFR_FORMAT_AB24, W * 4 + 8, (W * 4 + 8) * (H - 1) + W * 4, 0 },
		{ HXFR_FORMAT_AB24, W * 4 + 8, (W * 4 + 8) * (H - 1) + W * 4 - 1, -EINVAL },
		{ HXFR_FORMAT_NV12, W, W * H * 3 / 2, 0 },
		{ HXFR_FORMAT_NV12, W, W * H * 3 / 2 - 1, -EINVAL },
		{ HXFR_FORMAT_NV12, W - 1, W * H * 3 / 2, -EINVAL },
		{ 0x30323449, W * 4, W * 4 * H, -ENOTSUP },
		{ 0, W * 4, W * 4 * H, -ENOTSUP },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct hxfr_frame_request r =
			request(cases[i].format, cases[i].stride, cases[i].size);
		struct picture picture = { .width = 4711 };
		ck_assert_msg(picture_from_request(&r, &picture) == cases[i].result, "case %zu", i);
		ck_assert_uint_eq(picture.width, cases[i].result < 0 ? 4711 : W);
	}
}
END_TEST

START_TEST(sides_are_limited)
{
	ck_assert_int_eq(picture_check(PICTURE_SIDE_MAX, PICTURE_SIDE_MAX, HXFR_FORMAT_NV12), 0);
	ck_assert_int_eq(picture_check(PICTURE_SIDE_MAX + 1, 1, HXFR_FORMAT_NV12), -EINVAL);
	ck_assert_int_eq(picture_check(1, UINT32_MAX, HXFR_FORMAT_NV12), -EINVAL);
	ck_assert_int_eq(picture_check(0, 1, HXFR_FORMAT_NV12), -EINVAL);
	ck_assert_int_eq(picture_check(1, 0, HXFR_FORMAT_NV12), -EINVAL);
}
END_TEST

START_TEST(the_second_plane_follows_the_rows_of_the_first)
{
	struct hxfr_frame_request r = request(HXFR_FORMAT_NV12, W + 16, (W + 16) * H * 3 / 2);
	struct picture picture;

	ck_assert_int_eq(picture_from_request(&r, &picture), 0);
	ck_assert_ptr_eq(picture.planes[1], pixels + (size_t)(W + 16) * H);
}
END_TEST

static uint64_t hash(uint8_t *data, uint32_t format, uint32_t stride)
{
	struct hxfr_frame_request r = request(format, stride, W * 4 * H);
	struct picture picture;

	r.pixels = data;
	r.width = 40;
	r.height = 20;
	ck_assert_int_eq(picture_from_request(&r, &picture), 0);
	return picture_hash(&picture);
}

START_TEST(the_hash_sees_every_pixel_and_no_padding)
{
	uint8_t *data = calloc(1, W * 4 * H);
	uint64_t before = hash(data, HXFR_FORMAT_NV12, W);

	for (uint32_t at = 0; at < W * 30; at++) {
		data[at] ^= 1;
		if (at % W < 40)
			ck_assert_msg(hash(data, HXFR_FORMAT_NV12, W) != before, "byte %u", at);
		else
			ck_assert_msg(hash(data, HXFR_FORMAT_NV12, W) == before, "byte %u", at);
		data[at] ^= 1;
	}
	free(data);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		pixels_must_cover_the_geometry,
		sides_are_limited,
		the_second_plane_follows_the_rows_of_the_first,
		the_hash_sees_every_pixel_and_no_padding,
		NULL,
	};
	return suite_run("picture", tests);
}

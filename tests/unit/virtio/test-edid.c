/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "suite.h"
#include "virtio/edid.h"

#include <errno.h>

#define DTD 54u /* the first descriptor */

/* Read back as VESA E-EDID 1.4, 3.10.2, says; nothing here is of edid.c. */
struct timing {
	unsigned clock_10khz, width, height, h_blank, v_blank;
	unsigned h_front, h_sync, v_front, v_sync, mm_w, mm_h, flags;
};

static struct timing read_timing(const uint8_t *d)
{
	return (struct timing){
		.clock_10khz = d[0] | d[1] << 8,
		.width = d[2] | (d[4] & 0xf0) << 4,
		.h_blank = d[3] | (d[4] & 0x0f) << 8,
		.height = d[5] | (d[7] & 0xf0) << 4,
		.v_blank = d[6] | (d[7] & 0x0f) << 8,
		.h_front = d[8] | (d[11] & 0xc0) << 2,
		.h_sync = d[9] | (d[11] & 0x30) << 4,
		.v_front = d[10] >> 4 | (d[11] & 0x0c) << 2,
		.v_sync = (d[10] & 0x0f) | (d[11] & 0x03) << 4,
		.mm_w = d[12] | (d[14] & 0xf0) << 4,
		.mm_h = d[13] | (d[14] & 0x0f) << 8,
		.flags = d[17],
	};
}

static const struct edid_mode modes[] = {
	{ 1920, 1080, 60 },
	{ 1280, 800, 75 },
	{ 3840, 2160, 60 },
	{ 2560, 1080, 60 },
	{ 1366, 768, 144 },
	{ 640, 480, 60 },
	{ 4095, 2304, 50 },
	{ 1080, 4095, 30 },
	{ 300, 200, 30 },
	{ 320, 200, 1000 },
	{ 1024, 768, 2 },
	{ 160, 120, 60 },
};

START_TEST(the_preferred_timing_is_the_mode)
{
	for (size_t i = 0; i < N_ELEMENTS(modes); i++) {
		uint8_t edid[EDID_SIZE];
		struct timing t;
		double hz;

		ck_assert_int_eq(edid_make(&modes[i], 1, edid), 0);
		t = read_timing(edid + DTD);
		ck_assert_uint_eq(t.width, modes[i].width);
		ck_assert_uint_eq(t.height, modes[i].height);
		hz = t.clock_10khz * 1e4 / (t.width + t.h_blank) / (t.height + t.v_blank);
		/* The clock has steps of 10 kHz: half of one is what it may be off. */
		ck_assert_double_eq_tol(hz, modes[i].refresh_hz,
			5000.1 / (t.width + t.h_blank) / (t.height + t.v_blank));
	}
}
END_TEST

START_TEST(a_timing_leaves_time_between_pictures)
{
	for (size_t i = 0; i < N_ELEMENTS(modes); i++) {
		uint8_t edid[EDID_SIZE];
		struct timing t;
		double line_us;

		ck_assert_int_eq(edid_make(&modes[i], 1, edid), 0);
		t = read_timing(edid + DTD);
		line_us = (t.width + t.h_blank) * 100.0 / t.clock_10khz;
		ck_assert_uint_ge(t.v_sync, 4);
		ck_assert_uint_ge(t.v_blank, t.v_front + t.v_sync + 6);
		ck_assert_uint_gt(t.h_blank, t.h_front + t.h_sync);
		ck_assert_msg(t.v_blank * line_us > 440, "mode %zu: %f us", i, t.v_blank * line_us);
		ck_assert_uint_eq(t.flags & 0x98, 0x18); /* progressive, separate digital syncs */
	}
}
END_TEST

START_TEST(the_sum_is_0_and_the_header_right)
{
	static const uint8_t magic[] = { 0, 255, 255, 255, 255, 255, 255, 0 };

	for (size_t i = 0; i < N_ELEMENTS(modes); i++) {
		uint8_t edid[EDID_SIZE], sum = 0;

		ck_assert_int_eq(edid_make(&modes[i], 1, edid), 0);
		for (size_t at = 0; at < EDID_SIZE; at++)
			sum += edid[at];
		ck_assert_uint_eq(sum, 0);
		ck_assert_mem_eq(edid, magic, sizeof magic);
		ck_assert_uint_eq(edid[18], 1);
		ck_assert_uint_eq(edid[19], 4);
		ck_assert_uint_eq(edid[20] & 0x80, 0x80); /* digital */
		ck_assert_uint_eq(edid[24] & 0x02, 0x02); /* the first timing is the native one */
		ck_assert_uint_eq(edid[126], 0);          /* no extensions */
	}
}
END_TEST

START_TEST(established_timings_fit_into_the_mode)
{
	static const struct {
		struct edid_mode mode;
		uint8_t one, two;
	} cases[] = {
		{ { 1920, 1080, 60 }, 0x21, 0x08 },
		{ { 1024, 768, 60 }, 0x21, 0x08 },
		{ { 1023, 768, 60 }, 0x21, 0 },
		{ { 800, 599, 60 }, 0x20, 0 },
		{ { 320, 240, 60 }, 0, 0 },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		uint8_t edid[EDID_SIZE];

		ck_assert_int_eq(edid_make(&cases[i].mode, 1, edid), 0);
		ck_assert_uint_eq(edid[35], cases[i].one);
		ck_assert_uint_eq(edid[36], cases[i].two);
		for (unsigned at = 38; at < DTD; at++)
			ck_assert_uint_eq(edid[at], 1);
	}
}
END_TEST

START_TEST(monitors_are_told_apart)
{
	static const char name[] = "Helix 2\n     ", serial[] = "2\n           ";
	uint8_t first[EDID_SIZE], second[EDID_SIZE];

	ck_assert_int_eq(edid_make(&modes[0], 1, first), 0);
	ck_assert_int_eq(edid_make(&modes[0], 2, second), 0);
	ck_assert_uint_eq(first[12], 1);
	ck_assert_uint_eq(second[12], 2);
	ck_assert_uint_eq(second[DTD + 18 + 3], 0xfc);
	ck_assert_mem_eq(second + DTD + 18 + 5, name, 13);
	ck_assert_uint_eq(second[DTD + 36 + 3], 0xff);
	ck_assert_mem_eq(second + DTD + 36 + 5, serial, 13);
}
END_TEST

START_TEST(a_mode_that_cannot_be_said_is_refused)
{
	static const struct edid_mode impossible[] = {
		{ 0, 1080, 60 }, { 1920, 0, 60 }, { 1920, 1080, 0 }, { 4096, 2160, 60 },
		{ 1920, 4096, 60 }, { UINT32_MAX, UINT32_MAX, UINT32_MAX }, { 1920, 1080, 1001 },
		{ 3840, 2160, 120 },                  /* the pixel clock */
		{ 1600, 1200, 1000 }, { 16, 16, 60 }, /* too slow for its steps */
	};
	uint8_t edid[EDID_SIZE];

	for (size_t i = 0; i < N_ELEMENTS(impossible); i++) {
		poison(&edid);
		ck_assert_msg(edid_make(&impossible[i], 1, edid) == -ERANGE, "mode %zu", i);
		assert_poisoned(&edid);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_preferred_timing_is_the_mode,
		a_timing_leaves_time_between_pictures,
		the_sum_is_0_and_the_header_right,
		established_timings_fit_into_the_mode,
		monitors_are_told_apart,
		a_mode_that_cannot_be_said_is_refused,
		NULL,
	};
	return suite_run("edid", tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "judge.h"
#include "suite.h"

#include <math.h>

#define GOOD_DB 40.0
#define ENOUGH  30.0
#define STEP_NS 33000000u
#define FRAMES  5

static struct judge *judge;

static void set_up(void)
{
	judge = judge_new();
	for (uint64_t i = 0; i < FRAMES; i++)
		judge_enter(judge, i * STEP_NS, i + 100);
}

static void tear_down(void)
{
	judge_free(judge);
}

/* The picture of frame `at`, which shows frame `shown`. */
static void leave(uint64_t at, uint64_t shown)
{
	judge_leave(judge, at * STEP_NS, shown + 100, GOOD_DB);
}

static void leave_well(uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		leave(i, i);
}

/* What is wrong with a run, in a word for each kind. */
static void assert_wrong(
	unsigned lost, unsigned stale, unsigned swapped, unsigned unreadable, unsigned unexpected)
{
	struct judge_verdict v = judge_verdict(judge);

	ck_assert_uint_eq(v.lost, lost);
	ck_assert_uint_eq(v.stale, stale);
	ck_assert_uint_eq(v.swapped, swapped);
	ck_assert_uint_eq(v.unreadable, unreadable);
	ck_assert_uint_eq(v.unexpected, unexpected);
	ck_assert(judge_is_content(&v, 0, ENOUGH) ==
		  (lost + stale + swapped + unreadable + unexpected == 0));
}

START_TEST(all_in_order_is_well)
{
	leave_well(0, FRAMES);
	assert_wrong(0, 0, 0, 0, 0);
	ck_assert_uint_eq(judge_verdict(judge).left, FRAMES);
	ck_assert_uint_eq(judge_verdict(judge).last, FRAMES - 1 + 100);
}
END_TEST

START_TEST(numbers_the_source_skipped_are_no_loss)
{
	judge_enter(judge, FRAMES * STEP_NS, 1000);
	leave_well(0, FRAMES);
	judge_leave(judge, FRAMES * STEP_NS, 1000, GOOD_DB);
	assert_wrong(0, 0, 0, 0, 0);
}
END_TEST

START_TEST(a_frame_that_never_comes_is_lost)
{
	leave_well(0, 2);
	leave_well(3, FRAMES);
	assert_wrong(1, 0, 0, 0, 0);
}
END_TEST

START_TEST(a_picture_of_an_older_frame_is_stale)
{
	leave_well(0, 2);
	leave(2, 1);
	leave_well(3, FRAMES);
	assert_wrong(0, 1, 0, 0, 0);
}
END_TEST

START_TEST(a_picture_that_comes_twice_is_stale)
{
	leave_well(0, 3);
	leave_well(2, FRAMES);
	assert_wrong(0, 1, 0, 0, 0);
}
END_TEST

START_TEST(a_picture_of_a_frame_to_come_is_swapped)
{
	leave_well(0, 2);
	leave(2, 3);
	leave_well(3, FRAMES);
	assert_wrong(0, 0, 1, 0, 0);
}
END_TEST

START_TEST(pictures_in_another_order_are_swapped)
{
	leave_well(0, 1);
	leave(2, 2);
	leave(1, 1);
	leave_well(3, FRAMES);
	assert_wrong(0, 0, 1, 0, 0);
}
END_TEST

START_TEST(contents_in_another_order_are_swapped_and_stale)
{
	leave_well(0, 1);
	leave(1, 2);
	leave(2, 1);
	leave_well(3, FRAMES);
	assert_wrong(0, 1, 1, 0, 0);
}
END_TEST

START_TEST(a_picture_without_a_number_is_unreadable_and_not_lost)
{
	leave_well(0, 2);
	judge_leave(judge, 2 * STEP_NS, JUDGE_UNREADABLE, 0);
	leave_well(3, FRAMES);
	assert_wrong(0, 0, 0, 1, 0);
	ck_assert_double_eq(judge_verdict(judge).psnr_min, GOOD_DB);
}
END_TEST

START_TEST(a_picture_out_of_nothing_is_unexpected)
{
	leave_well(0, FRAMES);
	judge_leave(judge, FRAMES * STEP_NS, 100, GOOD_DB);
	assert_wrong(0, 0, 0, 0, 1);
}
END_TEST

START_TEST(frames_of_one_time_come_out_in_turn)
{
	judge_enter(judge, (FRAMES - 1) * STEP_NS, FRAMES + 100);
	leave_well(0, FRAMES);
	assert_wrong(1, 0, 0, 0, 0);
	leave(FRAMES - 1, FRAMES);
	assert_wrong(0, 0, 0, 0, 0);
}
END_TEST

START_TEST(frames_of_one_time_in_another_order_are_swapped_and_stale)
{
	judge_enter(judge, (FRAMES - 1) * STEP_NS, FRAMES + 100);
	leave_well(0, FRAMES - 1);
	leave(FRAMES - 1, FRAMES);
	leave(FRAMES - 1, FRAMES - 1);
	assert_wrong(0, 1, 1, 0, 0);
}
END_TEST

/* A decoder puts the picture of a late frame at the time of the one before it. */
START_TEST(a_frame_that_is_late_in_the_source_is_nobodys_fault)
{
	judge_enter(judge, (FRAMES - 1) * STEP_NS - 1, 50);
	leave_well(0, FRAMES);
	assert_wrong(1, 0, 0, 0, 0);
	judge_leave(judge, (FRAMES - 1) * STEP_NS, 50, GOOD_DB);
	assert_wrong(0, 0, 0, 0, 0);
	ck_assert_uint_eq(judge_verdict(judge).late, 1);
	judge_leave(judge, (FRAMES - 1) * STEP_NS, 50, GOOD_DB);
	assert_wrong(0, 2, 0, 0, 0);
}
END_TEST

START_TEST(the_worst_picture_counts)
{
	leave_well(0, FRAMES - 1);
	judge_leave(judge, (FRAMES - 1) * STEP_NS, FRAMES - 1 + 100, 20);
	struct judge_verdict v = judge_verdict(judge);

	ck_assert_double_eq(v.psnr_min, 20);
	ck_assert_double_eq(v.psnr_mean, (GOOD_DB * (FRAMES - 1) + 20) / FRAMES);
	ck_assert(!judge_is_content(&v, 0, ENOUGH));
	ck_assert(judge_is_content(&v, 0, 20));
}
END_TEST

START_TEST(nothing_at_all_is_not_well)
{
	struct judge *empty = judge_new();
	struct judge_verdict v = judge_verdict(empty);

	ck_assert(isnan(v.psnr_min) && isnan(v.psnr_mean));
	ck_assert(!judge_is_content(&v, 0, ENOUGH));
	judge_free(empty);
}
END_TEST

START_TEST(only_as_many_may_get_lost_as_are_allowed)
{
	leave_well(2, FRAMES);
	struct judge_verdict v = judge_verdict(judge);

	ck_assert(!judge_is_content(&v, 1, ENOUGH));
	ck_assert(judge_is_content(&v, 2, ENOUGH));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		all_in_order_is_well,
		numbers_the_source_skipped_are_no_loss,
		a_frame_that_never_comes_is_lost,
		a_picture_of_an_older_frame_is_stale,
		a_picture_that_comes_twice_is_stale,
		a_picture_of_a_frame_to_come_is_swapped,
		pictures_in_another_order_are_swapped,
		contents_in_another_order_are_swapped_and_stale,
		a_picture_without_a_number_is_unreadable_and_not_lost,
		a_picture_out_of_nothing_is_unexpected,
		frames_of_one_time_come_out_in_turn,
		frames_of_one_time_in_another_order_are_swapped_and_stale,
		a_frame_that_is_late_in_the_source_is_nobodys_fault,
		the_worst_picture_counts,
		nothing_at_all_is_not_well,
		only_as_many_may_get_lost_as_are_allowed,
		NULL,
	};

	return suite_run_with("guest-programs-judge", tests, set_up, tear_down);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "suite.h"
#include "window.h"

static struct window w;

static void push(int64_t pts, unsigned epoch)
{
	struct flight f = { .pts = pts, .epoch = epoch };

	ck_assert(window_push(&w, &f));
}

static int64_t pop(void)
{
	struct flight f;

	ck_assert(window_pop(&w, &f));
	return f.pts;
}

static void reset(void)
{
	w = (struct window){ 0 };
}

START_TEST(flights_come_out_in_the_order_they_went_in)
{
	push(10, 0);
	push(20, 0);
	ck_assert_int_eq(window_oldest(&w)->pts, 10);
	ck_assert_int_eq(pop(), 10);
	ck_assert_int_eq(pop(), 20);
	ck_assert_ptr_null(window_oldest(&w));
}
END_TEST

START_TEST(a_full_window_takes_no_flight_and_keeps_those_it_has)
{
	struct flight f = { .pts = 99 };

	for (unsigned i = 0; i < WINDOW_MAX; i++)
		push(i, 0);
	ck_assert(!window_push(&w, &f));
	for (unsigned i = 0; i < WINDOW_MAX; i++)
		ck_assert_int_eq(pop(), i);
}
END_TEST

START_TEST(an_empty_window_gives_nothing)
{
	struct flight f;

	poison(&f);
	ck_assert(!window_pop(&w, &f));
	assert_poisoned(&f);
	ck_assert_int_eq(window_find(&w, 0), -1);
}
END_TEST

START_TEST(a_pts_is_found_wherever_the_ring_begins)
{
	for (unsigned start = 0; start < 2 * WINDOW_MAX; start++) {
		push(1, 0);
		push(2, 0);
		push(3, 0);
		ck_assert_int_eq(window_find(&w, 1), 0);
		ck_assert_int_eq(window_find(&w, 3), 2);
		ck_assert_int_eq(window_find(&w, 4), -1);
		pop();
		pop();
		pop();
	}
}
END_TEST

START_TEST(of_two_flights_with_one_pts_the_older_is_found)
{
	push(7, 0);
	push(7, 1);
	ck_assert_int_eq(window_find(&w, 7), 0);
}
END_TEST

START_TEST(flights_are_counted_by_epoch)
{
	push(1, 4);
	push(2, 5);
	push(3, 5);
	ck_assert_uint_eq(window_count_epoch(&w, 4), 1);
	ck_assert_uint_eq(window_count_epoch(&w, 5), 2);
	ck_assert_uint_eq(window_count_epoch(&w, 6), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		flights_come_out_in_the_order_they_went_in,
		a_full_window_takes_no_flight_and_keeps_those_it_has,
		an_empty_window_gives_nothing,
		a_pts_is_found_wherever_the_ring_begins,
		of_two_flights_with_one_pts_the_older_is_found,
		flights_are_counted_by_epoch,
		NULL,
	};

	return suite_run_with("window", tests, reset, NULL);
}

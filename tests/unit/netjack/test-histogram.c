/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netjack/endpoint/histogram.h"

#include "suite.h"

static struct histogram h;

static void reset(void)
{
	poison(&h);
	histogram_init(&h);
}

START_TEST(without_samples_every_percentile_is_0)
{
	ck_assert_uint_eq(h.n, 0);
	ck_assert_int_eq(histogram_percentile(&h, 0.5), 0);
	ck_assert_int_eq(histogram_percentile(&h, 1), 0);
}
END_TEST

/* Two others, far away: a minimum and a maximum are exact anyway. */
START_TEST(a_percentile_is_within_2_percent_or_64_ns)
{
	for (int64_t ns = 1; ns < INT64_C(17000000000); ns = ns * 11 / 10 + 1) {
		int64_t p, bound = ns / 50 > 64 ? ns / 50 : 64;

		reset();
		histogram_add(&h, 0);
		histogram_add(&h, ns);
		histogram_add(&h, INT64_C(20000000000));
		p = histogram_percentile(&h, 0.5);
		ck_assert_msg(llabs(p - ns) <= bound, "%lld for %lld", (long long)p, (long long)ns);
	}
}
END_TEST

START_TEST(every_duration_is_between_the_edges_of_the_bucket_that_counts_it)
{
	for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++) {
		ck_assert_int_lt(histogram_edge(b), histogram_edge(b + 1));
		reset();
		histogram_add(&h, histogram_edge(b));
		histogram_add(&h, histogram_edge(b + 1) - 1);
		ck_assert_uint_eq(h.counts[b], 2);
	}
}
END_TEST

START_TEST(half_are_not_above_p50_and_999_of_1000_not_above_p999)
{
	static const struct {
		double share;
		int64_t us;
	} rows[] = { { 0.5, 500 }, { 0.9, 900 }, { 0.99, 990 }, { 0.999, 999 } };

	for (int64_t us = 1; us <= 1000; us++)
		histogram_add(&h, us * 1000);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		int64_t p = histogram_percentile(&h, rows[i].share);

		ck_assert_int_ge(p, rows[i].us * 980);
		ck_assert_int_le(p, rows[i].us * 1020);
	}
	ck_assert_int_eq(histogram_percentile(&h, 0), 1000);
	ck_assert_int_eq(histogram_percentile(&h, 1), 1000000);
}
END_TEST

START_TEST(min_and_max_are_exact)
{
	histogram_add(&h, 1234567);
	ck_assert_int_eq(h.min_ns, 1234567);
	ck_assert_int_eq(h.max_ns, 1234567);
	ck_assert_int_eq(histogram_percentile(&h, 0.99), 1234567);
	histogram_add(&h, 99);
	histogram_add(&h, 7654321);
	ck_assert_int_eq(h.min_ns, 99);
	ck_assert_int_eq(h.max_ns, 7654321);
}
END_TEST

START_TEST(what_came_since_is_what_was_added)
{
	struct histogram before, since;

	for (int64_t us = 1; us <= 1000; us++)
		histogram_add(&h, us * 1000);
	before = h;
	poison(&since);
	histogram_since(&h, &before, &since);
	ck_assert_uint_eq(since.n, 0);
	ck_assert_int_eq(histogram_percentile(&since, 0.5), 0);
	for (int64_t us = 300; us < 400; us++)
		histogram_add(&h, us * 1000);
	histogram_since(&h, &before, &since);
	ck_assert_uint_eq(since.n, 100);
	ck_assert_int_ge(histogram_percentile(&since, 0.5), 343000);
	ck_assert_int_le(histogram_percentile(&since, 0.5), 357000);
	ck_assert_int_le(llabs(since.max_ns - 399000), 399000 / 32);
	ck_assert_int_le(llabs(since.min_ns - 300000), 300000 / 32);
	histogram_add(&h, 5000000);
	histogram_since(&h, &before, &since);
	ck_assert_int_eq(since.max_ns, 5000000);
}
END_TEST

START_TEST(nothing_is_outside)
{
	histogram_add(&h, -5);
	histogram_add(&h, INT64_MAX);
	ck_assert_uint_eq(h.n, 2);
	ck_assert_int_eq(h.min_ns, 0);
	ck_assert_int_eq(h.max_ns, INT64_MAX);
	ck_assert_uint_eq(h.counts[0], 1);
	ck_assert_uint_eq(h.counts[HISTOGRAM_BUCKETS - 1], 1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		without_samples_every_percentile_is_0,
		a_percentile_is_within_2_percent_or_64_ns,
		every_duration_is_between_the_edges_of_the_bucket_that_counts_it,
		half_are_not_above_p50_and_999_of_1000_not_above_p999,
		min_and_max_are_exact,
		what_came_since_is_what_was_added,
		nothing_is_outside,
		NULL,
	};

	return suite_run_with("netjack-histogram", tests, reset, NULL);
}

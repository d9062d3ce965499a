/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "histogram.h"
#include "suite.h"

static struct histogram h;

static void reset(void)
{
	h = (struct histogram){ 0 };
}

START_TEST(without_samples_every_percentile_is_0)
{
	ck_assert_uint_eq(histogram_percentile(&h, 50), 0);
	ck_assert_uint_eq(histogram_percentile(&h, 100), 0);
}
END_TEST

START_TEST(a_percentile_is_never_below_the_truth_nor_a_sixteenth_above)
{
	for (uint64_t ns = 1; ns < UINT64_C(1) << 39; ns = ns * 5 / 3 + 1) {
		uint64_t p;

		reset();
		histogram_add(&h, ns);
		p = histogram_percentile(&h, 50);
		ck_assert_uint_ge(p, ns);
		ck_assert_uint_le(p - ns, ns / 16);
	}
}
END_TEST

START_TEST(half_of_the_samples_do_not_exceed_p50_and_99_of_100_not_p99)
{
	for (uint64_t i = 1; i <= 100; i++)
		histogram_add(&h, i * 1000000);
	ck_assert_uint_ge(histogram_percentile(&h, 50), 50000000);
	ck_assert_uint_lt(histogram_percentile(&h, 50), 55000000);
	ck_assert_uint_ge(histogram_percentile(&h, 99), 99000000);
	ck_assert_uint_lt(histogram_percentile(&h, 1), 2000000);
}
END_TEST

START_TEST(a_sample_beyond_the_last_bucket_counts_as_that)
{
	histogram_add(&h, UINT64_MAX);
	ck_assert_uint_ge(histogram_percentile(&h, 50), UINT64_C(1) << 39);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		without_samples_every_percentile_is_0,
		a_percentile_is_never_below_the_truth_nor_a_sixteenth_above,
		half_of_the_samples_do_not_exceed_p50_and_99_of_100_not_p99,
		a_sample_beyond_the_last_bucket_counts_as_that,
		NULL,
	};

	return suite_run_with("histogram", tests, reset, NULL);
}

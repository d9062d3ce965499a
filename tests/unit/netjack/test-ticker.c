/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clock of the NETJACK2 master. */
#include "netjack/endpoint/ticker.h"
#include "suite.h"

#define NS_PER_S INT64_C(1000000000)

static const struct {
	uint32_t rate, period;
} settings[] = {
	{ 96000, 128 },
	{ 44100, 64 },
	{ 44100, 441 },
	{ 48000, 1024 },
	{ 384000, 16 },
	{ 8000, 8192 },
	{ 88200, 17 },
};

START_TEST(a_day_of_ticks_ends_with_the_day)
{
	for (size_t i = 0; i < N_ELEMENTS(settings); i++) {
		struct ticker ticker = {
			.start_ns = 77, .rate = settings[i].rate, .period = settings[i].period
		};
		/* So many ticks last so many seconds, to the nanosecond. */
		uint64_t k = (uint64_t)settings[i].rate * 86400;

		ck_assert_int_eq(ticker_time(&ticker, 0), 77);
		ck_assert_int_eq(ticker_time(&ticker, k),
			77 + (int64_t)settings[i].period * 86400 * NS_PER_S);
	}
}
END_TEST

START_TEST(ticks_are_never_a_nanosecond_off)
{
	for (size_t i = 0; i < N_ELEMENTS(settings); i++) {
		struct ticker ticker = { .rate = settings[i].rate, .period = settings[i].period };

		for (uint64_t k = 1000000; k < 1001000; k++) {
			__int128 exact = (__int128)k * settings[i].period * NS_PER_S;
			__int128 ours = (__int128)ticker_time(&ticker, k) * settings[i].rate;

			ck_assert(ours <= exact && exact < ours + settings[i].rate);
		}
	}
}
END_TEST

START_TEST(tick_of_a_time_is_the_last_that_has_begun)
{
	const double skews[] = { 0, 100e-6, -50e-6, 0.5 };

	for (size_t i = 0; i < N_ELEMENTS(settings) * N_ELEMENTS(skews); i++) {
		struct ticker ticker = { .start_ns = 5 * NS_PER_S,
			.rate = settings[i / N_ELEMENTS(skews)].rate,
			.period = settings[i / N_ELEMENTS(skews)].period,
			.skew = skews[i % N_ELEMENTS(skews)] };

		ck_assert_uint_eq(ticker_at(&ticker, 0), 0);
		for (uint64_t k = 1; k < 100000000; k = k * 3 + 1) {
			int64_t ns = ticker_time(&ticker, k);

			ck_assert_uint_eq(ticker_at(&ticker, ns), k);
			ck_assert_uint_eq(ticker_at(&ticker, ns - 1), k - 1);
			ck_assert_uint_eq(ticker_at(&ticker, ticker_time(&ticker, k + 1) - 1), k);
		}
	}
}
END_TEST

START_TEST(skew_makes_the_clock_faster)
{
	struct ticker ticker = { .rate = 96000, .period = 128, .skew = 100e-6 };
	/* 10000 s at the plain rate. */
	int64_t ns = ticker_time(&ticker, 7500000);

	ck_assert_int_le(ns, (int64_t)(1e13 / 1.0001) + 1);
	ck_assert_int_ge(ns, (int64_t)(1e13 / 1.0001) - 1);
}
END_TEST

int main(void)
{
	return suite_run("netjack-ticker", (const TTest *const[]){
						   a_day_of_ticks_ends_with_the_day,
						   ticks_are_never_a_nanosecond_off,
						   tick_of_a_time_is_the_last_that_has_begun,
						   skew_makes_the_clock_faster,
						   NULL,
					   });
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netjack/bridge/conceal.h"
#include "suite.h"

#include <math.h>
#include <stdint.h>

#define RATE      48000u
#define PERIOD    128u
#define N_PERIODS 64u
#define CHANNELS  2u

/* A tone of its own in each channel: the largest step of both is known. */
static const double tones[CHANNELS] = { 997, 3001 };
static const double level = 0.8;

struct take {
	float samples[CHANNELS][N_PERIODS * PERIOD];
};
static struct take take;

/* lost(n): whether period n is. What it had in its place is a constant that must not be heard. */
static void play(uint32_t period, uint32_t rate, int (*lost)(unsigned))
{
	struct conceal *conceal;
	unsigned n_periods = N_PERIODS * PERIOD / period;

	ck_assert_int_eq(conceal_new(CHANNELS, rate, period, &conceal), 0);
	for (unsigned p = 0; p < n_periods; p++) {
		float *channels[CHANNELS];

		for (unsigned c = 0; c < CHANNELS; c++) {
			channels[c] = take.samples[c] + p * period;
			for (uint32_t i = 0; i < period; i++)
				channels[c][i] =
					lost(p) ? 5.0f
						: (float)(level * sin(2 * M_PI * tones[c] *
									  (p * period + i) / rate));
		}
		conceal_run(conceal, lost(p), channels);
		ck_assert_int_eq(conceal_is_silent(conceal), lost(p));
	}
	conceal_destroy(conceal);
}

static double clean(unsigned channel, unsigned frame)
{
	return level * sin(2 * M_PI * tones[channel] * frame / RATE);
}

static int never(unsigned p)
{
	(void)p;
	return 0;
}
static int once(unsigned p)
{
	return p == 20;
}
static int long_gap(unsigned p)
{
	return p >= 20 && p < 30;
}
static int every_other(unsigned p)
{
	return p % 2 == 1;
}
static int all(unsigned p)
{
	(void)p;
	return 1;
}
static int scattered(unsigned p)
{
	return p * 2654435761u >> 30 == 0;
}

START_TEST(data_after_data_passes_unchanged)
{
	play(PERIOD, RATE, never);
	for (unsigned c = 0; c < CHANNELS; c++)
		for (unsigned i = PERIOD; i < N_PERIODS * PERIOD; i++)
			ck_assert_float_eq(take.samples[c][i], (float)clean(c, i));
}
END_TEST

/* A fade of n samples turns the gain by at most pi / (2 n) a sample. */
static void assert_no_step(uint32_t period, uint32_t rate, int (*lost)(unsigned))
{
	double fade = fmin(period, (double)rate * CONCEAL_FADE_US / 1e6);

	play(period, rate, lost);
	for (unsigned c = 0; c < CHANNELS; c++) {
		double signal = 2 * level * sin(M_PI * tones[c] / rate);
		double bound = signal + level * M_PI / (2 * floor(fade)) + 1e-6;
		float last = 0;

		for (unsigned i = 0; i < N_PERIODS * PERIOD / period * period; i++) {
			double step = fabs((double)take.samples[c][i] - last);
			ck_assert_msg(step <= bound, "channel %u frame %u: a step of %g > %g", c, i,
				step, bound);
			last = take.samples[c][i];
		}
	}
}

START_TEST(no_step_is_larger_than_those_of_signal_and_fade)
{
	int (*const losses[])(unsigned) = { never, once, long_gap, every_other, scattered };
	const uint32_t periods[] = { 16, 64, 128, 512 };
	const uint32_t rates[] = { 44100, 48000, 96000 };

	for (size_t l = 0; l < N_ELEMENTS(losses); l++)
		for (size_t p = 0; p < N_ELEMENTS(periods); p++)
			for (size_t r = 0; r < N_ELEMENTS(rates); r++)
				assert_no_step(periods[p], rates[r], losses[l]);
}
END_TEST

static double energy(unsigned channel, unsigned from, unsigned n)
{
	double sum = 0;

	for (unsigned i = from; i < from + n; i++)
		sum += (double)take.samples[channel][i] * take.samples[channel][i];
	return sum;
}

START_TEST(energy_does_not_grow)
{
	play(PERIOD, RATE, scattered);
	for (unsigned c = 0; c < CHANNELS; c++)
		for (unsigned p = 1; p < N_PERIODS; p++) {
			double before = energy(c, (p - 1) * PERIOD, PERIOD);
			double now = energy(c, p * PERIOD, PERIOD);

			if (scattered(p))
				ck_assert_double_le(now, before);
			ck_assert_double_le(now, level * level * PERIOD);
		}
}
END_TEST

START_TEST(a_gap_is_silent_after_the_fade)
{
	play(PERIOD, RATE, long_gap);
	for (unsigned c = 0; c < CHANNELS; c++) {
		unsigned fade = RATE * CONCEAL_FADE_US / 1000000;

		ck_assert_double_gt(energy(c, 20 * PERIOD, fade), 0);
		ck_assert_double_eq(energy(c, 20 * PERIOD + fade, 10 * PERIOD - fade), 0);
		ck_assert_double_gt(energy(c, 30 * PERIOD, PERIOD), 0);
	}
}
END_TEST

START_TEST(nothing_is_heard_where_nothing_ever_came)
{
	play(PERIOD, RATE, all);
	for (unsigned c = 0; c < CHANNELS; c++)
		ck_assert_double_eq(energy(c, 0, N_PERIODS * PERIOD), 0);
}
END_TEST

START_TEST(no_period_is_heard_twice)
{
	play(PERIOD, RATE, once);
	for (unsigned c = 0; c < CHANNELS; c++) {
		const float *lost = take.samples[c] + 20 * PERIOD;
		double along = 0;

		for (unsigned i = 0; i < PERIOD; i++)
			along += (double)lost[i] * lost[(int)i - (int)PERIOD];
		ck_assert_double_lt(fabs(along), 0.6 * energy(c, 19 * PERIOD, PERIOD));
		ck_assert_float_eq_tol(lost[0], lost[-1], 1e-3f);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		data_after_data_passes_unchanged,
		no_step_is_larger_than_those_of_signal_and_fade,
		energy_does_not_grow,
		a_gap_is_silent_after_the_fade,
		nothing_is_heard_where_nothing_ever_came,
		no_period_is_heard_twice,
		NULL,
	};

	return suite_run("conceal", tests);
}

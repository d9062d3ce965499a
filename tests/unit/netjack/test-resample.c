/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define SUITE_TEST_TIMEOUT_S 120
#include "netjack/bridge/resample.h"
#include "suite.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

/* A writer and a reader in virtual time, a tone through what is between them. */

#define CHANNELS   2u
#define PERIOD_MAX 1024u
#define TONE_HZ    997.0
#define LEVEL      0.5
#define WINDOW     8192u /* frames that are judged, the last ones */

struct side {
	double rate; /* true */
	uint32_t period;
	uint64_t n;
	double late_ns;  /* at most */
	uint64_t skip_n; /* at this period it stands still for skip_ns */
	double skip_ns;
};

struct scene {
	struct resample *resample;
	struct resample_config config;
	struct side writer, reader;
	uint32_t seed;
	uint64_t n_out, n_silent; /* periods read; those that were not whole, after the first one */
	bool channels_differ;     /* the second is the first, upside down */
	double largest_step;
	float last;
	float window[WINDOW];
};

static double chance(struct scene *scene)
{
	scene->seed = scene->seed * 1664525u + 1013904223u;
	return (scene->seed >> 8) / 16777216.0;
}

static double due_ns(const struct side *side)
{
	return (double)side->n * side->period / side->rate * 1e9 +
	       (side->skip_ns > 0 && side->n >= side->skip_n ? side->skip_ns : 0);
}

static void write_period(struct scene *scene)
{
	float samples[CHANNELS][PERIOD_MAX];
	const float *const channels[CHANNELS] = { samples[0], samples[1] };
	struct side *side = &scene->writer;

	for (uint32_t i = 0; i < side->period; i++) {
		double frame = (double)side->n * side->period + i;

		samples[0][i] =
			(float)(LEVEL * sin(2 * M_PI * TONE_HZ * frame / scene->config.in_rate));
		samples[1][i] = -samples[0][i];
	}
	resample_write(
		scene->resample, (int64_t)(due_ns(side) + side->late_ns * chance(scene)), channels);
	side->n++;
}

static void keep(struct scene *scene, const float *samples, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		scene->largest_step = fmax(scene->largest_step, fabsf(samples[i] - scene->last));
		scene->last = samples[i];
	}
	memmove(scene->window, scene->window + n, (WINDOW - n) * sizeof(float));
	memcpy(scene->window + WINDOW - n, samples, n * sizeof(float));
}

static void read_period(struct scene *scene)
{
	float samples[CHANNELS][PERIOD_MAX];
	float *const channels[CHANNELS] = { samples[0], samples[1] };
	struct side *side = &scene->reader;
	bool whole = resample_read(
		scene->resample, (int64_t)(due_ns(side) + side->late_ns * chance(scene)), channels);

	side->n++;
	if (!whole && scene->n_out > 0)
		scene->n_silent++;
	if (whole || scene->n_out > 0)
		scene->n_out++;
	for (uint32_t i = 0; i < side->period; i++)
		scene->channels_differ |= samples[0][i] != -samples[1][i];
	keep(scene, samples[0], side->period);
}

static void begin(struct scene *scene)
{
	scene->config.n_channels = CHANNELS;
	scene->config.in_period = scene->writer.period;
	scene->config.out_period = scene->reader.period;
	scene->seed = 4711;
	ck_assert_int_eq(resample_new(&scene->config, &scene->resample), 0);
}

static void run(struct scene *scene, double until_s)
{
	while (due_ns(&scene->reader) < until_s * 1e9) {
		if (due_ns(&scene->writer) <= due_ns(&scene->reader))
			write_period(scene);
		else
			read_period(scene);
	}
}

struct tone {
	double sine, cosine;
};

/* The part of n frames that is a sine of so many radians a frame. */
static struct tone fit_tone(const float *samples, unsigned n, double omega)
{
	struct tone tone = { 0, 0 };

	for (unsigned round = 0; round < 4;
		round++) { /* sine and cosine are not quite orthogonal */
		struct tone more = { 0, 0 };

		for (unsigned i = 0; i < n; i++) {
			double rest = samples[i] - tone.sine * sin(omega * i) -
				      tone.cosine * cos(omega * i);

			more.sine += rest * sin(omega * i) * 2 / n;
			more.cosine += rest * cos(omega * i) * 2 / n;
		}
		tone.sine += more.sine;
		tone.cosine += more.cosine;
	}
	return tone;
}

/* The frequency is nearly known: the phase of the second half against the first tells the rest. */
static double find_omega(const struct scene *scene)
{
	double omega = 2 * M_PI * TONE_HZ / scene->config.in_rate * scene->writer.rate /
		       scene->reader.rate;

	const double half = WINDOW / 2.0;

	for (unsigned round = 0; round < 3; round++) {
		struct tone first = fit_tone(scene->window, WINDOW / 2, omega);
		struct tone second = fit_tone(scene->window + WINDOW / 2, WINDOW / 2, omega);
		double turn = atan2(second.cosine, second.sine) - atan2(first.cosine, first.sine);

		omega += remainder(turn - omega * half, 2 * M_PI) / half;
	}
	return omega;
}

/* dB of all that is not the tone, against it. */
static double thd_and_noise(const struct scene *scene)
{
	double omega = find_omega(scene), rest = 0;
	struct tone tone = fit_tone(scene->window, WINDOW, omega);

	for (unsigned i = 0; i < WINDOW; i++) {
		double error = scene->window[i] - tone.sine * sin(omega * i) -
			       tone.cosine * cos(omega * i);

		rest += error * error;
	}
	return 10 *
	       log10(rest / (WINDOW / 2.0 * (tone.sine * tone.sine + tone.cosine * tone.cosine)));
}

static const struct {
	uint32_t in_rate, in_period, out_rate, out_period;
	double ppm, late_ns, thd_db;
} scenes[] = {
	{ 96000, 128, 96000, 128, 0, 0, -90 },
	{ 96000, 128, 96000, 128, 200, 0, -90 },
	{ 96000, 128, 48000, 256, -200, 200e3, -80 },
	{ 48000, 1024, 96000, 128, 200, 200e3, -80 },
	{ 44100, 64, 96000, 441, 50, 200e3, -80 },
	{ 96000, 441, 44100, 512, -150, 200e3, -80 },
};

START_TEST(a_tone_stays_a_tone_while_clocks_differ)
{
	for (size_t i = 0; i < N_ELEMENTS(scenes); i++) {
		struct scene scene = {
			.config = { .in_rate = scenes[i].in_rate,
				.out_rate = scenes[i].out_rate,
				.margin_ms = 1 },
			.writer = { .rate = scenes[i].in_rate * (1 + scenes[i].ppm * 1e-6),
				.period = scenes[i].in_period,
				.late_ns = scenes[i].late_ns },
			.reader = { .rate = scenes[i].out_rate,
				.period = scenes[i].out_period,
				.late_ns = scenes[i].late_ns },
		};
		struct resample_report report;

		begin(&scene);
		run(&scene, 40);
		resample_report(scene.resample, &report);
		double db = thd_and_noise(&scene);
		ck_assert_msg(db <= scenes[i].thd_db, "scene %zu: THD+N of %.1f dB", i, db);
		ck_assert_uint_eq(scene.n_silent, 0);
		ck_assert(!scene.channels_differ);
		ck_assert_uint_eq(report.underruns + report.overruns, 0);
		ck_assert(report.is_running && report.is_locked);
		ck_assert_double_eq_tol(report.fill, report.target, 3);
		ck_assert_msg(fabs(report.drift_ppm - scenes[i].ppm) < 5, "scene %zu: %.1f ppm", i,
			report.drift_ppm);
		resample_destroy(scene.resample);
	}
}
END_TEST

/* The tone's phase tells how old what is read is; the delay is below a period of 997 Hz / 4. */
START_TEST(the_delay_is_what_it_says)
{
	struct scene scene = {
		.config = { .in_rate = 96000, .out_rate = 96000, .margin_ms = 1 },
		.writer = { .rate = 96000, .period = 64 },
		.reader = { .rate = 96000, .period = 32 },
	};
	double sine = 0, cosine = 0;

	begin(&scene);
	run(&scene, 20);
	for (unsigned i = 0; i < WINDOW; i++) {
		double frame = (double)scene.reader.n * scene.reader.period - WINDOW + i;
		double phase = 2 * M_PI * TONE_HZ * frame / 96000;

		sine += scene.window[i] * sin(phase);
		cosine += scene.window[i] * cos(phase);
	}
	double wanted = fmod(resample_delay(scene.resample) * TONE_HZ, 1);
	double turns = -atan2(cosine, sine) / (2 * M_PI);
	double off = remainder(turns - wanted, 1) / TONE_HZ * 96000;
	ck_assert_msg(fabs(off) < 4, "%.2f frames off", off);
	resample_destroy(scene.resample);
}
END_TEST

/* Either side stands still for a while: silence without a click, then the tone again. */
START_TEST(a_gap_is_survived_without_a_click)
{
	const double tone_step = LEVEL * 2 * M_PI * TONE_HZ / 48000;
	const double fade_step = LEVEL * M_PI / 2 / 72;

	for (unsigned who = 0; who < 2; who++) {
		struct scene scene = {
			.config = { .in_rate = 48000, .out_rate = 48000, .margin_ms = 1 },
			.writer = { .rate = 48000 * (1 + 100e-6), .period = 128 },
			.reader = { .rate = 48000, .period = 256 },
		};
		struct side *side = who ? &scene.reader : &scene.writer;
		struct resample_report report;

		side->skip_n = 10 * 48000 / side->period;
		side->skip_ns = 500e6;
		begin(&scene);
		run(&scene, 9);
		ck_assert_uint_eq(scene.n_silent, 0);
		run(&scene, 30);
		resample_report(scene.resample, &report);
		ck_assert_uint_gt(scene.n_silent, 0);
		ck_assert_uint_gt(report.underruns + report.overruns, 0);
		ck_assert(report.is_running && report.is_locked);
		ck_assert_double_eq_tol(report.fill, report.target, 3);
		ck_assert_double_le(thd_and_noise(&scene), -80);
		ck_assert_msg(scene.largest_step <= tone_step + fade_step, "a step of %g",
			scene.largest_step);
		resample_destroy(scene.resample);
	}
}
END_TEST

/* A few periods that one side never counts: the delay is what it was, within seconds. */
START_TEST(lost_periods_do_not_stay_in_the_ring)
{
	for (unsigned who = 0; who < 2; who++) {
		struct scene scene = {
			.config = { .in_rate = 48000, .out_rate = 48000, .margin_ms = 50 },
			.writer = { .rate = 48000, .period = 128 },
			.reader = { .rate = 48000, .period = 256 },
		};
		struct side *side = who ? &scene.reader : &scene.writer;
		struct resample_report report;

		side->skip_n = 10 * 48000 / side->period;
		side->skip_ns = 20e6;
		begin(&scene);
		run(&scene, 12);
		resample_report(scene.resample, &report);
		ck_assert_uint_eq(report.underruns + report.overruns, 1);
		ck_assert(report.is_running);
		ck_assert_double_eq_tol(report.fill, report.target, 10);
		ck_assert_double_lt(fabs(report.drift_ppm), 50);
		resample_destroy(scene.resample);
	}
}
END_TEST

START_TEST(nobody_writes_and_silence_is_read)
{
	struct scene scene = {
		.config = { .in_rate = 48000, .out_rate = 96000, .margin_ms = 1 },
		.writer = { .rate = 48000, .period = 128, .skip_n = 0, .skip_ns = 1e18 },
		.reader = { .rate = 96000, .period = 64 },
	};

	begin(&scene);
	run(&scene, 1);
	ck_assert_uint_eq(scene.n_out, 0);
	ck_assert_double_eq(scene.largest_step, 0);
	resample_destroy(scene.resample);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	struct resample *resample;
	const struct resample_config configs[] = {
		{ 0, 48000, 128, 48000, 128, 1 },
		{ 2, 0, 128, 48000, 128, 1 },
		{ 2, 48000, 128, 0, 128, 1 },
		{ 2, 1, 128, 384000, 128, 1 },
	};

	poison(&resample);
	for (size_t i = 0; i < N_ELEMENTS(configs); i++)
		ck_assert_int_eq(resample_new(&configs[i], &resample), -EINVAL);
	assert_poisoned(&resample);
}
END_TEST

static atomic_bool done;

static void *write_for_a_while(void *user)
{
	struct resample *resample = user;
	float samples[64] = { 0 };
	const float *const channels[CHANNELS] = { samples, samples };

	for (int64_t i = 0; i < 20000; i++)
		resample_write(resample, i * 64 * 1000000 / 48, channels);
	atomic_store(&done, true);
	return NULL;
}

/* For the thread sanitizer. */
START_TEST(two_threads_and_a_report_at_once)
{
	const struct resample_config config = { CHANNELS, 48000, 64, 48000, 64, 1 };
	struct resample *resample;
	struct resample_report report;
	float samples[CHANNELS][64];
	float *const channels[CHANNELS] = { samples[0], samples[1] };
	pthread_t thread;

	ck_assert_int_eq(resample_new(&config, &resample), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, write_for_a_while, resample), 0);
	for (int64_t i = 0; !atomic_load(&done); i++)
		resample_read(resample, i * 64 * 1000000 / 48, channels);
	pthread_join(thread, NULL);
	resample_report(resample, &report);
	resample_destroy(resample);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_tone_stays_a_tone_while_clocks_differ,
		the_delay_is_what_it_says,
		a_gap_is_survived_without_a_click,
		lost_periods_do_not_stay_in_the_ring,
		nobody_writes_and_silence_is_read,
		nonsense_is_refused,
		two_threads_and_a_report_at_once,
		NULL,
	};

	return suite_run("resample", tests);
}

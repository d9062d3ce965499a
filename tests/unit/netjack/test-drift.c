/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netjack/bridge/drift.h"
#include "suite.h"

#include <math.h>

/* Two sides in virtual time: each counts its frames by a clock of its own and is woken up late by
 * chance. The ring between them has no samples, only a fill. */

struct side {
	double rate; /* as it really is, Hz of true time */
	uint32_t period;
	uint64_t n;     /* periods so far */
	double late_ns; /* at most; now and then (1 in 512) 20 times as much */
};

struct scene {
	struct side writer, reader;
	uint32_t in_rate, out_rate; /* nominal */
	double seconds;
	uint32_t seed;
};

struct outcome {
	double worst_error; /* frames, in the second half */
	double worst_ppm;   /* correction against the true one, in the second half */
	double last_ppm;
	bool is_locked;
};

static double chance(struct scene *scene)
{
	scene->seed = scene->seed * 1664525u + 1013904223u;
	return (scene->seed >> 8) / 16777216.0;
}

static double due_ns(const struct side *side)
{
	return (double)side->n * side->period / side->rate * 1e9;
}

static int64_t woken_ns(struct scene *scene, const struct side *side)
{
	double late = side->late_ns * chance(scene);

	return (int64_t)(due_ns(side) + (chance(scene) < 1 / 512.0 ? 20 * late : late));
}

static void run(struct scene *scene, struct outcome *ret)
{
	struct timeline writer, reader;
	struct rate_loop loop;
	double position = 0, target = 1000, step = (double)scene->in_rate / scene->out_rate;
	double truth = 1e6 * (scene->writer.rate / scene->reader.rate / step - 1);
	struct outcome outcome = { 0 };

	timeline_init(&writer, scene->in_rate, scene->writer.period);
	timeline_init(&reader, scene->out_rate, scene->reader.period);
	rate_loop_init(&loop, scene->in_rate);
	while (due_ns(&scene->reader) < scene->seconds * 1e9) {
		if (due_ns(&scene->writer) <= due_ns(&scene->reader)) {
			int64_t now = woken_ns(scene, &scene->writer);

			scene->writer.n++;
			timeline_update(
				&writer, now, (double)scene->writer.n * scene->writer.period);
			continue;
		}
		double count = (double)scene->reader.n * scene->reader.period;
		timeline_update(&reader, woken_ns(scene, &scene->reader), count);
		double fill = timeline_frames(&writer, timeline_time(&reader, count)) - position;
		if (scene->reader.n == 0)
			position = fill - target, fill = target;
		double correction = rate_loop_update(
			&loop, fill - target, (double)scene->reader.period / scene->out_rate);
		position += scene->reader.period * step * (1 + correction);
		scene->reader.n++;
		if (due_ns(&scene->reader) < scene->seconds * 5e8)
			continue;
		outcome.last_ppm = 1e6 * correction;
		outcome.worst_error = fmax(outcome.worst_error, fabs(fill - target));
		outcome.worst_ppm = fmax(outcome.worst_ppm, fabs(outcome.last_ppm - truth));
	}
	outcome.is_locked = rate_loop_is_locked(&loop);
	*ret = outcome;
}

static const struct {
	uint32_t in_rate, in_period, out_rate, out_period;
	double ppm, late_ns;
	double error, ppm_error; /* bounds */
} scenes[] = {
	{ 96000, 128, 96000, 128, 0, 0, 0.1, 0.1 },
	{ 96000, 128, 96000, 128, 200, 0, 0.1, 0.1 },
	{ 96000, 128, 96000, 128, -200, 0, 0.1, 0.1 },
	{ 96000, 128, 96000, 256, 200, 100e3, 2, 10 },
	{ 96000, 128, 48000, 1024, -200, 100e3, 2, 10 },
	{ 48000, 1024, 96000, 128, 200, 100e3, 2, 10 },
	{ 96000, 64, 44100, 512, 37.5, 100e3, 2, 10 },
	{ 44100, 441, 96000, 128, -120, 300e3, 2, 25 },
};

START_TEST(the_loop_finds_the_drift_and_keeps_the_fill)
{
	struct outcome outcome;

	for (size_t i = 0; i < N_ELEMENTS(scenes); i++) {
		double share = scenes[i].ppm * 1e-6;
		struct scene scene = {
			.writer = { scenes[i].in_rate * (1 + share), scenes[i].in_period, 0,
				scenes[i].late_ns },
			.reader = { scenes[i].out_rate, scenes[i].out_period, 0,
				scenes[i].late_ns },
			.in_rate = scenes[i].in_rate,
			.out_rate = scenes[i].out_rate,
			.seconds = 240,
			.seed = 4711,
		};

		run(&scene, &outcome);
		ck_assert_msg(outcome.is_locked, "scene %zu is not locked", i);
		ck_assert_msg(outcome.worst_error <= scenes[i].error, "scene %zu: %g frames off", i,
			outcome.worst_error);
		ck_assert_msg(outcome.worst_ppm <= scenes[i].ppm_error, "scene %zu: %g ppm off", i,
			outcome.worst_ppm);
	}
}
END_TEST

START_TEST(the_correction_has_a_limit)
{
	struct rate_loop loop;

	rate_loop_init(&loop, 96000);
	for (unsigned i = 0; i < 100000; i++)
		ck_assert_double_le(fabs(rate_loop_update(&loop, i % 2 ? 1e6 : 0.9e6, 0.001)),
			RATE_LOOP_CORRECTION);
	/* And it does not stay there for what it has seen. */
	ck_assert_double_lt(fabs(rate_loop_update(&loop, 0, 0.001)), RATE_LOOP_CORRECTION);
}
END_TEST

START_TEST(a_line_follows_a_clock_that_jumps)
{
	struct timeline line;
	int64_t now = 0;

	timeline_init(&line, 96000, 96);
	for (unsigned i = 0; i < 5000; i++, now += 1000000)
		timeline_update(&line, now, 96.0 * i);
	now += 3000000000;
	for (unsigned i = 5000; i < 5020; i++, now += 1000000)
		timeline_update(&line, now, 96.0 * i);
	ck_assert_double_eq_tol(timeline_frames(&line, now), 96.0 * 5020, 1);
}
END_TEST

START_TEST(one_late_call_does_not_bend_a_line)
{
	struct timeline line;
	int64_t now = 0;

	timeline_init(&line, 96000, 96);
	for (unsigned i = 0; i < 5000; i++, now += 1000000)
		timeline_update(&line, now, 96.0 * i);
	timeline_update(&line, now + 50000000, 96.0 * 5000);
	now += 1000000;
	ck_assert_double_eq_tol(timeline_frames(&line, now), 96.0 * 5001, 0.01);
}
END_TEST

/* An xrun shifts a sound card's clock by less than a period: that is not jitter, and does not stay. */
START_TEST(a_line_follows_a_shift_below_a_period)
{
	for (int64_t shift = -800000; shift <= 800000; shift += 200000) {
		struct timeline line;
		int64_t now = 0;

		timeline_init(&line, 96000, 96);
		for (unsigned i = 0; i < 5000; i++, now += 1000000)
			timeline_update(&line, now + i * 7919 % 20000, 96.0 * i);
		now += shift;
		for (unsigned i = 5000; i < 5050; i++, now += 1000000)
			timeline_update(&line, now + i * 7919 % 20000, 96.0 * i);
		ck_assert_double_eq_tol(timeline_frames(&line, now), 96.0 * 5050, 3);
	}
}
END_TEST

START_TEST(time_and_frames_of_a_line_agree)
{
	struct timeline line;

	timeline_init(&line, 44100, 441);
	for (int i = 0; i < 500; i++)
		timeline_update(&line, 1000000000 + 10000000LL * i, 441.0 * i);
	for (int frames = 0; frames < 1000000; frames += 12345)
		ck_assert_double_eq_tol(
			timeline_frames(&line, timeline_time(&line, frames)), frames, 1e-3);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_loop_finds_the_drift_and_keeps_the_fill,
		the_correction_has_a_limit,
		a_line_follows_a_clock_that_jumps,
		a_line_follows_a_shift_below_a_period,
		one_late_call_does_not_bend_a_line,
		time_and_frames_of_a_line_agree,
		NULL,
	};

	return suite_run("drift", tests);
}

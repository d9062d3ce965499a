/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resample.h"

#include "conceal.h"
#include "drift.h"

#include <errno.h>
#include <math.h>
#include <samplerate.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CONVERTER  SRC_SINC_MEDIUM_QUALITY
#define HALF_WIDTH 46.0 /* frames of the slower side that the converter looks ahead */
#define TOP_UP     4u   /* frames at a time for the last samples of a period */
#define SLACK_MIN  32.0
#define PATIENCE   4u /* reads of a line that is being written */

/* The writer's line for the reader. Odd while it is written. */
struct published {
	atomic_uint sequence;
	_Atomic int64_t at_ns;
	_Atomic double frames, speed;
};

struct resample {
	struct resample_config config;
	uint32_t capacity; /* frames, a power of two */
	float *ring;       /* interleaved */
	_Atomic uint64_t written, read;
	_Atomic uint64_t
		dropped; /* periods the writer had no room for: a gap behind what is there */
	double need, target, limit; /* frames of in_rate */
	double slack;               /* what the loop makes good; more is a lost period */

	struct timeline writer; /* the writer's */
	struct published published;

	struct timeline known; /* the reader's from here on */
	struct timeline reader;
	struct rate_loop loop;
	SRC_STATE *converter;
	struct conceal *conceal;
	float *block;    /* one period, interleaved */
	double position; /* of the read counter without the converter's lumps */
	uint64_t out_frames;
	uint64_t known_dropped;
	bool is_running;

	_Atomic double fill, correction;
	_Atomic double drift;
	_Atomic uint64_t underruns, overruns;
	atomic_bool reports_running, reports_locked;
};

static double in_per_out(const struct resample *resample)
{
	return (double)resample->config.in_rate / resample->config.out_rate;
}

static double look_ahead(const struct resample *resample)
{
	return HALF_WIDTH * fmax(1, in_per_out(resample));
}

static uint32_t power_of_two(double at_least)
{
	uint32_t n = 1;

	while (n < at_least)
		n *= 2;
	return n;
}

static void choose_sizes(struct resample *resample)
{
	const struct resample_config *config = &resample->config;
	double margin = config->margin_ms * config->in_rate / 1e3;

	resample->need = config->out_period * in_per_out(resample) + TOP_UP + 1;
	resample->target = resample->need + look_ahead(resample) + config->in_period + margin;
	resample->limit = resample->target;
	resample->slack = fmax(SLACK_MIN, fmin(config->in_period, resample->need) / 2);
	resample->capacity = power_of_two(4 * resample->target);
}

static int allocate(struct resample *resample)
{
	const struct resample_config *config = &resample->config;
	int error;

	resample->ring = calloc((size_t)resample->capacity * config->n_channels, sizeof(float));
	resample->block = calloc((size_t)config->out_period * config->n_channels, sizeof(float));
	if (!resample->ring || !resample->block)
		return -ENOMEM;
	resample->converter = src_new(CONVERTER, (int)config->n_channels, &error);
	if (!resample->converter)
		return -ENOMEM;
	return conceal_new(
		config->n_channels, config->out_rate, config->out_period, &resample->conceal);
}

int resample_new(const struct resample_config *config, struct resample **ret)
{
	if (config->n_channels == 0 || config->in_rate == 0 || config->out_rate == 0 ||
		!src_is_valid_ratio((double)config->out_rate / config->in_rate))
		return -EINVAL;
	struct resample *resample = calloc(1, sizeof *resample);
	if (!resample)
		return -ENOMEM;
	resample->config = *config;
	choose_sizes(resample);
	timeline_init(&resample->writer, config->in_rate, config->in_period);
	timeline_init(&resample->known, config->in_rate, config->in_period);
	timeline_init(&resample->reader, config->out_rate, config->out_period);
	rate_loop_init(&resample->loop, config->in_rate);
	int r = allocate(resample);
	if (r < 0) {
		resample_destroy(resample);
		return r;
	}
	*ret = resample;
	return 0;
}

void resample_destroy(struct resample *resample)
{
	if (!resample)
		return;
	if (resample->converter)
		src_delete(resample->converter);
	conceal_destroy(resample->conceal);
	free(resample->block);
	free(resample->ring);
	free(resample);
}

/* Each store is a release: who sees one of these values sees the odd number, too. */
static void publish(struct published *published, const struct timeline *line)
{
	unsigned sequence = atomic_load_explicit(&published->sequence, memory_order_relaxed);

	atomic_store_explicit(&published->sequence, sequence + 1, memory_order_relaxed);
	atomic_store_explicit(&published->at_ns, line->at_ns, memory_order_release);
	atomic_store_explicit(&published->frames, line->frames, memory_order_release);
	atomic_store_explicit(&published->speed, line->speed, memory_order_release);
	atomic_store_explicit(&published->sequence, sequence + 2, memory_order_release);
}

/* Keeps the line it has when the writer is interrupted in the middle. */
static void learn(struct published *published, struct timeline *line)
{
	for (unsigned i = 0; i < PATIENCE; i++) {
		unsigned before = atomic_load_explicit(&published->sequence, memory_order_acquire);
		struct timeline next = *line;

		next.at_ns = atomic_load_explicit(&published->at_ns, memory_order_acquire);
		next.frames = atomic_load_explicit(&published->frames, memory_order_acquire);
		next.speed = atomic_load_explicit(&published->speed, memory_order_acquire);
		next.is_running = true;
		if (before % 2 == 0 && before > 0 &&
			atomic_load_explicit(&published->sequence, memory_order_relaxed) ==
				before) {
			*line = next;
			return;
		}
	}
}

void resample_write(struct resample *resample, int64_t now_ns, const float *const *channels)
{
	const struct resample_config *config = &resample->config;
	uint64_t written = atomic_load_explicit(&resample->written, memory_order_relaxed);
	uint64_t read = atomic_load_explicit(&resample->read, memory_order_acquire);

	if (written - read + config->in_period > resample->capacity) {
		atomic_fetch_add_explicit(&resample->overruns, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&resample->dropped, 1, memory_order_release);
		return;
	}
	for (uint32_t i = 0; i < config->in_period; i++) {
		size_t frame = (size_t)((written + i) & (resample->capacity - 1));

		for (unsigned c = 0; c < config->n_channels; c++)
			resample->ring[frame * config->n_channels + c] = channels[c][i];
	}
	written += config->in_period;
	timeline_update(&resample->writer, now_ns, (double)written);
	atomic_store_explicit(&resample->written, written, memory_order_release);
	publish(&resample->published, &resample->writer);
}

static uint64_t available(const struct resample *resample)
{
	return atomic_load_explicit(&resample->written, memory_order_acquire) -
	       atomic_load_explicit(&resample->read, memory_order_relaxed);
}

static void consume(struct resample *resample, uint64_t n_frames)
{
	uint64_t read = atomic_load_explicit(&resample->read, memory_order_relaxed);

	atomic_store_explicit(&resample->read, read + n_frames, memory_order_release);
}

/* Up to n frames from the ring through the converter. Returns how many came out of it. */
static uint32_t convert(struct resample *resample, uint64_t n, uint32_t made, double ratio)
{
	const struct resample_config *config = &resample->config;
	uint64_t read = atomic_load_explicit(&resample->read, memory_order_relaxed);
	uint64_t first = read & (resample->capacity - 1);

	if (n > resample->capacity - first)
		n = resample->capacity - first;
	SRC_DATA data = {
		.data_in = resample->ring + first * config->n_channels,
		.data_out = resample->block + (size_t)made * config->n_channels,
		.input_frames = (long)n,
		.output_frames = (long)(config->out_period - made),
		.src_ratio = ratio,
	};
	if (src_process(resample->converter, &data) != 0)
		return 0;
	consume(resample, (uint64_t)data.input_frames_used);
	return (uint32_t)data.output_frames_gen;
}

/* The bulk at once, then a few frames at a time: the converter hoards whatever it is given. */
static bool fill_block(struct resample *resample, double ratio)
{
	uint64_t bulk = (uint64_t)(resample->config.out_period / ratio);
	uint64_t end = atomic_load_explicit(&resample->read, memory_order_relaxed) + bulk;
	uint32_t made = 0;

	while (made < resample->config.out_period) {
		uint64_t read = atomic_load_explicit(&resample->read, memory_order_relaxed);
		uint64_t n = read < end ? end - read : TOP_UP;
		uint64_t there = available(resample);

		if (there == 0)
			return false;
		made += convert(resample, n < there ? n : there, made, ratio);
	}
	return true;
}

static void spread_block(const struct resample *resample, float *const *channels)
{
	const struct resample_config *config = &resample->config;

	for (unsigned c = 0; c < config->n_channels; c++)
		for (uint32_t i = 0; i < config->out_period; i++)
			channels[c][i] = resample->block[(size_t)i * config->n_channels + c];
}

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static double read_counter(const struct resample *resample)
{
	return (double)atomic_load_explicit(&resample->read, memory_order_relaxed);
}

/* Nobody reads: what gets too old goes, so that the writer, and its line, are not stopped by a full
 * ring. */
static void make_room(struct resample *resample)
{
	uint64_t most = (uint64_t)resample->target + resample->config.in_period;
	uint64_t there = available(resample);

	if (there > most)
		consume(resample, there - most);
}

/* Starts to read when the ring holds enough, where it is just enough. */
static void try_to_start(struct resample *resample, int64_t cycle_ns)
{
	make_room(resample);
	resample->position = read_counter(resample);
	double fill = timeline_frames(&resample->known, cycle_ns) - resample->position;
	if (!resample->known.is_running || fill < resample->target)
		return;
	uint64_t surplus = (uint64_t)(fill - resample->target), there = available(resample);
	/* Otherwise the line is wrong, and will be right soon. */
	if (surplus > there || (double)(there - surplus) < resample->need + look_ahead(resample))
		return;
	consume(resample, surplus);
	resample->position = read_counter(resample);
	src_reset(resample->converter);
	src_set_ratio(resample->converter, 1 / in_per_out(resample));
	rate_loop_restart(&resample->loop);
	resample->is_running = true;
}

/* What the converter looks ahead is out of the ring, but belongs to what is still to come. */
static void advance(struct resample *resample, double in_frames)
{
	double read = read_counter(resample) - look_ahead(resample);

	resample->position += in_frames;
	resample->position += 1e-3 * (read - resample->position);
}

static bool read_block(struct resample *resample, double fill)
{
	const struct resample_config *config = &resample->config;
	double error = fill - resample->target;

	if (fabs(error) > resample->limit || fabs(resample->loop.error) > resample->slack) {
		count(error < 0 ? &resample->underruns : &resample->overruns);
		return false;
	}
	double correction = rate_loop_update(
		&resample->loop, error, (double)config->out_period / config->out_rate);
	double step = in_per_out(resample) * (1 + correction);
	if (!fill_block(resample, 1 / step)) {
		count(&resample->underruns);
		return false;
	}
	advance(resample, config->out_period * step);
	atomic_store_explicit(&resample->correction, correction, memory_order_relaxed);
	return true;
}

static void report(struct resample *resample, double fill)
{
	atomic_store_explicit(&resample->fill, fill, memory_order_relaxed);
	atomic_store_explicit(&resample->drift, resample->loop.integral, memory_order_relaxed);
	atomic_store_explicit(
		&resample->reports_running, resample->is_running, memory_order_relaxed);
	atomic_store_explicit(&resample->reports_locked,
		resample->is_running && rate_loop_is_locked(&resample->loop), memory_order_relaxed);
}

/* Whatever is on either side of a gap must not be heard in a row. */
static void skip_gap(struct resample *resample)
{
	uint64_t dropped = atomic_load_explicit(&resample->dropped, memory_order_acquire);

	if (dropped == resample->known_dropped)
		return;
	resample->known_dropped = dropped;
	resample->is_running = false;
	consume(resample, available(resample));
}

bool resample_read(struct resample *resample, int64_t now_ns, float *const *channels)
{
	timeline_update(&resample->reader, now_ns, (double)resample->out_frames);
	int64_t cycle_ns = timeline_time(&resample->reader, (double)resample->out_frames);
	resample->out_frames += resample->config.out_period;
	learn(&resample->published, &resample->known);
	skip_gap(resample);
	if (!resample->is_running)
		try_to_start(resample, cycle_ns);
	double fill = timeline_frames(&resample->known, cycle_ns) - resample->position;
	if (resample->is_running)
		resample->is_running = read_block(resample, fill);
	if (resample->is_running)
		spread_block(resample, channels);
	conceal_run(resample->conceal, !resample->is_running, channels);
	report(resample, fill);
	return resample->is_running;
}

double resample_delay(const struct resample *resample)
{
	return (resample->target - resample->config.in_period) / resample->config.in_rate;
}

void resample_report(const struct resample *resample, struct resample_report *ret)
{
	*ret = (struct resample_report){
		.fill = atomic_load_explicit(&resample->fill, memory_order_relaxed),
		.target = resample->target,
		.correction_ppm =
			1e6 * atomic_load_explicit(&resample->correction, memory_order_relaxed),
		.drift_ppm = 1e6 * atomic_load_explicit(&resample->drift, memory_order_relaxed),
		.underruns = atomic_load_explicit(&resample->underruns, memory_order_relaxed),
		.overruns = atomic_load_explicit(&resample->overruns, memory_order_relaxed),
		.is_running =
			atomic_load_explicit(&resample->reports_running, memory_order_relaxed),
		.is_locked = atomic_load_explicit(&resample->reports_locked, memory_order_relaxed),
	};
}

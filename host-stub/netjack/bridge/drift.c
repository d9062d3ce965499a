/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drift.h"

#include <math.h>

#define NS_PER_S        1e9
#define OFF_UPDATES_MAX 16u
#define OFF_SPREADS     6.0

static double clamp(double value, double low, double high)
{
	return fmin(fmax(value, low), high);
}

void timeline_init(struct timeline *timeline, uint32_t rate, uint32_t period)
{
	*timeline = (struct timeline){
		.nominal = rate / NS_PER_S,
		.speed = rate / NS_PER_S,
		.period = period,
	};
}

static void jump(struct timeline *timeline, int64_t now_ns, double frames)
{
	timeline->at_ns = now_ns;
	timeline->since_ns = now_ns;
	timeline->frames = frames;
	timeline->spread = timeline->period / 4;
	timeline->n_off = 0;
	timeline->is_running = true;
}

static bool is_far_off(struct timeline *timeline, double error)
{
	double most =
		clamp(OFF_SPREADS * timeline->spread, timeline->period / 16, timeline->period);

	if (fabs(error) <= most) {
		timeline->n_off = 0;
		return false;
	}
	timeline->n_off++;
	return true;
}

void timeline_update(struct timeline *timeline, int64_t now_ns, double frames)
{
	if (!timeline->is_running) {
		jump(timeline, now_ns, frames);
		return;
	}
	double dt = (double)(now_ns - timeline->at_ns);
	double error = frames - timeline_frames(timeline, now_ns);
	if (is_far_off(timeline, error)) {
		if (timeline->n_off >= OFF_UPDATES_MAX)
			jump(timeline, now_ns, frames);
		return;
	}
	if (dt <= 0)
		return;
	double most = 2 * timeline->spread;
	timeline->spread += 0.01 * (fabs(error) - timeline->spread);
	error = clamp(error, -most, most);
	double age_s = (double)(now_ns - timeline->since_ns) / NS_PER_S;
	double omega = 2 * M_PI * fmax(TIMELINE_BANDWIDTH_HZ, 0.3 / age_s) * dt / NS_PER_S;
	omega = fmin(omega, 0.7);
	timeline->frames += timeline->speed * dt + M_SQRT2 * omega * error;
	timeline->at_ns = now_ns;
	/* The first few are too close together to tell a speed from. */
	if (age_s > 0.1)
		timeline->speed = clamp(timeline->speed + omega * omega * error / dt,
			timeline->nominal * 0.99, timeline->nominal * 1.01);
}

double timeline_frames(const struct timeline *timeline, int64_t at_ns)
{
	return timeline->frames + (double)(at_ns - timeline->at_ns) * timeline->speed;
}

int64_t timeline_time(const struct timeline *timeline, double frames)
{
	return timeline->at_ns + (int64_t)((frames - timeline->frames) / timeline->speed);
}

void rate_loop_init(struct rate_loop *loop, uint32_t rate)
{
	*loop = (struct rate_loop){ .rate = rate };
}

void rate_loop_restart(struct rate_loop *loop)
{
	loop->elapsed_s = 0;
	loop->error = 0;
}

double rate_loop_update(struct rate_loop *loop, double error, double dt_s)
{
	loop->elapsed_s += dt_s;
	double hz = clamp(RATE_LOOP_ACQUIRE_HZ * RATE_LOOP_ACQUIRE_S / loop->elapsed_s,
		RATE_LOOP_BANDWIDTH_HZ, RATE_LOOP_ACQUIRE_HZ);
	double omega = 2 * M_PI * hz;
	double proportional = M_SQRT2 * omega * error / loop->rate;

	loop->error += fmin(dt_s / 0.5, 1) * (error - loop->error);
	/* Does not wind up while the correction is at its limit. */
	if (fabs(error) < RATE_LOOP_LEARN_MS / 1e3 * loop->rate &&
		fabs(proportional + loop->integral) < RATE_LOOP_CORRECTION)
		loop->integral += omega * omega * error * dt_s / loop->rate;
	return clamp(proportional + loop->integral, -RATE_LOOP_CORRECTION, RATE_LOOP_CORRECTION);
}

bool rate_loop_is_locked(const struct rate_loop *loop)
{
	return loop->elapsed_s >= RATE_LOOP_ACQUIRE_S &&
	       fabs(loop->error) < RATE_LOOP_LOCKED_FRAMES;
}

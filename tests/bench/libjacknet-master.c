/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the NETJACK2 master of helix-host-stub is compared with: a master on libjacknet, as its API is
 * meant to be used, with the same payload and the same clock.
 *
 *     libjacknet-master RATE PERIOD SECONDS
 *
 * Waits for a slave and for the payload to come back, then for a second, then measures; prints a line
 * of JSON. A round trip is from before a period is sent until the call that brings it back returns.
 */

#include "netjack/endpoint/histogram.h"
#include "netjack/endpoint/realtime.h"
#include "netjack/measure/payload.h"

#include <inttypes.h>
#include <jack/net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHANNELS    2
#define LAGS        8u    /* periods that a loop may have, and one */
#define PATIENCE_S  60u   /* until the payload comes back */
#define PERIOD_MAX  4096u /* frames */
#define NS_PER_S    INT64_C(1000000000)
#define PRIORITY    REALTIME_PRIORITY
#define OPEN_WAIT_S 20 /* for a slave; libjacknet counts it in steps of 2 */

struct run {
	uint32_t rate, period;
	jack_net_master_t *net;
	float samples[2][CHANNELS][PERIOD_MAX]; /* out, in */
	int64_t sent_ns[LAGS];
	uint64_t late_ticks, periods, exact, wrong, silent, failed;
	uint64_t lags[LAGS];
	struct histogram rtt;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void sleep_until(int64_t ns)
{
	const struct timespec until = { ns / NS_PER_S, ns % NS_PER_S };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
		;
}

/* Periods ago that what has come was sent; LAGS: not known. */
static unsigned find_lag(const struct run *run, uint64_t tick)
{
	unsigned lag = 0;

	while (lag < LAGS &&
		(lag > tick || !payload_is(run->samples[1][0][0], (tick - lag) * run->period, 0)))
		lag++;
	return lag;
}

static void compare(struct run *run, uint64_t tick, int64_t after_ns)
{
	unsigned lag = find_lag(run, tick);

	run->periods++;
	if (lag == LAGS) {
		run->silent += (uint64_t)CHANNELS * run->period;
		return;
	}
	run->lags[lag]++;
	histogram_add(&run->rtt, after_ns - run->sent_ns[(tick - lag) % LAGS]);
	for (unsigned c = 0; c < CHANNELS; c++) {
		for (uint32_t i = 0; i < run->period; i++) {
			int good = payload_is(
				run->samples[1][c][i], (tick - lag) * run->period + i, c);

			run->exact += good != 0;
			run->wrong += !good;
		}
	}
}

static void exchange(struct run *run, uint64_t tick)
{
	float *out[] = { run->samples[0][0], run->samples[0][1] };
	float *in[] = { run->samples[1][0], run->samples[1][1] };

	for (unsigned c = 0; c < CHANNELS; c++) {
		for (uint32_t i = 0; i < run->period; i++)
			out[c][i] = payload_sample(tick * run->period + i, c);
	}
	run->sent_ns[tick % LAGS] = now_ns();
	run->failed += jack_net_master_send(run->net, CHANNELS, out, 0, NULL) < 0;
	run->failed += jack_net_master_recv(run->net, CHANNELS, in, 0, NULL) < 0;
}

static int64_t due_ns(const struct run *run, uint64_t tick)
{
	return (int64_t)(tick * run->period * NS_PER_S / run->rate);
}

/* How many periods have gone by unused when tick is begun. */
static uint64_t periods_late(const struct run *run, int64_t begun_ns, uint64_t tick)
{
	uint64_t n = 0;

	while (begun_ns + due_ns(run, tick + n + 1) < now_ns())
		n++;
	return n;
}

static int measure(struct run *run, uint64_t n_ticks)
{
	uint64_t second = run->rate / run->period, first = UINT64_MAX, skipped = 0;
	int64_t begun_ns = now_ns();

	for (uint64_t tick = 0; first == UINT64_MAX || tick < first + second + n_ticks; tick++) {
		uint64_t late;

		sleep_until(begun_ns + due_ns(run, tick + skipped));
		late = periods_late(run, begun_ns, tick + skipped);
		skipped += late;
		exchange(run, tick);
		if (first == UINT64_MAX && find_lag(run, tick) < LAGS)
			first = tick;
		if (first == UINT64_MAX && tick > PATIENCE_S * second)
			return -1;
		if (first != UINT64_MAX && tick >= first + second) {
			run->late_ticks += late > 0;
			compare(run, tick, now_ns());
		}
	}
	return 0;
}

static unsigned most_common(const struct run *run)
{
	unsigned most = 0;

	for (unsigned i = 1; i < LAGS; i++)
		most = run->lags[i] > run->lags[most] ? i : most;
	return most;
}

static void print(const struct run *run)
{
	unsigned lag = most_common(run);

	printf("{\"lag\":%u,\"other_lags\":%" PRIu64 ",\"exact\":%" PRIu64 ",\"wrong\":%" PRIu64
	       ",\"silent\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"late_ticks\":%" PRIu64
	       ",\"periods\":%" PRIu64 ",\"p50\":%.1f,\"p99\":%.1f,\"p99.9\":%.1f,\"max\":%.1f}\n",
		lag * run->period, run->rtt.n - run->lags[lag], run->exact, run->wrong, run->silent,
		run->failed, run->late_ticks, run->periods,
		(double)histogram_percentile(&run->rtt, 0.5) / 1000,
		(double)histogram_percentile(&run->rtt, 0.99) / 1000,
		(double)histogram_percentile(&run->rtt, 0.999) / 1000,
		(double)histogram_percentile(&run->rtt, 1) / 1000);
}

static int open_net(struct run *run)
{
	jack_master_t request = {
		.audio_input = CHANNELS,
		.audio_output = CHANNELS,
		.buffer_size = run->period,
		.sample_rate = run->rate,
		.master_name = "bench",
		.time_out = OPEN_WAIT_S,
	};
	jack_slave_t result = { 0 };

	run->net = jack_net_master_open(DEFAULT_MULTICAST_IP, DEFAULT_PORT, &request, &result);
	return run->net && result.audio_input == CHANNELS && result.audio_output == CHANNELS ? 0
											     : -1;
}

int main(int argc, char **argv)
{
	static struct run run;
	const struct log_sink *quiet = NULL;
	int seconds;

	if (argc != 4)
		return 2;
	run.rate = (uint32_t)atoi(argv[1]);
	run.period = (uint32_t)atoi(argv[2]);
	seconds = atoi(argv[3]);
	if (run.rate == 0 || run.period == 0 || run.period > PERIOD_MAX || seconds <= 0)
		return 2;
	realtime_lock(quiet);
	if (open_net(&run) < 0) {
		fprintf(stderr, "libjacknet-master: no slave\n");
		return 1;
	}
	fprintf(stderr, "is here:\n");
	realtime_schedule(PRIORITY, quiet);
	if (measure(&run, (uint64_t)seconds * run.rate / run.period) < 0) {
		fprintf(stderr, "libjacknet-master: the payload does not come back\n");
		return 1;
	}
	print(&run);
	jack_net_master_close(run.net);
	return 0;
}

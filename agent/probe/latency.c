/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "latency.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#define NS_PER_S G_GINT64_CONSTANT(1000000000)

/* What is put back afterwards. */
struct before {
	int policy;
	struct sched_param param;
	cpu_set_t cpus;
	int slack_ns;
};

static bool fail(GError **error, const char *what)
{
	int code = errno;

	g_set_error(error, G_IO_ERROR,
		code == EPERM ? G_IO_ERROR_PERMISSION_DENIED : G_IO_ERROR_FAILED, "%s: %s", what,
		g_strerror(code));
	return false;
}

/* With a TID of 0 these calls are about the thread, not the process. */
static void restore(const struct before *before)
{
	sched_setscheduler(0, before->policy, &before->param);
	sched_setaffinity(0, sizeof(before->cpus), &before->cpus);
	prctl(PR_SET_TIMERSLACK, before->slack_ns, 0, 0, 0);
}

static bool prepare(const struct latency_config *config, struct before *before, GError **error)
{
	struct sched_param param = { .sched_priority = (int)config->priority };
	cpu_set_t cpus;

	before->policy = sched_getscheduler(0);
	before->slack_ns = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
	if (before->policy < 0 || sched_getparam(0, &before->param) < 0 ||
		sched_getaffinity(0, sizeof(before->cpus), &before->cpus) < 0)
		return fail(error, "scheduling of this thread");
	CPU_ZERO(&cpus);
	if (config->cpu != LATENCY_CPU_ANY) {
		CPU_SET((size_t)config->cpu, &cpus);
		if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
			return fail(error, "CPU");
	}
	if (config->priority > 0 && sched_setscheduler(0, SCHED_FIFO, &param) < 0) {
		fail(error, "SCHED_FIFO");
		restore(before);
		return false;
	}
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	return true;
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static unsigned sample(const struct latency_config *config, uint32_t *ret_delays_ns)
{
	int64_t interval = (int64_t)config->interval_us * 1000, due = now_ns() + interval;
	int64_t end = due + 2 * interval * config->samples;
	unsigned n = 0;

	while (n < config->samples && due < end) {
		struct timespec until = { due / NS_PER_S, due % NS_PER_S };
		int64_t delay;

		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
			;
		delay = now_ns() - due;
		ret_delays_ns[n++] = (uint32_t)CLAMP(delay, 0, UINT32_MAX);
		/* What was slept through is one delay, not many. */
		due = MAX(due + interval, now_ns());
	}
	return n;
}

static int compare_delays(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	return (one > other) - (one < other);
}

static double quantile_us(const uint32_t *sorted_ns, unsigned n, double quantile)
{
	unsigned i = (unsigned)(quantile * n);

	return sorted_ns[MIN(i, n - 1)] / 1e3;
}

void latency_summarise(uint32_t *delays_ns, unsigned n, struct latency *ret)
{
	struct latency latency = { .n = n };

	qsort(delays_ns, n, sizeof(*delays_ns), compare_delays);
	for (unsigned i = 0; i < n; i++) {
		unsigned bits = g_bit_storage(delays_ns[i] / 1000);

		latency.histogram[MIN(bits ? bits - 1 : 0, LATENCY_BUCKETS - 1)]++;
	}
	latency.p50_us = quantile_us(delays_ns, n, 0.5);
	latency.p99_us = quantile_us(delays_ns, n, 0.99);
	latency.p999_us = quantile_us(delays_ns, n, 0.999);
	latency.max_us = delays_ns[n - 1] / 1e3;
	*ret = latency;
}

static bool sensible(const struct latency_config *config)
{
	return config->samples >= 1 && config->samples <= LATENCY_SAMPLES_MAX &&
	       config->interval_us >= 100 && config->interval_us <= 100000 &&
	       config->priority <= 98 && config->cpu >= LATENCY_CPU_ANY &&
	       config->cpu < CPU_SETSIZE;
}

bool latency_measure(const struct latency_config *config, struct latency *ret, GError **error)
{
	size_t size = config->samples * sizeof(uint32_t);
	struct before before;
	uint32_t *delays_ns;
	bool prepared;

	if (!sensible(config)) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
			"samples, interval, priority or CPU out of range");
		return false;
	}
	delays_ns = g_malloc(size);
	/* Touched before, and locked where that is allowed: no page fault while measuring. */
	memset(delays_ns, 0xff, size);
	mlock(delays_ns, size);
	prepared = prepare(config, &before, error);
	if (prepared) {
		unsigned n = sample(config, delays_ns);

		restore(&before);
		latency_summarise(delays_ns, n, ret);
	}
	munlock(delays_ns, size);
	g_free(delays_ns);
	return prepared;
}

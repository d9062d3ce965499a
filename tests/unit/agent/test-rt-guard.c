/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "setting/rt-guard.h"
#include "suite.h"

#include <glib/gstdio.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define STARVE_MS   120u
#define DEADLINE_MS 20000u
#define HOG_S       3

static char *knob;
static atomic_bool starved, held, fired;

static void pause_ms(unsigned ms)
{
	const struct timespec pause = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&pause, NULL);
}

static void setup(void)
{
	int fd = g_file_open_tmp("rt-guard-XXXXXX", &knob, NULL);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert(g_file_set_contents(knob, "-1\n", -1, NULL));
	starved = held = fired = false;
}

static void teardown(void)
{
	g_remove(knob);
	g_free(knob);
}

static void on_fired(void *user)
{
	fired = true;
}

/* A canary that is not let run, as far as the guard can see. */
static void hold_while_starved(void *user)
{
	while (starved && !fired) {
		held = true;
		pause_ms(1);
	}
}

/* On one CPU that this process may use. NULL: not allowed here. */
static struct rt_guard *start(unsigned starve_ms)
{
	struct rt_guard_config config = {
		.knob = knob,
		.starve_ms = starve_ms,
		.fired = on_fired,
		.before_sign = hold_while_starved,
	};
	struct rt_guard *guard = NULL;
	GError *error = NULL;
	int cpu = sched_getcpu();

	ck_assert_int_ge(cpu, 0);
	config.cpus.bits[cpu / 64] |= UINT64_C(1) << cpu % 64;
	if (!rt_guard_start(&config, &guard, &error)) {
		printf("skipped: %s\n", error->message);
		g_error_free(error);
	}
	return guard;
}

static bool await_fire(const struct rt_guard *guard)
{
	for (unsigned ms = 0; ms < DEADLINE_MS && !fired; ms++)
		pause_ms(1);
	return fired && rt_guard_has_fired(guard);
}

static void assert_knob(const char *wanted)
{
	g_autofree char *is = NULL;

	ck_assert(g_file_get_contents(knob, &is, NULL, NULL));
	ck_assert_str_eq(is, wanted);
}

START_TEST(a_canary_that_sings_keeps_the_guard_quiet)
{
	struct rt_guard *guard = start(RT_GUARD_STARVE_MS);

	if (!guard)
		return;
	pause_ms(RT_GUARD_STARVE_MS / 2);
	ck_assert(!rt_guard_has_fired(guard));
	rt_guard_stop(guard);
	assert_knob("-1\n");
}
END_TEST

START_TEST(a_canary_that_starves_brings_the_limit_back)
{
	struct rt_guard *guard = start(STARVE_MS);

	if (!guard)
		return;
	starved = true;
	ck_assert(await_fire(guard));
	assert_knob(RT_GUARD_RUNTIME "\n");
	rt_guard_stop(guard);
}
END_TEST

START_TEST(who_stops_it_while_a_canary_starves_is_not_kept_waiting)
{
	struct rt_guard *guard = start(STARVE_MS);

	if (!guard)
		return;
	starved = true;
	while (!held)
		pause_ms(1);
	rt_guard_stop(guard);
	ck_assert(fired);
	assert_knob(RT_GUARD_RUNTIME "\n");
}
END_TEST

/* --- a real one --- */

static void *take_cpu(void *user)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while (now.tv_sec - start.tv_sec < HOG_S && !fired);
	return NULL;
}

/* On the CPU that the guard's canary has, above all but the guard. */
static bool start_hog(pthread_t *ret)
{
	const struct sched_param param = { .sched_priority = 50 };
	pthread_attr_t attr;
	cpu_set_t one;
	int code;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	pthread_attr_setaffinity_np(&attr, sizeof(one), &one);
	code = pthread_create(ret, &attr, take_cpu, NULL);
	pthread_attr_destroy(&attr);
	return code == 0;
}

static void stay_on_this_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
}

START_TEST(a_thread_that_never_sleeps_is_noticed)
{
	struct rt_guard *guard;
	pthread_t hog;

	stay_on_this_cpu();
	guard = start(1000);
	if (!guard)
		return;
	ck_assert(start_hog(&hog));
	pthread_join(hog, NULL);
	/* Before the limit is gone altogether, and since Linux 6.12, ordinary threads have a share. */
	if (!rt_guard_has_fired(guard))
		printf("skipped: this kernel keeps a share of a CPU for ordinary threads\n");
	else
		assert_knob(RT_GUARD_RUNTIME "\n");
	rt_guard_stop(guard);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_canary_that_sings_keeps_the_guard_quiet,
		a_canary_that_starves_brings_the_limit_back,
		who_stops_it_while_a_canary_starves_is_not_kept_waiting,
		a_thread_that_never_sleeps_is_noticed,
		NULL,
	};

	return suite_run_with("agent-rt-guard", tests, setup, teardown);
}

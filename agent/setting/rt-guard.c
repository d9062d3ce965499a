/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rt-guard.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PRIORITY  99
#define LOOKS     6u /* at a canary until it counts as starved */
#define STACK     ((size_t)64 * 1024)
#define NS_PER_MS 1000000L

struct canary {
	struct rt_guard *guard;
	pthread_t thread;
	atomic_bool sign, ended;
	unsigned missed; /* looks without a sign */
};

struct rt_guard {
	struct rt_guard_config config;
	int knob_fd;
	pthread_t thread;
	struct canary canaries[RT_GUARD_CPUS_MAX];
	unsigned n_canaries;
	bool watching;           /* there is `thread` */
	atomic_bool quiet, ends; /* canaries end; the watching thread ends */
	atomic_bool fired;
};

static void pause_ms(unsigned ms)
{
	const struct timespec pause = { ms / 1000, (long)(ms % 1000) * NS_PER_MS };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

static void *sing(void *user)
{
	struct canary *canary = user;
	const struct rt_guard_config *config = &canary->guard->config;

	while (!atomic_load(&canary->guard->quiet)) {
		if (config->before_sign)
			config->before_sign(config->user);
		atomic_store(&canary->sign, true);
		pause_ms(config->starve_ms / LOOKS / 2);
	}
	atomic_store(&canary->ended, true);
	return NULL;
}

/* Looks are counted, not time: while the host lets the guest wait there are none. */
static bool any_starves(struct rt_guard *guard)
{
	bool starves = false;

	for (unsigned i = 0; i < guard->n_canaries; i++) {
		struct canary *canary = &guard->canaries[i];

		if (atomic_exchange(&canary->sign, false) || atomic_load(&canary->ended))
			canary->missed = 0;
		else
			canary->missed++;
		starves |= canary->missed >= LOOKS;
	}
	return starves;
}

static void fire(struct rt_guard *guard)
{
	static const char limit[] = RT_GUARD_RUNTIME "\n";
	const struct sched_param ordinary = { 0 };

	if (pwrite(guard->knob_fd, limit, strlen(limit), 0) < 0)
		return;
	atomic_store(&guard->fired, true);
	pthread_setschedparam(pthread_self(), SCHED_OTHER, &ordinary);
	if (guard->config.fired)
		guard->config.fired(guard->config.user);
}

static void *watch(void *user)
{
	struct rt_guard *guard = user;

	while (!atomic_load(&guard->ends) && !atomic_load(&guard->fired)) {
		pause_ms(guard->config.starve_ms / LOOKS);
		if (!atomic_load(&guard->ends) && any_starves(guard))
			fire(guard);
	}
	return NULL;
}

/* --- life --- */

static bool start_thread(pthread_t *thread, void *(*body)(void *user), void *user, int priority,
	const cpu_set_t *cpus)
{
	const struct sched_param param = { .sched_priority = priority };
	pthread_attr_t attr;
	int code;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, priority ? SCHED_FIFO : SCHED_OTHER);
	pthread_attr_setschedparam(&attr, &param);
	pthread_attr_setaffinity_np(&attr, sizeof(*cpus), cpus);
	code = pthread_create(thread, &attr, body, user);
	pthread_attr_destroy(&attr);
	errno = code;
	return code == 0;
}

static bool start_canary(struct rt_guard *guard, unsigned cpu)
{
	struct canary *canary = &guard->canaries[guard->n_canaries];
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	canary->guard = guard;
	if (!start_thread(&canary->thread, sing, canary, 0, &one))
		return false;
	guard->n_canaries++;
	return true;
}

static bool start_threads(struct rt_guard *guard)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (unsigned cpu = 0; cpu < CPU_SETSIZE && cpu < ENV_CPUS_MAX; cpu++) {
		if (!env_cpus_has(&guard->config.cpus, cpu))
			continue;
		CPU_SET(cpu, &cpus);
		if (guard->n_canaries < RT_GUARD_CPUS_MAX && !start_canary(guard, cpu))
			return false;
	}
	/* Else it may have to wait for a page that an ordinary thread of the kernel fetches. */
	mlockall(MCL_CURRENT);
	guard->watching = start_thread(&guard->thread, watch, guard, PRIORITY, &cpus);
	return guard->watching;
}

bool rt_guard_start(const struct rt_guard_config *config, struct rt_guard **ret, GError **error)
{
	struct rt_guard *guard = g_new0(struct rt_guard, 1);

	guard->config = *config;
	guard->knob_fd = open(config->knob, O_WRONLY | O_CLOEXEC);
	if (guard->knob_fd >= 0 && start_threads(guard)) {
		*ret = guard;
		return true;
	}
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
		"nothing would guard the machine against real-time threads that never sleep: %s",
		g_strerror(errno));
	rt_guard_stop(guard);
	return false;
}

bool rt_guard_has_fired(const struct rt_guard *guard)
{
	return atomic_load(&guard->fired);
}

void rt_guard_stop(struct rt_guard *guard)
{
	if (!guard)
		return;
	atomic_store(&guard->quiet, true);
	for (unsigned i = 0; i < guard->n_canaries; i++)
		pthread_join(guard->canaries[i].thread, NULL);
	atomic_store(&guard->ends, true);
	if (guard->watching)
		pthread_join(guard->thread, NULL);
	munlockall();
	if (guard->knob_fd >= 0)
		close(guard->knob_fd);
	g_free(guard);
}

const struct rt_guard_impl rt_guard_threads = {
	.start = rt_guard_start,
	.has_fired = rt_guard_has_fired,
	.stop = rt_guard_stop,
};

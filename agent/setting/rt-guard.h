/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Without a limit (kernel.sched_rt_runtime_us = -1) a real-time thread that never sleeps keeps its CPU
 * for itself. On a CPU that was isolated for it that is what was wanted; on another one the machine
 * stands still. The guard has an ordinary thread, a canary, on each CPU that is to stay free, and
 * looks at them from a thread of the highest priority: when one does not get to run for long, the
 * limit comes back.
 */

#include "../env.h"

#define RT_GUARD_STARVE_MS 3000u
#define RT_GUARD_RUNTIME   "950000" /* us of a second, the kernel's default */
#define RT_GUARD_CPUS_MAX  16u      /* canaries: the first CPUs have one */

struct rt_guard;

struct rt_guard_config {
	const char *knob;     /* file to write RT_GUARD_RUNTIME to; opened at once */
	struct env_cpus cpus; /* that ordinary threads have to get: at least one */
	unsigned starve_ms;   /* until it fires, within a sixth of it */
	/* On a thread of its own, after the limit was written; NULL: nobody wants to know. */
	void (*fired)(void *user);
	/* A canary calls it before each sign of life; NULL: nothing (tests starve it here). */
	void (*before_sign)(void *user);
	void *user;
};

struct rt_guard_impl {
	/* As the functions below. */
	bool (*start)(const struct rt_guard_config *config, struct rt_guard **ret, GError **error);
	bool (*has_fired)(const struct rt_guard *guard);
	void (*stop)(struct rt_guard *guard);
};
extern const struct rt_guard_impl rt_guard_threads;

/* G_IO_ERROR_NOT_SUPPORTED: it may not have threads of that priority, or on these CPUs. */
bool rt_guard_start(const struct rt_guard_config *config, struct rt_guard **ret, GError **error);
bool rt_guard_has_fired(const struct rt_guard *guard);
/* Ends its threads; NULL is legal. When a canary starves, it fires first. */
void rt_guard_stop(struct rt_guard *guard);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Verdicts on the kernel: how it preempts, what it measures time with, what it interrupts. */

#include "probe.h"

enum preempt_model {
	PREEMPT_NONE,
	PREEMPT_VOLUNTARY,
	PREEMPT_LAZY,
	PREEMPT_FULL,
	PREEMPT_RT,
	PREEMPT_DYNAMIC, /* can be any of the first four, and does not tell */
};
/*
 * version: /proc/sys/kernel/version ("#1 SMP PREEMPT_RT Debian ..."); cmdline: /proc/cmdline;
 * sched: /sys/kernel/debug/sched/preempt ("none voluntary (full)"), NULL when it cannot be read.
 */
enum preempt_model preempt_model_parse(const char *version, const char *cmdline, const char *sched);
void kernel_preempt_judge(enum preempt_model model, bool threadirqs,
	const struct probe_wanted *wanted, struct probe_result *ret);

void kernel_clocksource_judge(const char *name, struct probe_result *ret);

struct throttle_facts {
	int64_t runtime_us;    /* sched_rt_runtime_us; -1: no limit */
	unsigned online;       /* CPUs */
	unsigned housekeeping; /* online and not isolated */
	int64_t throttled_s;   /* since the kernel throttled last; -1: never, or not known */
};
void kernel_throttle_judge(const struct throttle_facts *facts, struct probe_result *ret);

/* nmi, soft: 0, 1, or -1 when there is no such watchdog. */
void kernel_watchdogs_judge(
	int64_t nmi, int64_t soft, const struct probe_wanted *wanted, struct probe_result *ret);

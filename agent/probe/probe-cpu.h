/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Verdicts on CPUs: which are kept for whom, and whether the host lends them at all. */

#include "probe.h"

/*
 * A list of CPUs of the kernel command line: "[nohz,][domain,][managed_irq,]1-3", "N" for the last
 * possible CPU, "all". *ret_domain (may be NULL): does it take CPUs from the scheduler's domains?
 * False for nonsense and for strides ("0-9:1/2").
 */
bool isolation_parse(const char *text, unsigned last_cpu, struct env_cpus *ret, bool *ret_domain);

struct isolation_facts {
	struct env_cpus online;
	struct env_cpus asked_isolated, asked_nohz; /* of the command line */
	struct env_cpus isolated, nohz;             /* in effect */
	bool unclear;                               /* the command line was not understood */
};
void cpu_isolation_judge(const struct isolation_facts *facts, const struct probe_wanted *wanted,
	struct probe_result *ret);

/* Device interrupts (numbered lines of /proc/interrupts) that these CPUs took. False: nonsense. */
bool interrupts_count(const char *text, const struct env_cpus *cpus, uint64_t *ret);
/* pinned: device interrupts whose effective affinity is an isolated CPU, as text ("24 (eth0)");
 * NULL: none. */
void cpu_irq_leak_judge(double per_s, const char *pinned, struct probe_result *ret);

struct cpu_times {
	uint64_t total, steal; /* ticks */
};
/* The sum of all CPUs in /proc/stat. */
bool cpu_times_parse(const char *stat, struct cpu_times *ret);
/* told: does the host tell at all? */
void cpu_steal_judge(const struct cpu_times *before, const struct cpu_times *now, bool told,
	const struct probe_wanted *wanted, struct probe_result *ret);

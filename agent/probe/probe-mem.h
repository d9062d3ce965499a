/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Verdicts on memory, and on what waits for it. */

#include "probe.h"

/* kB of /proc/meminfo. */
void mem_avail_judge(int64_t available, int64_t total, struct probe_result *ret);

struct psi {
	double some, full; /* % of the last 10 s */
};
/* A file of /proc/pressure. One without a line "full" (cpu, before Linux 5.13) has 0. */
bool psi_parse(const char *text, struct psi *ret);
void psi_judge(const char *what, const struct psi *psi, struct probe_result *ret);

struct swap_facts {
	int64_t total_kb;
	int64_t swappiness;
	double pages_in_per_s;
	bool audio; /* an audio server runs */
};
void mem_swap_judge(const struct swap_facts *facts, const struct probe_wanted *wanted,
	struct probe_result *ret);

/* Of the default size; -1: the kernel has none. */
void mem_hugepages_judge(
	int64_t total, int64_t free, const struct probe_wanted *wanted, struct probe_result *ret);
/* mode: "always", "madvise", "never". */
void mem_thp_judge(const char *mode, const struct probe_wanted *wanted, struct probe_result *ret);

/* kB of /proc/PID/status. */
void mem_locked_judge(const char *process, int64_t locked, int64_t anonymous,
	const struct probe_wanted *wanted, struct probe_result *ret);

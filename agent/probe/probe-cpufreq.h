/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Verdicts on what the CPUs are set to. */

#include "probe.h"

/* governors: one for each policy of cpufreq; NULL-terminated. */
void cpu_governor_judge(
	const char *const *governors, const struct probe_wanted *wanted, struct probe_result *ret);

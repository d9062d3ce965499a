/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Verdicts on how late threads wake up. */

#include "latency.h"
#include "probe.h"

/* Limits of SCHED_FIFO are shares of the audio period: max above 15 % and 75 %, p99 above 50 %. */
void sched_latency_rt_judge(
	double p99_us, double max_us, const struct probe_wanted *wanted, struct probe_result *ret);
void sched_latency_normal_judge(double p99_us, double max_us, struct probe_result *ret);

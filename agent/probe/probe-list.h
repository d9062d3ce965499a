/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The probes of probe_table, for it alone. */

#include "probe.h"

extern const struct probe probe_kernel_preempt, probe_kernel_hrtimers, probe_kernel_clocksource,
	probe_kernel_throttle, probe_kernel_watchdogs;

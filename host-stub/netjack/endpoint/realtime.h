/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What keeps the clock even: SCHED_FIFO and memory that stays. Where it is not allowed, a warning says
 * how to allow it, and life goes on. */

#include "../../log.h"

#include <stdbool.h>

#define REALTIME_PRIORITY                                                                          \
	70 /* above what a desktop gives its audio, below the threads of interrupts */

/* The calling thread, priority of SCHED_FIFO. False: refused, warned about. */
bool realtime_schedule(int priority, const struct log_sink *log);
/* What a limit of locked memory has to allow (RLIMIT_MEMLOCK): with a lower one what is allocated later
 * would fail, which is worse than paging. */
#define REALTIME_MEMORY_MIN (512u << 20)
/* The whole process, also what it maps later. False: refused, warned about. */
bool realtime_lock(const struct log_sink *log);

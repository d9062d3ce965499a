/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Ranges of the Monitoring Plugins Development Guidelines: they say when to raise an alarm.
 *
 *   10       below 0 or above 10        10:20    below 10 or above 20
 *   10:      below 10                   @10:20   from 10 to 20, both included
 *   ~:10     above 10
 */

#include "probe.h"

struct range {
	double first, last; /* -INFINITY and INFINITY where open */
	bool inside;        /* alarm inside instead of outside */
};

/* False for nonsense (empty, trailing bytes, first beyond last, NaN). */
bool range_parse(const char *text, struct range *ret);
bool range_alarms(const struct range *range, double value);
/* OK, WARN or FAIL; UNKNOWN for a value or a range that is none. NULL: no range. */
enum probe_status range_judge(double value, const char *warn, const char *fail);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "range.h"

#include <math.h>
#include <string.h>

static bool parse_bound(const char *text, double *ret)
{
	char *end;
	double value;

	/* strtod() takes blanks, "inf", "nan" and hexadecimal; a range must not. */
	if (!*text || strspn(text, "+-.0123456789eE") != strlen(text))
		return false;
	value = g_ascii_strtod(text, &end);
	if (*end || !isfinite(value))
		return false;
	*ret = value;
	return true;
}

bool range_parse(const char *text, struct range *ret)
{
	bool inside = *text == '@';
	g_auto(GStrv) bounds = g_strsplit(text + inside, ":", 3);
	struct range range = { 0, INFINITY, inside };
	unsigned n = g_strv_length(bounds);

	if (n == 1) {
		if (!parse_bound(bounds[0], &range.last))
			return false;
	} else if (n == 2) {
		if (g_str_equal(bounds[0], "~"))
			range.first = -INFINITY;
		else if (*bounds[0] && !parse_bound(bounds[0], &range.first))
			return false;
		if (*bounds[1] && !parse_bound(bounds[1], &range.last))
			return false;
		if (!*bounds[0] && !*bounds[1])
			return false;
	} else {
		return false;
	}
	if (range.first > range.last)
		return false;
	*ret = range;
	return true;
}

bool range_alarms(const struct range *range, double value)
{
	bool within = value >= range->first && value <= range->last;

	return within == range->inside;
}

enum probe_status range_judge(double value, const char *warn, const char *fail)
{
	struct range range;

	if (isnan(value))
		return PROBE_UNKNOWN;
	if (fail && !range_parse(fail, &range))
		return PROBE_UNKNOWN;
	if (fail && range_alarms(&range, value))
		return PROBE_FAIL;
	if (warn && !range_parse(warn, &range))
		return PROBE_UNKNOWN;
	return warn && range_alarms(&range, value) ? PROBE_WARN : PROBE_OK;
}

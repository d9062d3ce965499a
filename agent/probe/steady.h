/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Verdicts on values that do not flap: the one in the middle of the last three samples, so that two
 * of three have to be beyond a threshold. Answers without a value (a state, UNKNOWN, N/A) hold at
 * once, and so does the first value behind one.
 */

#include "probe.h"

#define STEADY_SAMPLES 3u

struct steady {
	struct probe_result samples[STEADY_SAMPLES]; /* oldest first */
	unsigned n;
};

void steady_finish(struct steady *steady);
/* Takes the result over. Returns the answer that holds, borrowed until the next call: the newest
 * sample with the verdict that holds. */
const struct probe_result *steady_add(struct steady *steady, struct probe_result *result);

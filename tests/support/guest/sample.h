/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Durations, and what is said of them. */

#include "json.h"

struct sample {
	GArray *us; /* gdouble */
};

void sample_begin(struct sample *s);
void sample_end(struct sample *s);
void sample_add(struct sample *s, double us);
/* The smallest value that is not exceeded by `percent` of all; NAN of none. Sorts. */
double sample_percentile(struct sample *s, unsigned percent);
/* Members count, p50_us, p99_us and max_us. */
void sample_print(struct sample *s, struct json *j);

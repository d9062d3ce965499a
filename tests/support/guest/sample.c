/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sample.h"

#include <math.h>

void sample_begin(struct sample *s)
{
	s->us = g_array_new(FALSE, FALSE, sizeof(gdouble));
}

void sample_end(struct sample *s)
{
	g_array_unref(s->us);
}

void sample_add(struct sample *s, double us)
{
	g_array_append_val(s->us, us);
}

static int compare(gconstpointer a, gconstpointer b)
{
	double x = *(const gdouble *)a, y = *(const gdouble *)b;

	return (x > y) - (x < y);
}

double sample_percentile(struct sample *s, unsigned percent)
{
	if (s->us->len == 0)
		return NAN;
	g_array_sort(s->us, compare);
	guint rank = (s->us->len * percent + 99) / 100;
	return g_array_index(s->us, gdouble, rank > 0 ? rank - 1 : 0);
}

void sample_print(struct sample *s, struct json *j)
{
	json_uint(j, "count", s->us->len);
	json_double(j, "p50_us", sample_percentile(s, 50));
	json_double(j, "p99_us", sample_percentile(s, 99));
	json_double(j, "max_us", sample_percentile(s, 100));
}

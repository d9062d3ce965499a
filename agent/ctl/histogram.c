/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "histogram.h"

#include <glib.h>
#include <stdio.h>

#define BAR_WIDTH 50

static json_int_t count_of(const json_t *bucket)
{
	return json_integer_value(json_object_get(bucket, "count"));
}

static json_int_t largest(const json_t *histogram)
{
	json_int_t most = 1;
	json_t *bucket;
	size_t i;

	json_array_foreach((json_t *)histogram, i, bucket) most = MAX(most, count_of(bucket));
	return most;
}

/* A single late wake-up among thousands is what one looks for: nothing that is there has no bar. */
static int bar_length(json_int_t count, json_int_t most)
{
	return count > 0 ? MAX(1, (int)(count * BAR_WIDTH / most)) : 0;
}

void histogram_print(const json_t *histogram)
{
	static const char bar[] = "##################################################";
	json_int_t most = largest(histogram);
	size_t first = 0, end = json_array_size(histogram);

	while (end > 0 && count_of(json_array_get(histogram, end - 1)) == 0)
		end--;
	while (first < end && count_of(json_array_get(histogram, first)) == 0)
		first++;
	for (size_t i = first; i < end; i++) {
		const json_t *bucket = json_array_get(histogram, i);
		const json_t *limit = json_object_get(bucket, "below-us");
		g_autofree char *label =
			json_is_number(limit) ? g_strdup_printf("< %g us", json_number_value(limit))
					      : g_strdup("more");

		printf("  %12s %8lld %.*s\n", label, (long long)count_of(bucket),
			bar_length(count_of(bucket), most), bar);
	}
}

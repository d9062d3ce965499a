/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rows.h"

#include <stdio.h>

char *rows_cell(const json_t *value)
{
	if (json_is_string(value))
		return *json_string_value(value) ? g_strdup(json_string_value(value))
						 : g_strdup("\"\"");
	if (json_is_integer(value))
		return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (json_is_real(value))
		return g_strdup_printf("%g", json_real_value(value));
	if (json_is_boolean(value))
		return g_strdup(json_is_true(value) ? "yes" : "no");
	return g_strdup("-");
}

char *rows_value(const json_t *value)
{
	g_autofree char *text = rows_cell(value);
	g_auto(GStrv) lines = g_strsplit(g_strstrip(text), "\n", -1);
	guint n = g_strv_length(lines);

	if (json_is_null(value) || !value)
		return g_strdup("(absent)");
	return n > 1 ? g_strdup_printf("%s ... (%u lines)", lines[0], n) : g_strdup(text);
}

/* --- list, show --- */

char *rows_time(const json_t *value)
{
	g_autoptr(GDateTime) when = g_date_time_new_from_unix_local(json_integer_value(value));

	return when && json_is_integer(value) ? g_date_time_format(when, "%F %T") : g_strdup("-");
}

void rows_print(const struct print *print, const json_t *rows, const struct rows_column *columns,
	unsigned n_columns, const char *empty)
{
	g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
	json_t *row;
	size_t i;

	if (json_array_size(rows) == 0) {
		puts(empty);
		return;
	}
	for (unsigned column = 0; column < n_columns; column++)
		g_ptr_array_add(cells, g_strdup(columns[column].heading));
	json_array_foreach((json_t *)rows, i, row) for (unsigned column = 0; column < n_columns;
							column++) g_ptr_array_add(cells,
		columns[column].format ? columns[column].format(row)
				       : rows_cell(json_object_get(row, columns[column].key)));
	g_ptr_array_add(cells, NULL);
	print_table(print, n_columns, (char *const *)cells->pdata);
}

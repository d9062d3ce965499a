/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Replies of helix-applyd as tables. */

#include "print.h"

#include <glib.h>

/* A column: a heading and the member that it shows. */
struct rows_column {
	const char *heading, *key;
	/* As text, transfer full; NULL: rows_cell(). */
	char *(*format)(const json_t *row);
};

/* rows: an array of objects; nothing but `empty` is printed when there are none. */
void rows_print(const struct print *print, const json_t *rows, const struct rows_column *columns,
	unsigned n_columns, const char *empty);
/* Any member as text: "-" for null and what is not there, "yes" and "no"; transfer full. */
char *rows_cell(const json_t *value);
/* A value of a setting as one line that fits, since drop-ins are whole files: "(absent)" for null, else
 * its first line and how many there are. Transfer full. */
char *rows_value(const json_t *value);
/* Seconds since 1970 as "2026-11-21 09:30:00"; transfer full. */
char *rows_time(const json_t *value);

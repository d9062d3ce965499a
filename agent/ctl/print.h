/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text for people, on standard output: verdicts, in colour where that is wanted, and tables. */

#include <jansson.h>
#include <stdbool.h>

struct print {
	bool colour; /* a terminal, and no NO_COLOR (no-color.org) */
};

void print_init(struct print *print);
/* "=== Service ===" with an empty line before it, unless it is the first. */
void print_heading(const struct print *print, const char *text, bool first);
/* One line: verdict, name in a column, text; and below it a hint (NULL: none). */
void print_line(const struct print *print, const char *verdict, const char *name, const char *text,
	const char *hint);
/* The word, padded to the width of the longest verdict, in its colour. */
void print_verdict(const struct print *print, const char *verdict);
/* Without control characters: what others wrote must not steer a terminal. Transfer full. */
char *print_clean(const char *text);

#define PRINT_COLUMNS_MAX 8u
/* Columns as wide as their widest cell, the last one as long as it is. cells: rows of n_columns,
 * row by row, NULL-terminated; the first row is the heading. */
void print_table(const struct print *print, unsigned n_columns, char *const *cells);

/* Members of an object as text; "" when it is not there or of another type. Borrowed. */
const char *print_text(const json_t *object, const char *key);
/* "12.5 ms"; "" for no number. Transfer full. */
char *print_value(const json_t *value, const char *unit);

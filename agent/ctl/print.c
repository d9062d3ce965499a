/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "print.h"

#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERDICT_WIDTH 7
#define NAME_WIDTH    34

void print_init(struct print *print)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	print->colour =
		isatty(STDOUT_FILENO) && !(no_color && *no_color) && g_strcmp0(term, "dumb") != 0;
}

static const char *colour_of(const char *verdict)
{
	static const char *const colours[][2] = {
		{ "OK", "\033[32m" },
		{ "WARN", "\033[33m" },
		{ "FAIL", "\033[1;31m" },
		{ "UNKNOWN", "\033[35m" },
		{ "N/A", "\033[2m" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(colours); i++)
		if (!strcmp(colours[i][0], verdict))
			return colours[i][1];
	return "";
}

/* Bytes of UTF-8 text and columns of a terminal differ. */
static int padding(const char *text, int width)
{
	return MAX(0, width - (int)g_utf8_strlen(text, -1));
}

void print_verdict(const struct print *print, const char *verdict)
{
	printf("%s%s%s%*s", print->colour ? colour_of(verdict) : "", verdict,
		print->colour ? "\033[0m" : "", padding(verdict, VERDICT_WIDTH), "");
}

void print_heading(const struct print *print, const char *text, bool first)
{
	printf("%s%s=== %s ===%s\n", first ? "" : "\n", print->colour ? "\033[1m" : "", text,
		print->colour ? "\033[0m" : "");
}

void print_line(const struct print *print, const char *verdict, const char *name, const char *text,
	const char *hint)
{
	g_autofree char *clean_name = print_clean(name), *clean = print_clean(text);

	print_verdict(print, verdict);
	printf(" %s%*s %s\n", clean_name, padding(clean_name, NAME_WIDTH), "", clean);
	if (hint && *hint) {
		g_autofree char *clean_hint = print_clean(hint);

		printf("%*s %s%s%s\n", VERDICT_WIDTH, "", print->colour ? "\033[1m" : "-> ",
			clean_hint, print->colour ? "\033[0m" : "");
	}
}

char *print_clean(const char *text)
{
	GString *clean = g_string_new(NULL);
	g_autofree char *valid = g_utf8_make_valid(text, -1);

	for (const char *p = valid; *p; p = g_utf8_next_char(p))
		if (g_unichar_iscntrl(g_utf8_get_char(p)))
			g_string_append_c(clean, ' ');
		else
			g_string_append_len(clean, p, g_utf8_next_char(p) - p);
	return g_string_free(clean, FALSE);
}

void print_table(const struct print *print, unsigned n_columns, char *const *cells)
{
	int widths[PRINT_COLUMNS_MAX] = { 0 };

	for (unsigned i = 0; cells[i]; i++)
		widths[i % n_columns] =
			MAX(widths[i % n_columns], (int)g_utf8_strlen(cells[i], -1));
	for (unsigned i = 0; cells[i]; i++) {
		g_autofree char *clean = print_clean(cells[i]);
		bool last = i % n_columns == n_columns - 1;

		if (i == 0 && print->colour)
			fputs("\033[1m", stdout);
		printf("%s%*s%s", clean, last ? 0 : padding(clean, widths[i % n_columns] + 2), "",
			i == n_columns - 1 && print->colour ? "\033[0m" : "");
		if (last)
			putchar('\n');
	}
}

const char *print_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

char *print_value(const json_t *value, const char *unit)
{
	double number = json_number_value(value);

	if (!json_is_number(value))
		return g_strdup("");
	if (!strcmp(unit, "B")) {
		g_autofree char *size =
			g_format_size_full((guint64)MAX(number, 0), G_FORMAT_SIZE_IEC_UNITS);

		return g_steal_pointer(&size);
	}
	return g_strdup_printf("%.*f%s%s", fabs(number) >= 100 || number == floor(number) ? 0 : 2,
		number, *unit ? " " : "", unit);
}

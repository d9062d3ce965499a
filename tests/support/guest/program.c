/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE_MAX 16384

void program_options(int *argc, char ***argv, const GOptionEntry *entries, const char *parameters,
	const char *summary, const char *description)
{
	g_autoptr(GOptionContext) context = g_option_context_new(parameters);
	g_autoptr(GError) error = NULL;

	g_autofree char *name = g_path_get_basename((*argv)[0]);

	g_set_prgname(name);
	g_option_context_set_strict_posix(context, TRUE);
	g_option_context_set_summary(context, summary);
	g_option_context_set_description(context, description);
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, argc, argv, &error))
		program_usage("%s", error->message);
	setvbuf(stdout, NULL, _IOLBF, 0);
}

void program_fail(int error, const char *what, ...)
{
	va_list arguments;

	va_start(arguments, what);
	g_autofree char *text = g_strdup_vprintf(what, arguments);
	va_end(arguments);
	fprintf(stderr, "%s: %s%s%s\n", g_get_prgname(), text, error ? ": " : "",
		error ? g_strerror(-error) : "");
	exit(EXIT_FAILURE);
}

void program_usage(const char *what, ...)
{
	va_list arguments;

	va_start(arguments, what);
	g_autofree char *text = g_strdup_vprintf(what, arguments);
	va_end(arguments);
	fprintf(stderr, "%s: %s\n", g_get_prgname(), text);
	exit(PROGRAM_USAGE);
}

void program_default(char **option, const char *value)
{
	if (!*option)
		*option = g_strdup(value);
}

gboolean program_parse_size(const char *text, uint32_t *ret_width, uint32_t *ret_height)
{
	g_auto(GStrv) sides = g_strsplit(text, "x", 3);
	guint64 width, height;

	if (g_strv_length(sides) != 2)
		return FALSE;
	if (!g_ascii_string_to_unsigned(sides[0], 10, 1, SIDE_MAX, &width, NULL) ||
		!g_ascii_string_to_unsigned(sides[1], 10, 1, SIDE_MAX, &height, NULL))
		return FALSE;
	*ret_width = (uint32_t)width;
	*ret_height = (uint32_t)height;
	return TRUE;
}

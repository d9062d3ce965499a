/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "knob.h"

#include <string.h>

bool knob_read(const struct env *env, const char *path, char **ret, GError **error)
{
	g_autofree char *text = NULL;
	GString *line;

	if (!env_read_line(env, path, &text, error))
		return false;
	line = g_string_new(NULL);
	for (const char *at = text; *at; at++) {
		if (!g_ascii_isspace(*at))
			g_string_append_c(line, *at);
		else if (!g_ascii_isspace(at[1]))
			g_string_append_c(line, ' ');
	}
	*ret = g_string_free(line, FALSE);
	return true;
}

bool knob_check(const struct env *env, const char *path, char **ret_reason)
{
	if (env_exists(env, path))
		return true;
	*ret_reason = g_strdup_printf("there is no %s", path);
	return false;
}

static bool memory_kb(const char *text, const char *name, guint64 *ret)
{
	const char *line = strstr(text, name);

	if (line)
		*ret = g_ascii_strtoull(line + strlen(name), NULL, 10);
	return line != NULL;
}

bool knob_fits_memory(const struct env *env, const char *pages, uint64_t page_kb, char **ret_reason)
{
	g_autofree char *text = NULL;
	guint64 free_kb, size_kb = page_kb, n;

	/* The kernel also takes 0x10, 010 and blanks. */
	if (!g_ascii_string_to_unsigned(pages, 10, 0, G_MAXINT64, &n, NULL)) {
		*ret_reason = g_strdup("a number of huge pages is a decimal number");
		return false;
	}
	if (!env_read(env, "/proc/meminfo", &text, NULL) ||
		!memory_kb(text, "MemAvailable:", &free_kb) ||
		(!page_kb && !memory_kb(text, "Hugepagesize:", &size_kb))) {
		*ret_reason = g_strdup("/proc/meminfo does not say what memory there is");
		return false;
	}
	if (size_kb == 0 || n <= free_kb / 2 / size_kb)
		return true;
	*ret_reason = g_strdup_printf(
		"%" G_GUINT64_FORMAT " pages are more than half of what is free", n);
	return false;
}

/* The paths below `done` that match the components that are left. */
static void expand(const struct env *env, const char *done, char *const *left, GPtrArray *found)
{
	g_auto(GStrv) names = NULL;

	if (!*left) {
		if (env_exists(env, done))
			g_ptr_array_add(found, g_strdup(done));
		return;
	}
	if (!strchr(*left, '*')) {
		g_autofree char *path = g_strdup_printf("%s/%s", done, *left);

		expand(env, path, left + 1, found);
		return;
	}
	names = env_list(env, *done ? done : "/");
	for (char **name = names; *name; name++) {
		g_autofree char *path = g_strdup_printf("%s/%s", done, *name);

		if (g_pattern_match_simple(*left, *name))
			expand(env, path, left + 1, found);
	}
}

char **knob_expand(const struct env *env, const char *pattern)
{
	g_auto(GStrv) parts = g_strsplit(pattern + (*pattern == '/'), "/", -1);
	GPtrArray *found = g_ptr_array_new();

	expand(env, "", parts, found);
	g_ptr_array_add(found, NULL);
	return (char **)g_ptr_array_free(found, FALSE);
}

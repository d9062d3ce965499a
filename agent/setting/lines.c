/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lines.h"

#include <string.h>

static int compare(const void *a, const void *b, void *user)
{
	return strcmp(a, b);
}

static void take(GTree *set, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text ?: "", "\n", -1);

	for (char **line = lines; *line; line++) {
		char *equals = strchr(*line, '=');

		if (equals)
			g_tree_replace(set, g_strndup(*line, (gsize)(equals - *line)),
				g_strdup(equals + 1));
	}
}

GTree *lines_parse(const char *text)
{
	GTree *set = g_tree_new_full(compare, NULL, g_free, g_free);

	take(set, text);
	return set;
}

struct visit {
	bool (*each)(const char *key, const char *value, void *user);
	void *user;
	bool all;
};

static gboolean visit_one(void *key, void *value, void *user)
{
	struct visit *visit = user;

	visit->all = visit->each(key, value, visit->user);
	return !visit->all;
}

bool lines_each(
	GTree *set, bool (*each)(const char *key, const char *value, void *user), void *user)
{
	struct visit visit = { .each = each, .user = user, .all = true };

	g_tree_foreach(set, visit_one, &visit);
	return visit.all;
}

static bool format_one(const char *key, const char *value, void *user)
{
	g_string_append_printf(user, "%s=%s\n", key, value);
	return true;
}

char *lines_format(GTree *set)
{
	GString *text = g_string_new(NULL);

	lines_each(set, format_one, text);
	return g_string_free(text, text->len == 0);
}

char *lines_merge(const char *now, const char *more)
{
	g_autoptr(GTree) set = lines_parse(now);

	take(set, more);
	return lines_format(set);
}

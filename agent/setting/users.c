/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "users.h"

#include <string.h>

#define PASSWD     "/etc/passwd"
#define LOGIN_DEFS "/etc/login.defs"
#define UID_MIN    1000
#define UID_MAX    60000

enum { FIELD_NAME, FIELD_UID = 2, FIELD_HOME = 5 };

static guint64 limit(const char *defs, const char *name, guint64 otherwise)
{
	g_auto(GStrv) lines = g_strsplit(defs ?: "", "\n", -1);

	for (char **line = lines; *line; line++) {
		const char *text = g_strstrip(*line);
		size_t length = strlen(name);

		if (!strncmp(text, name, length) && g_ascii_isspace(text[length]))
			otherwise = g_ascii_strtoull(text + length, NULL, 10);
	}
	return otherwise;
}

/* It becomes an argument of programs and a part of targets. */
static bool good_name(const char *name)
{
	return (g_ascii_isalpha(*name) || *name == '_') && !strpbrk(name, "/*\\ \t") &&
	       g_str_is_ascii(name);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **users_human(const struct env *env)
{
	g_autofree char *passwd = NULL, *defs = NULL;
	g_auto(GStrv) lines = NULL;
	GPtrArray *names = g_ptr_array_new();
	guint64 min, max, uid;

	env_read(env, PASSWD, &passwd, NULL);
	env_read(env, LOGIN_DEFS, &defs, NULL);
	min = limit(defs, "UID_MIN", UID_MIN);
	max = limit(defs, "UID_MAX", UID_MAX);
	lines = g_strsplit(passwd ?: "", "\n", -1);
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) fields = g_strsplit(*line, ":", -1);

		if (g_strv_length(fields) > FIELD_HOME && good_name(fields[FIELD_NAME]) &&
			g_ascii_string_to_unsigned(fields[FIELD_UID], 10, min, max, &uid, NULL))
			g_ptr_array_add(names, g_strdup(fields[FIELD_NAME]));
	}
	g_ptr_array_sort(names, compare);
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}

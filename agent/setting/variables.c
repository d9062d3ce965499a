/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "variables.h"

#include <string.h>

#define CPU "/sys/devices/system/cpu/"

static bool read_cpus(const struct env *env, const char *path, struct env_cpus *ret)
{
	g_autofree char *text = NULL;

	return env_read_line(env, path, &text, NULL) && *text && env_cpus_parse(text, ret);
}

static struct env_cpus without(const struct env_cpus *all, const struct env_cpus *some)
{
	struct env_cpus left = *all;

	for (unsigned i = 0; i < G_N_ELEMENTS(left.bits); i++)
		left.bits[i] &= ~some->bits[i];
	return left;
}

static char *possible(const struct env *env, GHashTable *own)
{
	struct env_cpus cpus;

	return read_cpus(env, CPU "possible", &cpus) ? env_cpus_format(&cpus) : NULL;
}

static char *online(const struct env *env, GHashTable *own)
{
	struct env_cpus cpus;

	return read_cpus(env, CPU "online", &cpus) ? env_cpus_format(&cpus) : NULL;
}

static char *isolated(const struct env *env, GHashTable *own)
{
	struct env_cpus cpus;

	return read_cpus(env, CPU "isolated", &cpus) ? env_cpus_format(&cpus) : NULL;
}

/* Without isolation there is nobody to keep house for. */
bool variables_housekeeping(const struct env *env, struct env_cpus *ret)
{
	struct env_cpus all, apart;

	if (!read_cpus(env, CPU "online", &all) || !read_cpus(env, CPU "isolated", &apart))
		return false;
	*ret = without(&all, &apart);
	return env_cpus_count(ret) > 0;
}

static char *housekeeping(const struct env *env, GHashTable *own)
{
	struct env_cpus cpus;

	return variables_housekeeping(env, &cpus) ? env_cpus_format(&cpus) : NULL;
}

static char *housekeeping_mask(const struct env *env, GHashTable *own)
{
	struct env_cpus cpus;

	return variables_housekeeping(env, &cpus) ? env_cpus_mask(&cpus) : NULL;
}

static bool get_isolate(const struct env *env, GHashTable *own, struct env_cpus *ret)
{
	static const struct env_cpus first = { .bits = { 1 } };
	const char *wanted = own ? g_hash_table_lookup(own, "isolate") : NULL;
	struct env_cpus all;

	if (wanted)
		return env_cpus_parse(wanted, ret);
	if (!read_cpus(env, CPU "possible", &all))
		return false;
	*ret = without(&all, &first);
	return env_cpus_count(ret) > 0;
}

static char *isolate(const struct env *env, GHashTable *own)
{
	struct env_cpus cpus;

	return get_isolate(env, own, &cpus) ? env_cpus_format(&cpus) : NULL;
}

static char *keep(const struct env *env, GHashTable *own)
{
	struct env_cpus all, apart, left;

	if (!get_isolate(env, own, &apart) || !read_cpus(env, CPU "possible", &all))
		return NULL;
	left = without(&all, &apart);
	return env_cpus_count(&left) > 0 ? env_cpus_format(&left) : NULL;
}

static const struct {
	const char *name;
	char *(*get)(const struct env *env, GHashTable *own);
} table[] = {
	{ "possible", possible },
	{ "online", online },
	{ "isolated", isolated },
	{ "housekeeping", housekeeping },
	{ "housekeeping_mask", housekeeping_mask },
	{ "isolate", isolate },
	{ "keep", keep },
};

static char *value_of(const struct env *env, GHashTable *own, const char *name)
{
	const char *mine = own ? g_hash_table_lookup(own, name) : NULL;

	if (mine)
		return g_strdup(mine);
	for (unsigned i = 0; i < G_N_ELEMENTS(table); i++)
		if (!strcmp(table[i].name, name))
			return table[i].get(env, own);
	return NULL;
}

bool variables_expand(
	const struct env *env, GHashTable *own, const char *text, char **ret, GError **error)
{
	g_autoptr(GString) out = g_string_new(NULL);
	const char *start, *end;

	while ((start = strstr(text, "${")) && (end = strchr(start, '}'))) {
		g_autofree char *name = g_strndup(start + 2, (gsize)(end - start - 2));
		g_autofree char *value = value_of(env, own, name);

		if (!value) {
			g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
				"${%s} has no value on this machine", name);
			return false;
		}
		g_string_append_len(out, text, start - text);
		g_string_append(out, value);
		text = end + 1;
	}
	g_string_append(out, text);
	*ret = g_string_free(g_steal_pointer(&out), FALSE);
	return true;
}

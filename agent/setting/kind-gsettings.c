/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one user set for himself: the target is USER/SCHEMA/KEY, * for all human users; the value is a
 * GVariant as text, absent where the user leaves it to the system. */
#include "durable.h"
#include "host.h"
#include "setting.h"
#include "users.h"

#include <string.h>

enum { PART_USER, PART_SCHEMA, PART_KEY, N_PARTS };

static const struct user_store *store_of(const struct env *env)
{
	return env->host && env->host->users ? env->host->users : &user_store_gsettings;
}

static char **parts_of(const char *target)
{
	return g_strsplit(target, "/", N_PARTS);
}

static bool is_name(const char *text)
{
	return g_ascii_isalpha(*text) && !strpbrk(text, "/ \t\n*") && g_str_is_ascii(text);
}

static bool is_user(const struct env *env, const char *name)
{
	g_auto(GStrv) users = users_human(env);

	return g_strv_contains((const char *const *)users, name);
}

static bool check(const struct env *env, const struct setting *setting, char **ret_reason)
{
	g_auto(GStrv) parts = parts_of(setting->target);

	if (g_strv_length(parts) != N_PARTS || !is_name(parts[PART_SCHEMA]) ||
		!is_name(parts[PART_KEY]))
		*ret_reason = g_strdup("needs a target like */org.gnome.desktop.interface/x");
	else if (setting->desired && (!*setting->desired || strchr(setting->desired, '\n')))
		*ret_reason = g_strdup("needs a value like true or 'text'");
	else if (!strcmp(parts[PART_USER], "*"))
		*ret_reason = g_strdup("nobody uses this machine");
	else if (!is_user(env, parts[PART_USER]))
		*ret_reason = g_strdup_printf("there is no user %s", parts[PART_USER]);
	else
		return true;
	return false;
}

static bool get(
	const struct env *env, const char *target, bool effective, char **ret, GError **error)
{
	g_auto(GStrv) parts = parts_of(target);

	if (g_strv_length(parts) == N_PARTS)
		return store_of(env)->get(env, parts[PART_USER], parts[PART_SCHEMA],
			parts[PART_KEY], effective, ret, error);
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: no key of a user", target);
	return false;
}

static bool read_value(const struct env *env, const char *target, char **ret, GError **error)
{
	return get(env, target, false, ret, error);
}

static bool effective(const struct env *env, const char *target, char **ret, GError **error)
{
	return get(env, target, true, ret, error);
}

static bool write_value(
	const struct env *env, const char *target, const char *value, GError **error)
{
	g_auto(GStrv) parts = parts_of(target);

	durable_step(env, "user-set");
	if (!store_of(env)->set(
		    env, parts[PART_USER], parts[PART_SCHEMA], parts[PART_KEY], value, error))
		return false;
	durable_step(env, "user-is-set");
	return true;
}

/* "uint32 0" is "0"; what only its key's type makes sense of ("[]") stays as it is. */
static char *plain(const char *value)
{
	g_autoptr(GVariant) parsed = g_variant_parse(NULL, value, NULL, NULL, NULL);

	return parsed ? g_variant_print(parsed, FALSE) : g_strdup(value);
}

static bool same(const char *a, const char *b)
{
	g_autofree char *x = plain(a), *y = plain(b);

	return !strcmp(x, y);
}

static char **expand(const struct env *env, const char *target)
{
	g_auto(GStrv) parts = parts_of(target), users = users_human(env);
	GPtrArray *found = g_ptr_array_new();

	for (char **user = users; g_strv_length(parts) == N_PARTS && *user; user++)
		if (g_pattern_match_simple(parts[PART_USER], *user))
			g_ptr_array_add(found, g_strdup_printf("%s/%s/%s", *user,
						       parts[PART_SCHEMA], parts[PART_KEY]));
	g_ptr_array_add(found, NULL);
	return (char **)g_ptr_array_free(found, FALSE);
}

const struct setting_kind setting_kind_gsettings = {
	.name = "gsettings",
	.undo = "exact, also that the user had not set it; sessions see it at once",
	.check = check,
	.read = read_value,
	.write = write_value,
	.effective = effective,
	.same = same,
	.expand = expand,
};

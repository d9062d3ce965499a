/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "profile.h"

#include <string.h>

#define SUFFIX       ".conf"
#define FILE_MODE    "0644"
#define DESCRIBES(k) (!strcmp(k, "risk") || !strcmp(k, "reason") || !strcmp(k, "guard"))

static struct profile *profile_new(const char *name)
{
	struct profile *profile = g_new0(struct profile, 1);

	profile->name = g_strdup(name);
	profile->variables = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	profile->settings = g_ptr_array_new_with_free_func((GDestroyNotify)setting_free);
	return profile;
}

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	g_free(profile->name);
	g_free(profile->summary);
	g_free(profile->checkpoint);
	g_hash_table_unref(profile->variables);
	g_ptr_array_unref(profile->settings);
	g_free(profile);
}

static int compare(const void *a, const void *b)
{
	const struct setting *x = *(struct setting *const *)a, *y = *(struct setting *const *)b;
	int order = (int)setting_kind_order(x->kind) - (int)setting_kind_order(y->kind);

	return order ? order : strcmp(x->target, y->target);
}

static void add(struct profile *profile, struct setting *setting)
{
	for (unsigned i = 0; i < profile->settings->len; i++) {
		struct setting *other = profile->settings->pdata[i];

		if (other->kind == setting->kind && !strcmp(other->target, setting->target)) {
			g_ptr_array_remove_index(profile->settings, i);
			break;
		}
	}
	/* One more than there may be is enough to know. */
	if (profile->settings->len > PROFILE_SETTINGS_MAX)
		setting_free(setting);
	else
		g_ptr_array_add(profile->settings, setting);
}

static bool fail(GError **error, const char *origin, const char *group, const char *what)
{
	g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE, "%s: [%s]: %s", origin,
		group, what);
	return false;
}

/* --- one setting --- */

static struct setting *setting_new(const struct setting_kind *kind, const char *target)
{
	struct setting *setting = g_new0(struct setting, 1);

	setting->kind = kind;
	setting->target = g_strdup(target);
	setting->needs_reboot = kind->needs_reboot;
	return setting;
}

static void set_value(struct setting *setting, const char *value)
{
	if (setting->kind != &setting_kind_file && (*value == '>' || *value == '<'))
		setting->modifier = *value++;
	setting->desired = g_strdup(value);
}

static bool read_description(GKeyFile *file, const char *origin, const char *group,
	struct setting *setting, GError **error)
{
	g_autofree char *risk = g_key_file_get_string(file, group, "risk", NULL);

	setting->reason = g_key_file_get_string(file, group, "reason", NULL);
	setting->guard = g_key_file_get_string(file, group, "guard", NULL);
	if (risk && !setting_risk_parse(risk, &setting->risk))
		return fail(error, origin, group, "risk is safe, medium or high");
	return true;
}

static bool known_key(const struct setting_kind *kind, const char *key)
{
	static const char *const keys[] = { "value", "absent", "risk", "reason", "guard", "aliases",
		"optional", NULL };

	return g_strv_contains(keys, key) || (kind == &setting_kind_file && !strcmp(key, "mode"));
}

static bool read_value(GKeyFile *file, const char *origin, const char *group,
	struct setting *setting, GError **error)
{
	g_autofree char *value = g_key_file_get_string(file, group, "value", NULL);
	g_autofree char *mode = g_key_file_get_string(file, group, "mode", NULL);
	bool absent = g_key_file_get_boolean(file, group, "absent", NULL);

	if (!value == !absent)
		return fail(error, origin, group, "needs either value or absent=true");
	if (!value)
		return true;
	if (setting->kind == &setting_kind_file)
		setting->desired = g_strdup_printf("%s\n%s", mode ?: FILE_MODE, value);
	else
		set_value(setting, value);
	return true;
}

/* [KIND:TARGET] */
static bool read_long(struct profile *profile, GKeyFile *file, const char *origin,
	const char *group, const struct setting_kind *kind, const char *target, GError **error)
{
	struct setting *setting = setting_new(kind, target);
	g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);

	for (char **key = keys; *key; key++) {
		if (!known_key(kind, *key)) {
			setting_free(setting);
			return fail(error, origin, group, "has a key that is not known");
		}
	}
	setting->aliases = g_key_file_get_string_list(file, group, "aliases", NULL, NULL);
	setting->optional = g_key_file_get_boolean(file, group, "optional", NULL);
	if (!read_value(file, origin, group, setting, error) ||
		!read_description(file, origin, group, setting, error)) {
		setting_free(setting);
		return false;
	}
	add(profile, setting);
	return true;
}

/* [cmdline], [dconf]: all keys together, as lines. */
static bool read_merged(struct profile *profile, GKeyFile *file, const char *origin,
	const char *group, const struct setting_kind *kind, GError **error)
{
	struct setting *setting = setting_new(kind, kind->name);
	g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);
	GString *lines = g_string_new(NULL);

	for (char **key = keys; *key; key++) {
		g_autofree char *value = g_key_file_get_string(file, group, *key, NULL);

		if (!DESCRIBES(*key))
			g_string_append_printf(lines, "%s=%s\n", *key, value ?: "");
	}
	setting->desired = g_string_free(lines, FALSE);
	if (!read_description(file, origin, group, setting, error)) {
		setting_free(setting);
		return false;
	}
	add(profile, setting);
	return true;
}

/* [KIND] */
static void read_short(
	struct profile *profile, GKeyFile *file, const char *group, const struct setting_kind *kind)
{
	g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);

	for (char **key = keys; *key; key++) {
		g_autofree char *value = g_key_file_get_string(file, group, *key, NULL);
		struct setting *setting = setting_new(kind, *key);

		set_value(setting, value ?: "");
		add(profile, setting);
	}
}

/* --- a file --- */

static bool read_main(struct profile *profile, GKeyFile *file)
{
	g_auto(GStrv) names = g_key_file_get_keys(file, "variables", NULL, NULL);

	g_free(profile->summary);
	profile->summary = g_key_file_get_string(file, "main", "summary", NULL);
	g_free(profile->checkpoint);
	profile->checkpoint = g_key_file_get_string(file, "main", "checkpoint", NULL);
	for (char **name = names; name && *name; name++)
		g_hash_table_replace(profile->variables, g_strdup(*name),
			g_key_file_get_string(file, "variables", *name, NULL));
	return true;
}

static bool read_group(struct profile *profile, GKeyFile *file, const char *origin,
	const char *group, GError **error)
{
	const char *colon = strchr(group, ':');
	g_autofree char *name = colon ? g_strndup(group, (gsize)(colon - group)) : g_strdup(group);
	const struct setting_kind *kind = setting_kind_find(name);

	if (!strcmp(group, "main") || !strcmp(group, "variables"))
		return true;
	if (!kind || (colon && !colon[1]))
		return fail(error, origin, group, "is no kind of setting");
	if (colon)
		return read_long(profile, file, origin, group, kind, colon + 1, error);
	if (kind == &setting_kind_cmdline || kind == &setting_kind_dconf)
		return read_merged(profile, file, origin, group, kind, error);
	read_short(profile, file, group, kind);
	return true;
}

static bool read_groups(struct profile *profile, GKeyFile *file, const char *origin, GError **error)
{
	g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);

	read_main(profile, file);
	for (char **group = groups; *group; group++)
		if (!read_group(profile, file, origin, *group, error))
			return false;
	if (profile->settings->len > PROFILE_SETTINGS_MAX)
		return fail(error, origin, "main", "has too many settings");
	g_ptr_array_sort(profile->settings, compare);
	for (unsigned i = 0; i < profile->settings->len; i++) {
		struct setting *setting = profile->settings->pdata[i];

		profile->risk = MAX(profile->risk, setting->risk);
	}
	return true;
}

bool profile_parse(const char *text, const char *origin, struct profile **ret, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	struct profile *profile;

	if (!g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, error))
		return false;
	if (g_key_file_has_key(file, "main", "include", NULL))
		return fail(error, origin, "main", "a text has no folder to include from");
	profile = profile_new(origin);
	if (!read_groups(profile, file, origin, error)) {
		profile_free(profile);
		return false;
	}
	*ret = profile;
	return true;
}

static bool good_name(const char *name)
{
	return *name && *name != '.' && strlen(name) <= PROFILE_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
		       strlen(name);
}

static char *find(const char *const *dirs, const char *name)
{
	g_autofree char *base = g_strconcat(name, SUFFIX, NULL);

	for (; *dirs; dirs++) {
		g_autofree char *path = g_build_filename(*dirs, base, NULL);

		if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
			return g_steal_pointer(&path);
	}
	return NULL;
}

struct loading {
	struct profile *profile;
	const char *const *dirs;
	unsigned files; /* that were read */
};

static bool load_file(const char *path, GKeyFile *file, GError **error)
{
	const struct env machine = { .root = (char *)"" };
	g_autofree char *text = NULL;

	if (!env_read(&machine, path, &text, error))
		return false;
	if (g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, error))
		return true;
	g_prefix_error(error, "%s: ", path);
	return false;
}

static bool load_into(struct loading *loading, const char *name, unsigned depth, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autofree char *path = good_name(name) ? find(loading->dirs, name) : NULL;
	g_auto(GStrv) include = NULL;

	if (!path || depth > PROFILE_INCLUDE_MAX || loading->files++ == PROFILE_FILES_MAX) {
		g_set_error(error, G_IO_ERROR,
			path ? G_IO_ERROR_TOO_MANY_LINKS : G_IO_ERROR_NOT_FOUND,
			path ? "profile %s includes itself, or too many"
			     : "there is no profile %.64s: helix-agent profile list",
			name);
		return false;
	}
	if (!load_file(path, file, error))
		return false;
	include = g_key_file_get_string_list(file, "main", "include", NULL, NULL);
	for (char **one = include; one && *one; one++)
		if (!load_into(loading, *one, depth + 1, error))
			return false;
	return read_groups(loading->profile, file, path, error);
}

bool profile_load(const char *const *dirs, const char *name, struct profile **ret, GError **error)
{
	struct loading loading = { .profile = profile_new(name), .dirs = dirs };

	if (!load_into(&loading, name, 0, error)) {
		profile_free(loading.profile);
		return false;
	}
	*ret = loading.profile;
	return true;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **profile_list(const char *const *dirs)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	GPtrArray *names = g_ptr_array_new();

	for (; *dirs; dirs++) {
		g_autoptr(GDir) dir = g_dir_open(*dirs, 0, NULL);
		const char *base;

		while (dir && (base = g_dir_read_name(dir))) {
			g_autofree char *name = NULL;

			if (!g_str_has_suffix(base, SUFFIX))
				continue;
			name = g_strndup(base, strlen(base) - strlen(SUFFIX));
			if (!good_name(name) || g_hash_table_contains(seen, name))
				continue;
			g_ptr_array_add(names, g_steal_pointer(&name));
			g_hash_table_add(seen, names->pdata[names->len - 1]);
		}
	}
	g_ptr_array_sort(names, compare_names);
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}

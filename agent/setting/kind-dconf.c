/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One drop-in for all users: no user's own database is touched. The value is lines
 * "path/of/schema/key=GVARIANT". */
#include "durable.h"
#include "lines.h"
#include "setting.h"

#include <string.h>

#define FOLDER    "/etc/dconf/db"
#define FILE_NAME FOLDER "/local.d/90-helix"
#define DCONF     "/usr/bin/dconf"
#define USES_IT   "system-db:local"         /* what makes a session of dconf look there */
#define PROFILE   "/etc/dconf/profile/user" /* where there is none a profile makes it */
#define RUN_MS    20000u

static bool check_one(const char *key, const char *value, void *user)
{
	g_autoptr(GVariant) parsed = g_variant_parse(NULL, value, NULL, NULL, NULL);
	const char *slash = strrchr(key, '/');

	return parsed && slash && slash != key && slash[1] && *key != '/';
}

static bool check(const struct env *env, const struct setting *setting, char **ret_reason)
{
	g_autoptr(GTree) set = lines_parse(setting->desired);
	g_autofree char *profile = NULL;

	if (!env_exists(env, DCONF))
		*ret_reason = g_strdup("there is no " DCONF);
	else if (env_read(env, PROFILE, &profile, NULL) && !strstr(profile, USES_IT))
		*ret_reason = g_strdup(PROFILE " does not say " USES_IT);
	else if (g_tree_nnodes(set) == 0 || !lines_each(set, check_one, NULL))
		*ret_reason = g_strdup("needs keys like org/gnome/desktop/interface/x=true");
	else
		return true;
	return false;
}

static void read_group(GKeyFile *file, const char *group, GTree *set)
{
	g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);

	for (char **key = keys; *key; key++)
		g_tree_replace(set, g_strdup_printf("%s/%s", group, *key),
			g_key_file_get_value(file, group, *key, NULL));
}

static bool read_value(const struct env *env, const char *target, char **ret, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GTree) set = lines_parse(NULL);
	g_autofree char *text = NULL;
	g_auto(GStrv) groups = NULL;

	if (!env_exists(env, FILE_NAME)) {
		*ret = NULL;
		return true;
	}
	if (!env_read(env, FILE_NAME, &text, error) ||
		!g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, error))
		return false;
	groups = g_key_file_get_groups(file, NULL);
	for (char **group = groups; *group; group++)
		read_group(file, *group, set);
	*ret = lines_format(set);
	return true;
}

static bool resolve(const struct env *env, const struct setting *setting, const char *now,
	char **ret, GError **error)
{
	*ret = lines_merge(now, setting->desired);
	return true;
}

static bool write_one(const char *key, const char *value, void *user)
{
	const char *slash = strrchr(key, '/');
	g_autofree char *group = g_strndup(key, (gsize)(slash - key));

	g_key_file_set_value(user, group, slash + 1, value);
	return true;
}

static bool write_file(const struct env *env, const char *value, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GTree) set = lines_parse(value);
	g_autofree char *text = NULL;
	struct durable_file made = { .mode = 0644, .uid = (uid_t)-1, .gid = (gid_t)-1 };

	if (!value)
		return durable_remove(env, FILE_NAME, error);
	lines_each(set, write_one, file);
	made.text = text = g_key_file_to_data(file, NULL, NULL);
	return durable_replace(env, FILE_NAME, &made, error);
}

static bool write_value(
	const struct env *env, const char *target, const char *value, GError **error)
{
	g_autofree char *folder = env_path(env, FOLDER), *out = NULL;
	const char *const argv[] = { "dconf", "update", folder, NULL };

	if (!write_file(env, value, error))
		return false;
	durable_step(env, "dconf-update");
	return env->run(env, argv, RUN_MS, &out, error);
}

const struct setting_kind setting_kind_dconf = {
	.name = "dconf",
	.undo = "exact; sessions see it at once, users may always choose otherwise",
	.check = check,
	.read = read_value,
	.resolve = resolve,
	.write = write_value,
};

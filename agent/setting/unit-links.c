/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit-links.h"

#include "durable.h"
#include "lines.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A link at this place, relative to the folder; NULL: none. Transfer full. */
static char *target_of(const struct env *env, const char *folder, const char *link)
{
	g_autofree char *path = g_build_filename(folder, link, NULL);
	g_autofree char *full = env_path(env, path);

	return g_file_read_link(full, NULL);
}

static void take_link(
	const struct env *env, const char *folder, const char *unit, const char *link, GTree *set)
{
	g_autofree char *target = target_of(env, folder, link);
	g_autofree char *name = g_path_get_basename(link);
	g_autofree char *of = target ? g_path_get_basename(target) : NULL;

	if (target && (!strcmp(name, unit) || !strcmp(of, unit)))
		g_tree_replace(set, g_strdup(link), g_steal_pointer(&target));
}

static bool has_dependants(const char *name)
{
	return g_str_has_suffix(name, ".wants") || g_str_has_suffix(name, ".requires") ||
	       g_str_has_suffix(name, ".upholds");
}

bool unit_links_read(
	const struct env *env, const char *folder, const char *unit, char **ret, GError **error)
{
	g_auto(GStrv) names = env_list(env, folder);
	g_autoptr(GTree) set = lines_parse(NULL);

	for (char **name = names; *name; name++) {
		g_autofree char *below = g_build_filename(*name, unit, NULL);

		if (has_dependants(*name))
			take_link(env, folder, unit, below, set);
		else
			take_link(env, folder, unit, *name, set);
	}
	*ret = lines_format(set);
	return true;
}

struct change {
	const struct env *env;
	const char *folder;
	GTree *other; /* what has to be there, or what is there */
	bool changed;
	GError *error;
};

static bool remove_link(const char *link, const char *target, void *user)
{
	struct change *change = user;
	g_autofree char *path = g_build_filename(change->folder, link, NULL);
	const char *wanted = g_tree_lookup(change->other, link);

	if (wanted)
		return true;
	change->changed = true;
	return durable_remove(change->env, path, &change->error);
}

static bool make_link(const char *link, const char *target, void *user)
{
	struct change *change = user;
	g_autofree char *path = g_build_filename(change->folder, link, NULL);
	const char *is = g_tree_lookup(change->other, link);

	if (is && !strcmp(is, target))
		return true;
	change->changed = true;
	return durable_link(change->env, path, target, &change->error);
}

/* Names beside the links that an interrupted durable_link() leaves. */
static void remove_left_overs(const struct env *env, const char *folder, const char *unit)
{
	g_auto(GStrv) names = env_list(env, folder);
	g_autofree char *suffix = g_strdup_printf(".%s.helix-new", unit);

	for (char **name = names; *name; name++) {
		g_autofree char *path = g_build_filename(folder, *name, NULL);

		if (has_dependants(*name)) {
			g_autofree char *below = g_build_filename(path, suffix, NULL);
			g_autofree char *full = env_path(env, below);

			remove(full);
		} else if (!strcmp(*name, suffix)) {
			g_autofree char *full = env_path(env, path);

			remove(full);
		}
	}
}

bool unit_links_write(const struct env *env, const char *folder, const char *unit,
	const char *links, bool *ret_changed, GError **error)
{
	g_autoptr(GTree) wanted = lines_parse(links), is = NULL;
	struct change change = { .env = env, .folder = folder, .other = wanted };
	g_autofree char *now = NULL;

	remove_left_overs(env, folder, unit);
	if (!unit_links_read(env, folder, unit, &now, error))
		return false;
	is = lines_parse(now);
	if (lines_each(is, remove_link, &change)) {
		change.other = is;
		lines_each(wanted, make_link, &change);
	}
	if (change.error) {
		g_propagate_error(error, change.error);
		return false;
	}
	*ret_changed = change.changed;
	return true;
}

bool unit_links_has_file(const struct env *env, const char *folder, const char *unit)
{
	g_autofree char *path = g_build_filename(folder, unit, NULL);
	g_autofree char *full = env_path(env, path);
	struct stat status;

	return lstat(full, &status) == 0 && !S_ISLNK(status.st_mode);
}

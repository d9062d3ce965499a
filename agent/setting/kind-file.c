/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A value is "MODE\nTEXT", or "MODE UID GID\nTEXT" where it is not the agent's own user's. */
#include "durable.h"
#include "host.h"
#include "setting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OURS  "90-helix"                /* files are named so, and hence nobody else's */
#define UNITS "/etc/systemd/system/"    /* systemd reads these when it is told to */
#define DCONF "/etc/dconf/profile/user" /* has no drop-ins: ours when nobody else made it */

static bool is_ours(const struct env *env, const struct setting *setting)
{
	g_autofree char *name = g_path_get_basename(setting->target), *text = NULL;
	const char *desired = setting->desired ? strchr(setting->desired, '\n') : NULL;

	if (!g_str_has_prefix(setting->target, "/etc/") || strstr(setting->target, "/../"))
		return false;
	if (strcmp(setting->target, DCONF) != 0)
		return g_str_has_prefix(name, OURS);
	return !env_read(env, DCONF, &text, NULL) || (desired && !strcmp(desired + 1, text));
}

static bool check(const struct env *env, const struct setting *setting, char **ret_reason)
{
	g_autofree char *full = env_path(env, setting->target);
	struct stat status;

	if (!is_ours(env, setting)) {
		*ret_reason = g_strdup("only files below /etc named " OURS "* are the agent's own");
		return false;
	}
	if (lstat(full, &status) == 0 && !S_ISREG(status.st_mode)) {
		*ret_reason = g_strdup_printf("%s is no file", setting->target);
		return false;
	}
	return true;
}

static bool read_value(const struct env *env, const char *target, char **ret, GError **error)
{
	g_autofree char *full = env_path(env, target), *text = NULL;
	struct stat status;

	if (lstat(full, &status) < 0) {
		if (errno == ENOENT || errno == ENOTDIR) {
			*ret = NULL;
			return true;
		}
		g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "%s: %s", target,
			g_strerror(errno));
		return false;
	}
	if (!S_ISREG(status.st_mode) || status.st_size > (off_t)SETTING_VALUE_MAX ||
		!env_read(env, target, &text, NULL) || strlen(text) != (size_t)status.st_size ||
		!g_utf8_validate(text, -1, NULL)) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
			"%s is no text file that could be put back", target);
		return false;
	}
	if (status.st_uid == geteuid() && status.st_gid == getegid())
		*ret = g_strdup_printf("%04o\n%s", status.st_mode & 07777, text);
	else
		*ret = g_strdup_printf("%04o %u %u\n%s", status.st_mode & 07777, status.st_uid,
			status.st_gid, text);
	return true;
}

static bool parse(const char *value, struct durable_file *ret)
{
	unsigned mode, uid = geteuid(), gid = getegid();
	const char *newline = strchr(value, '\n');
	g_autofree char *line = newline ? g_strndup(value, (gsize)(newline - value)) : NULL;

	/* Of the line alone: a text may begin with numbers. */
	if (!line || sscanf(line, "%4o %u %u", &mode, &uid, &gid) < 1)
		return false;
	*ret = (struct durable_file){ .mode = mode, .uid = uid, .gid = gid, .text = newline + 1 };
	return true;
}

static bool write_file(const struct env *env, const char *target, const char *value, GError **error)
{
	struct durable_file file;

	if (!value)
		return durable_remove(env, target, error);
	if (parse(value, &file))
		return durable_replace(env, target, &file, error);
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: no value of a file", target);
	return false;
}

static bool write_value(
	const struct env *env, const char *target, const char *value, GError **error)
{
	if (!write_file(env, target, value, error))
		return false;
	/* Where systemd does not run, nobody has read it. */
	if (g_str_has_prefix(target, UNITS) && env->host && env->host->units)
		env->host->units->reload(env, NULL);
	return true;
}

const struct setting_kind setting_kind_file = {
	.name = "file",
	.undo = "exact, at once; what has read the file keeps it until it starts again",
	.check = check,
	.read = read_value,
	.write = write_value,
};

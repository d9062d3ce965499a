/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks agent/apply/user-settings.c, as that user: root has no business with a user's bus and files. */
#include "durable.h"
#include "host.h"
#include "setting.h"

#include <string.h>

#define HELPER   "helix-agent-gsettings"
#define SYSTEMD  "/run/systemd/system" /* there when it runs the machine: sd_booted(3) */
#define READ_MS  8000u                 /* less than helix-agentd waits for a plan */
#define WRITE_MS 20000u
#define ARGS_MAX 24

struct command {
	const char *argv[ARGS_MAX + 1];
	unsigned n;
};

static void add(struct command *command, const char *argument)
{
	g_assert(command->n < ARGS_MAX);
	command->argv[command->n++] = argument;
}

static char *helper_path(void)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *folder = g_path_get_dirname(self ?: HELPER_DIR "/");

	return g_build_filename(folder, HELPER, NULL);
}

/* systemd makes the process, outside of the unit: nothing here needs to see homes or change its uid. */
static void add_systemd_run(struct command *command, const char *uid_option)
{
	static const char *const argv[] = { "systemd-run", "--quiet", "--pipe", "--wait",
		"--collect", "--property=NoNewPrivileges=yes", "--property=RuntimeMaxSec=15" };

	for (unsigned i = 0; i < G_N_ELEMENTS(argv); i++)
		add(command, argv[i]);
	add(command, uid_option);
	add(command, "--");
}

/* What the helper says: "unset", "value TEXT", "unsupported REASON" or "failed REASON". */
static bool parse(const char *user, const char *said, char **ret, GError **error)
{
	static const char value[] = "value ", unsupported[] = "unsupported ", failed[] = "failed ";

	if (!strcmp(said, "unset")) {
		*ret = NULL;
		return true;
	}
	if (strlen(said) > SETTING_VALUE_MAX) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
			"%s has set more than %zu bytes", user, SETTING_VALUE_MAX);
		return false;
	}
	if (g_str_has_prefix(said, value)) {
		*ret = g_strdup(said + strlen(value));
		return true;
	}
	if (g_str_has_prefix(said, unsupported))
		g_set_error_literal(
			error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, said + strlen(unsupported));
	else
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "as %s: %.200s", user,
			g_str_has_prefix(said, failed) ? said + strlen(failed) : said);
	return false;
}

/* --- who keeps root waiting --- */

static bool is_silent(const struct env *env, const char *user)
{
	const int64_t *until = env->host && env->host->silent
				       ? g_hash_table_lookup(env->host->silent, user)
				       : NULL;

	return until && *until > env->now_ns(env);
}

static void remember_silent(const struct env *env, const char *user)
{
	int64_t until = env->now_ns(env) + USER_STORE_PAUSE_S * G_GINT64_CONSTANT(1000000000);

	if (!env->host)
		return;
	if (!env->host->silent)
		env->host->silent = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_hash_table_replace(env->host->silent, g_strdup(user), g_memdup2(&until, sizeof(until)));
}

/* The same words the first time and later: they are a part of what a plan's hash stands for. */
static bool run(const struct env *env, const char *user, const struct command *command,
	unsigned timeout_ms, char **ret_said, GError **error)
{
	g_autoptr(GError) why = NULL;
	bool silent = is_silent(env, user);

	durable_step(env, "user-ask");
	if (!silent && env->run(env, command->argv, timeout_ms, ret_said, &why))
		return true;
	if (!silent && !g_error_matches(why, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
		g_propagate_error(error, g_steal_pointer(&why));
		return false;
	}
	if (!silent)
		remember_silent(env, user);
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
		"what runs as %s to ask or change it does not end", user);
	return false;
}

static bool ask(const struct env *env, const char *user, const char *const *what,
	unsigned timeout_ms, char **ret, GError **error)
{
	g_autofree char *helper = helper_path(), *uid_option = g_strconcat("--uid=", user, NULL);
	g_autofree char *passwd = env_path(env, "/etc/passwd"), *said = NULL;
	struct command command = { 0 };

	if (!*env->root && env_exists(env, SYSTEMD))
		add_systemd_run(&command, uid_option);
	add(&command, helper);
	if (*env->root) {
		add(&command, "--passwd");
		add(&command, passwd);
	}
	add(&command, user);
	for (; *what; what++)
		add(&command, *what);
	if (!run(env, user, &command, timeout_ms, &said, error))
		return false;
	return parse(user, g_strchomp(said), ret, error);
}

static bool get(const struct env *env, const char *user, const char *schema, const char *key,
	bool effective, char **ret, GError **error)
{
	const char *const what[] = { effective ? "effective" : "read", schema, key, NULL };

	return ask(env, user, what, READ_MS, ret, error);
}

/* In base64: systemd would put its own in the place of what looks like a variable. */
static bool set(const struct env *env, const char *user, const char *schema, const char *key,
	const char *value, GError **error)
{
	g_autofree char *code =
		value ? g_base64_encode((const guchar *)value, strlen(value)) : NULL;
	const char *const what[] = { value ? "write" : "reset", schema, key, code, NULL };
	g_autofree char *is = NULL;

	return ask(env, user, what, WRITE_MS, &is, error);
}

const struct user_store user_store_gsettings = {
	.get = get,
	.set = set,
};

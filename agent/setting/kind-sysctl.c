/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "durable.h"
#include "guard.h"
#include "host.h"
#include "knob.h"
#include "setting.h"
#include "variables.h"

#include <string.h>

#define FOLDER     "/proc/sys/"
#define RT_RUNTIME "kernel.sched_rt_runtime_us"
#define RT_KNOB    FOLDER "kernel/sched_rt_runtime_us"
#define UNLIMITED  "-1"
#define WATCHDOG   FOLDER "kernel/watchdog" /* soft_watchdog and nmi_watchdog are its parts */
#define HUGEPAGES  "vm.nr_hugepages"        /* and what begins so: _mempolicy */

/* What is allowed beside what the kernel itself refuses. */
static const struct {
	const char *name;
	gint64 min, max;
} ranges[] = {
	{ "vm.swappiness", 0, 200 },
	{ "vm.dirty_ratio", 1, 60 },
	{ "vm.dirty_background_ratio", 1, 40 },
	{ "vm.vfs_cache_pressure", 1, 1000 },
	{ "vm.stat_interval", 1, 120 },
	{ "vm.max_map_count", 65530, 2147483642 },
	{ "vm.compaction_proactiveness", 0, 100 },
	{ RT_RUNTIME, -1, 990000 },
	{ "kernel.hung_task_timeout_secs", 0, 3600 },
};

static char *path_of(const char *target)
{
	char *path = g_strconcat(FOLDER, target, NULL);

	for (char *at = path + strlen(FOLDER); *at; at++) {
		if (*at == '.')
			*at = '/';
		else if (*at == '/')
			*at = '.';
	}
	return path;
}

/* The kernel also takes 0x10, 010 and blanks, which would be beyond no limit. */
static bool has_limits(const char *target)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(ranges); i++)
		if (!strcmp(ranges[i].name, target))
			return true;
	return g_str_has_prefix(target, HUGEPAGES);
}

static bool in_range(const char *target, gint64 value, char **ret_reason)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(ranges); i++) {
		if (strcmp(ranges[i].name, target) != 0 ||
			(value >= ranges[i].min && value <= ranges[i].max))
			continue;
		*ret_reason = g_strdup_printf("%s may be %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
			target, ranges[i].min, ranges[i].max);
		return false;
	}
	return true;
}

/* A thread that never sleeps would take the machine, unless it has a CPU of its own. */
static bool may_run_without_limit(const struct env *env, gint64 value, char **ret_reason)
{
	return value != -1 || !guard_holds(env, "one-cpu;no-isolation", ret_reason);
}

static bool check(const struct env *env, const struct setting *setting, char **ret_reason)
{
	g_autofree char *path = path_of(setting->target);
	gint64 value;

	/* One file has one name here, by which its limits and its original are found. */
	if (strstr(path, "..") || strstr(path, "//") || !setting->desired) {
		*ret_reason = g_strdup("not a sysctl that could be set");
		return false;
	}
	if (!knob_check(env, path, ret_reason))
		return false;
	if (!g_ascii_string_to_signed(setting->desired, 10, G_MININT64, G_MAXINT64, &value, NULL)) {
		if (!has_limits(setting->target))
			return true;
		*ret_reason = g_strdup_printf("%s needs a decimal number", setting->target);
		return false;
	}
	if (!in_range(setting->target, value, ret_reason))
		return false;
	if (!strcmp(setting->target, RT_RUNTIME))
		return may_run_without_limit(env, value, ret_reason);
	return !g_str_has_prefix(setting->target, HUGEPAGES) ||
	       knob_fits_memory(env, setting->desired, 0, ret_reason);
}

static bool read_value(const struct env *env, const char *target, char **ret, GError **error)
{
	g_autofree char *path = path_of(target);

	return knob_read(env, path, ret, error);
}

static bool is_watchdog(const char *target)
{
	return !strcmp(target, "kernel.soft_watchdog") || !strcmp(target, "kernel.nmi_watchdog");
}

static bool is_off(const struct env *env, const char *path)
{
	g_autofree char *now = NULL;

	return knob_read(env, path, &now, NULL) && !strcmp(now, "0");
}

static bool write_value(
	const struct env *env, const char *target, const char *value, GError **error)
{
	g_autofree char *path = path_of(target), *line = g_strconcat(value ?: "", "\n", NULL);

	if (!durable_poke(env, path, line, error))
		return false;
	/* Who reads WATCHDOG while both parts are off switches the whole off, on older kernels (that of
	 * Debian 12): then no part comes back alone. */
	if (!is_watchdog(target) || !is_off(env, path) || !g_strcmp0(value, "0"))
		return true;
	return durable_poke(env, WATCHDOG, "1\n", error) && durable_poke(env, path, line, error);
}

static bool lifts_limit(const char *target, const char *value)
{
	return !strcmp(target, RT_RUNTIME) && !g_strcmp0(value, UNLIMITED);
}

static bool start_guard(const struct env *env, GError **error)
{
	struct setting_host *host = env->host;
	g_autofree char *knob = env_path(env, RT_KNOB);
	struct rt_guard_config config = {
		.knob = knob,
		.starve_ms = RT_GUARD_STARVE_MS,
	};

	if (!host || !variables_housekeeping(env, &config.cpus)) {
		g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
			host ? "no CPU is isolated" : "only helix-applyd keeps guard");
		return false;
	}
	config.fired = host->guard_fired;
	return host->guards->start(&config, &host->guard, error);
}

static void stop_guard(struct setting_host *host)
{
	if (host && host->guard)
		host->guards->stop(g_steal_pointer(&host->guard));
}

static bool hold(const struct env *env, const char *target, const char *value, GError **error)
{
	bool lifts = lifts_limit(target, value);

	if (strcmp(target, RT_RUNTIME) != 0)
		return true;
	if (lifts && env->host && env->host->guard &&
		!env->host->guards->has_fired(env->host->guard))
		return true;
	stop_guard(env->host);
	return !lifts || start_guard(env, error);
}

const struct setting_kind setting_kind_sysctl = {
	.name = "sysctl",
	.volatile_ = true,
	.undo = "exact, at once",
	.check = check,
	.read = read_value,
	.write = write_value,
	.hold = hold,
};

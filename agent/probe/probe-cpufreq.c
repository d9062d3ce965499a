/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-cpufreq.h"
#include "facts.h"
#include "probe-list.h"

#include <string.h>

#define CPU_DIR "/sys/devices/system/cpu/"

/* --- cpu.governor --- */

void cpu_governor_judge(
	const char *const *governors, const struct probe_wanted *wanted, struct probe_result *ret)
{
	const char *other = NULL;

	for (const char *const *governor = governors; *governor; governor++)
		if (!g_str_equal(*governor, "performance"))
			other = *governor;
	if (!*governors)
		probe_say(ret, PROBE_NA, NULL, "the host sets the frequency of the CPUs");
	else if (other)
		probe_say(ret, wanted->role == PROBE_ROLE_DSP ? PROBE_WARN : PROBE_OK,
			"cpupower frequency-set -g performance", "the governor is %s", other);
	else
		probe_say(ret, PROBE_OK, NULL, "the governor is performance");
}

static void governor_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	g_auto(GStrv) policies = env_list(env, CPU_DIR "cpufreq");
	g_autoptr(GPtrArray) governors = g_ptr_array_new_with_free_func(g_free);

	for (char **policy = policies; *policy; policy++) {
		g_autofree char *path =
			g_strdup_printf(CPU_DIR "cpufreq/%s/scaling_governor", *policy);
		char *governor;

		if (env_read_line(env, path, &governor, NULL))
			g_ptr_array_add(governors, governor);
	}
	g_ptr_array_add(governors, NULL);
	cpu_governor_judge((const char *const *)governors->pdata, wanted, ret);
}

const struct probe probe_cpu_governor = {
	.id = "cpu.governor",
	.group = PROBE_GROUP_SCHEDULING,
	.title = "frequency governor",
	.period_s = 300,
	.timeout_ms = 1000,
	.run = governor_run,
};

/* --- cpu.smt --- */

static void smt_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	g_autoptr(GError) error = NULL;
	int64_t active;

	if (!env_read_number(env, CPU_DIR "smt/active", &active, &error))
		probe_say_unreadable(ret, error);
	else
		probe_say(ret, PROBE_OK, NULL,
			active ? "CPUs share cores"
			       : "no CPUs share a core, as far as the host tells");
}

const struct probe probe_cpu_smt = {
	.id = "cpu.smt",
	.group = PROBE_GROUP_SYSTEM,
	.title = "hyper-threads",
	.period_s = 3600,
	.timeout_ms = 1000,
	.run = smt_run,
};

/* --- cpu.mitigations --- */

static void mitigations_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	g_auto(GStrv) names = env_list(env, CPU_DIR "vulnerabilities");
	g_autoptr(GString) open = g_string_new(NULL);

	for (char **name = names; *name; name++) {
		g_autofree char *path = g_strdup_printf(CPU_DIR "vulnerabilities/%s", *name);
		g_autofree char *text = NULL;

		if (env_read_line(env, path, &text, NULL) && g_str_has_prefix(text, "Vulnerable"))
			g_string_append_printf(open, "%s%s", open->len ? ", " : "", *name);
	}
	if (!*names)
		probe_say(ret, PROBE_NA, NULL, "the kernel does not tell");
	else if (open->len)
		probe_say(ret, PROBE_OK, NULL, "not mitigated: %s", open->str);
	else
		probe_say(ret, PROBE_OK, NULL, "all known ones are mitigated");
}

const struct probe probe_cpu_mitigations = {
	.id = "cpu.mitigations",
	.group = PROBE_GROUP_SYSTEM,
	.title = "CPU vulnerabilities",
	.period_s = 3600,
	.timeout_ms = 1000,
	.run = mitigations_run,
};

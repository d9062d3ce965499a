/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-svc.h"

#include "../setting/ledger.h"
#include "ask.h"
#include "facts.h"
#include "probe-list.h"
#include "process.h"

#include <string.h>

#define SYSTEMCTL_MS 5000u
#define ASK_MS       10000u

static bool has_systemd(const struct env *env, struct probe_result *ret)
{
	if (env_exists(env, "/run/systemd/system"))
		return true;
	probe_say(ret, PROBE_NA, NULL, "systemd does not run here");
	return false;
}

/* --- svc.failed --- */

static bool is_critical(const char *unit)
{
	static const char *const prefixes[] = { "helix-", "jackd", "dsp-", "dbus",
		"systemd-journald", "systemd-logind", "systemd-udevd", "NetworkManager.",
		"systemd-networkd.", "display-manager", "rtkit-daemon" };

	for (unsigned i = 0; i < G_N_ELEMENTS(prefixes); i++)
		if (g_str_has_prefix(unit, prefixes[i]))
			return true;
	return false;
}

void svc_failed_judge(const char *list, struct probe_result *ret)
{
	g_auto(GStrv) lines = g_strsplit(list, "\n", -1);
	g_autoptr(GString) names = g_string_new(NULL);
	enum probe_status status;
	bool critical = false;
	unsigned n = 0;

	for (char **line = lines; *line; line++) {
		g_strstrip(*line)[strcspn(*line, " ")] = '\0';
		if (!**line)
			continue;
		critical |= is_critical(*line);
		g_string_append_printf(names, "%s%s", n++ > 0 ? ", " : "", *line);
	}
	status = probe_measure(ret, n, "0", "2");
	if (critical)
		status = PROBE_FAIL;
	if (n == 0)
		probe_say(ret, status, NULL, "no unit has failed");
	else
		probe_say(ret, status, "systemctl --failed; journalctl -b -u UNIT", "failed: %s",
			names->str);
}

static void failed_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	const char *const argv[] = { "systemctl", "list-units", "--state=failed", "--plain",
		"--no-legend", "--no-pager", NULL };
	g_autoptr(GError) error = NULL;
	g_autofree char *list = NULL;

	if (!has_systemd(env, ret))
		return;
	if (env->run(env, argv, SYSTEMCTL_MS, &list, &error))
		svc_failed_judge(list, ret);
	else
		probe_say(ret, PROBE_UNKNOWN, "systemctl status; does the system bus run?", "%s",
			error->message);
}

const struct probe probe_svc_failed = {
	.id = "svc.failed",
	.group = PROBE_GROUP_SERVICE,
	.title = "failed units",
	.period_s = 120,
	.rest_s = 2,
	.timeout_ms = SYSTEMCTL_MS + 1000,
	.run = failed_run,
};

/* --- svc.conflicts --- */

void svc_conflicts_judge(const char *show, bool isolated, bool gamemode, struct probe_result *ret)
{
	g_auto(GStrv) units = g_strsplit(show, "\n\n", -1);
	g_autoptr(GString) active = g_string_new(NULL);
	g_autofree char *hint = NULL;

	for (char **unit = units; *unit; unit++) {
		g_auto(GStrv) lines = g_strsplit(g_strstrip(*unit), "\n", -1);
		const char *id = NULL;
		bool runs = false;

		for (char **line = lines; *line; line++) {
			if (g_str_has_prefix(*line, "Id="))
				id = *line + strlen("Id=");
			runs |= g_str_equal(*line, "ActiveState=active");
		}
		if (id && runs && (isolated || !g_str_equal(id, "irqbalance.service")))
			g_string_append_printf(active, "%s%s", active->len ? " " : "", id);
	}
	hint = g_strdup_printf("decide who sets this machine up: %s%s%s",
		active->len ? "systemctl disable --now " : "", active->str,
		gamemode ? "; as its user: systemctl --user stop gamemoded" : "");
	if (active->len || gamemode)
		probe_say(ret, PROBE_WARN, hint, "others change the same settings: %s%s%s",
			active->str, active->len && gamemode ? " " : "",
			gamemode ? "gamemoded" : "");
	else
		probe_say(ret, PROBE_OK, NULL, "nobody else tunes this machine");
}

static void conflicts_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	const char *const argv[] = { "systemctl", "show", "--property=Id,ActiveState",
		"tuned.service", "power-profiles-daemon.service", "tlp.service",
		"auto-cpufreq.service", "irqbalance.service", "ananicy.service",
		"ananicy-cpp.service", NULL };
	static const char *const gamemode[] = { "gamemoded", NULL };
	g_autoptr(GError) error = NULL;
	g_autofree char *show = NULL;
	g_autoptr(GPtrArray) games = NULL;
	struct env_cpus isolated;

	if (!has_systemd(env, ret))
		return;
	games = process_find(env, gamemode);
	facts_cpus_isolated(env, &isolated);
	if (env->run(env, argv, SYSTEMCTL_MS, &show, &error))
		svc_conflicts_judge(show, env_cpus_count(&isolated) > 0,
			wanted->role == PROBE_ROLE_DSP && games->len > 0, ret);
	else
		probe_say(ret, PROBE_UNKNOWN, "systemctl status; does the system bus run?", "%s",
			error->message);
}

const struct probe probe_svc_conflicts = {
	.id = "svc.conflicts",
	.group = PROBE_GROUP_SERVICE,
	.title = "other tuners",
	.period_s = 600,
	.rest_s = 2,
	.timeout_ms = SYSTEMCTL_MS + 1000,
	.run = conflicts_run,
};

/* --- profile.drift --- */

void profile_drift_judge(json_t *verify, struct probe_result *ret)
{
	g_autoptr(GString) drifted = g_string_new(NULL);
	unsigned n = 0, waiting = 0;
	bool lost = false;
	enum probe_status status;
	json_t *entry;
	size_t i;

	if (!json_is_array(verify)) {
		probe_say(ret, PROBE_UNKNOWN, HINT_APPLYD,
			"helix-applyd's answer was not understood");
		return;
	}
	json_array_foreach(verify, i, entry)
	{
		const char *target = json_string_value(json_object_get(entry, "target"));

		if (!json_is_false(json_object_get(entry, "same")))
			continue;
		lost |= g_strcmp0(json_string_value(json_object_get(entry, "kind")),
				LEDGER_UNKNOWN) == 0;
		if (json_is_true(json_object_get(entry, "needs-reboot")))
			waiting++;
		else
			g_string_append_printf(
				drifted, "%s%s", n++ > 0 ? ", " : "", target ? target : "?");
	}
	status = probe_measure(ret, n, "0", NULL);
	if (i == 0)
		probe_say(ret, PROBE_NA, NULL, "no profile is applied");
	else if (n == 0)
		probe_say(ret, status, NULL, "%zu settings are as applied%s", i - waiting,
			waiting ? ", others wait for a reboot" : "");
	else if (lost)
		probe_say(ret, PROBE_FAIL,
			"install the version of helix-agent that was here; helix-agent journal list",
			"this version cannot put back what a newer one changed: %s", drifted->str);
	else
		probe_say(ret, status, "helix-agent profile verify", "changed since: %s",
			drifted->str);
}

static void drift_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	g_autoptr(GError) error = NULL;
	json_t *verify;

	if (!wanted->apply_socket) {
		probe_say(ret, PROBE_NA, NULL, "helix-applyd is not asked");
	} else if (ask(wanted->apply_socket, "helix-profile-verify", NULL, ASK_MS, &verify,
			   &error)) {
		profile_drift_judge(verify, ret);
		json_decref(verify);
	} else if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)) {
		probe_say(ret, PROBE_NA, NULL, "%s", error->message);
	} else {
		probe_say(ret, PROBE_UNKNOWN, HINT_APPLYD, "%s", error->message);
	}
}

const struct probe probe_profile_drift = {
	.id = "profile.drift",
	.group = PROBE_GROUP_SERVICE,
	.title = "settings of the applied profile",
	.period_s = 900,
	.rest_s = 5,
	.timeout_ms = ASK_MS + 1000,
	.run = drift_run,
};

/* --- agent.self --- */

void agent_self_judge(int64_t rss_kb, double lag_ms, struct probe_result *ret)
{
	enum probe_status status = probe_measure(ret, (double)rss_kb / 1024, "16", "48");

	if (lag_ms < 0 || lag_ms > 1000)
		probe_say(ret, PROBE_FAIL,
			"journalctl -u helix-agentd; systemctl restart helix-agentd",
			"the agent's main loop is held up for more than a second");
	else
		probe_say(ret, lag_ms > 100 ? MAX(status, PROBE_WARN) : status,
			"systemctl restart helix-agentd, and report it",
			"the agent takes %.1f MB and answers within %.1f ms", (double)rss_kb / 1024,
			lag_ms);
}

/* A call into the main loop, and somebody who waits for it. g_atomic_rc_box: whoever is last. */
struct knock {
	GMutex mutex;
	GCond cond;
	bool answered;
};

static void knock_clear(void *data)
{
	struct knock *knock = data;

	g_mutex_clear(&knock->mutex);
	g_cond_clear(&knock->cond);
}

static void knock_unref(void *knock)
{
	g_atomic_rc_box_release_full(knock, knock_clear);
}

static gboolean knock_answer(void *data)
{
	struct knock *knock = data;

	g_mutex_lock(&knock->mutex);
	knock->answered = true;
	g_cond_signal(&knock->cond);
	g_mutex_unlock(&knock->mutex);
	return G_SOURCE_REMOVE;
}

/* ms; -1 after two seconds without an answer. */
static double loop_lag_ms(void)
{
	struct knock *knock = g_atomic_rc_box_new0(struct knock);
	int64_t start_us = g_get_monotonic_time();
	GSource *source = g_idle_source_new();
	bool answered = true;

	g_mutex_init(&knock->mutex);
	g_cond_init(&knock->cond);
	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	g_source_set_callback(source, knock_answer, g_atomic_rc_box_acquire(knock), knock_unref);
	g_source_attach(source, NULL);
	g_mutex_lock(&knock->mutex);
	while (answered && !knock->answered)
		answered = g_cond_wait_until(
			&knock->cond, &knock->mutex, start_us + 2 * G_USEC_PER_SEC);
	answered = knock->answered;
	g_mutex_unlock(&knock->mutex);
	g_source_destroy(source);
	g_source_unref(source);
	knock_unref(knock);
	return answered ? (double)(g_get_monotonic_time() - start_us) / 1e3 : -1;
}

static void self_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	int64_t rss_kb;

	if (!env_read(env, "/proc/self/status", &text, &error))
		probe_say_unreadable(ret, error);
	else if (!facts_number(text, "VmRSS", &rss_kb))
		probe_say_nonsense(ret, "/proc/self/status");
	else
		agent_self_judge(rss_kb, loop_lag_ms(), ret);
}

const struct probe probe_agent_self = {
	.id = "agent.self",
	.group = PROBE_GROUP_SERVICE,
	.title = "the agent itself",
	.unit = "MB",
	.period_s = 60,
	.rest_s = 1,
	.timeout_ms = 4000,
	.run = self_run,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl.h"
#include "plugin.h"

#include "../probe/probe.h"

#include <stdio.h>
#include <string.h>

static gboolean show_all, refresh, openmetrics;
static char *check_ids;
static int watch_s; /* 0: once */

#define WATCH_S     2 /* when it is not said how often */
#define WATCH_S_MAX 86400

static gboolean set_watch(const char *name, const char *value, void *data, GError **error)
{
	guint64 seconds = WATCH_S;

	if (value && !g_ascii_string_to_unsigned(value, 10, 1, WATCH_S_MAX, &seconds, NULL)) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"'%s' is not 1 to %d seconds for %s", value, WATCH_S_MAX, name);
		return FALSE;
	}
	watch_s = (int)seconds;
	return TRUE;
}

#define WATCH_OPTION                                                                               \
	{                                                                                          \
		"watch", 'w', G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK,                   \
			(void *)set_watch, "Again every S seconds (2)", "S"                        \
	}

static const GOptionEntry status_options[] = {
	{ "all", 'a', 0, G_OPTION_ARG_NONE, &show_all, "Also what does not apply here", NULL },
	{ "refresh", 'r', 0, G_OPTION_ARG_NONE, &refresh, "Look now, and wait for it", NULL },
	WATCH_OPTION,
	{ NULL },
};

static const GOptionEntry health_options[] = {
	{ "all", 'a', 0, G_OPTION_ARG_NONE, &show_all, "Also what does not apply here", NULL },
	{ "check", 'c', 0, G_OPTION_ARG_STRING, &check_ids,
		"As a monitoring plugin: one line with performance data; of these probes, or 'all'",
		"ID,..." },
	{ "openmetrics", 'o', 0, G_OPTION_ARG_NONE, &openmetrics, "As OpenMetrics text", NULL },
	{ "refresh", 'r', 0, G_OPTION_ARG_NONE, &refresh, "Look now, and wait for it", NULL },
	WATCH_OPTION,
	{ NULL },
};

/* --- asking --- */

/* ids: "a,b", "all" or NULL. */
static json_t *health_arguments(const char *ids)
{
	json_t *arguments = json_object();
	g_auto(GStrv) list = ids && strcmp(ids, "all") != 0 ? g_strsplit(ids, ",", -1) : NULL;
	json_t *probes = list ? json_array() : NULL;

	for (char **id = list; id && *id; id++)
		json_array_append_new(probes, json_string(*id));
	if (probes)
		json_object_set_new(arguments, "probes", probes);
	if (refresh)
		json_object_set_new(arguments, "refresh", json_true());
	if (openmetrics)
		json_object_set_new(arguments, "format", json_string("openmetrics"));
	return arguments;
}

static int exit_code(const json_t *health)
{
	const json_t *code = json_object_get(health, "exit");

	return json_is_integer(code) ? (int)json_integer_value(code) : PROBE_UNKNOWN;
}

/* --- for people --- */

/* Messages name the value. */
static void print_probe(const struct print *print, const json_t *probe, const char *name)
{
	print_line(print, print_text(probe, "status"), name, print_text(probe, "message"),
		print_text(probe, "hint"));
}

static bool is_shown(const json_t *probe)
{
	return show_all || strcmp(print_text(probe, "status"), "N/A") != 0;
}

static bool group_is_shown(const json_t *probes, const char *group)
{
	json_t *probe;
	size_t i;

	json_array_foreach(
		(json_t *)probes, i, probe) if (!strcmp(print_text(probe, "group"), group) &&
						is_shown(probe)) return true;
	return false;
}

static void print_group(const struct print *print, const json_t *probes, const char *group)
{
	json_t *probe;
	size_t i;

	json_array_foreach((json_t *)probes, i,
		probe) if (!strcmp(print_text(probe, "group"), group) && is_shown(probe))
		print_probe(print, probe, print_text(probe, "title"));
}

static void print_total(const struct print *print, const json_t *health)
{
	g_autofree char *counts = plugin_counts(json_object_get(health, "probes"));

	putchar('\n');
	print_verdict(print, print_text(health, "status"));
	printf(" %s\n", counts);
}

/* Groups in the order in which the agent lists them. */
static void print_status(const struct print *print, const json_t *health)
{
	json_t *probes = json_object_get(health, "probes"), *probe;
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	bool first = true;
	size_t i;

	json_array_foreach(probes, i, probe)
	{
		const char *group = print_text(probe, "group");

		if (!g_hash_table_add(seen, (char *)group) || !group_is_shown(probes, group))
			continue;
		print_heading(print, group, first);
		print_group(print, probes, group);
		first = false;
	}
	print_total(print, health);
}

static void print_health(const struct print *print, const json_t *health)
{
	json_t *probe;
	size_t i;

	json_array_foreach(json_object_get(health, "probes"), i, probe) if (is_shown(probe))
		print_probe(print, probe, print_text(probe, "id"));
	print_total(print, health);
}

/* --- commands --- */

static int show(struct ctl *ctl, void (*print)(const struct print *print, const json_t *health))
{
	json_t *health = ctl_ask(ctl, "helix-health", health_arguments(NULL));
	int status;

	if (!health)
		return CTL_UNASKED;
	if (openmetrics)
		fputs(json_string_value(health), stdout);
	else if (ctl->json)
		ctl_print_json(health);
	else
		print(&ctl->print, health);
	status = openmetrics ? CTL_DONE : exit_code(health);
	json_decref(health);
	return status;
}

static int show_again(
	struct ctl *ctl, void (*print)(const struct print *print, const json_t *health))
{
	int status = show(ctl, print);

	while (watch_s > 0) {
		fflush(stdout);
		g_usleep((gulong)watch_s * G_USEC_PER_SEC);
		fputs(ctl->print.colour ? "\033[H\033[J" : "\n", stdout);
		status = show(ctl, print);
	}
	return status;
}

/* Whatever happens, a plugin says one line and what its exit code says. */
static int check(struct ctl *ctl)
{
	g_autoptr(GError) error = NULL;
	json_t *health = ctl_try(ctl, "helix-health", health_arguments(check_ids), &error);
	g_autofree char *line = health ? plugin_line(health) : NULL;
	int status = health ? exit_code(health) : PROBE_UNKNOWN;

	if (health) {
		puts(line);
	} else {
		g_autofree char *clean = print_clean(error->message);

		printf("HELIX UNKNOWN - %s\n", clean);
	}
	json_decref(health);
	return status;
}

static int run_status(struct ctl *ctl, char **arguments)
{
	return show_again(ctl, print_status);
}

static int run_health(struct ctl *ctl, char **arguments)
{
	if (!!check_ids + !!openmetrics + !!ctl->json > 1)
		return ctl_complain(ctl, "--check, --openmetrics and --json exclude each other");
	if (check_ids && watch_s)
		return ctl_complain(
			ctl, "--check is for a monitor that asks again itself: not with --watch");
	return check_ids ? check(ctl) : show_again(ctl, print_health);
}

const struct ctl_command ctl_health_commands[] = {
	{ "status", NULL, "How is this machine? With hints", status_options, 0, 0, run_status },
	{ "health", NULL, "The same, probe by probe; for monitoring", health_options, 0, 0,
		run_health },
	{ NULL },
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugin.h"

#include "../probe/probe.h"
#include "print.h"

#include <glib.h>
#include <string.h>

/* The units that the guidelines know; a number of another one goes without. */
static const char *unit_of(const json_t *probe)
{
	static const char *const known[] = { "s", "ms", "us", "%", "B", NULL };
	const char *unit = print_text(probe, "unit");

	return g_strv_contains(known, unit) ? unit : "";
}

static void append_value(GString *line, const json_t *probe)
{
	char number[G_ASCII_DTOSTR_BUF_SIZE];
	const json_t *value = json_object_get(probe, "value");
	const char *warn = print_text(probe, "warn"), *fail = print_text(probe, "fail");

	if (!json_is_number(value))
		return;
	g_ascii_formatd(number, sizeof(number), "%.6g", json_number_value(value));
	g_string_append_printf(line, " '%s'=%s%s", print_text(probe, "id"), number, unit_of(probe));
	if (*warn || *fail)
		g_string_append_printf(line, ";%s", warn);
	if (*fail)
		g_string_append_printf(line, ";%s", fail);
}

static char *one_line(const char *text)
{
	char *clean = print_clean(text);

	return g_strdelimit(clean, "|", '/');
}

/* What is wrong, as much as a pager shows. */
static char *troubles(const json_t *probes)
{
	GString *text = g_string_new(NULL);
	json_t *probe;
	size_t i;

	json_array_foreach((json_t *)probes, i, probe)
	{
		const char *status = print_text(probe, "status");
		g_autofree char *message = one_line(print_text(probe, "message"));

		if (strcmp(status, "OK") != 0 && strcmp(status, "N/A") != 0)
			g_string_append_printf(
				text, "; %s %s: %s", print_text(probe, "id"), status, message);
	}
	return g_string_free(text, FALSE);
}

static char *headline(const json_t *probes)
{
	const json_t *only = json_array_get(probes, 0);
	g_autofree char *counts = plugin_counts(probes), *rest = troubles(probes);
	g_autofree char *message = one_line(print_text(only, "message"));

	if (json_array_size(probes) == 1)
		return g_strdup_printf("%s: %s", print_text(only, "id"), message);
	return g_strconcat(counts, rest, NULL);
}

/* The guidelines say CRITICAL and WARNING where the agent says FAIL and WARN. */
static const char *word_of(const char *status)
{
	if (!strcmp(status, "FAIL"))
		return "CRITICAL";
	return strcmp(status, "WARN") ? status : "WARNING";
}

char *plugin_line(const json_t *health)
{
	const json_t *probes = json_object_get(health, "probes");
	g_autofree char *head = headline(probes);
	GString *line = g_string_new(NULL), *data = g_string_new(NULL);
	json_t *probe;
	size_t i;

	g_string_append_printf(line, "HELIX %s - %s", word_of(print_text(health, "status")), head);
	json_array_foreach((json_t *)probes, i, probe) append_value(data, probe);
	if (data->len > 0)
		g_string_append_printf(line, " |%s", data->str);
	g_string_free(data, TRUE);
	return g_string_free(line, FALSE);
}

char *plugin_counts(const json_t *probes)
{
	static const char *const names[] = { "OK", "WARN", "FAIL", "UNKNOWN", "N/A" };
	unsigned counts[G_N_ELEMENTS(names)] = { 0 };
	GString *text = g_string_new(NULL);
	json_t *probe;
	size_t i;

	json_array_foreach((json_t *)probes, i, probe) for (gsize j = 0; j < G_N_ELEMENTS(names);
							    j++) counts[j] +=
		!strcmp(print_text(probe, "status"), names[j]);
	for (gsize j = 0; j < G_N_ELEMENTS(names); j++)
		if (j <= PROBE_FAIL || counts[j] > 0)
			g_string_append_printf(
				text, "%s%u %s", j > 0 ? ", " : "", counts[j], names[j]);
	return g_string_free(text, FALSE);
}

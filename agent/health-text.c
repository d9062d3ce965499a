/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "health-internal.h"

#include <math.h>

enum probe_status health_overall(struct health *health)
{
	enum probe_status overall = PROBE_OK;

	for (unsigned i = 0; i < health->entries->len; i++)
		overall = health_worse(overall, health_entry_status(health->entries->pdata[i]));
	return overall;
}

/* NULL: all are. */
static bool is_listed(const struct health_entry *entry, const char *const *ids)
{
	return !ids || g_strv_contains(ids, entry->probe->id);
}

/* --- JSON --- */

/* Names of files and units need not be UTF-8. */
static json_t *text_or_null(const char *text)
{
	g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

	return valid ? json_string(valid) : json_null();
}

static json_t *entry_json(const struct health_entry *entry)
{
	static const struct probe_result never = { .message = (char *)"not asked yet" };
	const struct probe_result *answer = entry->answer ? entry->answer : &never;
	enum probe_status status = health_entry_status(entry);
	json_t *object = json_object();

	json_object_set_new(object, "id", json_string(entry->probe->id));
	json_object_set_new(object, "group", json_string(entry->probe->group));
	json_object_set_new(object, "title", json_string(entry->probe->title));
	json_object_set_new(object, "status", json_string(probe_status_name(status)));
	json_object_set_new(object, "value",
		answer->has_value && isfinite(entry->value) ? json_real(entry->value)
							    : json_null());
	json_object_set_new(object, "unit", text_or_null(entry->probe->unit));
	json_object_set_new(object, "warn", text_or_null(answer->warn));
	json_object_set_new(object, "fail", text_or_null(answer->fail));
	json_object_set_new(object, "message", text_or_null(answer->message));
	json_object_set_new(object, "hint", text_or_null(answer->hint));
	json_object_set_new(object, "period-s", json_integer(health_entry_period_s(entry)));
	json_object_set_new(object, "since-ns", json_integer(entry->since_ns));
	json_object_set_new(object, "na-reason",
		status == PROBE_NA ? text_or_null(answer->message) : json_null());
	return object;
}

json_t *health_json(struct health *health, const char *const *ids)
{
	const struct env *env = &health->machine->env;
	enum probe_status overall = PROBE_OK;
	json_t *object = json_object(), *probes = json_array();

	for (unsigned i = 0; i < health->entries->len; i++) {
		const struct health_entry *entry = health->entries->pdata[i];

		if (!is_listed(entry, ids))
			continue;
		overall = health_worse(overall, health_entry_status(entry));
		json_array_append_new(probes, entry_json(entry));
	}
	json_object_set_new(object, "status", json_string(probe_status_name(overall)));
	json_object_set_new(object, "exit", json_integer(overall));
	json_object_set_new(object, "boot-id", json_string(health->boot_id));
	json_object_set_new(object, "monotonic-ns", json_integer(env->now_ns(env)));
	json_object_set_new(object, "probes", probes);
	return object;
}

char *health_json_text(struct health *health)
{
	json_t *object = health_json(health, NULL);
	g_autofree char *text = json_dumps(object, JSON_INDENT(1));

	json_decref(object);
	return g_strconcat(text, "\n", NULL);
}

/* --- OpenMetrics --- */

static void append_sample(GString *text, const char *name, const char *id, double value)
{
	g_autofree char *number = probe_number(value);

	/* Ids are of this program: nothing in them has to be escaped. */
	g_string_append_printf(text, "%s{probe=\"%s\"} %s\n", name, id, number);
}

char *health_openmetrics(struct health *health, const char *const *ids)
{
	enum probe_status overall = PROBE_OK;
	GString *text = g_string_new("# TYPE helix_probe_status gauge\n"
				     "# HELP helix_probe_status 0 OK, 1 WARN, 2 FAIL, 3 UNKNOWN\n");

	for (unsigned i = 0; i < health->entries->len; i++) {
		const struct health_entry *entry = health->entries->pdata[i];
		enum probe_status status = health_entry_status(entry);

		if (!is_listed(entry, ids))
			continue;
		overall = health_worse(overall, status);
		if (status != PROBE_NA)
			append_sample(text, "helix_probe_status", entry->probe->id, status);
	}
	g_string_append(text, "# TYPE helix_probe_value gauge\n"
			      "# HELP helix_probe_value Value of a probe, in its own unit\n");
	for (unsigned i = 0; i < health->entries->len; i++) {
		const struct health_entry *entry = health->entries->pdata[i];

		if (is_listed(entry, ids) && entry->answer && entry->answer->has_value &&
			isfinite(entry->value))
			append_sample(text, "helix_probe_value", entry->probe->id, entry->value);
	}
	g_string_append_printf(text,
		"# TYPE helix_health_status gauge\n"
		"# HELP helix_health_status The worst of the probes\n"
		"helix_health_status %d\n"
		"# EOF\n",
		(int)overall);
	return g_string_free(text, FALSE);
}

/* --- in one line --- */

char *health_summary(struct health *health)
{
	static const enum probe_status shown[] = { PROBE_OK, PROBE_WARN, PROBE_FAIL,
		PROBE_UNKNOWN };
	unsigned counts[PROBE_NA + 1] = { 0 };
	GString *text = g_string_new(NULL);

	for (unsigned i = 0; i < health->entries->len; i++)
		counts[health_entry_status(health->entries->pdata[i])]++;
	for (unsigned i = 0; i < G_N_ELEMENTS(shown); i++) {
		if (shown[i] == PROBE_UNKNOWN && counts[PROBE_UNKNOWN] == 0)
			break;
		g_string_append_printf(text, "%s%s %u", i > 0 ? " " : "",
			probe_status_name(shown[i]), counts[shown[i]]);
	}
	return g_string_free(text, FALSE);
}

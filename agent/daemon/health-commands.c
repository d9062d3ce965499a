/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../health.h"

#include "agentd.h"

#include <string.h>

/* A helix-health that waits for its probes. */
struct refresh {
	struct health *health;
	struct dialect_call *call;
	char **ids; /* NULL: all */
	bool openmetrics;
};

static json_t *answer(struct health *health, const char *const *ids, bool openmetrics)
{
	g_autofree char *text = openmetrics ? health_openmetrics(health, ids) : NULL;

	return openmetrics ? json_string(text) : health_json(health, ids);
}

static void on_refreshed(void *user)
{
	struct refresh *refresh = user;

	dialect_call_finish(refresh->call,
		answer(refresh->health, (const char *const *)refresh->ids, refresh->openmetrics),
		NULL);
	g_strfreev(refresh->ids);
	g_free(refresh);
}

/* False for a probe that is not there. *ret NULL: all. */
static bool read_ids(json_t *array, char ***ret, struct dialect_error *error)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	json_t *id;
	size_t i;

	json_array_foreach(array, i, id)
	{
		if (!probe_find(json_string_value(id))) {
			dialect_fail(error, "there is no probe '%s'", json_string_value(id));
			return false;
		}
		g_ptr_array_add(ids, g_strdup(json_string_value(id)));
	}
	g_ptr_array_add(ids, NULL);
	*ret = array ? (char **)g_ptr_array_steal(ids, NULL) : NULL;
	return true;
}

static json_t *run_health(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	const struct agentd *agentd = user;
	const char *format = json_string_value(json_object_get(arguments, "format"));
	bool openmetrics = format && !strcmp(format, "openmetrics");
	g_auto(GStrv) ids = NULL;
	struct refresh *refresh;

	if (format && !openmetrics && strcmp(format, "json") != 0)
		return dialect_fail(error, "Parameter 'format' is neither json nor openmetrics");
	if (!read_ids(json_object_get(arguments, "probes"), &ids, error))
		return NULL;
	if (!json_is_true(json_object_get(arguments, "refresh")))
		return answer(agentd->health, (const char *const *)ids, openmetrics);
	refresh = g_new0(struct refresh, 1);
	*refresh = (struct refresh){ agentd->health, call, g_steal_pointer(&ids), openmetrics };
	health_refresh(agentd->health, (const char *const *)refresh->ids, on_refreshed, refresh);
	return NULL;
}

static const struct dialect_argument health_arguments[] = {
	{ "probes", DIALECT_STRINGS, true, "only these" },
	{ "refresh", DIALECT_BOOLEAN, true, "asks them now, and waits" },
	{ "format", DIALECT_STRING, true, "json or openmetrics" },
	{ NULL },
};

const struct dialect_command health_commands[] = {
	{ "helix-health", DIALECT_READ, health_arguments, run_health, "verdicts of the probes" },
	{ NULL },
};

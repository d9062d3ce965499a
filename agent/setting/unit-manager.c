/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.freedesktop.systemd1(5) */
#include "durable.h"
#include "host.h"

#include <string.h>

#define NAME    "org.freedesktop.systemd1"
#define PATH    "/org/freedesktop/systemd1"
#define MANAGER NAME ".Manager"
#define UNIT    NAME ".Unit"
#define CALL_MS 10000
#define JOB_MS  90000u
#define NO_SUCH NAME ".NoSuchUnit"

/* One that hangs is waited for in each call, which may be longer than a watchdog waits for all. */
static void tell_alive(const struct env *env)
{
	durable_step(env, "systemd-call");
}

static GVariant *call(const struct env *env, GDBusConnection *bus, const char *method,
	GVariant *arguments, const char *reply, GError **error)
{
	tell_alive(env);
	return g_dbus_connection_call_sync(bus, NAME, PATH, MANAGER, method, arguments,
		G_VARIANT_TYPE(reply), G_DBUS_CALL_FLAGS_NONE, CALL_MS, NULL, error);
}

static bool is_remote(const GError *error, const char *name)
{
	g_autofree char *is = g_dbus_error_get_remote_error(error);

	return g_strcmp0(is, name) == 0;
}

static GVariant *property(const struct env *env, GDBusConnection *bus, const char *unit,
	const char *name, GError **error)
{
	g_autoptr(GVariant) loaded =
		call(env, bus, "LoadUnit", g_variant_new("(s)", unit), "(o)", error);
	g_autoptr(GVariant) boxed = NULL;
	GVariant *value;
	const char *path;

	if (!loaded)
		return NULL;
	g_variant_get(loaded, "(&o)", &path);
	tell_alive(env);
	boxed = g_dbus_connection_call_sync(bus, NAME, path, "org.freedesktop.DBus.Properties",
		"Get", g_variant_new("(ss)", UNIT, name), G_VARIANT_TYPE("(v)"),
		G_DBUS_CALL_FLAGS_NONE, CALL_MS, NULL, error);
	if (!boxed)
		return NULL;
	g_variant_get(boxed, "(v)", &value);
	return value;
}

static bool active_state(const struct env *env, const char *unit, char **ret, GError **error)
{
	g_autoptr(GDBusConnection) bus = env->bus(env, error);
	g_autoptr(GVariant) value = bus ? property(env, bus, unit, "ActiveState", error) : NULL;

	if (!value)
		return false;
	*ret = g_variant_dup_string(value, NULL);
	return true;
}

static bool file_state(const struct env *env, const char *unit, char **ret, GError **error)
{
	g_autoptr(GDBusConnection) bus = env->bus(env, error);
	g_autoptr(GVariant) reply = NULL;
	g_autoptr(GError) why = NULL;

	if (!bus)
		return false;
	reply = call(env, bus, "GetUnitFileState", g_variant_new("(s)", unit), "(s)", &why);
	if (reply) {
		g_variant_get(reply, "(s)", ret);
		return true;
	}
	if (!is_remote(why, "org.freedesktop.DBus.Error.FileNotFound") &&
		!is_remote(why, NO_SUCH)) {
		g_propagate_error(error, g_steal_pointer(&why));
		return false;
	}
	*ret = g_strdup("");
	return true;
}

static bool required_by(const struct env *env, const char *unit, char **ret, GError **error)
{
	static const char *const names[] = { "RequiredBy", "BoundBy", "RequisiteOf" };
	g_autoptr(GDBusConnection) bus = env->bus(env, error);
	g_autoptr(GString) all = g_string_new(NULL);

	if (!bus)
		return false;
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(GVariant) value = property(env, bus, unit, names[i], error);
		g_autofree const char **units = NULL;

		if (!value)
			return false;
		units = g_variant_get_strv(value, NULL);
		for (const char **one = units; *one; one++)
			g_string_append_printf(all, "%s%s", all->len ? " " : "", *one);
	}
	*ret = g_string_free(g_steal_pointer(&all), FALSE);
	return true;
}

static bool reload(const struct env *env, GError **error)
{
	g_autoptr(GDBusConnection) bus = env->bus(env, error);
	g_autoptr(GVariant) reply = NULL;

	if (!bus)
		return false;
	tell_alive(env);
	reply = g_dbus_connection_call_sync(bus, NAME, PATH, MANAGER, "Reload", NULL,
		G_VARIANT_TYPE("()"), G_DBUS_CALL_FLAGS_NONE, JOB_MS, NULL, error);
	return reply != NULL;
}

/* --- jobs --- */

struct job {
	GMainContext *context;
	char *path;
	GHashTable *removed; /* path -> result of those that ended before we knew ours */
	bool late;
};

static void job_removed(GDBusConnection *bus, const char *sender, const char *object,
	const char *interface, const char *signal, GVariant *arguments, void *user)
{
	struct job *job = user;
	const char *path, *result;

	if (!g_variant_is_of_type(arguments, G_VARIANT_TYPE("(uoss)")))
		return;
	g_variant_get(arguments, "(u&o&s&s)", NULL, &path, NULL, &result);
	g_hash_table_replace(job->removed, g_strdup(path), g_strdup(result));
}

static gboolean job_late(void *user)
{
	struct job *job = user;

	job->late = true;
	return G_SOURCE_REMOVE;
}

static bool job_wait(struct job *job, const char *unit, GError **error)
{
	GSource *timeout = g_timeout_source_new(JOB_MS);
	const char *result;

	g_source_set_callback(timeout, job_late, job, NULL);
	g_source_attach(timeout, job->context);
	while (!(result = g_hash_table_lookup(job->removed, job->path)) && !job->late)
		g_main_context_iteration(job->context, TRUE);
	g_source_destroy(timeout);
	g_source_unref(timeout);
	if (result && (!strcmp(result, "done") || !strcmp(result, "skipped")))
		return true;
	g_set_error(error, G_IO_ERROR, result ? G_IO_ERROR_FAILED : G_IO_ERROR_TIMED_OUT,
		"the job of %s ended with %s", unit, result ?: "nothing in time");
	return false;
}

static bool run_job(const struct env *env, GDBusConnection *bus, struct job *job,
	const char *method, const char *unit, GError **error)
{
	g_autoptr(GVariant) subscribed = call(env, bus, "Subscribe", NULL, "()", NULL);
	g_autoptr(GVariant) reply =
		call(env, bus, method, g_variant_new("(ss)", unit, "replace"), "(o)", error);

	if (!reply)
		return false;
	g_variant_get(reply, "(o)", &job->path);
	tell_alive(env);
	return job_wait(job, unit, error);
}

static bool change(const struct env *env, const char *method, const char *unit, GError **error)
{
	g_autoptr(GDBusConnection) bus = env->bus(env, error);
	struct job job = { 0 };
	unsigned id;
	bool done;

	if (!bus)
		return false;
	job.context = g_main_context_new();
	job.removed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_main_context_push_thread_default(job.context);
	id = g_dbus_connection_signal_subscribe(bus, NAME, MANAGER, "JobRemoved", PATH, NULL,
		G_DBUS_SIGNAL_FLAGS_NONE, job_removed, &job, NULL);
	done = run_job(env, bus, &job, method, unit, error);
	g_dbus_connection_signal_unsubscribe(bus, id);
	while (g_main_context_iteration(job.context, FALSE))
		;
	g_main_context_pop_thread_default(job.context);
	g_main_context_unref(job.context);
	g_hash_table_unref(job.removed);
	g_free(job.path);
	return done;
}

static bool start(const struct env *env, const char *unit, GError **error)
{
	return change(env, "StartUnit", unit, error);
}

static bool stop(const struct env *env, const char *unit, GError **error)
{
	g_autoptr(GError) why = NULL;

	if (change(env, "StopUnit", unit, &why) || is_remote(why, NO_SUCH))
		return true;
	g_propagate_error(error, g_steal_pointer(&why));
	return false;
}

const struct unit_manager unit_manager_systemd = {
	.active_state = active_state,
	.file_state = file_state,
	.start = start,
	.stop = stop,
	.required_by = required_by,
	.reload = reload,
};

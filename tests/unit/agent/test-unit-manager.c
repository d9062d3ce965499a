/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The manager of systemd, as a service of a bus of its own: what is sent, and what is waited for. */
#include "sandbox.h"
#include "suite.h"

#include <stdio.h>

#define NAME "org.freedesktop.systemd1"
#define PATH "/org/freedesktop/systemd1"
#define JOB  PATH "/job/7"

static const char interface_xml[] =
	"<node><interface name='org.freedesktop.systemd1.Manager'>"
	"<method name='Subscribe'/><method name='Reload'/>"
	"<method name='GetUnitFileState'><arg type='s' direction='in'/>"
	"<arg type='s' direction='out'/></method>"
	"<method name='LoadUnit'><arg type='s' direction='in'/><arg type='o' direction='out'/></method>"
	"<method name='StartUnit'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
	"<arg type='o' direction='out'/></method>"
	"<method name='StopUnit'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
	"<arg type='o' direction='out'/></method>"
	"<signal name='JobRemoved'><arg type='u'/><arg type='o'/><arg type='s'/><arg type='s'/></signal>"
	"</interface>"
	"<interface name='org.freedesktop.systemd1.Unit'>"
	"<property name='ActiveState' type='s' access='read'/>"
	"<property name='RequiredBy' type='as' access='read'/>"
	"<property name='BoundBy' type='as' access='read'/>"
	"<property name='RequisiteOf' type='as' access='read'/>"
	"</interface></node>";

static struct sandbox sandbox;
static GTestDBus *bus;

/* --- who is told that it still goes on --- */

static int steps, unannounced;

static void on_step(struct setting_host *host, const char *name)
{
	g_atomic_int_inc(&steps);
}

/* Of the service's thread: a call that nobody was told of before. */
static void look_for_step(void)
{
	if (g_atomic_int_get(&steps) == 0)
		g_atomic_int_inc(&unannounced);
	g_atomic_int_set(&steps, 0);
}

/* --- systemd --- */

struct fake {
	GDBusConnection *connection;
	GMainLoop *loop;
	GMainContext *context;
	GDBusNodeInfo *node;
	bool active;
};

static void end_job(struct fake *fake, const char *unit)
{
	const char *result = g_str_has_prefix(unit, "failing") ? "failed" : "done";

	/* Another job first, which is nobody's business. */
	g_dbus_connection_emit_signal(fake->connection, NULL, PATH, NAME ".Manager", "JobRemoved",
		g_variant_new("(uoss)", 6u, PATH "/job/6", unit, "failed"), NULL);
	g_dbus_connection_emit_signal(fake->connection, NULL, PATH, NAME ".Manager", "JobRemoved",
		g_variant_new("(uoss)", 7u, JOB, unit, result), NULL);
}

static void run_job(
	struct fake *fake, const char *method, const char *unit, GDBusMethodInvocation *call)
{
	bool early = g_str_has_prefix(unit, "early");

	if (g_str_has_prefix(unit, "gone")) {
		g_dbus_method_invocation_return_dbus_error(call, NAME ".NoSuchUnit", "gone");
		return;
	}
	fake->active = !strcmp(method, "StartUnit");
	if (early)
		end_job(fake, unit);
	g_dbus_method_invocation_return_value(call, g_variant_new("(o)", JOB));
	if (!early)
		end_job(fake, unit);
}

static void on_call(GDBusConnection *connection, const char *sender, const char *object,
	const char *interface, const char *method, GVariant *arguments, GDBusMethodInvocation *call,
	void *user)
{
	struct fake *fake = user;
	const char *unit = "";

	look_for_step();
	if (g_variant_n_children(arguments) > 0)
		g_variant_get_child(arguments, 0, "&s", &unit);
	if (!strcmp(method, "LoadUnit"))
		g_dbus_method_invocation_return_value(call, g_variant_new("(o)", PATH "/unit/one"));
	else if (!strcmp(method, "GetUnitFileState") && !strcmp(unit, "gone.service"))
		g_dbus_method_invocation_return_dbus_error(
			call, "org.freedesktop.DBus.Error.FileNotFound", "gone");
	else if (!strcmp(method, "GetUnitFileState"))
		g_dbus_method_invocation_return_value(call, g_variant_new("(s)", "static"));
	else if (!strcmp(method, "StartUnit") || !strcmp(method, "StopUnit"))
		run_job(fake, method, unit, call);
	else
		g_dbus_method_invocation_return_value(call, NULL);
}

static GVariant *on_get(GDBusConnection *connection, const char *sender, const char *object,
	const char *interface, const char *property, GError **error, void *user)
{
	const struct fake *fake = user;
	static const char *const required[] = { "a.service", "b.service", NULL };
	static const char *const none[] = { NULL };

	look_for_step();
	if (!strcmp(property, "ActiveState"))
		return g_variant_new_string(fake->active ? "active" : "inactive");
	return g_variant_new_strv(!strcmp(property, "RequiredBy") ? required : none, -1);
}

static GDBusConnection *connect_to_bus(void)
{
	GError *error = NULL;
	GDBusConnection *connection =
		g_dbus_connection_new_for_address_sync(g_test_dbus_get_bus_address(bus),
			G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
				G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
			NULL, NULL, &error);

	ck_assert_msg(connection != NULL, "%s", error ? error->message : "");
	return connection;
}

static struct fake fake;
static GThread *thread;

static void *serve(void *user)
{
	static const GDBusInterfaceVTable table = { on_call, on_get, NULL, { NULL } };
	GAsyncQueue *ready = user;
	g_autoptr(GVariant) owned = NULL;

	g_main_context_push_thread_default(fake.context);
	fake.connection = connect_to_bus();
	g_dbus_connection_register_object(
		fake.connection, PATH, fake.node->interfaces[0], &table, &fake, NULL, NULL);
	g_dbus_connection_register_object(fake.connection, PATH "/unit/one",
		fake.node->interfaces[1], &table, &fake, NULL, NULL);
	owned = g_dbus_connection_call_sync(fake.connection, "org.freedesktop.DBus",
		"/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
		g_variant_new("(su)", NAME, 4u), NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
	g_async_queue_push(ready, (void *)1);
	g_main_loop_run(fake.loop);
	g_object_unref(fake.connection);
	g_main_context_pop_thread_default(fake.context);
	return NULL;
}

static GDBusConnection *get_bus(const struct env *env, GError **error)
{
	return connect_to_bus();
}

static void setup(void)
{
	GAsyncQueue *ready = g_async_queue_new();

	bus = g_test_dbus_new(G_TEST_DBUS_NONE);
	g_test_dbus_up(bus);
	fake = (struct fake){ .context = g_main_context_new() };
	fake.loop = g_main_loop_new(fake.context, FALSE);
	fake.node = g_dbus_node_info_new_for_xml(interface_xml, NULL);
	ck_assert_ptr_nonnull(fake.node);
	thread = g_thread_new("systemd", serve, ready);
	g_async_queue_pop(ready);
	g_async_queue_unref(ready);
	sandbox_init(&sandbox);
	sandbox.env.bus = get_bus;
	sandbox.host.step = on_step;
	steps = unannounced = 0;
}

static void teardown(void)
{
	sandbox_finish(&sandbox);
	g_main_loop_quit(fake.loop);
	g_thread_join(thread);
	g_main_loop_unref(fake.loop);
	g_main_context_unref(fake.context);
	g_dbus_node_info_unref(fake.node);
	g_test_dbus_stop(bus);
	g_object_unref(bus);
}

static void assert_state(const char *wanted)
{
	g_autofree char *is = NULL;

	ck_assert(unit_manager_systemd.active_state(&sandbox.env, "a.service", &is, NULL));
	ck_assert_str_eq(is, wanted);
}

START_TEST(a_job_is_waited_for_also_when_it_ends_before_its_name_is_known)
{
	static const char *const units[] = { "a.service", "early.service" };

	for (unsigned i = 0; i < N_ELEMENTS(units); i++) {
		GError *error = NULL;

		ck_assert_msg(unit_manager_systemd.start(&sandbox.env, units[i], &error), "%s",
			error ? error->message : "");
		assert_state("active");
		ck_assert(unit_manager_systemd.stop(&sandbox.env, units[i], NULL));
		assert_state("inactive");
	}
}
END_TEST

START_TEST(a_job_that_fails_is_an_error_and_stopping_nothing_is_none)
{
	GError *error = NULL;

	ck_assert(!unit_manager_systemd.start(&sandbox.env, "failing.service", &error));
	ck_assert_ptr_nonnull(strstr(error->message, "failed"));
	g_clear_error(&error);
	ck_assert(!unit_manager_systemd.start(&sandbox.env, "gone.service", NULL));
	ck_assert(unit_manager_systemd.stop(&sandbox.env, "gone.service", NULL));
}
END_TEST

START_TEST(files_and_dependants_are_asked_for)
{
	g_autofree char *state = NULL, *none = NULL, *by = NULL;

	ck_assert(unit_manager_systemd.file_state(&sandbox.env, "a.service", &state, NULL));
	ck_assert_str_eq(state, "static");
	ck_assert(unit_manager_systemd.file_state(&sandbox.env, "gone.service", &none, NULL));
	ck_assert_str_eq(none, "");
	ck_assert(unit_manager_systemd.required_by(&sandbox.env, "a.service", &by, NULL));
	ck_assert_str_eq(by, "a.service b.service");
	ck_assert(unit_manager_systemd.reload(&sandbox.env, NULL));
}
END_TEST

START_TEST(each_call_is_told_of_for_it_may_hang)
{
	g_autofree char *state = NULL, *by = NULL;

	assert_state("inactive");
	ck_assert(unit_manager_systemd.file_state(&sandbox.env, "a.service", &state, NULL));
	ck_assert(unit_manager_systemd.required_by(&sandbox.env, "a.service", &by, NULL));
	ck_assert(unit_manager_systemd.start(&sandbox.env, "a.service", NULL));
	ck_assert(unit_manager_systemd.reload(&sandbox.env, NULL));
	ck_assert_int_eq(g_atomic_int_get(&unannounced), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_job_is_waited_for_also_when_it_ends_before_its_name_is_known,
		a_job_that_fails_is_an_error_and_stopping_nothing_is_none,
		files_and_dependants_are_asked_for,
		each_call_is_told_of_for_it_may_hang,
		NULL,
	};
	g_autofree char *daemon = g_find_program_in_path("dbus-daemon");

	if (!daemon) {
		puts("skipped: there is no dbus-daemon");
		return 77;
	}
	return suite_run_with("agent-unit-manager", tests, setup, teardown);
}

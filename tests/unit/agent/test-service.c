/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "apply/service.h"

#include "sandbox.h"
#include "suite.h"

#include <signal.h>
#include <sys/resource.h>

#define S G_GINT64_CONSTANT(1000000000)

static struct sandbox sandbox;
static struct service *service;
static char *originals;

static void start(void)
{
	g_autofree char *dir = env_path(&sandbox.env, "/profiles");
	char *dirs[] = { dir, NULL };
	const struct service_config config = {
		.env = &sandbox.env, .state_dir = sandbox.state, .profile_dirs = dirs
	};
	GError *error = NULL;

	service = service_new(&config, &error);
	ck_assert_msg(service != NULL, "%s", error ? error->message : "");
}

static void setup(void)
{
	sandbox_init(&sandbox);
	sandbox_put(&sandbox, "/profiles/all.conf", sandbox_profile);
	sandbox_put(&sandbox, "/profiles/one.conf",
		"[main]\nsummary=One\ncheckpoint=first\n[sysctl]\nvm.swappiness=10\n");
	sandbox_put(&sandbox, "/profiles/two.conf",
		"[main]\nsummary=Two\ncheckpoint=second\n[sysctl]\nvm.swappiness=5\n");
	sandbox_put(&sandbox, "/profiles/broken.conf", "[nonsense]\n");
	originals = sandbox_dump(&sandbox);
	start();
}

static void teardown(void)
{
	service_free(service);
	g_free(originals);
	sandbox_finish(&sandbox);
}

static json_t *try(const char *name, json_t *arguments, char **ret_error)
{
	const struct dialect_command *command = service_commands;
	struct dialect_error error = { 0 };
	json_t *reply;

	while (strcmp(command->name, name) != 0)
		command++;
	reply = command->run(service, arguments, NULL, &error);
	ck_assert(!reply == (error.class != NULL));
	json_decref(arguments);
	*ret_error = error.desc;
	return reply;
}

static json_t *ask(const char *name, json_t *arguments)
{
	char *error;
	json_t *reply = try(name, arguments, &error);

	ck_assert_msg(reply != NULL, "%s: %s", name, error);
	return reply;
}

static void assert_refused(const char *name, json_t *arguments, const char *because)
{
	char *error;
	json_t *reply = try(name, arguments, &error);

	ck_assert_msg(!reply && strstr(error, because), "%s: %s", name, error);
	g_free(error);
}

static json_int_t apply(const char *name)
{
	json_t *plan = ask("helix-profile-plan", json_pack("{ss}", "name", name));
	json_t *done = ask("helix-profile-apply", json_pack("{ss sO}", "name", name, "plan-hash",
							  json_object_get(plan, "plan-hash")));
	json_int_t txn = json_integer_value(json_object_get(done, "txn"));

	json_decref(plan);
	json_decref(done);
	return txn;
}

static void assert_originals(void)
{
	g_autofree char *is = sandbox_dump(&sandbox);

	ck_assert_str_eq(is, originals);
}

START_TEST(profiles_are_listed_with_those_that_are_broken)
{
	json_t *list = ask("helix-profile-list", json_object()), *shown;

	ck_assert_uint_eq(json_array_size(list), 4);
	ck_assert_str_eq(
		json_string_value(json_object_get(json_array_get(list, 0), "risk")), "high");
	ck_assert_ptr_nonnull(json_object_get(json_array_get(list, 1), "error"));
	shown = ask("helix-profile-show", json_pack("{ss}", "name", "all"));
	ck_assert_uint_eq(json_array_size(json_object_get(shown, "settings")), 11);
	json_decref(list);
	json_decref(shown);
	assert_refused("helix-profile-show", json_pack("{ss}", "name", "gone"), "no profile");
	assert_refused("helix-profile-plan", json_pack("{ss}", "name", "broken"), "nonsense");
}
END_TEST

START_TEST(without_the_hash_of_the_plan_nothing_is_applied)
{
	assert_refused("helix-profile-apply",
		json_pack("{ss ss}", "name", "one", "plan-hash", "0000"), "not the plan");
	assert_refused("helix-profile-apply",
		json_pack("{ss ss sI}", "name", "one", "plan-hash", "", "confirm-timeout-s",
			(json_int_t)1 << 40),
		"confirm-timeout-s");
	assert_originals();
}
END_TEST

START_TEST(back_to_a_checkpoint_is_back_over_all_that_came_after_it)
{
	json_t *list;
	g_autofree char *text = NULL;

	apply("one");
	apply("two");
	list = ask("helix-checkpoint-list", json_object());
	ck_assert_uint_eq(json_array_size(list), 3);
	ck_assert_str_eq(
		json_string_value(json_object_get(json_array_get(list, 0), "checkpoint")), "base");
	ck_assert_uint_eq(json_array_size(json_object_get(json_array_get(list, 2), "changes")), 1);
	json_decref(list);
	assert_refused("helix-profile-rollback", json_pack("{ss}", "checkpoint", "third"),
		"was not reached");
	json_decref(ask("helix-profile-rollback", json_pack("{ss}", "checkpoint", "first")));
	text = sandbox_get(&sandbox, "/proc/sys/vm/swappiness");
	ck_assert_str_eq(text, "10\n");
	apply("two");
	json_decref(ask("helix-profile-rollback", json_pack("{ss}", "checkpoint", "base")));
	assert_originals();
	assert_refused("helix-profile-rollback", json_object(), "nothing is applied");
}
END_TEST

START_TEST(it_is_busy_while_it_waits_or_holds_and_takes_back_in_time)
{
	json_t *list;

	ck_assert(!service_busy(service));
	apply("all");
	ck_assert(service_busy(service));
	list = ask("helix-journal-list", json_object());
	ck_assert_str_eq(
		json_string_value(json_object_get(json_array_get(list, 0), "state")), "waiting");
	json_decref(list);
	/* The timer is armed by what the clock of the machine says: here, that it is late. */
	service_free(service);
	sandbox.now_ns += 119 * S + S - 1000000;
	start();
	ck_assert(service_busy(service));
	sandbox.now_ns += S;
	while (service_busy(service))
		g_main_context_iteration(NULL, TRUE);
	assert_originals();
}
END_TEST

static unsigned n_appends;

static void count_appends(struct setting_host *host, const char *name)
{
	n_appends += !strcmp(name, "journal-append");
}

START_TEST(a_journal_that_fails_is_not_tried_without_a_pause)
{
	const struct rlimit limit = { 0, RLIM_INFINITY };
	unsigned first;

	signal(SIGXFSZ, SIG_IGN);
	apply("all");
	service_free(service);
	sandbox.now_ns += 119 * S + S - 1000000;
	start();
	sandbox.now_ns += S;
	sandbox.host.step = count_appends;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	while (n_appends == 0)
		g_main_context_iteration(NULL, TRUE);
	first = n_appends;
	for (int64_t end = g_get_monotonic_time() + G_USEC_PER_SEC / 4;
		g_get_monotonic_time() < end; g_usleep(1000))
		g_main_context_iteration(NULL, FALSE);
	ck_assert_uint_eq(n_appends, first);
	ck_assert(service_busy(service));
}
END_TEST

START_TEST(after_a_restart_a_device_is_held_again)
{
	json_int_t txn = apply("all");

	json_decref(ask("helix-profile-confirm", json_pack("{sI}", "txn", txn)));
	service_free(service);
	setting_host_finish(&sandbox.host);
	ck_assert_ptr_null(sandbox.host.devices);
	start();
	ck_assert_uint_eq(g_hash_table_size(sandbox.host.devices), 1);
	ck_assert(service_busy(service));
}
END_TEST

START_TEST(verifying_names_what_is_not_in_effect)
{
	json_t *rows, *row;

	apply("one");
	sandbox_put(&sandbox, "/proc/sys/vm/swappiness", "33\n");
	rows = ask("helix-profile-verify", json_pack("{ss}", "name", "one"));
	row = json_array_get(rows, 0);
	ck_assert(json_is_false(json_object_get(row, "same")));
	ck_assert_str_eq(json_string_value(json_object_get(row, "effective")), "33");
	json_decref(rows);
	rows = ask("helix-profile-verify", json_pack("{ss}", "name", "two"));
	ck_assert_uint_eq(json_array_size(rows), 0);
	json_decref(rows);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		profiles_are_listed_with_those_that_are_broken,
		without_the_hash_of_the_plan_nothing_is_applied,
		back_to_a_checkpoint_is_back_over_all_that_came_after_it,
		it_is_busy_while_it_waits_or_holds_and_takes_back_in_time,
		a_journal_that_fails_is_not_tried_without_a_pause,
		after_a_restart_a_device_is_held_again,
		verifying_names_what_is_not_in_effect,
		NULL,
	};

	return suite_run_with("agent-service", tests, setup, teardown);
}

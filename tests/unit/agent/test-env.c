/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "env.h"
#include "suite.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/stat.h>

#define S G_GINT64_CONSTANT(1000000000)

static struct env env;

static void setup(void)
{
	g_autofree char *root = g_dir_make_tmp("agent-env-XXXXXX", NULL);

	env_init(&env, root);
}

static void teardown(void)
{
	const char *const argv[] = { "rm", "-r", env.root, NULL };
	char *out = NULL;

	ck_assert(env.run(&env, argv, 5000, &out, NULL));
	g_free(out);
	env_finish(&env);
}

static void put(const char *path, const char *text)
{
	g_autofree char *full = env_path(&env, path);
	g_autofree char *folder = g_path_get_dirname(full);

	g_mkdir_with_parents(folder, 0700);
	ck_assert(g_file_set_contents(full, text, -1, NULL));
}

START_TEST(files_are_those_below_the_root)
{
	char *text = NULL;

	put("/proc/version", "Linux\n");
	ck_assert(env_exists(&env, "/proc/version"));
	ck_assert(env_read_line(&env, "/proc/version", &text, NULL));
	ck_assert_str_eq(text, "Linux");
	g_free(text);
}
END_TEST

START_TEST(a_missing_file_is_told_from_an_unreadable_one)
{
	g_autoptr(GError) error = NULL, other = NULL;
	g_autofree char *fifo = env_path(&env, "/fifo");
	char *text = (char *)1;

	ck_assert(!env_read(&env, "/nothing", &text, &error));
	ck_assert(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT));
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert(!env_read(&env, "/fifo", &text, &other));
	ck_assert(g_error_matches(other, G_FILE_ERROR, G_FILE_ERROR_INVAL));
	ck_assert_ptr_eq(text, (char *)1);
}
END_TEST

START_TEST(a_number_is_the_whole_file)
{
	int64_t value = 7;

	put("/good", "-12\n");
	put("/bad", "12 ms\n");
	ck_assert(env_read_number(&env, "/good", &value, NULL));
	ck_assert_int_eq(value, -12);
	ck_assert(!env_read_number(&env, "/bad", &value, NULL));
	ck_assert_int_eq(value, -12);
}
END_TEST

START_TEST(a_folder_lists_its_names_in_order)
{
	g_auto(GStrv) names = NULL, none = env_list(&env, "/nothing");

	put("/dir/b", "");
	put("/dir/a", "");
	names = env_list(&env, "/dir");
	ck_assert_uint_eq(g_strv_length(names), 2);
	ck_assert_str_eq(names[0], "a");
	ck_assert_str_eq(names[1], "b");
	ck_assert_uint_eq(g_strv_length(none), 0);
}
END_TEST

START_TEST(a_program_is_run_to_its_end)
{
	const char *const argv[] = { "echo", "well", NULL };
	char *out = NULL;

	ck_assert(env.run(&env, argv, 5000, &out, NULL));
	ck_assert_str_eq(out, "well\n");
	g_free(out);
}
END_TEST

START_TEST(a_program_that_hangs_is_killed_in_time)
{
	const char *const argv[] = { "sleep", "1000", NULL };
	g_autoptr(GError) error = NULL;
	int64_t start = env.now_ns(&env);
	char *out = NULL;

	ck_assert(!env.run(&env, argv, 50, &out, &error));
	ck_assert(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT));
	ck_assert_int_lt(env.now_ns(&env) - start, G_GINT64_CONSTANT(20000000000));
	ck_assert_ptr_null(out);
}
END_TEST

/* Lives until it is killed; of a zombie there is no command line. */
static void assert_ends(const char *pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%s/cmdline", pid);

	for (int64_t end = env.now_ns(&env) + 20 * S; env.now_ns(&env) < end; g_usleep(1000)) {
		g_autofree char *text = NULL;

		if (!g_file_get_contents(path, &text, NULL, NULL) || !*text)
			return;
	}
	ck_abort_msg("%s lives on", pid);
}

START_TEST(what_a_program_started_ends_with_it_when_its_time_is_up)
{
	g_autofree char *file = env_path(&env, "/pid");
	g_autofree char *script = g_strdup_printf("sleep 1000 & echo $! > %s; wait", file);
	const char *const argv[] = { "sh", "-c", script, NULL };
	g_autoptr(GError) error = NULL;
	g_autofree char *pid = NULL;
	char *out = NULL;

	ck_assert(!env.run(&env, argv, 500, &out, &error));
	ck_assert(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT));
	ck_assert(env_read_line(&env, "/pid", &pid, NULL));
	assert_ends(pid);
}
END_TEST

START_TEST(who_outlives_a_program_is_not_waited_for)
{
	const char *const argv[] = { "sh", "-c", "sleep 1000 & echo $!", NULL };
	g_autofree char *out = NULL;

	ck_assert(env.run(&env, argv, 20000, &out, NULL));
	ck_assert_int_eq(kill(atoi(out), SIGKILL), 0);
}
END_TEST

START_TEST(a_program_without_an_end_of_output_is_stopped)
{
	const char *const argv[] = { "yes", NULL };
	g_autoptr(GError) error = NULL;
	char *out = NULL;

	ck_assert(!env.run(&env, argv, 2000, &out, &error));
	ck_assert_msg(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE), "%s",
		error->message);
}
END_TEST

START_TEST(what_is_no_text_is_an_error)
{
	static const char *const scripts[] = { "printf '\\377'", "printf 'a\\000b'" };

	for (unsigned i = 0; i < N_ELEMENTS(scripts); i++) {
		const char *const argv[] = { "sh", "-c", scripts[i], NULL };
		g_autoptr(GError) error = NULL;
		char *out = NULL;

		ck_assert(!env.run(&env, argv, 5000, &out, &error));
		ck_assert(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA));
		ck_assert_ptr_null(out);
	}
}
END_TEST

START_TEST(a_program_in_the_path_of_whoever_started_the_agent_is_not_run)
{
	const char *const argv[] = { "true", NULL };
	g_autofree char *folder = env_path(&env, "/bin"), *program = env_path(&env, "/bin/true");
	char *out = NULL;

	put("/bin/true", "#!/bin/sh\necho other\n");
	ck_assert_int_eq(chmod(program, 0755), 0);
	g_setenv("PATH", folder, TRUE);
	ck_assert(env.run(&env, argv, 5000, &out, NULL));
	ck_assert_str_eq(out, "");
	g_free(out);
}
END_TEST

START_TEST(a_program_that_fails_or_is_missing_is_an_error)
{
	const char *const fails[] = { "false", NULL }, *const missing[] = { "no-such-program",
		NULL };
	g_autoptr(GError) error = NULL, other = NULL;
	char *out = NULL;

	ck_assert(!env.run(&env, fails, 5000, &out, &error));
	ck_assert_int_eq(error->domain, G_SPAWN_EXIT_ERROR);
	ck_assert(!env.run(&env, missing, 5000, &out, &other));
	ck_assert(g_error_matches(other, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT));
}
END_TEST

static const struct {
	const char *text, *formatted, *mask; /* formatted NULL: nonsense */
	unsigned count;
} sets[] = {
	{ "", "", "0", 0 },
	{ "0\n", "0", "1", 1 },
	{ "0-2,5", "0-2,5", "27", 4 },
	{ "5,0-1,2", "0-2,5", "27", 4 },
	{ "31,32", "31-32", "1,80000000", 2 },
	{ "64", "64", "1,00000000,00000000", 1 },
	{ "1023", "1023", NULL, 1 },
	{ "1024", NULL, NULL, 0 },
	{ "2-1", NULL, NULL, 0 },
	{ "1-", NULL, NULL, 0 },
	{ "-1", NULL, NULL, 0 },
	{ "1,,2", NULL, NULL, 0 },
	{ "a", NULL, NULL, 0 },
	{ "1-2-3", NULL, NULL, 0 },
};

START_TEST(sets_of_cpus_are_read_and_written_as_the_kernel_does)
{
	for (size_t i = 0; i < N_ELEMENTS(sets); i++) {
		struct env_cpus cpus;

		poison(&cpus);
		if (!sets[i].formatted) {
			ck_assert(!env_cpus_parse(sets[i].text, &cpus));
			assert_poisoned(&cpus);
			continue;
		}
		ck_assert_msg(env_cpus_parse(sets[i].text, &cpus), "%s", sets[i].text);
		g_autofree char *formatted = env_cpus_format(&cpus), *mask = env_cpus_mask(&cpus);
		ck_assert_str_eq(formatted, sets[i].formatted);
		ck_assert_uint_eq(env_cpus_count(&cpus), sets[i].count);
		if (sets[i].mask)
			ck_assert_str_eq(mask, sets[i].mask);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		files_are_those_below_the_root,
		a_missing_file_is_told_from_an_unreadable_one,
		a_number_is_the_whole_file,
		a_folder_lists_its_names_in_order,
		a_program_is_run_to_its_end,
		a_program_that_hangs_is_killed_in_time,
		what_a_program_started_ends_with_it_when_its_time_is_up,
		who_outlives_a_program_is_not_waited_for,
		a_program_without_an_end_of_output_is_stopped,
		what_is_no_text_is_an_error,
		a_program_in_the_path_of_whoever_started_the_agent_is_not_run,
		a_program_that_fails_or_is_missing_is_an_error,
		sets_of_cpus_are_read_and_written_as_the_kernel_does,
		NULL,
	};

	return suite_run_with("agent-env", tests, setup, teardown);
}

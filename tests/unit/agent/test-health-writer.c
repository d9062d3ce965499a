/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files for those without sockets, on file systems that may hang. */

#include "daemon/health-writer.h"
#include "probe-fixture.h"

#include <glib/gstdio.h>

#define NEVER_MS 60000u /* longer than a test may take */

static struct health *health;
static char *path, *why;
static unsigned failures;

/* The file system of the test. */
static GMutex mutex;
static GCond cond;
static bool hangs;
static int entered; /* writes that were begun */

static void calm_run(
	const struct env *env, const struct probe_wanted *w, void *state, struct probe_result *ret)
{
	probe_say(ret, PROBE_OK, NULL, "calm");
}

static const struct probe calm = {
	.id = "t.calm",
	.group = PROBE_GROUP_SYSTEM,
	.title = "calm",
	.period_s = 1,
	.timeout_ms = 10000,
	.run = calm_run,
};
static const struct probe *const table[] = { &calm, NULL };

static void setup(void)
{
	probe_fixture_setup();
	health = health_new_with(&machine.env, &wanted, table);
	path = env_path(&machine.env, "/health");
	why = NULL;
	failures = 0;
	hangs = false;
	entered = 0;
}

static void teardown(void)
{
	health_free(health);
	g_free(path);
	g_free(why);
	probe_fixture_teardown();
}

static bool replace_where_it_hangs(const char *file, const char *text, GError **error)
{
	g_mutex_lock(&mutex);
	entered++;
	g_cond_broadcast(&cond);
	while (hangs)
		g_cond_wait(&cond, &mutex);
	g_mutex_unlock(&mutex);
	return g_file_set_contents(file, text, -1, error);
}

static void set_hangs(bool now)
{
	g_mutex_lock(&mutex);
	hangs = now;
	g_cond_broadcast(&cond);
	g_mutex_unlock(&mutex);
}

static void wait_until_entered(int n)
{
	g_mutex_lock(&mutex);
	while (entered < n)
		g_cond_wait(&cond, &mutex);
	g_mutex_unlock(&mutex);
}

static void on_failed(void *user, const char *text)
{
	failures++;
	g_free(why);
	why = g_strdup(text);
}

static char *metrics(struct health *of)
{
	return health_openmetrics(of, NULL);
}

static struct health_writer *writer_new(unsigned late_ms)
{
	const struct health_writer_config config = {
		.path = path,
		.format = metrics,
		.late_ms = late_ms,
		.replace = replace_where_it_hangs,
		.failed = on_failed,
	};

	return health_writer_new(&config);
}

static void settle(const struct health_writer *writer)
{
	while (health_writer_is_busy(writer))
		g_main_context_iteration(NULL, TRUE);
}

static char *read_file(void)
{
	char *text = NULL;

	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	return text;
}

START_TEST(the_file_is_what_is_asked_for)
{
	const struct health_writer_config config = {
		.path = path, .format = health_json_text, .late_ms = NEVER_MS
	};
	struct health_writer *writer = health_writer_new(&config);
	g_autofree char *text = NULL;
	GStatBuf status;
	json_t *answer;

	ck_assert(g_file_set_contents(path, "old", -1, NULL));
	health_writer_write(writer, health);
	settle(writer);
	text = read_file();
	answer = json_loads(text, 0, NULL);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "status")), "UNKNOWN");
	ck_assert(g_str_has_suffix(text, "}\n"));
	ck_assert_int_eq(g_stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0644);
	json_decref(answer);
	health_writer_free(writer);
}
END_TEST

static void on_asked(void *user)
{
	*(bool *)user = true;
}

START_TEST(a_share_that_hangs_stops_no_probe_and_the_newest_follows)
{
	struct health_writer *writer = writer_new(NEVER_MS);
	g_autofree char *text = NULL;
	bool asked = false;

	set_hangs(true);
	health_writer_write(writer, health); /* t.calm is not known yet */
	wait_until_entered(1);
	health_refresh(health, NULL, on_asked, &asked);
	while (!asked)
		g_main_context_iteration(NULL, TRUE);
	for (unsigned i = 0; i < 100; i++)
		health_writer_write(writer, health);
	ck_assert(health_writer_is_busy(writer));
	set_hangs(false);
	settle(writer);
	ck_assert_int_eq(entered, 2);
	text = read_file();
	ck_assert_msg(strstr(text, "t.calm\"} 0\n"), "%s", text);
	ck_assert_uint_eq(failures, 0);
	health_writer_free(writer);
}
END_TEST

START_TEST(a_share_that_hangs_is_told_once_until_it_works)
{
	struct health_writer *writer = writer_new(20);

	for (unsigned round = 1; round <= 2; round++) {
		set_hangs(true);
		health_writer_write(writer, health);
		while (failures < round)
			g_main_context_iteration(NULL, TRUE);
		ck_assert_msg(strstr(why, "does not answer"), "%s", why);
		set_hangs(false);
		settle(writer);
		ck_assert_uint_eq(failures, round);
	}
	health_writer_free(writer);
}
END_TEST

START_TEST(what_fails_is_told_once_until_it_works)
{
	g_autofree char *there = path;
	struct health_writer *writer;

	path = env_path(&machine.env, "/no/where");
	writer = writer_new(NEVER_MS);
	for (unsigned i = 0; i < 3; i++) {
		health_writer_write(writer, health);
		settle(writer);
	}
	ck_assert_uint_eq(failures, 1);
	machine_put(&machine, "/no/here", "");
	health_writer_write(writer, health);
	settle(writer);
	machine_remove(&machine, "/no");
	health_writer_write(writer, health);
	settle(writer);
	ck_assert_uint_eq(failures, 2);
	health_writer_free(writer);
}
END_TEST

START_TEST(a_writer_may_end_while_its_share_hangs)
{
	struct health_writer *writer = writer_new(NEVER_MS);

	set_hangs(true);
	health_writer_write(writer, health);
	wait_until_entered(1);
	health_writer_write(writer, health);
	health_writer_free(writer);
	set_hangs(false);
	do
		g_main_context_iteration(NULL, TRUE); /* the thread's last word */
	while (!g_file_test(path, G_FILE_TEST_EXISTS));
	ck_assert_uint_eq(failures, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_file_is_what_is_asked_for,
		a_share_that_hangs_stops_no_probe_and_the_newest_follows,
		a_share_that_hangs_is_told_once_until_it_works,
		what_fails_is_told_once_until_it_works,
		a_writer_may_end_while_its_share_hangs,
		NULL,
	};

	return suite_run_with("agent-health-writer", tests, setup, teardown);
}

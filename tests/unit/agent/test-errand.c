/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What may hang, and who waits for it. */

#include "daemon/errand.h"
#include "suite.h"

#include <string.h>

#define NEVER_MS 60000u /* longer than a test may take */
#define ROOT     "/machine"

static struct env env;
static struct errands *errands;
static struct dialect *dialect;
static struct dialect_client *client;
static GString *answers;
static unsigned late_ms;

/* What the threads wait for. */
static GMutex mutex;
static GCond cond;
static bool hangs;
static unsigned begun, ended, good_roots;

static bool run(const struct env *of, json_t *reply, struct dialect_error *error)
{
	g_mutex_lock(&mutex);
	begun++;
	g_cond_broadcast(&cond);
	while (hangs)
		g_cond_wait(&cond, &mutex);
	good_roots += !strcmp(of->root, ROOT);
	ended++;
	g_cond_broadcast(&cond);
	g_mutex_unlock(&mutex);
	json_object_set_new(reply, "done", json_true());
	return true;
}

static void set_hangs(bool now)
{
	g_mutex_lock(&mutex);
	hangs = now;
	g_cond_broadcast(&cond);
	g_mutex_unlock(&mutex);
}

static void wait_until(const unsigned *count, unsigned n)
{
	g_mutex_lock(&mutex);
	while (*count < n)
		g_cond_wait(&cond, &mutex);
	g_mutex_unlock(&mutex);
}

static json_t *run_test(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	static struct errand_kind kind = { run, 0, "it is late" };

	kind.late_ms = late_ms;
	errands_run(errands, &kind, call, json_object());
	return NULL;
}

static void on_send(void *user, const char *data, size_t size)
{
	g_string_append_len(answers, data, (gssize)size);
}

static const struct dialect_command commands[] = {
	{ "test", DIALECT_READ, NULL, run_test, "" },
	{ NULL },
};

static void setup(void)
{
	static const struct dialect_command *const tables[] = { commands };
	const struct dialect_client_config config = { .send = on_send };

	env_init(&env, ROOT);
	errands = errands_new(&env);
	dialect = dialect_new(tables, 1, NULL);
	client = dialect_client_new(dialect, &config);
	answers = g_string_new(NULL);
	late_ms = NEVER_MS;
	begun = ended = good_roots = 0;
	set_hangs(true);
}

static void teardown(void)
{
	set_hangs(false);
	wait_until(&ended, begun);
	errands_free(errands);
	dialect_client_free(client);
	dialect_free(dialect);
	g_string_free(answers, TRUE);
	env_finish(&env);
}

static void ask(unsigned n)
{
	static const char request[] = "{\"execute\":\"test\"}";

	for (unsigned i = 0; i < n; i++)
		dialect_client_feed(client, request, strlen(request));
}

static unsigned count(const char *text)
{
	unsigned n = 0;

	for (const char *at = answers->str; (at = strstr(at, text)); at += strlen(text))
		n++;
	return n;
}

static void wait_for(const char *text, unsigned n)
{
	while (count(text) < n)
		g_main_context_iteration(NULL, TRUE);
	ck_assert_uint_eq(count(text), n);
}

START_TEST(few_run_at_once_and_all_are_answered)
{
	ask(ERRANDS_AT_ONCE + 2);
	wait_until(&begun, ERRANDS_AT_ONCE);
	ck_assert_uint_eq(begun, ERRANDS_AT_ONCE);
	ck_assert_uint_eq(answers->len, 0);
	set_hangs(false);
	wait_for("\"done\": true", ERRANDS_AT_ONCE + 2);
	ck_assert_uint_eq(begun, ERRANDS_AT_ONCE + 2);
}
END_TEST

START_TEST(who_hangs_is_late_and_keeps_nobody_waiting_for_ever)
{
	const unsigned n = ERRANDS_LATE_MAX + ERRANDS_AT_ONCE + 1;

	late_ms = 1;
	ask(n);
	while (count("it is late") + count("hang") < n)
		g_main_context_iteration(NULL, TRUE);
	ck_assert_uint_ge(count("it is late"), ERRANDS_LATE_MAX);
	ck_assert_uint_ge(count("hang"), 2);
	late_ms = NEVER_MS;
	set_hangs(false);
	/* Their threads make room as they end. */
	while (count("\"done\": true") == 0) {
		ask(1);
		g_main_context_iteration(NULL, TRUE);
	}
}
END_TEST

START_TEST(the_end_waits_for_no_thread_and_leaves_it_its_machine)
{
	ask(ERRANDS_AT_ONCE + 1);
	wait_until(&begun, ERRANDS_AT_ONCE);
	errands_free(g_steal_pointer(&errands));
	ck_assert_uint_eq(count("helix-agentd ends"), ERRANDS_AT_ONCE + 1);
	memset(env.root, 'x', strlen(ROOT));
	set_hangs(false);
	wait_until(&ended, ERRANDS_AT_ONCE);
	ck_assert_uint_eq(good_roots, ERRANDS_AT_ONCE);
	while (g_main_context_iteration(NULL, FALSE))
		;
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		few_run_at_once_and_all_are_answered,
		who_hangs_is_late_and_keeps_nobody_waiting_for_ever,
		the_end_waits_for_no_thread_and_leaves_it_its_machine,
		NULL,
	};

	return suite_run_with("agent-errand", tests, setup, teardown);
}

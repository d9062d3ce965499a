/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "health-internal.h"
#include "machine.h"
#include "probe/steady.h"
#include "suite.h"

#include <glib/gstdio.h>

/* --- steady verdicts --- */

static const struct {
	const char *samples, *held; /* o w f: values; O W F: states; U: unknown; N: N/A */
} steadies[] = {
	{ "ooooo", "ooooo" },
	{ "oofoo", "ooooo" },
	{ "oowwo", "oooww" },
	{ "owwoo", "oowwo" },
	{ "oofwo", "oooww" },
	{ "wfff", "wwff" },
	{ "foo", "ffo" },
	{ "OFO", "OFO" },
	{ "oUo", "oUo" },
	{ "ooNfo", "ooNff" },
};

static enum probe_status status_of(char letter)
{
	switch (g_ascii_tolower(letter)) {
	case 'o':
		return PROBE_OK;
	case 'w':
		return PROBE_WARN;
	case 'f':
		return PROBE_FAIL;
	case 'u':
		return PROBE_UNKNOWN;
	default:
		return PROBE_NA;
	}
}

START_TEST(two_of_three_values_have_to_agree)
{
	for (size_t i = 0; i < N_ELEMENTS(steadies); i++) {
		struct steady steady = { 0 };

		for (unsigned k = 0; steadies[i].samples[k]; k++) {
			char letter = steadies[i].samples[k];
			struct probe_result result = { .has_value = g_ascii_islower(letter) };

			probe_say(&result, status_of(letter), "hint", "%u", k);
			ck_assert_msg(steady_add(&steady, &result)->status ==
					      status_of(steadies[i].held[k]),
				"%s at %u", steadies[i].samples, k);
			ck_assert_ptr_null(result.message);
		}
		steady_finish(&steady);
	}
}
END_TEST

START_TEST(the_newest_sample_with_the_verdict_speaks)
{
	static const enum probe_status samples[] = { PROBE_WARN, PROBE_WARN, PROBE_OK };
	const struct probe_result *held = NULL;
	struct steady steady = { 0 };

	for (unsigned i = 0; i < N_ELEMENTS(samples); i++) {
		struct probe_result result = { .has_value = true };

		probe_say(&result, samples[i], NULL, "sample %u", i);
		held = steady_add(&steady, &result);
	}
	ck_assert_str_eq(held->message, "sample 1");
	steady_finish(&steady);
}
END_TEST

/* --- probes of the test --- */

static struct machine machine;
static struct probe_wanted wanted;
static GMutex mutex;
static GCond cond;
static bool released, stuck_entered;
static int scripted_status, runs; /* atomic */

static void calm_run(
	const struct env *env, const struct probe_wanted *w, void *state, struct probe_result *ret)
{
	probe_say(ret, probe_measure(ret, 7, "10", "20"), NULL, "calm");
}

static void scripted_run(
	const struct env *env, const struct probe_wanted *w, void *state, struct probe_result *ret)
{
	g_atomic_int_inc(&runs);
	probe_say(ret, g_atomic_int_get(&scripted_status), "do this", "as \"scripted\"\n");
}

static void stuck_run(
	const struct env *env, const struct probe_wanted *w, void *state, struct probe_result *ret)
{
	g_mutex_lock(&mutex);
	stuck_entered = true;
	while (!released)
		g_cond_wait(&cond, &mutex);
	g_mutex_unlock(&mutex);
	probe_say(ret, PROBE_OK, NULL, "got through");
}

static void remembering_run(
	const struct env *env, const struct probe_wanted *w, void *state, struct probe_result *ret)
{
	unsigned *count = state;

	++*count;
	probe_say(ret, probe_measure(ret, *count, NULL, NULL), NULL, "asked %u times", *count);
}

static const struct probe calm = {
	.id = "t.calm",
	.group = PROBE_GROUP_SYSTEM,
	.title = "calm",
	.period_s = 3600,
	.timeout_ms = 30000,
	.run = calm_run,
};
static const struct probe scripted = {
	.id = "t.scripted",
	.group = PROBE_GROUP_SYSTEM,
	.title = "scripted",
	.period_s = 3600,
	.timeout_ms = 30000,
	.run = scripted_run,
};
static const struct probe rested = {
	.id = "t.rested",
	.group = PROBE_GROUP_SYSTEM,
	.title = "rested",
	.period_s = 3600,
	.rest_s = 3600,
	.timeout_ms = 30000,
	.run = scripted_run,
};
static const struct probe stuck = {
	.id = "t.stuck",
	.group = PROBE_GROUP_SYSTEM,
	.title = "stuck",
	.period_s = 3600,
	.timeout_ms = 20,
	.run = stuck_run,
};
static const struct probe remembering = {
	.id = "t.remembering",
	.group = PROBE_GROUP_SYSTEM,
	.title = "remembering",
	.period_s = 3600,
	.timeout_ms = 30000,
	.state_size = sizeof(unsigned),
	.run = remembering_run,
};

static void setup(void)
{
	machine_init(&machine);
	machine_put(&machine, "/proc/sys/kernel/random/boot_id", "a-boot\n");
	released = stuck_entered = false;
	scripted_status = PROBE_OK;
	runs = 0;
}

static void release_stuck(void)
{
	g_mutex_lock(&mutex);
	released = true;
	g_cond_broadcast(&cond);
	g_mutex_unlock(&mutex);
}

static void teardown(void)
{
	release_stuck();
	machine_finish(&machine);
}

static void count_done(void *user)
{
	++*(unsigned *)user;
}

/* Asks and waits for the answers. */
static void ask(struct health *health, const char *const *ids)
{
	unsigned done = 0;

	health_refresh(health, ids, count_done, &done);
	ck_assert_uint_eq(done, 0);
	while (!done)
		g_main_context_iteration(NULL, TRUE);
	ck_assert_uint_eq(done, 1);
}

static json_t *probe_of(json_t *answer, const char *id)
{
	json_t *probes = json_object_get(answer, "probes"), *probe;
	size_t i;

	json_array_foreach(
		probes, i, probe) if (g_str_equal(json_string_value(json_object_get(probe, "id")),
					      id)) return probe;
	ck_abort_msg("no %s", id);
	return NULL;
}

static char *status_in(struct health *health, const char *id)
{
	json_t *answer = health_json(health, NULL);
	char *status = g_strdup(json_string_value(json_object_get(probe_of(answer, id), "status")));

	json_decref(answer);
	return status;
}

static void assert_status(struct health *health, const char *id, const char *expected)
{
	g_autofree char *status = status_in(health, id);

	ck_assert_str_eq(status, expected);
}

/* --- health --- */

START_TEST(nothing_is_known_before_it_was_asked)
{
	const struct probe *const table[] = { &calm, NULL };
	struct health *health = health_new_with(&machine.env, &wanted, table);

	assert_status(health, "t.calm", "UNKNOWN");
	ck_assert_int_eq(health_overall(health), PROBE_UNKNOWN);
	health_free(health);
}
END_TEST

START_TEST(a_probe_that_hangs_costs_its_own_answer_only)
{
	const struct probe *const table[] = { &stuck, &stuck, &stuck, &calm, &scripted, NULL };
	struct health *health = health_new_with(&machine.env, &wanted, table);

	ask(health, NULL);
	assert_status(health, "t.stuck", "UNKNOWN");
	assert_status(health, "t.calm", "OK");
	assert_status(health, "t.scripted", "OK");
	ask(health, NULL);
	ck_assert_int_eq(g_atomic_int_get(&runs), 2);
	health_free(health);
}
END_TEST

START_TEST(a_probe_that_came_back_is_asked_again)
{
	const struct probe *const table[] = { &stuck, NULL };
	struct health *health = health_new_with(&machine.env, &wanted, table);

	ask(health, NULL);
	assert_status(health, "t.stuck", "UNKNOWN");
	release_stuck();
	while (!g_main_context_iteration(NULL, TRUE))
		;
	/* What it says of long ago is dropped. */
	assert_status(health, "t.stuck", "UNKNOWN");
	ask(health, NULL);
	assert_status(health, "t.stuck", "OK");
	health_free(health);
}
END_TEST

START_TEST(many_that_hang_do_not_take_all_threads)
{
	const struct probe *const table[] = { &stuck, &stuck, &stuck, &stuck, &stuck, &stuck,
		&stuck, &stuck, &stuck, &stuck, &calm, NULL };
	struct health *health = health_new_with(&machine.env, &wanted, table);
	json_t *answer, *probe;

	ask(health, NULL);
	answer = health_json(health, NULL);
	probe = probe_of(answer, "t.calm");
	ck_assert_str_eq(
		json_string_value(json_object_get(probe, "message")), "too many other probes hang");
	json_decref(answer);
	health_free(health);
}
END_TEST

START_TEST(health_can_be_freed_while_a_probe_hangs)
{
	const struct probe *const table[] = { &stuck, NULL };
	struct health *health = health_new_with(&machine.env, &wanted, table);
	unsigned done = 0;

	health_refresh(health, NULL, count_done, &done);
	health_free(health);
	release_stuck();
	while (g_main_context_iteration(NULL, FALSE))
		;
	ck_assert_uint_eq(done, 0);
}
END_TEST

START_TEST(probes_keep_what_they_remember_between_runs)
{
	const struct probe *const table[] = { &remembering, NULL };
	struct health *health = health_new_with(&machine.env, &wanted, table);
	json_t *answer;

	for (unsigned i = 0; i < 3; i++)
		ask(health, NULL);
	answer = health_json(health, NULL);
	ck_assert(json_real_value(json_object_get(probe_of(answer, "t.remembering"), "value")) ==
		  3.0);
	json_decref(answer);
	health_free(health);
}
END_TEST

START_TEST(a_refresh_leaves_fresh_answers_and_other_probes_alone)
{
	const struct probe *const table[] = { &scripted, &calm, NULL }, *const resting[] = {
		&rested, NULL
	};
	const char *const ids[] = { "t.calm", "t.nobody", NULL };
	struct health *health = health_new_with(&machine.env, &wanted, table);

	ask(health, ids);
	ck_assert_int_eq(g_atomic_int_get(&runs), 0);
	assert_status(health, "t.scripted", "UNKNOWN");
	health_free(health);

	health = health_new_with(&machine.env, &wanted, resting);
	ask(health, NULL);
	ask(health, NULL);
	ck_assert_int_eq(g_atomic_int_get(&runs), 1);
	health_free(health);
}
END_TEST

START_TEST(a_start_asks_everybody_and_tells_of_changes)
{
	const struct probe *const table[] = { &scripted, &calm, NULL };
	struct health *health = health_new_with(&machine.env, &wanted, table);
	unsigned changes = 0;

	health_start(health, count_done, &changes);
	while (changes < 2)
		g_main_context_iteration(NULL, TRUE);
	ask(health, NULL);
	ck_assert_uint_eq(changes, 2);
	g_atomic_int_set(&scripted_status, PROBE_FAIL);
	ask(health, NULL);
	ck_assert_uint_eq(changes, 3);
	health_free(health);
}
END_TEST

START_TEST(since_is_when_the_status_changed)
{
	const struct probe *const table[] = { &scripted, NULL };
	struct health *health = health_new_with(&machine.env, &wanted, table);
	json_t *answer;

	machine.now_ns = 1000;
	ask(health, NULL);
	machine.now_ns = 2000;
	ask(health, NULL);
	machine.now_ns = 3000;
	answer = health_json(health, NULL);
	ck_assert_int_eq(json_integer_value(json_object_get(answer, "monotonic-ns")), 3000);
	ck_assert_int_eq(
		json_integer_value(json_object_get(probe_of(answer, "t.scripted"), "since-ns")),
		1000);
	json_decref(answer);
	health_free(health);
}
END_TEST

static const struct {
	enum probe_status a, b, worse;
} pairs[] = {
	{ PROBE_OK, PROBE_WARN, PROBE_WARN },
	{ PROBE_WARN, PROBE_UNKNOWN, PROBE_UNKNOWN },
	{ PROBE_UNKNOWN, PROBE_FAIL, PROBE_FAIL },
	{ PROBE_FAIL, PROBE_OK, PROBE_FAIL },
	{ PROBE_OK, PROBE_NA, PROBE_OK },
	{ PROBE_WARN, PROBE_NA, PROBE_WARN },
	{ PROBE_NA, PROBE_NA, PROBE_NA },
};

START_TEST(the_worst_is_fail_then_unknown_then_warn)
{
	for (size_t i = 0; i < N_ELEMENTS(pairs); i++) {
		ck_assert_int_eq(health_worse(pairs[i].a, pairs[i].b), pairs[i].worse);
		ck_assert_int_eq(health_worse(pairs[i].b, pairs[i].a), pairs[i].worse);
	}
}
END_TEST

START_TEST(the_answer_is_whole)
{
	const struct probe *const table[] = { &calm, &scripted, NULL };
	const char *const calm_only[] = { "t.calm", NULL };
	struct health *health = health_new_with(&machine.env, &wanted, table);
	json_t *answer, *probe;

	scripted_status = PROBE_WARN;
	ask(health, NULL);
	answer = health_json(health, NULL);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "status")), "WARN");
	ck_assert_int_eq(json_integer_value(json_object_get(answer, "exit")), 1);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "boot-id")), "a-boot");
	probe = probe_of(answer, "t.calm");
	ck_assert(json_real_value(json_object_get(probe, "value")) == 7.0);
	ck_assert_str_eq(json_string_value(json_object_get(probe, "warn")), "10");
	ck_assert_str_eq(json_string_value(json_object_get(probe, "fail")), "20");
	ck_assert(json_is_null(json_object_get(probe, "hint")));
	probe = probe_of(answer, "t.scripted");
	ck_assert(json_is_null(json_object_get(probe, "value")));
	ck_assert_str_eq(json_string_value(json_object_get(probe, "hint")), "do this");
	json_decref(answer);
	answer = health_json(health, calm_only);
	ck_assert_uint_eq(json_array_size(json_object_get(answer, "probes")), 1);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "status")), "OK");
	json_decref(answer);
	health_free(health);
}
END_TEST

START_TEST(what_does_not_apply_is_told_why_and_not_counted)
{
	const struct probe *const table[] = { &calm, &scripted, NULL };
	struct health *health = health_new_with(&machine.env, &wanted, table);
	g_autofree char *metrics = NULL, *summary = NULL;
	json_t *answer;

	scripted_status = PROBE_NA;
	ask(health, NULL);
	answer = health_json(health, NULL);
	ck_assert_str_eq(
		json_string_value(json_object_get(probe_of(answer, "t.scripted"), "na-reason")),
		"as \"scripted\"\n");
	json_decref(answer);
	ck_assert_int_eq(health_overall(health), PROBE_OK);
	metrics = health_openmetrics(health, NULL);
	ck_assert_ptr_null(strstr(metrics, "t.scripted"));
	summary = health_summary(health);
	ck_assert_str_eq(summary, "OK 1 WARN 0 FAIL 0");
	health_free(health);
}
END_TEST

START_TEST(metrics_are_openmetrics)
{
	const struct probe *const table[] = { &calm, &scripted, NULL };
	const char *const ids[] = { "t.calm", NULL };
	struct health *health = health_new_with(&machine.env, &wanted, table);
	g_autofree char *metrics = NULL;

	scripted_status = PROBE_UNKNOWN;
	ask(health, NULL);
	metrics = health_openmetrics(health, NULL);
	ck_assert_str_eq(metrics, "# TYPE helix_probe_status gauge\n"
				  "# HELP helix_probe_status 0 OK, 1 WARN, 2 FAIL, 3 UNKNOWN\n"
				  "helix_probe_status{probe=\"t.calm\"} 0\n"
				  "helix_probe_status{probe=\"t.scripted\"} 3\n"
				  "# TYPE helix_probe_value gauge\n"
				  "# HELP helix_probe_value Value of a probe, in its own unit\n"
				  "helix_probe_value{probe=\"t.calm\"} 7\n"
				  "# TYPE helix_health_status gauge\n"
				  "# HELP helix_health_status The worst of the probes\n"
				  "helix_health_status 3\n"
				  "# EOF\n");
	g_free(metrics);
	metrics = health_openmetrics(health, ids);
	ck_assert_ptr_nonnull(strstr(metrics, "helix_probe_value{probe=\"t.calm\"} 7\n"));
	ck_assert_ptr_null(strstr(metrics, "t.scripted"));
	ck_assert_ptr_nonnull(strstr(metrics, "helix_health_status 0\n# EOF\n"));
	health_free(health);
}
END_TEST

START_TEST(what_is_not_known_is_asked_again_soon)
{
	const struct probe daily = { .period_s = 86400, .rest_s = 5 };
	const struct probe busy = { .period_s = 86400, .rest_s = HEALTH_RETRY_S + 30 };
	const struct probe often = { .period_s = 10, .rest_s = 5 };
	const struct {
		const struct probe *probe;
		enum probe_status status;
		unsigned rest_s;
	} rests[] = {
		{ &daily, PROBE_OK, 86400 },
		{ &daily, PROBE_FAIL, 86400 },
		{ &daily, PROBE_NA, 86400 },
		{ &daily, PROBE_UNKNOWN, HEALTH_RETRY_S },
		{ &busy, PROBE_UNKNOWN, HEALTH_RETRY_S + 30 },
		{ &often, PROBE_UNKNOWN, 10 },
	};

	for (size_t i = 0; i < N_ELEMENTS(rests); i++) {
		const struct health_entry entry = { .probe = rests[i].probe };

		ck_assert_uint_eq(health_entry_rest_s(&entry, rests[i].status), rests[i].rest_s);
	}
}
END_TEST

static void latin1_run(
	const struct env *env, const struct probe_wanted *w, void *state, struct probe_result *ret)
{
	probe_say(ret, PROBE_WARN, "rm \xe9", "failed: caf\xe9.service");
}

START_TEST(names_that_are_no_utf_8_are_told_all_the_same)
{
	static const struct probe latin1 = {
		.id = "t.latin1",
		.group = PROBE_GROUP_SYSTEM,
		.title = "bytes",
		.period_s = 1,
		.timeout_ms = 10000,
		.run = latin1_run,
	};
	const struct probe *const table[] = { &latin1, NULL };
	struct health *health = health_new_with(&machine.env, &wanted, table);
	g_autofree char *text = NULL;

	ask(health, NULL);
	text = health_json_text(health);
	ck_assert_msg(strstr(text, "failed: caf\xef\xbf\xbd.service"), "%s", text);
	ck_assert_msg(strstr(text, "rm \xef\xbf\xbd"), "%s", text);
	health_free(health);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		two_of_three_values_have_to_agree,
		the_newest_sample_with_the_verdict_speaks,
		nothing_is_known_before_it_was_asked,
		a_probe_that_hangs_costs_its_own_answer_only,
		a_probe_that_came_back_is_asked_again,
		many_that_hang_do_not_take_all_threads,
		health_can_be_freed_while_a_probe_hangs,
		probes_keep_what_they_remember_between_runs,
		a_refresh_leaves_fresh_answers_and_other_probes_alone,
		a_start_asks_everybody_and_tells_of_changes,
		since_is_when_the_status_changed,
		the_worst_is_fail_then_unknown_then_warn,
		the_answer_is_whole,
		what_does_not_apply_is_told_why_and_not_counted,
		metrics_are_openmetrics,
		names_that_are_no_utf_8_are_told_all_the_same,
		what_is_not_known_is_asked_again_soon,
		NULL,
	};

	return suite_run_with("agent-health", tests, setup, teardown);
}

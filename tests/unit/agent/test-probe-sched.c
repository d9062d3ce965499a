/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-peer.h"
#include "probe-fixture.h"
#include "probe/ask.h"
#include "probe/probe-sched.h"

#include <errno.h>
#include <sched.h>

/* --- measuring --- */

START_TEST(delays_are_summed_up)
{
	uint32_t delays_ns[1000];
	struct latency latency;

	for (unsigned i = 0; i < N_ELEMENTS(delays_ns); i++)
		delays_ns[i] = (999 - i) * 1000 + 500;
	latency_summarise(delays_ns, N_ELEMENTS(delays_ns), &latency);
	ck_assert_uint_eq(latency.n, 1000);
	ck_assert(latency.p50_us == 500.5);
	ck_assert(latency.p99_us == 990.5);
	ck_assert(latency.p999_us == 999.5);
	ck_assert(latency.max_us == 999.5);
	/* 0 and 1 us, 2 and 3, 4 to 7 ... 512 to 999 */
	ck_assert_uint_eq(latency.histogram[0], 2);
	ck_assert_uint_eq(latency.histogram[1], 2);
	ck_assert_uint_eq(latency.histogram[2], 4);
	ck_assert_uint_eq(latency.histogram[9], 488);
	ck_assert_uint_eq(latency.histogram[10], 0);
}
END_TEST

START_TEST(the_longest_delays_share_the_last_bucket)
{
	uint32_t delays_ns[] = { UINT32_MAX };
	struct latency latency;

	latency_summarise(delays_ns, 1, &latency);
	ck_assert_uint_eq(latency.histogram[22] + latency.histogram[LATENCY_BUCKETS - 1], 1);
	ck_assert(latency.p50_us == latency.max_us);
}
END_TEST

START_TEST(a_measurement_leaves_the_thread_as_it_was)
{
	const struct latency_config config = { 5, 1000, 0, 0 };
	struct latency latency;
	cpu_set_t before, after;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(before), &before), 0);
	ck_assert(latency_measure(&config, &latency, NULL));
	ck_assert(latency.n >= 1 && latency.n <= 5);
	ck_assert(latency.max_us >= latency.p50_us);
	ck_assert_int_eq(sched_getaffinity(0, sizeof(after), &after), 0);
	ck_assert(CPU_EQUAL(&before, &after));
	ck_assert_int_eq(sched_getscheduler(0), SCHED_OTHER);
}
END_TEST

static const struct latency_config senseless[] = {
	{ 0, 1000, 0, LATENCY_CPU_ANY },
	{ LATENCY_SAMPLES_MAX + 1, 1000, 0, LATENCY_CPU_ANY },
	{ 1, 99, 0, LATENCY_CPU_ANY },
	{ 1, 100001, 0, LATENCY_CPU_ANY },
	{ 1, 1000, 99, LATENCY_CPU_ANY },
	{ 1, 1000, 0, -2 },
	{ 1, 1000, 0, CPU_SETSIZE },
};

START_TEST(a_measurement_without_end_is_refused)
{
	for (size_t i = 0; i < N_ELEMENTS(senseless); i++) {
		g_autoptr(GError) error = NULL;
		struct latency latency;

		poison(&latency);
		ck_assert(!latency_measure(&senseless[i], &latency, &error));
		ck_assert(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT));
		assert_poisoned(&latency);
	}
}
END_TEST

/* --- verdicts --- */

static const struct {
	double p99_us, max_us;
	unsigned period_frames;
	enum probe_status status;
} rts[] = {
	{ 50, 199, 128, PROBE_OK },
	{ 50, 201, 128, PROBE_WARN },
	{ 50, 999, 128, PROBE_WARN },
	{ 50, 1001, 128, PROBE_FAIL },
	{ 667, 700, 128, PROBE_FAIL },
	{ 50, 101, 64, PROBE_WARN },
	{ 50, 501, 64, PROBE_FAIL },
	{ 50, 1001, 1024, PROBE_OK },
};

START_TEST(limits_of_real_time_follow_the_period)
{
	for (size_t i = 0; i < N_ELEMENTS(rts); i++) {
		struct probe_result result = { 0 };

		wanted.period_frames = rts[i].period_frames;
		sched_latency_rt_judge(rts[i].p99_us, rts[i].max_us, &wanted, &result);
		assert_result(&result, rts[i].status, NULL);
	}
}
END_TEST

static const struct {
	double p99_us;
	enum probe_status status;
} normals[] = {
	{ 5000, PROBE_OK },
	{ 5001, PROBE_WARN },
	{ 50001, PROBE_FAIL },
};

START_TEST(normal_threads_may_be_milliseconds_late)
{
	struct probe_result result = { 0 };

	for (size_t i = 0; i < N_ELEMENTS(normals); i++) {
		sched_latency_normal_judge(normals[i].p99_us, 99999, &result);
		assert_result(&result, normals[i].status, NULL);
	}
	probe_ask("sched.latency.normal", &result);
	ck_assert(result.has_value && result.value > 0);
	probe_result_finish(&result);
}
END_TEST

/* --- asking helix-applyd --- */

static const char *reply; /* of the applier */
static char asked[4096];

static char *applier(const char *received, unsigned size, unsigned *ret_size)
{
	if (!strchr(received, '\n'))
		return NULL;
	g_strlcpy(asked, received, sizeof(asked));
	*ret_size = (unsigned)strlen(reply);
	return g_strdup(reply);
}

static const struct {
	const char *reply;
	enum probe_status status;
	const char *part;
} replies[] = {
	{ "{\"return\": {\"p99-us\": 66, \"max-us\": 120.5, \"policy\": \"fifo\"}}\n", PROBE_OK,
		"p99 66" },
	{ "{\"return\": {\"p99-us\": 66, \"max-us\": 5000}}\n", PROBE_FAIL, "5000 us" },
	{ "{\"error\": {\"class\": \"GenericError\", \"desc\": \"once a minute\"}}\n",
		PROBE_UNKNOWN, "once a minute" },
	{ "{\"return\": {}}\n", PROBE_UNKNOWN, "not understood" },
	{ "[]\n", PROBE_UNKNOWN, "understood" },
	{ "what?\n", PROBE_UNKNOWN, "understood" },
};

START_TEST(real_time_is_measured_by_the_applier)
{
	g_autofree char *path = env_path(&machine.env, "/apply.sock");

	assert_probe("sched.latency.rt", PROBE_UNKNOWN, "not asked");
	wanted.apply_socket = path;
	assert_probe("sched.latency.rt", PROBE_UNKNOWN, "No such file");
	for (size_t i = 0; i < N_ELEMENTS(replies); i++) {
		struct fake_peer *peer;

		reply = replies[i].reply;
		peer = fake_peer_new(path, applier);
		assert_probe("sched.latency.rt", replies[i].status, replies[i].part);
		fake_peer_free(peer);
		ck_assert_ptr_nonnull(strstr(asked, "\"helix-latency-run\""));
		ck_assert_ptr_nonnull(strstr(asked, "\"priority\":80"));
	}
}
END_TEST

static char *mute(const char *received, unsigned size, unsigned *ret_size)
{
	return NULL;
}

START_TEST(an_applier_that_says_nothing_is_not_waited_for)
{
	g_autofree char *path = env_path(&machine.env, "/apply.sock");
	struct fake_peer *peer = fake_peer_new(path, mute);
	g_autoptr(GError) error = NULL;
	json_t *answer = (json_t *)1;

	ck_assert(!ask(path, "helix-profile-verify", NULL, 30, &answer, &error));
	ck_assert(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT));
	ck_assert_ptr_eq(answer, (json_t *)1);
	fake_peer_free(peer);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		delays_are_summed_up,
		the_longest_delays_share_the_last_bucket,
		a_measurement_leaves_the_thread_as_it_was,
		a_measurement_without_end_is_refused,
		limits_of_real_time_follow_the_period,
		normal_threads_may_be_milliseconds_late,
		real_time_is_measured_by_the_applier,
		an_applier_that_says_nothing_is_not_waited_for,
		NULL,
	};

	return suite_run_with(
		"agent-probe-sched", tests, probe_fixture_setup, probe_fixture_teardown);
}

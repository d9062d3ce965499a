/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-peer.h"
#include "probe-fixture.h"
#include "probe/probe-svc.h"

#define LIST "systemctl list-units --state=failed --plain --no-legend --no-pager"
#define SHOW                                                                                       \
	"systemctl show --property=Id,ActiveState tuned.service power-profiles-daemon.service "    \
	"tlp.service auto-cpufreq.service irqbalance.service ananicy.service ananicy-cpp.service"

static const struct {
	const char *list;
	enum probe_status status;
	const char *part;
} lists[] = {
	{ "", PROBE_OK, "no unit" },
	{ "man-db.service loaded failed failed Daily man-db regeneration\n", PROBE_WARN,
		"failed: man-db.service" },
	{ "a.service loaded failed failed A\n  b.timer loaded failed failed B\n", PROBE_WARN,
		"a.service, b.timer" },
	{ "a.service x\nb.service x\nc.service x\n", PROBE_FAIL, NULL },
	{ "jackd.service loaded failed failed JACK\n", PROBE_FAIL, "jackd.service" },
	{ "helix-applyd.service loaded failed failed x\n", PROBE_FAIL, NULL },
};

START_TEST(failed_units_are_named)
{
	machine_program(&machine, LIST, "x.service");
	assert_probe("svc.failed", PROBE_NA, "systemd does not run");
	machine_put(&machine, "/run/systemd/system/.keep", "");
	for (size_t i = 0; i < N_ELEMENTS(lists); i++) {
		machine_program(&machine, LIST, lists[i].list);
		assert_probe("svc.failed", lists[i].status, lists[i].part);
	}
	machine_program(&machine, LIST, NULL);
	assert_probe("svc.failed", PROBE_UNKNOWN, "systemctl failed");
}
END_TEST

static const struct {
	const char *show, *isolated;
	enum probe_status status;
	const char *part;
} shows[] = {
	{ "Id=tuned.service\nActiveState=inactive\n\nId=tlp.service\nActiveState=inactive\n", "",
		PROBE_OK, NULL },
	{ "Id=tuned.service\nActiveState=active\n\nId=tlp.service\nActiveState=active\n", "",
		PROBE_WARN, "tuned.service tlp.service" },
	{ "ActiveState=active\nId=tlp.service\n\nActiveState=failed\nId=tuned.service\n", "",
		PROBE_WARN, "settings: tlp.service" },
	{ "Id=irqbalance.service\nActiveState=active\n", "", PROBE_OK, NULL },
	{ "Id=irqbalance.service\nActiveState=active\n", "2-3", PROBE_WARN, "irqbalance" },
	{ "", "", PROBE_OK, NULL },
	{ "garbage\n\n\nActiveState=active\n", "", PROBE_OK, NULL },
};

START_TEST(other_tuners_are_named)
{
	assert_probe("svc.conflicts", PROBE_NA, "systemd does not run");
	machine_put(&machine, "/run/systemd/system/.keep", "");
	assert_probe("svc.conflicts", PROBE_UNKNOWN, "not there");
	for (size_t i = 0; i < N_ELEMENTS(shows); i++) {
		machine_put(&machine, "/sys/devices/system/cpu/isolated", shows[i].isolated);
		machine_program(&machine, SHOW, shows[i].show);
		assert_probe("svc.conflicts", shows[i].status, shows[i].part);
	}
	machine_program(&machine, SHOW, "");
	assert_probe("svc.conflicts", PROBE_OK, NULL);
	machine_put(&machine, "/proc/77/comm", "gamemoded\n");
	assert_probe("svc.conflicts", PROBE_WARN, "gamemoded");
	wanted = desktop;
	assert_probe("svc.conflicts", PROBE_OK, NULL);
}
END_TEST

#define ENTRY(target, same, reboot)                                                                \
	"{\"target\": \"" target "\", \"same\": " same ", \"needs-reboot\": " reboot "}"

static const struct {
	const char *verify;
	enum probe_status status;
	const char *part;
} verifies[] = {
	{ "[]", PROBE_NA, "no profile" },
	{ "[" ENTRY("vm.swappiness", "true", "false") "]", PROBE_OK, "1 settings" },
	{ "[" ENTRY("vm.swappiness", "false", "false") "," ENTRY("a", "true", "false") "]",
		PROBE_WARN, "changed since: vm.swappiness" },
	{ "[" ENTRY("cmdline", "false", "true") "," ENTRY("a", "true", "false") "]", PROBE_OK,
		"1 settings are as applied, others wait" },
	{ "[{\"kind\": \"unknown\", \"target\": \"2 settings\", \"same\": false}]", PROBE_FAIL,
		"a newer one changed: 2 settings" },
	{ "{}", PROBE_UNKNOWN, NULL },
	{ "[7, {}, \"x\"]", PROBE_OK, NULL },
	{ "[{\"same\": false}]", PROBE_WARN, "?" },
};

START_TEST(settings_that_changed_are_named)
{
	for (size_t i = 0; i < N_ELEMENTS(verifies); i++) {
		json_t *verify = json_loads(verifies[i].verify, 0, NULL);
		struct probe_result result = { 0 };

		ck_assert_ptr_nonnull(verify);
		profile_drift_judge(verify, &result);
		json_decref(verify);
		assert_result(&result, verifies[i].status, verifies[i].part);
	}
}
END_TEST

static char *applier(const char *received, unsigned size, unsigned *ret_size)
{
	static const char reply[] =
		"{\"return\": [" ENTRY("vm.swappiness", "false", "false") "]}\n";

	ck_assert_ptr_nonnull(strstr(received, "helix-profile-verify"));
	*ret_size = sizeof(reply) - 1;
	return g_strdup(reply);
}

START_TEST(drift_is_asked_of_the_applier)
{
	g_autofree char *path = env_path(&machine.env, "/apply.sock");
	struct fake_peer *peer;

	assert_probe("profile.drift", PROBE_NA, "not asked");
	wanted.apply_socket = path;
	assert_probe("profile.drift", PROBE_NA, "No such file");
	peer = fake_peer_new(path, applier);
	assert_probe("profile.drift", PROBE_WARN, "vm.swappiness");
	fake_peer_free(peer);
}
END_TEST

static const struct {
	int64_t rss_kb;
	double lag_ms;
	enum probe_status status;
} selves[] = {
	{ 6000, 0.5, PROBE_OK },
	{ 6000, 100, PROBE_OK },
	{ 6000, 101, PROBE_WARN },
	{ 6000, 1001, PROBE_FAIL },
	{ 6000, -1, PROBE_FAIL },
	{ 17 * 1024, 1, PROBE_WARN },
	{ 49 * 1024, 200, PROBE_FAIL },
};

START_TEST(the_agent_is_small_and_awake)
{
	for (size_t i = 0; i < N_ELEMENTS(selves); i++) {
		struct probe_result result = { 0 };

		agent_self_judge(selves[i].rss_kb, selves[i].lag_ms, &result);
		assert_result(&result, selves[i].status, NULL);
	}
}
END_TEST

static void *ask_self(void *user)
{
	probe_ask("agent.self", user);
	return NULL;
}

START_TEST(the_main_loop_has_to_answer)
{
	struct probe_result result;
	GThread *thread;

	assert_probe("agent.self", PROBE_NA, "/proc/self/status");
	machine_put(&machine, "/proc/self/status", "Name:\tx\nVmRSS:\t    2048 kB\n");
	/* Nobody runs the loop. */
	assert_probe("agent.self", PROBE_FAIL, "held up");
	thread = g_thread_new("probe", ask_self, &result);
	g_main_context_iteration(NULL, TRUE);
	g_thread_join(thread);
	ck_assert_msg(strstr(result.message, "2.0 MB and answers") != NULL, "%s", result.message);
	probe_result_finish(&result);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		failed_units_are_named,
		other_tuners_are_named,
		settings_that_changed_are_named,
		drift_is_asked_of_the_applier,
		the_agent_is_small_and_awake,
		the_main_loop_has_to_answer,
		NULL,
	};

	return suite_run_with(
		"agent-probe-svc", tests, probe_fixture_setup, probe_fixture_teardown);
}

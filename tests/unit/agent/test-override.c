/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Limits and periods that an administrator sets. */

#include "health.h"
#include "probe-fixture.h"
#include "probe/override.h"

static GString *mistakes;

static void setup(void)
{
	probe_fixture_setup();
	wanted.overrides = overrides_new();
	mistakes = g_string_new(NULL);
}

static void teardown(void)
{
	g_string_free(mistakes, TRUE);
	overrides_unref(wanted.overrides);
	probe_fixture_teardown();
}

static void complain(void *user, const char *mistake)
{
	g_string_append_printf(mistakes, "%s\n", mistake);
}

static void parse(const char *text)
{
	overrides_parse(wanted.overrides, "f", text, complain, NULL);
}

/* --- the file --- */

static const struct {
	const char *text, *dump, *mistakes;
} files[] = {
	{ "", "", "" },
	{ "\n # c\n;c\n  [cpu.steal]  \r\n warn = 1 \n\tfail=@5:10\nperiod=60",
		"# f:4\n[cpu.steal]\nwarn=1\nfail=@5:10\nperiod=60\n", "" },
	{ "[mem.avail]\nwarn=\n", "# f:1\n[mem.avail]\nwarn=\n", "" },
	{ "[mem.avail]\nwarn=1:\n[cpu.steal]\n[mem.avail]\nwarn=2:\n",
		"# f:4\n[mem.avail]\nwarn=2:\n# f:3\n[cpu.steal]\n", "" },
	{ "[cpu.stel]\nwarn=rubbish\n[cpu.steal]\nwarn=3\n", "# f:3\n[cpu.steal]\nwarn=3\n",
		"f:1: there is no probe 'cpu.stel', its section is ignored; helix-agent health "
		"--all lists them\n" },
	{ "[cpu.steal]\nwarn=5:1\nfail=7\n", "# f:1\n[cpu.steal]\nfail=7\n",
		"f:2: warn: '5:1' is no range, ignored; like 10, 10:, ~:10, 5:10 or @5:10\n" },
	{ "[cpu.steal]\nperiod=0\nperiod=86401\nperiod=1s\n", "# f:1\n[cpu.steal]\n",
		"f:2: period: '0' is not 1 to 86400 seconds, ignored\n"
		"f:3: period: '86401' is not 1 to 86400 seconds, ignored\n"
		"f:4: period: '1s' is not 1 to 86400 seconds, ignored\n" },
	{ "warn=1\n[cpu.steal]\nwarm=1\nhello\n[cpu.steal\n", "# f:2\n[cpu.steal]\n",
		"f:1: 'warn' stands before the first [probe], ignored\n"
		"f:3: there is no key 'warm', ignored; warn, fail and period are\n"
		"f:4: 'hello' is neither [probe] nor key=value, ignored\n"
		"f:5: '[cpu.steal' is neither [probe] nor key=value, ignored\n" },
};

START_TEST(mistakes_are_named_and_all_else_applies)
{
	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		g_autofree char *dump = NULL;

		overrides_unref(wanted.overrides);
		wanted.overrides = overrides_new();
		g_string_truncate(mistakes, 0);
		parse(files[i].text);
		dump = overrides_dump(wanted.overrides);
		ck_assert_str_eq(dump, files[i].dump);
		ck_assert_str_eq(mistakes->str, files[i].mistakes);
	}
}
END_TEST

START_TEST(the_last_file_has_the_last_word)
{
	const struct override *override;

	machine_put(&machine, OVERRIDE_DIR "/20-b.conf", "[mem.avail]\nwarn=20:\n");
	machine_put(&machine, OVERRIDE_DIR "/10-a.conf", "[mem.avail]\nwarn=10:\nperiod=7\n");
	machine_put(&machine, OVERRIDE_DIR "/30-c.conf~", "[mem.avail]\nwarn=30:\n");
	machine_put(&machine, OVERRIDE_DIR "/40-folder.conf/x", "");
	overrides_load(wanted.overrides, &machine.env, complain, NULL);
	override = overrides_find(wanted.overrides, probe_find("mem.avail"));
	ck_assert_str_eq(override->warn, "20:");
	ck_assert_uint_eq(override->period_s, 7);
	ck_assert_str_eq(override->origin, OVERRIDE_DIR "/20-b.conf:1");
	ck_assert_ptr_null(overrides_find(wanted.overrides, probe_find("cpu.steal")));
	ck_assert_msg(g_str_has_prefix(mistakes->str, OVERRIDE_DIR "/40-folder.conf: "), "%s",
		mistakes->str);
}
END_TEST

START_TEST(no_folder_is_no_mistake)
{
	overrides_load(wanted.overrides, &machine.env, complain, NULL);
	ck_assert_str_eq(mistakes->str, "");
}
END_TEST

/* --- what comes of it --- */

static void on_done(void *user)
{
	*(bool *)user = true;
}

static json_t *ask(const char *id)
{
	const struct probe *const table[] = { probe_find(id), NULL };
	struct health *health = health_new_with(&machine.env, &wanted, table);
	json_t *answer, *probe;
	bool done = false;

	health_refresh(health, NULL, on_done, &done);
	while (!done)
		g_main_context_iteration(NULL, TRUE);
	answer = health_json(health, NULL);
	probe = json_incref(json_array_get(json_object_get(answer, "probes"), 0));
	json_decref(answer);
	health_free(health);
	return probe;
}

static void assert_member(const json_t *probe, const char *key, const char *expected)
{
	const char *text = json_string_value(json_object_get(probe, key));

	ck_assert_msg(!g_strcmp0(text, expected), "%s is %s", key, text ? text : "null");
}

static const struct {
	const char *file, *status, *warn, *fail;
} memories[] = {
	/* 10 % are available */
	{ "", "WARN", "15:", "5:" },
	{ "[mem.avail]\nwarn=9:\n", "OK", "9:", "5:" },
	{ "[mem.avail]\nwarn=\n", "OK", NULL, "5:" },
	{ "[mem.avail]\nfail=12:\n", "FAIL", "15:", "12:" },
	{ "[cpu.steal]\nfail=12:\n", "WARN", "15:", "5:" },
};

START_TEST(the_verdict_is_by_the_limits_that_are_set)
{
	machine_put(&machine, "/proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 100 kB\n");
	for (size_t i = 0; i < N_ELEMENTS(memories); i++) {
		json_t *probe;

		overrides_unref(wanted.overrides);
		wanted.overrides = overrides_new();
		parse(memories[i].file);
		probe = ask("mem.avail");
		assert_member(probe, "status", memories[i].status);
		assert_member(probe, "warn", memories[i].warn);
		assert_member(probe, "fail", memories[i].fail);
		json_decref(probe);
	}
}
END_TEST

START_TEST(a_probe_without_limits_of_its_own_gets_them)
{
	json_t *probe;

	machine_put(&machine, "/proc/cmdline", "isolcpus=1\n");
	machine_put(&machine, "/sys/devices/system/cpu/online", "0-3\n");
	machine_put(&machine, "/sys/devices/system/cpu/isolated", "1\n");
	probe = ask("cpu.isolation");
	assert_member(probe, "status", "OK");
	json_decref(probe);
	parse("[cpu.isolation]\nwarn=2:\nperiod=5\n");
	probe = ask("cpu.isolation");
	assert_member(probe, "status", "WARN");
	assert_member(probe, "hint", "this limit is set in f:1");
	ck_assert_int_eq(json_integer_value(json_object_get(probe, "period-s")), 5);
	json_decref(probe);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		mistakes_are_named_and_all_else_applies,
		the_last_file_has_the_last_word,
		no_folder_is_no_mistake,
		the_verdict_is_by_the_limits_that_are_set,
		a_probe_without_limits_of_its_own_gets_them,
		NULL,
	};

	return suite_run_with("agent-override", tests, setup, teardown);
}

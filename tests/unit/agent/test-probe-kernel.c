/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-fixture.h"
#include "probe/facts.h"
#include "probe/probe-kernel.h"

#define DEBIAN_RT    "#1 SMP PREEMPT_RT Debian 6.1.99-1 (2024-07-15)"
#define DEBIAN       "#1 SMP PREEMPT_DYNAMIC Debian 6.1.99-1 (2024-07-15)"
#define NOT_DYNAMIC  "#1 SMP Debian 5.10.1"
#define FULL_ALWAYS  "#7 SMP PREEMPT Tue Jan 2"
#define CLOCKSOURCES "/sys/devices/system/clocksource/clocksource0/"

static const struct {
	const char *version, *cmdline, *sched;
	enum preempt_model model;
} models[] = {
	{ DEBIAN_RT, "quiet", NULL, PREEMPT_RT },
	{ DEBIAN_RT, "quiet preempt=none", NULL, PREEMPT_RT },
	{ DEBIAN, "quiet", NULL, PREEMPT_DYNAMIC },
	{ DEBIAN, "quiet preempt=full", NULL, PREEMPT_FULL },
	{ DEBIAN, "preempt=full preempt=none", NULL, PREEMPT_NONE },
	{ DEBIAN, "preempt=full", "none (voluntary) full", PREEMPT_VOLUNTARY },
	{ DEBIAN, "quiet", "none voluntary full (lazy)", PREEMPT_LAZY },
	{ DEBIAN, "preempt=turbo", "garbage", PREEMPT_DYNAMIC },
	{ DEBIAN, "nopreempt=full", NULL, PREEMPT_DYNAMIC },
	{ NOT_DYNAMIC, "preempt=full", NULL, PREEMPT_NONE },
	{ FULL_ALWAYS, "", NULL, PREEMPT_FULL },
	{ "", "", "", PREEMPT_NONE },
};

START_TEST(preemption_is_what_is_in_force)
{
	for (size_t i = 0; i < N_ELEMENTS(models); i++)
		ck_assert_msg(preempt_model_parse(models[i].version, models[i].cmdline,
				      models[i].sched) == models[i].model,
			"row %zu", i);
}
END_TEST

static const struct {
	enum preempt_model model;
	bool threadirqs;
	enum probe_status on_desktop, on_dsp;
} preempts[] = {
	{ PREEMPT_RT, false, PROBE_OK, PROBE_OK },
	{ PREEMPT_FULL, true, PROBE_OK, PROBE_OK },
	{ PREEMPT_FULL, false, PROBE_OK, PROBE_WARN },
	{ PREEMPT_DYNAMIC, true, PROBE_OK, PROBE_WARN },
	{ PREEMPT_LAZY, false, PROBE_OK, PROBE_WARN },
	{ PREEMPT_VOLUNTARY, false, PROBE_OK, PROBE_WARN },
	{ PREEMPT_NONE, true, PROBE_WARN, PROBE_FAIL },
};

START_TEST(preemption_is_judged_by_role)
{
	for (size_t i = 0; i < N_ELEMENTS(preempts); i++) {
		struct probe_result result = { 0 };

		kernel_preempt_judge(preempts[i].model, preempts[i].threadirqs, &desktop, &result);
		assert_result(&result, preempts[i].on_desktop, NULL);
		kernel_preempt_judge(preempts[i].model, preempts[i].threadirqs, &dsp, &result);
		assert_result(&result, preempts[i].on_dsp, NULL);
	}
}
END_TEST

START_TEST(preemption_is_read_from_the_kernel)
{
	assert_probe("kernel.preempt", PROBE_NA, "/proc/sys/kernel/version");
	machine_put(&machine, "/proc/sys/kernel/version", DEBIAN "\n");
	machine_put(&machine, "/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro quiet\n");
	assert_probe("kernel.preempt", PROBE_WARN, "dynamic");
	machine_put(&machine, "/proc/cmdline", "ro preempt=full threadirqs\n");
	assert_probe("kernel.preempt", PROBE_OK, "full, with threaded interrupts");
	machine_put(&machine, "/proc/cmdline", "ro quiet\n");
	machine_put(&machine, "/sys/kernel/realtime", "1\n");
	assert_probe("kernel.preempt", PROBE_OK, "real-time");
	machine_put(&machine, "/sys/kernel/realtime", "0\n");
	assert_probe("kernel.preempt", PROBE_WARN, "dynamic");
}
END_TEST

START_TEST(timers_are_fine_with_nanoseconds)
{
	assert_probe("kernel.hrtimers", PROBE_NA, NULL);
	machine_put(&machine, "/proc/timer_list",
		"Timer List Version: v0.10\n\ncpu: 0\n clock 0:\n  .base:       0\n"
		"  .index:      0\n  .resolution: 1 nsecs\n");
	assert_probe("kernel.hrtimers", PROBE_OK, NULL);
	machine_put(&machine, "/proc/timer_list", "cpu: 0\n  .resolution: 4000000 nsecs\n");
	assert_probe("kernel.hrtimers", PROBE_FAIL, "ticks");
}
END_TEST

static const struct {
	const char *name;
	enum probe_status status;
} clocksources[] = {
	{ "tsc", PROBE_OK },
	{ "kvm-clock", PROBE_OK },
	{ "arch_sys_counter", PROBE_OK },
	{ "hyperv_clocksource_tsc_page", PROBE_OK },
	{ "hpet", PROBE_FAIL },
	{ "acpi_pm", PROBE_FAIL },
	{ "jiffies", PROBE_FAIL },
	{ "refined-jiffies", PROBE_FAIL },
	{ "sundial", PROBE_WARN },
	{ "", PROBE_WARN },
};

START_TEST(slow_clocks_fail)
{
	assert_probe("kernel.clocksource", PROBE_NA, NULL);
	for (size_t i = 0; i < N_ELEMENTS(clocksources); i++) {
		machine_put(&machine, CLOCKSOURCES "current_clocksource", clocksources[i].name);
		assert_probe("kernel.clocksource", clocksources[i].status, clocksources[i].name);
	}
}
END_TEST

static const struct {
	struct throttle_facts facts;
	enum probe_status status;
} throttles[] = {
	{ { 950000, 4, 4, -1 }, PROBE_OK },
	{ { 950000, 1, 1, -1 }, PROBE_OK },
	{ { 950000, 4, 4, 30 }, PROBE_FAIL },
	{ { 950000, 4, 4, 3600 }, PROBE_FAIL },
	{ { 950000, 4, 4, 3601 }, PROBE_OK },
	{ { -1, 4, 2, -1 }, PROBE_OK },
	{ { -1, 1, 1, -1 }, PROBE_WARN },
	{ { -1, 4, 0, -1 }, PROBE_WARN },
};

START_TEST(unlimited_real_time_needs_a_spare_cpu)
{
	for (size_t i = 0; i < N_ELEMENTS(throttles); i++) {
		struct probe_result result = { 0 };

		kernel_throttle_judge(&throttles[i].facts, &result);
		assert_result(&result, throttles[i].status, NULL);
	}
}
END_TEST

START_TEST(throttling_is_read_with_the_cpus)
{
	machine_put(&machine, "/proc/sys/kernel/sched_rt_runtime_us", "-1\n");
	assert_probe("kernel.throttle", PROBE_NA, "cpu/online");
	machine_put(&machine, "/sys/devices/system/cpu/online", "0-3\n");
	assert_probe("kernel.throttle", PROBE_OK, "4 CPUs");
	machine_put(&machine, "/sys/devices/system/cpu/isolated", "2-3\n");
	assert_probe("kernel.throttle", PROBE_OK, "2 CPUs");
	machine_put(&machine, "/sys/devices/system/cpu/isolated", "0-3\n");
	assert_probe("kernel.throttle", PROBE_WARN, "no CPU is left");
	machine_put(&machine, "/sys/devices/system/cpu/online", "0\n");
	assert_probe("kernel.throttle", PROBE_WARN, "only CPU");
	machine_put(&machine, "/proc/sys/kernel/sched_rt_runtime_us", "950000\n");
	assert_probe("kernel.throttle", PROBE_OK, "95 %");
	machine_put(&machine, "/proc/sys/kernel/sched_rt_runtime_us", "much\n");
	assert_probe("kernel.throttle", PROBE_UNKNOWN, "no number");
}
END_TEST

START_TEST(watchdogs_disturb_a_dsp_only)
{
	assert_probe("kernel.watchdogs", PROBE_NA, NULL);
	machine_put(&machine, "/proc/sys/kernel/soft_watchdog", "1\n");
	assert_probe("kernel.watchdogs", PROBE_WARN, "soft on");
	wanted = desktop;
	assert_probe("kernel.watchdogs", PROBE_OK, NULL);
	wanted = dsp;
	machine_put(&machine, "/proc/sys/kernel/soft_watchdog", "0\n");
	machine_put(&machine, "/proc/sys/kernel/nmi_watchdog", "0\n");
	assert_probe("kernel.watchdogs", PROBE_OK, "off");
}
END_TEST

START_TEST(the_last_line_of_the_kernel_log_with_a_text_is_found)
{
	static const char log[] = "<5>[    0.000000] Linux version 6.1\n"
				  "<6>[   12.500000] sched: RT throttling activated\n"
				  "<6>[  100.250000] sched: RT throttling activated\n"
				  "<6>[  200.000000] eth0: up\n";

	ck_assert(facts_log_last(log, "RT throttling") == 100.25);
	ck_assert(facts_log_last(log, "I/O error") == -1);
	ck_assert(facts_log_last("RT throttling", "RT throttling") == -1);
	ck_assert(facts_log_last("", "x") == -1);
}
END_TEST

static const struct {
	const char *cmdline, *name, *value;
} parameters[] = {
	{ "quiet isolcpus=1-3 ro", "isolcpus", "1-3" },
	{ "isolcpus=1 isolcpus=2", "isolcpus", "2" },
	{ "myisolcpus=1", "isolcpus", NULL },
	{ "isolcpusx=1", "isolcpus", NULL },
	{ "a threadirqs b", "threadirqs", "" },
	{ "nohz_full=", "nohz_full", "" },
	{ "", "x", NULL },
};

START_TEST(parameters_of_the_kernel_are_words)
{
	for (size_t i = 0; i < N_ELEMENTS(parameters); i++) {
		g_autofree char *value =
			facts_cmdline_value(parameters[i].cmdline, parameters[i].name);

		ck_assert_pstr_eq(value, parameters[i].value);
	}
}
END_TEST

START_TEST(numbers_stand_behind_their_names)
{
	static const char text[] =
		"MemTotal:        2048 kB\nMemAvailable:\t77 kB\npswpin 5\nBad: x\n";
	int64_t value = 1;

	ck_assert(facts_number(text, "MemAvailable", &value) && value == 77);
	ck_assert(facts_number(text, "pswpin", &value) && value == 5);
	ck_assert(!facts_number(text, "Mem", &value));
	ck_assert(!facts_number(text, "Bad", &value));
	ck_assert(!facts_number(text, "pswpout", &value) && value == 5);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		preemption_is_what_is_in_force,
		preemption_is_judged_by_role,
		preemption_is_read_from_the_kernel,
		timers_are_fine_with_nanoseconds,
		slow_clocks_fail,
		unlimited_real_time_needs_a_spare_cpu,
		throttling_is_read_with_the_cpus,
		watchdogs_disturb_a_dsp_only,
		the_last_line_of_the_kernel_log_with_a_text_is_found,
		parameters_of_the_kernel_are_words,
		numbers_stand_behind_their_names,
		NULL,
	};

	return suite_run_with(
		"agent-probe-kernel", tests, probe_fixture_setup, probe_fixture_teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-fixture.h"
#include "probe/probe-cpu.h"
#include "probe/probe-cpufreq.h"

#define CPU     "/sys/devices/system/cpu/"
#define SECONDS G_GINT64_CONSTANT(1000000000)

static const struct {
	const char *text, *cpus; /* NULL: nonsense */
	bool domain;
} lists[] = {
	{ "1-3", "1-3", true },
	{ "1-N", "1-7", true },
	{ "N", "7", true },
	{ "all", "0-7", true },
	{ "domain,2", "2", true },
	{ "managed_irq,domain,2-3", "2-3", true },
	{ "nohz,managed_irq,2-3", "2-3", false },
	{ "managed_irq,all", "0-7", false },
	{ "", "", true },
	{ "0-7:1/2", NULL, false },
	{ "3-1", NULL, false },
	{ "1-3;", NULL, false },
};

START_TEST(lists_of_the_command_line_are_understood)
{
	for (size_t i = 0; i < N_ELEMENTS(lists); i++) {
		struct env_cpus cpus;
		bool domain = false;

		poison(&cpus);
		if (!lists[i].cpus) {
			ck_assert(!isolation_parse(lists[i].text, 7, &cpus, &domain));
			assert_poisoned(&cpus);
			continue;
		}
		ck_assert_msg(
			isolation_parse(lists[i].text, 7, &cpus, &domain), "%s", lists[i].text);
		g_autofree char *text = env_cpus_format(&cpus);
		ck_assert_str_eq(text, lists[i].cpus);
		ck_assert_msg(domain == lists[i].domain, "%s", lists[i].text);
	}
}
END_TEST

static const struct {
	const char *cmdline, *online, *isolated, *nohz; /* NULL: no such file */
	enum probe_status status, on_desktop;
	const char *part;
} isolations[] = {
	{ "quiet isolcpus=2-3 nohz_full=2-3 rcu_nocbs=2-3", "0-3", "2-3", "2-3", PROBE_OK, PROBE_OK,
		"CPUs 2-3 are isolated, 2 are left" },
	{ "isolcpus=managed_irq,domain,1-N", "0-3", "1-3", "(null)", PROBE_OK, PROBE_OK, "1-3" },
	/* flags without domain leave the scheduler alone */
	{ "isolcpus=nohz,1-3", "0-3", "", "", PROBE_WARN, PROBE_NA, NULL },
	{ "quiet", "0-3", "\n", NULL, PROBE_WARN, PROBE_NA, NULL },
	{ "quiet", "0", "", NULL, PROBE_NA, PROBE_NA, "only one CPU" },
	/* the kernel keeps CPU 0 out of nohz_full, and says so in a log that nobody reads */
	{ "isolcpus=0-3 nohz_full=0-3", "0-7", "0-3", "1-3", PROBE_WARN, PROBE_WARN,
		"nohz_full=0-3 was asked for, in effect is \"1-3\"" },
	{ "isolcpus=2-9", "0-3", "2-3", NULL, PROBE_WARN, PROBE_WARN, "isolcpus=2-9" },
	{ "isolcpus=0", "0", "", NULL, PROBE_WARN, PROBE_WARN, "in effect is \"\"" },
	{ "isolcpus=0-3", "0-3", "0-3", NULL, PROBE_FAIL, PROBE_FAIL, "none is left" },
	{ "isolcpus=2-3", "0-2", "2-3", NULL, PROBE_FAIL, PROBE_FAIL, "CPUs 3 are offline" },
	{ "isolcpus=0-7:1/2", "0-3", "", NULL, PROBE_UNKNOWN, PROBE_UNKNOWN, "not understood" },
	{ "isolcpus=2", "many", "", NULL, PROBE_UNKNOWN, PROBE_UNKNOWN, "no set of CPUs" },
	{ "isolcpus=2", NULL, "", NULL, PROBE_NA, PROBE_NA, "cpu/online" },
};

static void put_if(const char *path, const char *text)
{
	machine_remove(&machine, path);
	if (text)
		machine_put(&machine, path, text);
}

START_TEST(isolation_is_what_is_in_effect)
{
	machine_put(&machine, CPU "possible", "0-3\n");
	for (size_t i = 0; i < N_ELEMENTS(isolations); i++) {
		put_if("/proc/cmdline", isolations[i].cmdline);
		put_if(CPU "online", isolations[i].online);
		put_if(CPU "isolated", isolations[i].isolated);
		put_if(CPU "nohz_full", isolations[i].nohz);
		wanted = dsp;
		assert_probe("cpu.isolation", isolations[i].status, isolations[i].part);
		wanted = desktop;
		assert_probe("cpu.isolation", isolations[i].on_desktop, NULL);
	}
}
END_TEST

/* As of a 4-CPU guest with CPU 1 offline. */
#define INTERRUPTS(device_on_2, device_on_3)                                                       \
	"           CPU0       CPU2       CPU3       \n"                                           \
	"  1:          9          0          0   IO-APIC   1-edge      i8042\n"                    \
	" 24:         10   " device_on_2 "   " device_on_3                                         \
	"   PCI-MSI 65536-edge      virtio0-input.0\n"                                             \
	"NMI:          5          5          5   Non-maskable interrupts\n"                        \
	"LOC:      90000      80000      70000   Local timer interrupts\n"                         \
	"ERR:          7\n"

static const struct {
	const char *text, *cpus;
	bool good;
	uint64_t count;
} interrupts[] = {
	{ INTERRUPTS("3", "4"), "3", true, 4 },
	{ INTERRUPTS("3", "4"), "2-3", true, 7 },
	{ INTERRUPTS("3", "4"), "0", true, 19 },
	{ INTERRUPTS("3", "4"), "1", true, 0 },
	{ "", "0", false, 0 },
	{ "\n", "0", false, 0 },
	{ "CPUx\n 1: 5\n", "0", false, 0 },
	{ "rubbish\n", "0", false, 0 },
	{ " CPU0 CPU1\n 5: 1\n 6:\n 7: 2 3 x\n", "0-1", true, 6 },
};

START_TEST(interrupts_are_counted_by_column)
{
	for (size_t i = 0; i < N_ELEMENTS(interrupts); i++) {
		struct env_cpus cpus;
		uint64_t count = 77;

		ck_assert(env_cpus_parse(interrupts[i].cpus, &cpus));
		ck_assert_msg(
			interrupts_count(interrupts[i].text, &cpus, &count) == interrupts[i].good,
			"row %zu", i);
		ck_assert_uint_eq(count, interrupts[i].good ? interrupts[i].count : 77);
	}
}
END_TEST

START_TEST(interrupts_of_devices_leak_to_isolated_cpus)
{
	assert_probe("cpu.irq_leak", PROBE_NA, "no CPU is isolated");
	machine_put(&machine, CPU "isolated", "2-3\n");
	assert_probe("cpu.irq_leak", PROBE_NA, "/proc/interrupts");
	machine.now_ns = 100 * SECONDS;
	machine_put(&machine, "/proc/interrupts", INTERRUPTS("0", "0"));
	assert_probe("cpu.irq_leak", PROBE_OK, NULL);
	machine.now_ns = 110 * SECONDS;
	machine_put(&machine, "/proc/interrupts", INTERRUPTS("25", "25"));
	assert_probe("cpu.irq_leak", PROBE_WARN, "5.0 interrupts");
	machine.now_ns = 120 * SECONDS;
	machine_put(&machine, "/proc/interrupts", INTERRUPTS("25", "1025"));
	assert_probe("cpu.irq_leak", PROBE_FAIL, "100.0 interrupts");
	machine.now_ns = 130 * SECONDS;
	assert_probe("cpu.irq_leak", PROBE_OK, NULL);
	machine.now_ns = 140 * SECONDS;
	machine_put(&machine, "/proc/interrupts", "garbage");
	assert_probe("cpu.irq_leak", PROBE_UNKNOWN, NULL);
}
END_TEST

START_TEST(an_interrupt_bound_to_an_isolated_cpu_is_named)
{
	machine.now_ns = SECONDS;
	machine_put(&machine, CPU "isolated", "2-3\n");
	machine_put(&machine, "/proc/interrupts", INTERRUPTS("0", "0"));
	machine_put(&machine, "/proc/irq/24/effective_affinity_list", "3\n");
	machine_put(&machine, "/sys/kernel/irq/24/actions", "virtio0-input.0\n");
	machine_put(&machine, "/proc/irq/1/effective_affinity_list", "0\n");
	machine_put(&machine, "/sys/kernel/irq/1/actions", "i8042\n");
	/* nobody uses this one, and that one has no affinity */
	machine_put(&machine, "/proc/irq/23/effective_affinity_list", "2\n");
	machine_put(&machine, "/sys/kernel/irq/23/actions", "\n");
	machine_put(&machine, "/proc/irq/2/effective_affinity_list", "\n");
	machine_put(&machine, "/proc/irq/default_smp_affinity", "f\n");
	assert_probe("cpu.irq_leak", PROBE_WARN, "isolated CPUs: 24 (virtio0-input.0)");
}
END_TEST

static const struct {
	const char *stat;
	uint64_t total, steal;
	bool good;
} stats[] = {
	{ "cpu  10 1 2 80 3 0 1 3 5 0\ncpu0 1\n", 100, 3, true },
	{ "cpu  10 1 2 80 3 0 1\ncpu0", 0, 0, false },
	{ "cpu0 10 1 2 80 3 0 1 3 5 0\n", 0, 0, false },
	{ "cpu  10 x", 0, 0, false },
	{ "", 0, 0, false },
};

START_TEST(times_are_summed_without_the_guests_of_a_guest)
{
	for (size_t i = 0; i < N_ELEMENTS(stats); i++) {
		struct cpu_times times;

		poison(&times);
		ck_assert_msg(
			cpu_times_parse(stats[i].stat, &times) == stats[i].good, "row %zu", i);
		if (!stats[i].good) {
			assert_poisoned(&times);
			continue;
		}
		ck_assert_uint_eq(times.total, stats[i].total);
		ck_assert_uint_eq(times.steal, stats[i].steal);
	}
}
END_TEST

static const struct {
	uint64_t total, steal;
	bool told;
	enum probe_status on_desktop, on_dsp;
} steals[] = {
	{ 1000, 0, false, PROBE_NA, PROBE_NA },
	{ 1000, 0, true, PROBE_OK, PROBE_OK },
	{ 1000, 5, false, PROBE_OK, PROBE_OK },
	{ 1000, 6, true, PROBE_WARN, PROBE_WARN },
	{ 1000, 30, true, PROBE_WARN, PROBE_FAIL },
	{ 1000, 51, true, PROBE_FAIL, PROBE_FAIL },
	{ 0, 0, true, PROBE_OK, PROBE_OK },
};

START_TEST(stolen_time_is_a_share_of_the_interval)
{
	const struct cpu_times before = { 50000, 7000 };

	for (size_t i = 0; i < N_ELEMENTS(steals); i++) {
		struct cpu_times start =
			steals[i].told || steals[i].steal ? before : (struct cpu_times){ 0 };
		struct cpu_times now = { start.total + steals[i].total,
			start.steal + steals[i].steal };
		struct probe_result result = { 0 };

		cpu_steal_judge(&start, &now, steals[i].told, &desktop, &result);
		assert_result(&result, steals[i].on_desktop, NULL);
		cpu_steal_judge(&start, &now, steals[i].told, &dsp, &result);
		assert_result(&result, steals[i].on_dsp, NULL);
	}
}
END_TEST

START_TEST(stolen_time_is_read_from_run_to_run)
{
	machine_put(&machine, "/sys/devices/system/clocksource/clocksource0/available_clocksource",
		"kvm-clock tsc acpi_pm \n");
	assert_probe("cpu.steal", PROBE_NA, "/proc/stat");
	machine_put(&machine, "/proc/stat", "cpu  100 0 0 890 0 0 0 10 0 0\n");
	assert_probe("cpu.steal", PROBE_WARN, "1.00 %");
	machine_put(&machine, "/proc/stat", "cpu  200 0 0 1790 0 0 0 10 0 0\n");
	assert_probe("cpu.steal", PROBE_OK, "0.00 %");
	machine_put(&machine, "/proc/stat", "nothing\n");
	assert_probe("cpu.steal", PROBE_UNKNOWN, NULL);
}
END_TEST

START_TEST(a_guest_without_frequencies_has_no_governor)
{
	assert_probe("cpu.governor", PROBE_NA, NULL);
	machine_put(&machine, CPU "cpufreq/policy0/scaling_governor", "performance\n");
	assert_probe("cpu.governor", PROBE_OK, "performance");
	machine_put(&machine, CPU "cpufreq/policy1/scaling_governor", "schedutil\n");
	assert_probe("cpu.governor", PROBE_WARN, "schedutil");
	wanted = desktop;
	assert_probe("cpu.governor", PROBE_OK, "schedutil");
}
END_TEST

START_TEST(threads_and_mitigations_are_told_not_judged)
{
	assert_probe("cpu.smt", PROBE_NA, NULL);
	assert_probe("cpu.mitigations", PROBE_NA, NULL);
	/* "0" and "1" are both texts that are not empty */
	machine_put(&machine, CPU "smt/active", "0\n");
	assert_probe("cpu.smt", PROBE_OK, "no CPUs share");
	machine_put(&machine, CPU "smt/active", "1\n");
	assert_probe("cpu.smt", PROBE_OK, "CPUs share cores");
	machine_put(&machine, CPU "vulnerabilities/l1tf", "Mitigation: PTE Inversion\n");
	machine_put(&machine, CPU "vulnerabilities/meltdown", "Not affected\n");
	assert_probe("cpu.mitigations", PROBE_OK, "all known");
	machine_put(&machine, CPU "vulnerabilities/mds", "Vulnerable: Clear CPU buffers\n");
	assert_probe("cpu.mitigations", PROBE_OK, "not mitigated: mds");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		lists_of_the_command_line_are_understood,
		isolation_is_what_is_in_effect,
		interrupts_are_counted_by_column,
		interrupts_of_devices_leak_to_isolated_cpus,
		an_interrupt_bound_to_an_isolated_cpu_is_named,
		times_are_summed_without_the_guests_of_a_guest,
		stolen_time_is_a_share_of_the_interval,
		stolen_time_is_read_from_run_to_run,
		a_guest_without_frequencies_has_no_governor,
		threads_and_mitigations_are_told_not_judged,
		NULL,
	};

	return suite_run_with(
		"agent-probe-cpu", tests, probe_fixture_setup, probe_fixture_teardown);
}

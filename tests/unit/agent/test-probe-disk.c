/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe-fixture.h"
#include "probe/probe-disk.h"

static const struct {
	double space, inodes;
	enum probe_status status;
} spaces[] = {
	{ 15, 100, PROBE_OK },
	{ 14.9, 100, PROBE_WARN },
	{ 5, 100, PROBE_WARN },
	{ 4.9, 100, PROBE_FAIL },
	{ 50, 5, PROBE_OK },
	{ 50, 4.9, PROBE_FAIL },
};

START_TEST(space_and_inodes_run_out)
{
	for (size_t i = 0; i < N_ELEMENTS(spaces); i++) {
		struct disk_facts facts = { "/var", spaces[i].space, spaces[i].inodes };
		struct probe_result result = { 0 };

		disk_space_judge(&facts, &result);
		assert_result(&result, spaces[i].status, "/var");
	}
}
END_TEST

START_TEST(space_is_that_of_the_file_system)
{
	struct probe_result result;

	probe_ask("disk.space", &result);
	ck_assert(result.has_value && result.value > 0 && result.value <= 100);
	probe_result_finish(&result);
	machine_remove(&machine, "");
	assert_probe("disk.space", PROBE_UNKNOWN, NULL);
}
END_TEST

#define DEBIAN                                                                                     \
	"22 27 0:20 / /sys rw,nosuid - sysfs sysfs rw\n"                                           \
	"27 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 "
/* The unit of the agent sees / read-only, the file system is not. */
#define SANDBOX "27 1 254:1 / / ro,relatime master:1 - ext4 /dev/vda1 rw,errors=remount-ro\n"

static const struct {
	const char *mountinfo;
	enum probe_status status;
} roots[] = {
	{ DEBIAN "rw,errors=remount-ro\n", PROBE_OK },
	{ SANDBOX, PROBE_OK },
	{ DEBIAN "ro,errors=remount-ro\n", PROBE_FAIL },
	{ "27 1 254:1 / / ro - squashfs /dev/vda1 ro\n", PROBE_NA },
	{ "1 0 0:1 / / rw - squashfs /dev/vda1 ro\n2 1 0:2 / / rw - overlay overlay rw\n",
		PROBE_OK },
	{ "22 27 0:20 / /sys ro,nosuid - sysfs sysfs ro\n", PROBE_UNKNOWN },
	{ "27 1 254:1 / / rw\n - \n/ / / / / - a\n", PROBE_UNKNOWN },
	{ "", PROBE_UNKNOWN },
};

START_TEST(a_root_that_became_read_only_fails)
{
	assert_probe("disk.ro", PROBE_NA, NULL);
	for (size_t i = 0; i < N_ELEMENTS(roots); i++) {
		machine_put(&machine, "/proc/self/mountinfo", roots[i].mountinfo);
		assert_probe("disk.ro", roots[i].status, NULL);
	}
}
END_TEST

static const struct {
	double ago_s;
	enum probe_status status;
} errors[] = {
	{ -1, PROBE_OK },
	{ 0, PROBE_WARN },
	{ 3600, PROBE_WARN },
	{ 3601, PROBE_OK },
};

START_TEST(errors_are_forgotten_after_an_hour)
{
	for (size_t i = 0; i < N_ELEMENTS(errors); i++) {
		struct probe_result result = { 0 };

		disk_errors_judge(errors[i].ago_s, &result);
		assert_result(&result, errors[i].status, NULL);
	}
}
END_TEST

#define JOURNAL_OF_KERNEL                                                                          \
	"journalctl --quiet --no-pager --dmesg --since=-1h --output=short-monotonic "              \
	"--grep=RT throttling activated|I/O error"

START_TEST(the_journal_tells_who_may_not_ask_the_kernel)
{
	assert_probe("disk.errors", PROBE_NA, "may not read");
	machine_put(&machine, "/var/log/journal/0123/system.journal", "");
	assert_probe("disk.errors", PROBE_NA, "may not read"); /* no journalctl */
	machine_program(
		&machine, JOURNAL_OF_KERNEL, NULL); /* its exit code when nothing is found */
	assert_probe("disk.errors", PROBE_OK, NULL);
	machine.now_ns = 1000 * G_GINT64_CONSTANT(1000000000);
	machine_program(&machine, JOURNAL_OF_KERNEL,
		"[  400.000000] host kernel: Buffer I/O error on dev vda\n"
		"[  900.500000] host kernel: vda: I/O error, sector 5\n"
		"[  990.000000] host kernel: sched: RT throttling activated\n");
	assert_probe("disk.errors", PROBE_WARN, "100 s ago");
	machine_put(&machine, "/proc/sys/kernel/sched_rt_runtime_us", "950000\n");
	machine_put(&machine, "/sys/devices/system/cpu/online", "0-3\n");
	assert_probe("kernel.throttle", PROBE_FAIL, "throttled 10 s ago");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		space_and_inodes_run_out,
		space_is_that_of_the_file_system,
		a_root_that_became_read_only_fails,
		errors_are_forgotten_after_an_hour,
		the_journal_tells_who_may_not_ask_the_kernel,
		NULL,
	};

	return suite_run_with(
		"agent-probe-disk", tests, probe_fixture_setup, probe_fixture_teardown);
}

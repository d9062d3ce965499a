/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox.h"
#include "setting/setting.h"
#include "suite.h"

#include <sys/stat.h>
#include <unistd.h>

#define HUGE_2M "/sys/kernel/mm/hugepages/hugepages-2048kB"
#define HUGE_1G "/sys/devices/system/node/node0/hugepages/hugepages-1048576kB"

static struct sandbox sandbox;

static void setup(void)
{
	sandbox_init(&sandbox);
	sandbox_put(&sandbox, "/proc/sys/kernel/sched_rt_runtime_us", "950000\n");
	sandbox_put(&sandbox, "/proc/sys/vm/nr_hugepages", "0\n");
	sandbox_put(&sandbox, "/proc/sys/vm/nr_hugepages_mempolicy", "0\n");
	sandbox_put(&sandbox, HUGE_2M "/nr_hugepages", "0\n");
	sandbox_put(&sandbox, HUGE_2M "/nr_hugepages_mempolicy", "0\n");
	sandbox_put(&sandbox, HUGE_2M "/nr_overcommit_hugepages", "0\n");
	sandbox_put(&sandbox, HUGE_1G "/nr_hugepages", "0\n");
	sandbox_put(&sandbox, "/proc/sys/kernel/core_pattern", "core\n");
	sandbox_put(&sandbox, "/proc/meminfo",
		"MemAvailable:    4194304 kB\nHugepagesize:       2048 kB\n");
	sandbox_put(&sandbox, "/run/units/needed.service", "active\n");
	sandbox_put(&sandbox, "/run/units/dbus.service", "active\n");
	sandbox_put(&sandbox, "/run/units/ssh@.service", "inactive\n");
	sandbox_put(&sandbox, "/run/units/systemd-networkd-wait-online.service", "active\n");
	sandbox_put(&sandbox, "/run/units/local.service", "active\n");
	sandbox_put(&sandbox, "/etc/systemd/system/local.service", "[Service]\n");
}

static void teardown(void)
{
	sandbox_finish(&sandbox);
}

START_TEST(what_does_not_apply_is_refused)
{
	static const struct {
		const struct setting_kind *kind;
		const char *target, *desired;
		bool good;
	} rows[] = {
		{ &setting_kind_sysctl, "vm.swappiness", "10", true },
		{ &setting_kind_sysctl, "vm.swappiness", "201", false },
		{ &setting_kind_sysctl, "vm.swappiness", "-1", false },
		{ &setting_kind_sysctl, "vm.gone", "1", false },
		{ &setting_kind_sysctl, "vm/../../../etc/passwd", "1", false },
		{ &setting_kind_sysctl, "kernel.sched_rt_runtime_us", "-1", true },
		{ &setting_kind_sysctl, "kernel.sched_rt_runtime_us", "1000000", false },
		{ &setting_kind_sysctl, "vm.nr_hugepages", "1024", true },
		{ &setting_kind_sysctl, "vm.nr_hugepages", "1025", false },
		{ &setting_kind_sysctl, "vm.nr_hugepages", "-1", false },
		{ &setting_kind_sysctl, "vm.nr_hugepages_mempolicy", "1025", false },
		{ &setting_kind_sysctl, "vm.nr_hugepages", "0x401", false },
		{ &setting_kind_sysctl, "vm.swappiness", "0310", false },
		{ &setting_kind_sysctl, "vm.swappiness", " 300", false },
		{ &setting_kind_sysctl, "vm.swappiness", "99999999999999999999", false },
		{ &setting_kind_sysctl, "vm..swappiness", "201", false },
		{ &setting_kind_sysctl, "kernel.core_pattern", "core.%p", true },
		{ &setting_kind_sysfs, "/sys/kernel/mm/transparent_hugepage/enabled", "never",
			true },
		{ &setting_kind_sysfs, HUGE_2M "/nr_hugepages", "1024", true },
		{ &setting_kind_sysfs, HUGE_2M "/nr_hugepages", "1025", false },
		{ &setting_kind_sysfs, HUGE_2M "/nr_hugepages", "-1", false },
		{ &setting_kind_sysfs, HUGE_2M "/nr_hugepages", "0x10", false },
		{ &setting_kind_sysfs, HUGE_2M "/./nr_hugepages", "1", false },
		{ &setting_kind_sysfs, HUGE_2M "//nr_hugepages", "1025", false },
		{ &setting_kind_sysfs, HUGE_2M "/nr_hugepages_mempolicy", "1025", false },
		{ &setting_kind_sysfs, HUGE_2M "/nr_overcommit_hugepages", "1025", true },
		{ &setting_kind_sysfs, HUGE_1G "/nr_hugepages", "2", true },
		{ &setting_kind_sysfs, HUGE_1G "/nr_hugepages", "3", false },
		{ &setting_kind_sysfs, "/sys/../etc/passwd", "x", false },
		{ &setting_kind_sysfs, "/etc/passwd", "x", false },
		{ &setting_kind_irq, "24", "0-1", true },
		{ &setting_kind_irq, "24", "", false },
		{ &setting_kind_irq, "25", "0-1", false },
		{ &setting_kind_irq, "../1", "0-1", false },
		{ &setting_kind_gsettings, "alice/a.b/c", "true", true },
		{ &setting_kind_gsettings, "alice/a.b/c", NULL, true },
		{ &setting_kind_gsettings, "alice/a.b/c", "", false },
		{ &setting_kind_gsettings, "alice/a.b/c", "1\n2", false },
		{ &setting_kind_gsettings, "alice/a.b", "true", false },
		{ &setting_kind_gsettings, "alice/../c", "true", false },
		{ &setting_kind_gsettings, "alice/a.b/c/d", "true", false },
		{ &setting_kind_gsettings, "*/a.b/c", "true", false },
		{ &setting_kind_gsettings, "root/a.b/c", "true", false },
		{ &setting_kind_gsettings, "nobody/a.b/c", "true", false },
		{ &setting_kind_gsettings, "carol/a.b/c", "true", false },
		{ &setting_kind_device, "/dev/cpu_dma_latency", "0", true },
		{ &setting_kind_device, "/dev/cpu_dma_latency", "-1", false },
		{ &setting_kind_device, "/dev/sda", "0", false },
		{ &setting_kind_file, "/etc/sysctl.d/90-helix.conf", "0644\nx", true },
		{ &setting_kind_file, "/etc/shadow", "0644\nx", false },
		{ &setting_kind_file, "/etc/dconf/profile/user", "0644\nx", false },
		{ &setting_kind_file, "/etc/dconf/profile/user",
			"0644\nuser-db:user\nsystem-db:local\n", true },
		{ &setting_kind_file, "/etc/../root/90-helix", "0644\nx", false },
		{ &setting_kind_file, "/root/90-helix", "0644\nx", false },
		{ &setting_kind_unit, "cups.service", "disabled", true },
		{ &setting_kind_unit, "cups.service", "masked", true },
		{ &setting_kind_unit, "cups.service", "enabled", false },
		{ &setting_kind_unit, "gone.service", "disabled", false },
		{ &setting_kind_unit, "dbus.service", "disabled", false },
		{ &setting_kind_unit, "ssh.service", "masked", false },
		{ &setting_kind_unit, "ssh@.service", "masked", false },
		{ &setting_kind_unit, "needed.service", "disabled", true },
		{ &setting_kind_unit, "needed.service", "masked", false },
		{ &setting_kind_unit, "local.service", "disabled", true },
		{ &setting_kind_unit, "local.service", "masked", false },
		{ &setting_kind_unit, "systemd-networkd-wait-online.service", "disabled", true },
		{ &setting_kind_unit, "../x.service", "disabled", false },
		{ &setting_kind_unit, "user:tracker.service", "masked", true },
		{ &setting_kind_unit, "user:gone.service", "masked", false },
		{ &setting_kind_unit, "user:pipewire.service", "masked", false },
		{ &setting_kind_cmdline, "cmdline", "threadirqs=\n", true },
		{ &setting_kind_cmdline, "cmdline", "isolcpus=managed_irq,domain,2-3\n", true },
		{ &setting_kind_cmdline, "cmdline", "isolcpus=\n", false },
		{ &setting_kind_cmdline, "cmdline", "isolcpus=domain\n", false },
		{ &setting_kind_cmdline, "cmdline", "isolcpus=0-1\n", false },
		{ &setting_kind_cmdline, "cmdline", "nohz_full=0\n", false },
		{ &setting_kind_cmdline, "cmdline", "nohz_full=3-4\n", false },
		{ &setting_kind_cmdline, "cmdline", "nohz_full=domain,2\n", false },
		{ &setting_kind_cmdline, "cmdline", "irqaffinity=0-1\n", true },
		{ &setting_kind_cmdline, "cmdline", "init=/bin/sh\n", false },
		{ &setting_kind_cmdline, "cmdline", "tsc=$(reboot)\n", false },
		{ &setting_kind_cmdline, "cmdline", "tsc=reliable\" x=\"\n", false },
		{ &setting_kind_dconf, "dconf", "a/b/c=true\n", true },
		{ &setting_kind_dconf, "dconf", "a/b/c=nonsense\n", false },
		{ &setting_kind_dconf, "dconf", "c=true\n", false },
	};

	for (unsigned i = 0; i < N_ELEMENTS(rows); i++) {
		const struct setting setting = { .kind = rows[i].kind,
			.target = (char *)rows[i].target,
			.desired = (char *)rows[i].desired };
		g_autofree char *reason = NULL;
		bool good = rows[i].kind->check(&sandbox.env, &setting, &reason);

		ck_assert_msg(good == rows[i].good, "%s %s %s: %s", rows[i].kind->name,
			rows[i].target, rows[i].desired, reason);
		ck_assert(good == !reason);
	}
}
END_TEST

START_TEST(a_runaway_thread_needs_a_cpu_of_its_own)
{
	const struct setting setting = { .kind = &setting_kind_sysctl,
		.target = (char *)"kernel.sched_rt_runtime_us",
		.desired = (char *)"-1" };
	g_autofree char *reason = NULL, *other = NULL;

	sandbox_put(&sandbox, "/sys/devices/system/cpu/isolated", "\n");
	ck_assert(!setting.kind->check(&sandbox.env, &setting, &reason));
	sandbox_put(&sandbox, "/sys/devices/system/cpu/isolated", "0\n");
	sandbox_put(&sandbox, "/sys/devices/system/cpu/online", "0\n");
	ck_assert(!setting.kind->check(&sandbox.env, &setting, &other));
}
END_TEST

static void assert_reads(const struct setting_kind *kind, const char *target, const char *wanted)
{
	g_autofree char *is = NULL;

	ck_assert(kind->read(&sandbox.env, target, &is, NULL));
	if (wanted)
		ck_assert_str_eq(is, wanted);
	else
		ck_assert_ptr_null(is);
}

/* As a kernel whose watchdog is off as a whole, until it is told otherwise. */
static void watchdog_step(struct setting_host *host, const char *name)
{
	g_autofree char *whole = sandbox_get(&sandbox, "/proc/sys/kernel/watchdog");

	if (!strcmp(name, "poked") && !strcmp(whole, "0\n"))
		sandbox_put(&sandbox, "/proc/sys/kernel/soft_watchdog", "0\n");
}

START_TEST(a_watchdog_comes_back_although_somebody_looked)
{
	sandbox_put(&sandbox, "/proc/sys/kernel/watchdog", "0\n");
	sandbox_put(&sandbox, "/proc/sys/kernel/soft_watchdog", "0\n");
	sandbox.host.step = watchdog_step;
	ck_assert(setting_kind_sysctl.write(&sandbox.env, "kernel.soft_watchdog", "0", NULL));
	assert_reads(&setting_kind_sysctl, "kernel.watchdog", "0");
	ck_assert(setting_kind_sysctl.write(&sandbox.env, "kernel.soft_watchdog", "1", NULL));
	assert_reads(&setting_kind_sysctl, "kernel.soft_watchdog", "1");
}
END_TEST

START_TEST(of_a_choice_the_chosen_one_is_read)
{
	sandbox_put(&sandbox, "/sys/x", "always defer [defer+madvise] never\n");
	assert_reads(&setting_kind_sysfs, "/sys/x", "defer+madvise");
	sandbox_put(&sandbox, "/sys/x", "performance\n");
	assert_reads(&setting_kind_sysfs, "/sys/x", "performance");
	sandbox_put(&sandbox, "/proc/sys/kernel/printk", "4\t4  1\t7\n");
	assert_reads(&setting_kind_sysctl, "kernel.printk", "4 4 1 7");
}
END_TEST

START_TEST(masks_are_compared_as_masks)
{
	ck_assert(setting_same(&setting_kind_sysfs, "00000000,00000003", "3"));
	ck_assert(setting_same(&setting_kind_sysfs, "0", "00000000,00000000"));
	ck_assert(!setting_same(&setting_kind_sysfs, "30", "3"));
	ck_assert(!setting_same(&setting_kind_sysfs, "3", NULL));
	ck_assert(setting_same(&setting_kind_irq, "0-1,2", "0-2"));
	ck_assert(!setting_same(&setting_kind_irq, "0-1", "0-2"));
}
END_TEST

START_TEST(the_command_line_is_put_together_from_words)
{
	const struct setting_kind *kind = &setting_kind_cmdline;
	const struct setting setting = { .kind = kind,
		.target = (char *)"cmdline",
		.desired = (char *)"threadirqs=\nisolcpus=domain,3\n" };
	g_autofree char *value = NULL, *text = NULL, *is = NULL;

	ck_assert(kind->write(&sandbox.env, "cmdline", "isolcpus=2\nskew_tick=1\n", NULL));
	assert_reads(kind, "cmdline", "isolcpus=2\nskew_tick=1\n");
	ck_assert(
		setting_resolve(&sandbox.env, &setting, "isolcpus=2\nskew_tick=1\n", &value, NULL));
	ck_assert(kind->write(&sandbox.env, "cmdline", value, NULL));
	text = sandbox_get(&sandbox, "/etc/default/grub.d/90-helix.cfg");
	ck_assert_ptr_nonnull(strstr(text,
		"\nGRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX isolcpus=domain,3 skew_tick=1 "
		"threadirqs\"\n"));
	/* In effect is what the kernel was started with. */
	sandbox_put(&sandbox, "/proc/cmdline", "ro isolcpus=domain,3 threadirqs quiet\n");
	ck_assert(setting_effective(&sandbox.env, kind, "cmdline", &is, NULL));
	ck_assert_str_eq(is, "isolcpus=domain,3\nthreadirqs=\n");
	ck_assert(kind->write(&sandbox.env, "cmdline", NULL, NULL));
	assert_reads(kind, "cmdline", NULL);
}
END_TEST

static bool says_enabled(const struct env *env, const char *unit, char **ret, GError **error)
{
	*ret = g_strdup("enabled");
	return true;
}

START_TEST(a_unit_comes_back_with_the_links_it_had)
{
	const struct setting_kind *kind = &setting_kind_unit;
	g_autofree char *was = NULL, *dump = sandbox_dump(&sandbox), *back = NULL;
	const struct setting setting = {
		.kind = kind, .target = (char *)"cups.service", .desired = (char *)"disabled"
	};
	g_autofree char *value = NULL;

	ck_assert(kind->read(&sandbox.env, "cups.service", &was, NULL));
	ck_assert_ptr_nonnull(strstr(was, "printer.target.wants/cups.service="));
	ck_assert(setting_resolve(&sandbox.env, &setting, was, &value, NULL));
	ck_assert_str_eq(value, "inactive\n");
	ck_assert(kind->write(&sandbox.env, "cups.service", value, NULL));
	assert_reads(kind, "cups.service", "inactive\n");
	ck_assert(kind->write(&sandbox.env, "cups.service", was, NULL));
	back = sandbox_dump(&sandbox);
	ck_assert_str_eq(back, dump);
}
END_TEST

START_TEST(a_mask_is_in_effect_when_systemd_says_so)
{
	static const char masked[] = "inactive\ncups.service=/dev/null\n";
	const struct setting_kind *kind = &setting_kind_unit;
	struct unit_manager deaf = *sandbox.host.units;
	g_autofree char *is = NULL, *late = NULL;

	ck_assert(kind->write(&sandbox.env, "cups.service", masked, NULL));
	ck_assert(kind->effective(&sandbox.env, "cups.service", &is, NULL));
	ck_assert_str_eq(is, masked);
	deaf.file_state = says_enabled;
	sandbox.host.units = &deaf;
	ck_assert(kind->effective(&sandbox.env, "cups.service", &late, NULL));
	ck_assert_str_eq(late, "inactive\nsystemd says enabled\n");
}
END_TEST

START_TEST(who_masked_a_unit_keeps_it_masked)
{
	const struct setting setting = { .kind = &setting_kind_unit,
		.target = (char *)"cups.service",
		.desired = (char *)"disabled" };
	g_autofree char *value = NULL;

	ck_assert(setting_resolve(&sandbox.env, &setting,
		"active\ncups.service=/dev/null\nx.wants/cups.service=/lib/x\n", &value, NULL));
	ck_assert_str_eq(value, "inactive\ncups.service=/dev/null\n");
}
END_TEST

START_TEST(an_interrupted_change_of_a_unit_is_not_drift)
{
	static const struct {
		const char *now;
		bool between;
	} rows[] = {
		{ "active\na=1\nb=2\n", true },
		{ "active\nb=2\n", true },
		{ "active\n", true },
		{ "active\nu=/dev/null\n", true },
		{ "inactive\nu=/dev/null\n", true },
		{ "inactive\na=1\n", true },
		{ "active\nc=3\n", false },
		{ "active\na=other\n", false },
		{ "failed\na=1\n", false },
	};

	for (unsigned i = 0; i < N_ELEMENTS(rows); i++)
		ck_assert_msg(setting_between(&setting_kind_unit, "active\na=1\nb=2\n",
				      "inactive\nu=/dev/null\n", rows[i].now) == rows[i].between,
			"%s", rows[i].now);
}
END_TEST

START_TEST(a_file_comes_back_with_its_mode)
{
	const struct setting_kind *kind = &setting_kind_file;
	g_autofree char *full = env_path(&sandbox.env, "/etc/x/90-helix");
	g_autofree char *dump = NULL, *was = NULL, *back = NULL;

	sandbox_put(&sandbox, "/etc/x/90-helix", "old\nlines\n");
	ck_assert_int_eq(chmod(full, 0604), 0);
	dump = sandbox_dump(&sandbox);
	ck_assert(kind->read(&sandbox.env, "/etc/x/90-helix", &was, NULL));
	ck_assert(kind->write(&sandbox.env, "/etc/x/90-helix", "0600\nnew", NULL));
	assert_reads(kind, "/etc/x/90-helix", "0600\nnew");
	ck_assert(kind->write(&sandbox.env, "/etc/x/90-helix", was, NULL));
	back = sandbox_dump(&sandbox);
	ck_assert_str_eq(back, dump);
}
END_TEST

START_TEST(numbers_that_a_file_begins_with_are_not_its_owner)
{
	const struct setting_kind *kind = &setting_kind_file;

	ck_assert(kind->write(&sandbox.env, "/etc/x/90-helix", "0600\n1234 5678 text\n", NULL));
	assert_reads(kind, "/etc/x/90-helix", "0600\n1234 5678 text\n");
}
END_TEST

static unsigned n_reloads;

static bool count_reload(const struct env *env, GError **error)
{
	n_reloads++;
	return true;
}

START_TEST(systemd_is_told_of_its_files_and_of_no_others)
{
	const struct setting_kind *kind = &setting_kind_file;
	struct unit_manager units = *sandbox.host.units;

	n_reloads = 0;
	units.reload = count_reload;
	sandbox.host.units = &units;
	ck_assert(kind->write(&sandbox.env, "/etc/x/90-helix", "0600\nnew", NULL));
	ck_assert_uint_eq(n_reloads, 0);
	ck_assert(kind->write(&sandbox.env, "/etc/systemd/system/x.service.d/90-helix.conf",
		"0644\n[Service]\n", NULL));
	ck_assert_uint_eq(n_reloads, 1);
	ck_assert(kind->write(
		&sandbox.env, "/etc/systemd/system/x.service.d/90-helix.conf", NULL, NULL));
	ck_assert_uint_eq(n_reloads, 2);
}
END_TEST

START_TEST(a_key_of_all_users_is_one_of_each)
{
	const struct setting_kind *kind = &setting_kind_gsettings;
	g_auto(GStrv) all = kind->expand(&sandbox.env, "*/a.b/c");

	ck_assert_uint_eq(g_strv_length(all), 2);
	ck_assert_str_eq(all[0], "alice/a.b/c");
	ck_assert_str_eq(all[1], "bob/a.b/c");
}
END_TEST

START_TEST(who_had_set_nothing_has_set_nothing_again)
{
	const struct setting_kind *kind = &setting_kind_gsettings;

	assert_reads(kind, "alice/a.b/c", NULL);
	ck_assert(kind->write(&sandbox.env, "alice/a.b/c", "uint32 5", NULL));
	assert_reads(kind, "alice/a.b/c", "uint32 5");
	ck_assert(setting_same(kind, "5", "uint32 5"));
	ck_assert(setting_same(kind, "[]", "[]"));
	ck_assert(!setting_same(kind, "5", "uint32 6"));
	ck_assert(!setting_same(kind, "5", "'5'"));
	ck_assert(kind->write(&sandbox.env, "alice/a.b/c", NULL, NULL));
	assert_reads(kind, "alice/a.b/c", NULL);
}
END_TEST

/* --- users who mean harm --- */

static unsigned n_runs;

static bool run_without_end(const struct env *env, const char *const *argv, unsigned timeout_ms,
	char **ret_out, GError **error)
{
	n_runs++;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "run %u did not end", n_runs);
	return false;
}

static bool run_at_length(const struct env *env, const char *const *argv, unsigned timeout_ms,
	char **ret_out, GError **error)
{
	g_autofree char *text = g_strnfill(SETTING_VALUE_MAX, 'x');

	*ret_out = g_strdup_printf("value '%s'\n", text);
	return true;
}

/* What the store says of a key of that user; transfer full. */
static char *ask_store(const char *user, int code)
{
	GError *error = NULL;
	char *value, *message;

	ck_assert(!user_store_gsettings.get(
		&sandbox.env, user, "schema", "key", false, &value, &error));
	ck_assert(g_error_matches(error, G_IO_ERROR, code));
	message = g_strdup(error->message);
	g_error_free(error);
	return message;
}

START_TEST(who_keeps_root_waiting_is_not_asked_again_at_once)
{
	g_autofree char *first = NULL, *again = NULL, *late = NULL, *other = NULL;

	sandbox.env.run = run_without_end;
	first = ask_store("anna", G_IO_ERROR_TIMED_OUT);
	again = ask_store("anna", G_IO_ERROR_TIMED_OUT);
	ck_assert_uint_eq(n_runs, 1);
	ck_assert_str_eq(again, first);
	other = ask_store("bert", G_IO_ERROR_TIMED_OUT);
	ck_assert_uint_eq(n_runs, 2);
	sandbox.now_ns += (USER_STORE_PAUSE_S + 1) * G_GINT64_CONSTANT(1000000000);
	late = ask_store("anna", G_IO_ERROR_TIMED_OUT);
	ck_assert_uint_eq(n_runs, 3);
	ck_assert_str_eq(late, first);
}
END_TEST

START_TEST(a_value_that_is_too_long_to_be_kept_is_left_alone)
{
	sandbox.env.run = run_at_length;
	g_free(ask_store("anna", G_IO_ERROR_NOT_SUPPORTED));
}
END_TEST

START_TEST(a_device_is_held_until_it_is_let_go)
{
	const struct setting_kind *kind = &setting_kind_device;
	g_autofree char *effect = NULL;

	ck_assert(kind->write(&sandbox.env, "/dev/cpu_dma_latency", "20", NULL));
	assert_reads(kind, "/dev/cpu_dma_latency", "20");
	ck_assert(kind->effective(&sandbox.env, "/dev/cpu_dma_latency", &effect, NULL));
	ck_assert_str_eq(effect, "20");
	ck_assert_uint_eq(g_hash_table_size(sandbox.host.devices), 1);
	ck_assert(kind->write(&sandbox.env, "/dev/cpu_dma_latency", NULL, NULL));
	assert_reads(kind, "/dev/cpu_dma_latency", NULL);
	ck_assert_uint_eq(g_hash_table_size(sandbox.host.devices), 0);
}
END_TEST

START_TEST(modifiers_leave_what_is_beyond)
{
	static const struct {
		char modifier;
		const char *desired, *now, *wanted;
	} rows[] = { { '<', "10", "60", "10" }, { '<', "10", "5", "5" }, { '>', "10", "60", "60" },
		{ '>', "10", "5", "10" }, { '>', "10", "x", NULL }, { '<', "x", "5", NULL } };

	for (unsigned i = 0; i < N_ELEMENTS(rows); i++) {
		const struct setting setting = { .kind = &setting_kind_sysctl,
			.target = (char *)"a.b",
			.desired = (char *)rows[i].desired,
			.modifier = rows[i].modifier };
		g_autofree char *is = NULL;

		ck_assert(setting_resolve(&sandbox.env, &setting, rows[i].now, &is, NULL) ==
			  (rows[i].wanted != NULL));
		if (rows[i].wanted)
			ck_assert_str_eq(is, rows[i].wanted);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_does_not_apply_is_refused,
		a_runaway_thread_needs_a_cpu_of_its_own,
		a_watchdog_comes_back_although_somebody_looked,
		of_a_choice_the_chosen_one_is_read,
		masks_are_compared_as_masks,
		the_command_line_is_put_together_from_words,
		a_unit_comes_back_with_the_links_it_had,
		a_mask_is_in_effect_when_systemd_says_so,
		who_masked_a_unit_keeps_it_masked,
		an_interrupted_change_of_a_unit_is_not_drift,
		a_file_comes_back_with_its_mode,
		numbers_that_a_file_begins_with_are_not_its_owner,
		who_keeps_root_waiting_is_not_asked_again_at_once,
		a_value_that_is_too_long_to_be_kept_is_left_alone,
		systemd_is_told_of_its_files_and_of_no_others,
		a_key_of_all_users_is_one_of_each,
		who_had_set_nothing_has_set_nothing_again,
		a_device_is_held_until_it_is_let_go,
		modifiers_leave_what_is_beyond,
		NULL,
	};

	return suite_run_with("agent-kinds", tests, setup, teardown);
}

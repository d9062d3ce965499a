/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox.h"
#include "setting/journal.h"
#include "suite.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define S          G_GINT64_CONSTANT(1000000000)
#define SWAPPINESS "/proc/sys/vm/swappiness"
#define THP        "/sys/kernel/mm/transparent_hugepage/enabled"
#define OURS       "/etc/sysctl.d/90-helix.conf"

static const char two[] = "[sysctl]\nvm.swappiness=10\n[file:" OURS "]\nvalue=new\\n\n";
static const char risky[] = "[sysctl:vm.swappiness]\nvalue=10\nrisk=medium\n";

static struct sandbox sandbox;
static struct transactions *all;
static char *originals;

static void reopen(void)
{
	GError *error = NULL;

	transactions_close(all);
	all = NULL;
	ck_assert_msg(transactions_open(&sandbox.env, sandbox.state, NULL, &all, &error), "%s",
		error ? error->message : "");
}

static void setup(void)
{
	all = NULL;
	sandbox_init(&sandbox);
	originals = sandbox_dump(&sandbox);
	reopen();
}

static void teardown(void)
{
	transactions_close(all);
	g_free(originals);
	sandbox_finish(&sandbox);
}

static int64_t apply(const char *profile, int confirm_s)
{
	struct plan *plan = sandbox_plan(&sandbox, profile);
	json_t *result = NULL;
	GError *error = NULL;
	int64_t txn;

	ck_assert_msg(transaction_apply(all, plan, plan->hash, confirm_s, &result, &error), "%s",
		error ? error->message : "");
	txn = json_integer_value(json_object_get(result, "txn"));
	json_decref(result);
	plan_free(plan);
	return txn;
}

/* The results as "kind:result kind:result". */
static char *rollback(int64_t txn, bool force)
{
	GString *text = g_string_new(NULL);
	json_t *results, *one;
	size_t i;

	ck_assert(transaction_rollback(all, txn, force, &results, NULL));
	json_array_foreach(results, i, one) g_string_append_printf(text, "%s%s:%s", i ? " " : "",
		json_string_value(json_object_get(one, "kind")),
		json_string_value(json_object_get(one, "result")));
	json_decref(results);
	return g_string_free(text, FALSE);
}

static void assert_rollback(int64_t txn, bool force, const char *wanted)
{
	g_autofree char *is = rollback(txn, force);

	ck_assert_str_eq(is, wanted);
}

static void assert_file(const char *path, const char *wanted)
{
	g_autofree char *is = sandbox_get(&sandbox, path);

	ck_assert_str_eq(is, wanted);
}

static void assert_originals(void)
{
	g_autofree char *is = sandbox_dump(&sandbox);

	ck_assert_str_eq(is, originals);
}

START_TEST(a_plan_changes_nothing_and_is_the_same_twice)
{
	struct plan *one = sandbox_plan(&sandbox, sandbox_profile);
	struct plan *other = sandbox_plan(&sandbox, sandbox_profile);

	ck_assert_str_eq(one->hash, other->hash);
	ck_assert_uint_eq(strlen(one->hash), 64);
	assert_originals();
	plan_free(other);
	sandbox_put(&sandbox, SWAPPINESS, "61\n");
	other = sandbox_plan(&sandbox, sandbox_profile);
	ck_assert_str_ne(one->hash, other->hash);
	plan_free(other);
	plan_free(one);
}
END_TEST

START_TEST(a_plan_of_another_machine_is_refused)
{
	struct plan *old = sandbox_plan(&sandbox, two), *plan;
	GError *error = NULL;
	json_t *result;

	poison(&result);
	sandbox_put(&sandbox, SWAPPINESS, "61\n");
	plan = sandbox_plan(&sandbox, two);
	ck_assert(!transaction_apply(all, plan, old->hash, -1, &result, &error));
	ck_assert(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT));
	assert_poisoned(&result);
	assert_file(SWAPPINESS, "61\n");
	g_clear_error(&error);
	plan_free(plan);
	plan_free(old);
}
END_TEST

START_TEST(everything_is_applied_and_comes_back)
{
	int64_t txn = apply(sandbox_profile, -1);
	json_t *rows = transactions_verify(all), *row;
	size_t i;

	assert_file(SWAPPINESS, "10\n");
	assert_file("/run/units/cups.service", "inactive\n");
	json_array_foreach(rows, i, row)
		ck_assert_msg(json_is_true(json_object_get(row, "same")) ||
				      json_is_true(json_object_get(row, "needs-reboot")),
			"%s", json_string_value(json_object_get(row, "target")));
	json_decref(rows);
	g_free(rollback(txn, false));
	assert_originals();
	ck_assert_uint_eq(transactions_ledger(all)->txns->len, 0);
}
END_TEST

START_TEST(one_failure_takes_all_back)
{
	struct plan *plan = sandbox_plan(&sandbox, sandbox_profile);
	GError *error = NULL;
	json_t *result;

	poison(&result);
	sandbox.fail_dconf = true;
	ck_assert(!transaction_apply(all, plan, plan->hash, -1, &result, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "dconf"));
	assert_poisoned(&result);
	g_clear_error(&error);
	plan_free(plan);
	/* What taking back could not do is held until it can. */
	sandbox.fail_dconf = false;
	ck_assert_uint_eq(transactions_ledger(all)->txns->len, 1);
	g_free(rollback(1, false));
	assert_originals();
}
END_TEST

START_TEST(an_optional_failure_is_left_out)
{
	static const char profile[] = "[unit:stuck.service]\nvalue=disabled\noptional=true\n"
				      "[sysctl]\nvm.swappiness=10\n";
	int64_t txn;

	sandbox_put(&sandbox, "/run/units/stuck.service", "active\n");
	txn = apply(profile, -1);
	ck_assert_uint_eq(transactions_ledger(all)->layers->len, 1);
	assert_file(SWAPPINESS, "10\n");
	reopen();
	assert_rollback(txn, false, "sysctl:restored");
}
END_TEST

START_TEST(what_is_not_optional_fails_all)
{
	static const char profile[] = "[unit:stuck.service]\nvalue=disabled\n"
				      "[sysctl]\nvm.swappiness=10\n";
	struct plan *plan;
	json_t *result;

	sandbox_put(&sandbox, "/run/units/stuck.service", "active\n");
	plan = sandbox_plan(&sandbox, profile);
	ck_assert(!transaction_apply(all, plan, plan->hash, -1, &result, NULL));
	assert_file(SWAPPINESS, "60\n");
	ck_assert_uint_eq(transactions_ledger(all)->txns->len, 0);
	plan_free(plan);
}
END_TEST

START_TEST(drift_is_reported_and_left_unless_forced)
{
	int64_t txn = apply(two, -1);

	sandbox_put(&sandbox, SWAPPINESS, "33\n");
	assert_rollback(txn, false, "sysctl:drift file:restored");
	assert_file(SWAPPINESS, "33\n");
	assert_file(OURS, "old\n");
	reopen();
	assert_file(SWAPPINESS, "33\n");
	assert_rollback(txn, true, "sysctl:restored");
	assert_originals();
}
END_TEST

START_TEST(a_rollback_goes_on_past_a_failure)
{
	int64_t txn = apply(two, -1);
	g_autofree char *full = env_path(&sandbox.env, SWAPPINESS);

	ck_assert_int_eq(g_remove(full), 0);
	assert_rollback(txn, false, "sysctl:failed file:restored");
	assert_file(OURS, "old\n");
	sandbox_put(&sandbox, SWAPPINESS, "10\n");
	assert_rollback(txn, false, "sysctl:restored");
	assert_originals();
}
END_TEST

START_TEST(whichever_goes_first_the_last_restores_the_original)
{
	int64_t one = apply("[sysctl]\nvm.swappiness=10\n", -1);
	int64_t other = apply("[sysctl]\nvm.swappiness=5\n", -1);

	assert_rollback(one, false, "sysctl:kept");
	assert_file(SWAPPINESS, "5\n");
	assert_rollback(other, false, "sysctl:restored");
	assert_originals();

	one = apply("[sysctl]\nvm.swappiness=10\n", -1);
	other = apply("[sysctl]\nvm.swappiness=5\n", -1);
	assert_rollback(other, false, "sysctl:restored");
	assert_file(SWAPPINESS, "10\n");
	assert_rollback(one, false, "sysctl:restored");
	assert_originals();
}
END_TEST

START_TEST(a_reboot_voids_what_the_machine_forgot_and_resuming_writes_it_again)
{
	int64_t txn = apply(two, -1);
	json_t *results;

	transactions_close(all);
	all = NULL;
	sandbox_reboot(&sandbox);
	sandbox_put(&sandbox, SWAPPINESS, "70\n");
	reopen();
	ck_assert_uint_eq(transactions_ledger(all)->layers->len, 1);
	ck_assert(transactions_resume(all, &results, NULL));
	ck_assert_uint_eq(json_array_size(results), 1);
	json_decref(results);
	assert_file(SWAPPINESS, "10\n");
	/* The original is the one of this boot. */
	g_free(rollback(txn, false));
	assert_file(SWAPPINESS, "70\n");
	assert_file(OURS, "old\n");
}
END_TEST

START_TEST(resuming_twice_leaves_what_somebody_put_back)
{
	json_t *results;

	apply(two, -1);
	sandbox_reboot(&sandbox);
	reopen();
	ck_assert(transactions_resume(all, &results, NULL));
	json_decref(results);
	sandbox_put(&sandbox, SWAPPINESS, "60\n");
	reopen();
	ck_assert(transactions_resume(all, &results, NULL));
	ck_assert_uint_eq(json_array_size(results), 0);
	json_decref(results);
	assert_file(SWAPPINESS, "60\n");
}
END_TEST

START_TEST(resuming_leaves_out_what_the_machine_is_not_made_for_any_more)
{
	static const char limitless[] = "[sysctl]\nkernel.sched_rt_runtime_us=-1\n";
	static const char knob[] = "/proc/sys/kernel/sched_rt_runtime_us";
	json_t *results;

	sandbox_put(&sandbox, knob, "950000\n");
	apply(limitless, -1);
	assert_file(knob, "-1\n");
	sandbox_reboot(&sandbox);
	sandbox_put(&sandbox, knob, "950000\n");
	sandbox_put(&sandbox, "/sys/devices/system/cpu/isolated", "\n");
	reopen();
	ck_assert(transactions_resume(all, &results, NULL));
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(results, 0), "result")),
		"skipped");
	json_decref(results);
	assert_file(knob, "950000\n");
}
END_TEST

START_TEST(a_limit_that_is_lifted_is_guarded_as_long_as_it_is)
{
	static const char limitless[] = "[sysctl]\nkernel.sched_rt_runtime_us=-1\n";
	json_t *results;
	int64_t txn;

	sandbox_put(&sandbox, "/proc/sys/kernel/sched_rt_runtime_us", "950000\n");
	apply(two, -1);
	ck_assert_ptr_null(sandbox.host.guard);
	txn = apply(limitless, -1);
	ck_assert_ptr_nonnull(sandbox.host.guard);
	/* helix-applyd starts again. */
	setting_host_finish(&sandbox.host);
	reopen();
	ck_assert(transactions_resume(all, &results, NULL));
	json_decref(results);
	ck_assert_ptr_nonnull(sandbox.host.guard);
	assert_rollback(txn, false, "sysctl:restored");
	ck_assert_ptr_null(sandbox.host.guard);
}
END_TEST

START_TEST(a_limit_that_cannot_be_guarded_stays)
{
	static const char limitless[] = "[sysctl]\nkernel.sched_rt_runtime_us=-1\n";

	sandbox_put(&sandbox, "/proc/sys/kernel/sched_rt_runtime_us", "950000\n");
	sandbox.host.guards = &sandbox_no_guards;
	apply(limitless, -1);
	assert_file("/proc/sys/kernel/sched_rt_runtime_us", "950000\n");
	ck_assert_ptr_null(sandbox.host.guard);
}
END_TEST

START_TEST(a_journal_does_not_grow_for_as_long_as_it_is_open)
{
	g_autofree char *big = g_strnfill(50000, 'x');
	g_autofree char *profile = g_strdup_printf("[file:" OURS "]\nvalue=%s\n", big);
	g_autofree char *path = g_build_filename(sandbox.state, "journal", NULL);
	struct stat status;

	for (unsigned i = 0; i < 60; i++)
		assert_rollback(apply(profile, -1), false, "file:restored");
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_int_lt(status.st_size, 3 * (off_t)JOURNAL_TURN / 2);
	assert_originals();
}
END_TEST

START_TEST(what_a_user_may_not_change_is_passed_over_and_what_he_changed_since_stays_his)
{
	static const char profile[] = "[gsettings]\n*/a.b/c=1\nbob/a.b/locked=1\n";
	int64_t txn = apply(profile, -1);

	assert_file("/home/alice/a.b.c", "1");
	assert_file("/home/bob/a.b.locked", "(none)");
	sandbox_put(&sandbox, "/home/alice/a.b.c", "2");
	assert_rollback(txn, false, "gsettings:restored gsettings:drift");
	assert_file("/home/alice/a.b.c", "2");
	assert_file("/home/bob/a.b.c", "(none)");
}
END_TEST

START_TEST(what_nobody_confirms_is_taken_back)
{
	json_t *results;

	apply(risky, 0);
	ck_assert_int_eq(transactions_deadline_ns(all), 1 + TRANSACTION_CONFIRM_S * S);
	ck_assert(transactions_expire(all, &results, NULL));
	ck_assert_uint_eq(json_array_size(results), 0);
	json_decref(results);
	assert_file(SWAPPINESS, "10\n");
	sandbox.now_ns += TRANSACTION_CONFIRM_S * S;
	ck_assert(transactions_expire(all, &results, NULL));
	json_decref(results);
	assert_originals();
	ck_assert_int_eq(transactions_deadline_ns(all), -1);
}
END_TEST

START_TEST(what_is_confirmed_stays)
{
	int64_t txn = apply(risky, 10);

	ck_assert(transaction_confirm(all, txn, NULL));
	ck_assert(!transaction_confirm(all, txn, NULL));
	sandbox.now_ns += 100 * S;
	reopen();
	assert_file(SWAPPINESS, "10\n");
	ck_assert_int_eq(transactions_deadline_ns(all), -1);
}
END_TEST

START_TEST(what_was_overdue_while_nobody_looked_is_taken_back_at_the_start)
{
	apply(risky, 10);
	sandbox.now_ns += 11 * S;
	reopen();
	assert_originals();
}
END_TEST

START_TEST(a_deadline_of_a_boot_that_has_no_id_is_over_with_it)
{
	sandbox_put(&sandbox, "/proc/sys/kernel/random/boot_id", "");
	sandbox.now_ns = 1000000 * S;
	reopen();
	apply(risky, 10);
	sandbox.now_ns = 20 * S;
	reopen();
	assert_file(SWAPPINESS, "60\n");
	ck_assert_int_eq(transactions_deadline_ns(all), -1);
}
END_TEST

START_TEST(an_unconfirmed_reboot_is_tried_once)
{
	static const char cmdline[] = "[cmdline]\nrisk=high\nthreadirqs=\n";

	apply(cmdline, 10);
	sandbox_reboot(&sandbox);
	reopen();
	ck_assert_int_eq(transactions_deadline_ns(all), 1 + 10 * S);
	sandbox_put(&sandbox, "/proc/sys/kernel/random/boot_id", "boot-3\n");
	reopen();
	ck_assert_uint_eq(transactions_ledger(all)->txns->len, 0);
	assert_file("/etc/default/grub.d/90-helix.cfg", "(none)");
	assert_file("/boot/grub/grub.cfg", "(none)");
}
END_TEST
/* --- a journal that cannot be written --- */

/* As on a full disk: no file may become longer than the journal is. */
static void fill_disk(bool full)
{
	g_autofree char *path = g_build_filename(sandbox.state, "journal", NULL);
	struct rlimit limit;
	struct stat status;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = full ? (rlim_t)status.st_size : limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void fill_disk_behind_poke(struct setting_host *host, const char *name)
{
	if (!strcmp(name, "poked"))
		fill_disk(true);
}

START_TEST(an_apply_that_a_full_disk_ends_leaves_nothing_behind)
{
	struct plan *plan = sandbox_plan(&sandbox, two);
	GError *error = NULL;
	json_t *result;

	sandbox.host.step = fill_disk_behind_poke;
	ck_assert(!transaction_apply(all, plan, plan->hash, -1, &result, &error));
	sandbox.host.step = NULL;
	assert_originals();
	g_clear_error(&error);
	plan_free(plan);
	fill_disk(false);
	reopen();
	assert_originals();
	ck_assert_uint_eq(transactions_ledger(all)->txns->len, 0);
}
END_TEST

START_TEST(what_nobody_confirms_is_taken_back_on_a_full_disk)
{
	GError *error = NULL;
	json_t *results;

	apply(risky, 10);
	fill_disk(true);
	sandbox.now_ns += 11 * S;
	ck_assert(!transactions_expire(all, &results, &error));
	ck_assert_ptr_nonnull(error);
	g_clear_error(&error);
	assert_originals();
	fill_disk(false);
	ck_assert(transactions_expire(all, &results, NULL));
	json_decref(results);
	assert_originals();
	ck_assert_int_eq(transactions_deadline_ns(all), -1);
}
END_TEST

START_TEST(what_is_in_good_order_stays_until_the_journal_can_be_written)
{
	int64_t txn = apply(two, -1);
	GError *error = NULL;
	json_t *results;

	fill_disk(true);
	poison(&results);
	ck_assert(!transaction_rollback(all, txn, false, &results, &error));
	assert_poisoned(&results);
	g_clear_error(&error);
	assert_file(SWAPPINESS, "10\n");
	assert_file(OURS, "new\n");
	fill_disk(false);
	assert_rollback(txn, false, "sysctl:restored file:restored");
	assert_originals();
}
END_TEST

/* --- a journal of a newer version --- */

static void append_intent(struct journal *journal, const char *kind, const char *target)
{
	ck_assert(journal_append(journal,
		json_pack("{ss si ss ss ss ss ss sb ss}", "record", "intent", "txn", 1, "kind",
			kind, "target", target, "original", "60", "before", "60", "desired", "10",
			"volatile", true, "boot", "boot-1"),
		NULL));
}

START_TEST(what_only_a_newer_version_can_put_back_is_not_forgotten)
{
	struct journal *journal;
	json_t *rows, *row;

	transactions_close(all);
	all = NULL;
	ck_assert(journal_open(&sandbox.env, sandbox.state, &journal, NULL));
	ck_assert(journal_append(journal,
		json_pack("{ss si ss}", "record", "begin", "txn", 1, "boot", "boot-1"), NULL));
	append_intent(journal, "nvme", "nvme0");
	append_intent(journal, "sysctl", "vm.swappiness");
	journal_close(journal);
	reopen();
	ck_assert_uint_eq(transactions_ledger(all)->txns->len, 1);
	assert_rollback(1, true, "unknown:failed");
	rows = transactions_verify(all);
	ck_assert_uint_eq(json_array_size(rows), 1);
	row = json_array_get(rows, 0);
	ck_assert_str_eq(json_string_value(json_object_get(row, "kind")), LEDGER_UNKNOWN);
	ck_assert(json_is_false(json_object_get(row, "same")));
	json_decref(rows);
	reopen();
	ck_assert_uint_eq(transactions_ledger(all)->txns->len, 1);
	sandbox_reboot(&sandbox);
	reopen();
	assert_rollback(1, false, "");
	ck_assert_uint_eq(transactions_ledger(all)->txns->len, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_plan_changes_nothing_and_is_the_same_twice,
		a_plan_of_another_machine_is_refused,
		everything_is_applied_and_comes_back,
		one_failure_takes_all_back,
		an_optional_failure_is_left_out,
		what_is_not_optional_fails_all,
		drift_is_reported_and_left_unless_forced,
		a_rollback_goes_on_past_a_failure,
		whichever_goes_first_the_last_restores_the_original,
		a_reboot_voids_what_the_machine_forgot_and_resuming_writes_it_again,
		resuming_twice_leaves_what_somebody_put_back,
		resuming_leaves_out_what_the_machine_is_not_made_for_any_more,
		a_limit_that_is_lifted_is_guarded_as_long_as_it_is,
		a_limit_that_cannot_be_guarded_stays,
		a_journal_does_not_grow_for_as_long_as_it_is_open,
		what_a_user_may_not_change_is_passed_over_and_what_he_changed_since_stays_his,
		what_nobody_confirms_is_taken_back,
		what_is_confirmed_stays,
		what_was_overdue_while_nobody_looked_is_taken_back_at_the_start,
		a_deadline_of_a_boot_that_has_no_id_is_over_with_it,
		an_unconfirmed_reboot_is_tried_once,
		an_apply_that_a_full_disk_ends_leaves_nothing_behind,
		what_nobody_confirms_is_taken_back_on_a_full_disk,
		what_is_in_good_order_stays_until_the_journal_can_be_written,
		what_only_a_newer_version_can_put_back_is_not_forgotten,
		NULL,
	};

	return suite_run_with("agent-transaction", tests, setup, teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every way to die: the program ends at each step that outlives it, in an apply, in the recovery
 * behind it, in a second apply, in a rollback and while the journal is made anew, with and without
 * what was not yet synced of the journal. Built against a defect (MUTANT), this has to find it.
 */
#include "sandbox.h"

/* Thousands of processes, each of which a sanitizer makes slow to begin. */
#define SUITE_TEST_TIMEOUT_S 500
#include "suite.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process under a sanitizer takes ten times as long to come and go: every case in so many. A mutant is
 * done with its first bad ones. */
#if defined(MUTANT)
#define SPARSE 1
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SPARSE 20
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SPARSE 20
#endif
#endif
#ifndef SPARSE
#define SPARSE 1
#endif

#define CRASHED       99
#define STEP_MAX      1000 /* of an operation */
#define MUTANT_ENOUGH 5    /* bad states that prove a defect */
#define CASES_MIN     2000

enum loss {
	LOSS_NONE,     /* the program is killed */
	LOSS_UNSYNCED, /* the power goes: what was appended since the last sync is lost */
};

static struct sandbox sandbox;
static char *originals, *desired;
static unsigned n_cases, n_bad;

/* --- dying --- */

static struct {
	int left;
	enum loss loss;
	off_t synced;
	bool made_anew,
		renamed; /* a new journal is on the disk; is in place, until it is on the disk */
} fate;

static char *state_path(const char *name)
{
	return g_build_filename(sandbox.state, name, NULL);
}

static char *journal_path(void)
{
	return state_path("journal");
}

static off_t journal_length(void)
{
	g_autofree char *path = journal_path();
	FILE *file = fopen(path, "re");
	off_t size = 0;

	if (file) {
		fseeko(file, 0, SEEK_END);
		size = ftello(file);
		fclose(file);
	}
	return size;
}

/* What the disk knows of steps that outlive the power. */
static void note(const char *name)
{
	if (!strcmp(name, "turn"))
		fate.made_anew = false;
	else if (!strcmp(name, "turn-synced"))
		fate.made_anew = true;
	else if (!strcmp(name, "turn-renamed"))
		fate.renamed = true;
	else if (!strcmp(name, "turn-done"))
		fate.renamed = false;
	if (!strcmp(name, "journal-synced") || !strcmp(name, "turn-done"))
		fate.synced = journal_length();
}

/* A new name without what it names, or an old one that was not replaced after all. */
static bool lose_turn(const char *path)
{
	g_autofree char *old = state_path("journal.old");

	return fate.made_anew ? rename(old, path) == 0 : truncate(path, 0) == 0;
}

static bool lose_power(const char *path)
{
	if (fate.renamed)
		return lose_turn(path);
	return journal_length() <= fate.synced || truncate(path, fate.synced) == 0;
}

static void step(struct setting_host *host, const char *name)
{
	g_autofree char *path = NULL;

	note(name);
	if (fate.left-- > 0)
		return;
	path = journal_path();
	if (fate.loss == LOSS_UNSYNCED && !lose_power(path))
		_exit(1);
	_exit(CRASHED);
}

/* Runs it in a process that dies at step `at`. False: it ended before. */
static bool dies(bool (*operation)(void), int at, enum loss loss)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		fate.left = at;
		fate.loss = loss;
		fate.synced = journal_length();
		fate.renamed = false;
		sandbox.host.step = step;
		sandbox.host.tears = true;
		_exit(operation() ? 0 : 2);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == CRASHED)
		return true;
	if (WEXITSTATUS(status) != 0)
		n_bad++;
	return false;
}

/* --- what is done --- */

static bool with(bool (*what)(struct transactions *all))
{
	struct transactions *all;
	bool done;

	if (!transactions_open(&sandbox.env, sandbox.state, NULL, &all, NULL))
		return false;
	done = !what || what(all);
	transactions_close(all);
	return done;
}

static bool apply_to(struct transactions *all)
{
	struct plan *plan = sandbox_plan(&sandbox, sandbox_profile);
	json_t *result = NULL;
	bool done = transaction_apply(all, plan, plan->hash, -1, &result, NULL);

	json_decref(result);
	plan_free(plan);
	return done;
}

static bool rollback_of(struct transactions *all)
{
	const struct ledger *ledger = transactions_ledger(all);

	while (ledger->txns->len > 0) {
		struct ledger_txn *txn = ledger->txns->pdata[ledger->txns->len - 1];
		unsigned before = ledger->txns->len;
		json_t *results = NULL;
		bool done = transaction_rollback(all, txn->id, false, &results, NULL);

		json_decref(results);
		ledger = transactions_ledger(all);
		if (!done || ledger->txns->len >= before)
			return false;
	}
	return true;
}

static bool apply(void)
{
	return with(apply_to);
}

static bool rollback(void)
{
	return with(rollback_of);
}

static bool recover(void)
{
	return with(NULL);
}

static bool is(const char *wanted)
{
	g_autofree char *now = sandbox_dump(&sandbox);

	return !strcmp(now, wanted);
}

static void check(const char *what, int i, int j, bool good)
{
	n_cases++;
	if (good)
		return;
	if (n_bad++ < 3)
		printf("bad: %s, first crash at %d, second at %d\n", what, i, j);
}

static bool enough(void)
{
#ifdef MUTANT
	return n_bad >= MUTANT_ENOUGH;
#else
	return false;
#endif
}

/* A device is held by the process: one that dies lets go of it. */
static void forget_devices(void)
{
	setting_host_finish(&sandbox.host);
	sandbox.host.step = NULL;
}

/* --- the enumeration --- */

/* After a clean recovery: all or nothing, and both ways on work. */
static bool recovers(bool all_the_way)
{
	bool good = recover() && (is(originals) || is(desired));

	if (!good || !all_the_way)
		return good;
	return apply() && is(desired) && rollback() && is(originals);
}

static bool after_apply_and_recovery(int i, int j)
{
	enum loss loss = (i + j) % 2 ? LOSS_NONE : LOSS_UNSYNCED;
	bool died;

	sandbox_reset(&sandbox);
	dies(apply, i, loss);
	died = dies(recover, j, loss);
	check("apply, recovery", i, j, recovers(j % 4 == 0));
	forget_devices();
	return died;
}

static bool after_apply(int i, enum loss loss)
{
	bool died;

	sandbox_reset(&sandbox);
	died = dies(apply, i, loss);
	check("apply", i, loss, recovers(true));
	forget_devices();
	return died;
}

static void crash_in_apply_and_recovery(void)
{
	for (int i = 0; i < STEP_MAX && !enough(); i += SPARSE) {
		after_apply(i, LOSS_UNSYNCED);
		if (!after_apply(i, LOSS_NONE))
			break;
		for (int j = i % 11; after_apply_and_recovery(i, j); j += 11)
			;
	}
}

static void crash_in_apply_and_apply(void)
{
	bool died = true;

	for (int i = 0; i < STEP_MAX && died && !enough(); i += SPARSE) {
		for (int j = i % 13; j < STEP_MAX; j += 13) {
			bool again;

			sandbox_reset(&sandbox);
			died = dies(apply, i, LOSS_NONE);
			again = dies(apply, j, LOSS_NONE);
			check("apply, apply", i, j,
				apply() && is(desired) && rollback() && is(originals));
			forget_devices();
			if (!again)
				break;
		}
	}
}

static void crash_in_rollback(void)
{
	bool died = true;

	for (int i = 0; i < STEP_MAX && died && !enough(); i += SPARSE) {
		enum loss loss = i % 2 ? LOSS_NONE : LOSS_UNSYNCED;

		for (int j = i % 13; j < STEP_MAX; j += 13) {
			bool again;

			sandbox_reset(&sandbox);
			dies(apply, STEP_MAX, LOSS_NONE);
			died = dies(rollback, i, loss);
			again = dies(rollback, j, loss);
			check("rollback, rollback", i, j, rollback() && is(originals));
			forget_devices();
			if (!again)
				break;
		}
	}
}

/* One transaction is held, and another one that was taken back only makes the journal longer. */
static bool hold_one_of_two(void)
{
	sandbox.host.journal_turn = 0;
	return rollback() && is(originals) && apply() && is(desired);
}

static bool turn(void)
{
	sandbox.host.journal_turn = 1;
	return recover();
}

static bool start_over(void)
{
	sandbox_reset(&sandbox);
	return apply() && hold_one_of_two();
}

/* A case leaves the machine as the next one wants it. */
static bool after_turn_and_turn(int i, int j, enum loss loss, bool *ret_first_died)
{
	bool again, good;

	*ret_first_died = dies(turn, i, loss);
	again = dies(turn, j, loss);
	good = turn() && is(desired) && hold_one_of_two();
	check("turn, turn", i, j, good);
	forget_devices();
	if (!good)
		start_over();
	return again;
}

static void crash_in_turn(void)
{
	bool died = start_over();

	for (int i = 0; i < STEP_MAX && died && !enough(); i += SPARSE) {
		for (int j = i % 5; after_turn_and_turn(i, j, LOSS_NONE, &died); j += 5)
			;
		for (int j = i % 5; after_turn_and_turn(i, j, LOSS_UNSYNCED, &died); j += 5)
			;
	}
}

/* Nothing that is shipped goes untested. */
static void assert_all_kinds_change(void)
{
	struct plan *plan = sandbox_plan(&sandbox, sandbox_profile);

	for (const struct setting_kind *const *kind = setting_kinds; *kind; kind++) {
		bool changes = false;

		for (unsigned i = 0; i < plan->entries->len; i++) {
			const struct plan_entry *entry = plan->entries->pdata[i];

			changes |= entry->setting->kind == *kind && entry->change;
		}
		ck_assert_msg(changes, "no %s", (*kind)->name);
	}
	plan_free(plan);
}

static void enumerate(void (*crash)(void), unsigned cases_min)
{
	sandbox_init(&sandbox);
	originals = sandbox_dump(&sandbox);
	assert_all_kinds_change();
	ck_assert(apply());
	desired = sandbox_dump(&sandbox);
	ck_assert_str_ne(originals, desired);
	forget_devices();
	crash();
	printf("%u cases, %u bad\n", n_cases, n_bad);
	g_free(originals);
	g_free(desired);
	sandbox_finish(&sandbox);
#ifndef MUTANT
	ck_assert_uint_eq(n_bad, 0);
	ck_assert_uint_ge(n_cases, cases_min / (SPARSE * 2 - 1));
#endif
}

#ifdef MUTANT

static void crash_anywhere(void)
{
	crash_in_apply_and_recovery();
	crash_in_apply_and_apply();
	crash_in_rollback();
}

START_TEST(a_defect_loses_an_original_in_some_crash)
{
	enumerate(MUTANT_OF_TURN ? crash_in_turn : crash_anywhere, 0);
	ck_assert_uint_gt(n_bad, 0);
}
END_TEST

#else

START_TEST(no_crash_of_an_apply_or_of_its_recovery_loses_an_original)
{
	enumerate(crash_in_apply_and_recovery, 600);
}
END_TEST

START_TEST(an_apply_upon_one_that_died_keeps_the_first_original)
{
	enumerate(crash_in_apply_and_apply, 1000);
}
END_TEST

START_TEST(no_crash_of_a_rollback_loses_an_original)
{
	enumerate(crash_in_rollback, 400);
}
END_TEST

START_TEST(no_crash_while_the_journal_is_made_anew_loses_what_it_holds)
{
	enumerate(crash_in_turn, 400);
}
END_TEST

#endif

int main(void)
{
	const TTest *const tests[] = {
#ifdef MUTANT
		a_defect_loses_an_original_in_some_crash,
#else
		no_crash_of_an_apply_or_of_its_recovery_loses_an_original,
		an_apply_upon_one_that_died_keeps_the_first_original,
		no_crash_of_a_rollback_loses_an_original,
		no_crash_while_the_journal_is_made_anew_loses_what_it_holds,
#endif
		NULL,
	};

	return suite_run("agent-crash", tests);
}

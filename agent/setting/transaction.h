/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Applies plans and takes them back, so that an original value is never lost: what was there is in
 * the journal, on the disk, before anything changes. Whatever stops the machine, the next
 * transactions_open() finds each setting as it was before an unfinished apply.
 */

#include "ledger.h"
#include "plan.h"

#define TRANSACTION_CONFIRM_S     120u /* for risk medium and high, unless said otherwise */
#define TRANSACTION_CONFIRM_S_MAX 86400u

struct transactions;

/* Opens the journal and recovers: takes back what was interrupted, what was not confirmed before a
 * reboot (one that a setting needs counts as a trial: it can be confirmed behind it), and goes on
 * taking back. *ret_results (may be NULL): as of transaction_rollback(). */
bool transactions_open(const struct env *env, const char *folder, json_t **ret_results,
	struct transactions **ret, GError **error);
void transactions_close(struct transactions *all);

/* What is held now; borrowed, until the next call that changes anything. */
const struct ledger *transactions_ledger(const struct transactions *all);
const json_t *transactions_records(const struct transactions *all);

/*
 * Applies a plan that was just made, when its hash is the one that was approved
 * (G_IO_ERROR_INVALID_ARGUMENT otherwise: the machine changed). confirm_s: 0: the default for its
 * risk, < 0: needs no confirmation. When a setting fails that is not optional, all of it is taken
 * back and the error says which. *ret: {txn, confirm-s, results: [{kind, target, result, message}]};
 * result is "applied", "failed" or "skipped"; txn is 0 when there was nothing to do.
 */
bool transaction_apply(struct transactions *all, const struct plan *plan, const char *hash,
	int confirm_s, json_t **ret, GError **error);

/* G_IO_ERROR_NOT_FOUND: there is no such transaction, or it waits for nothing. */
bool transaction_confirm(struct transactions *all, int64_t txn, GError **error);

/*
 * Takes one back, newest setting first, and goes on past a failure. *ret_results: an array of
 * {txn, kind, target, result, message}; result is "restored", "kept" (a later transaction has it and
 * restores the original in turn), "drift" (somebody else changed it since; left alone unless
 * forced) or "failed". What is not restored stays held: a later rollback may try again.
 */
bool transaction_rollback(
	struct transactions *all, int64_t txn, bool force, json_t **ret_results, GError **error);

/* When the next one that waits for a confirmation is taken back (env->now_ns); -1: none waits. */
int64_t transactions_deadline_ns(const struct transactions *all);
/* Takes back what is overdue. */
bool transactions_expire(struct transactions *all, json_t **ret_results, GError **error);

/* Writes again what a reboot or the end of this program made void of transactions that are done,
 * with fresh originals. For the start of the system. *ret_results: as of transaction_apply(). */
bool transactions_resume(struct transactions *all, json_t **ret_results, GError **error);

/* Compares what is held with what is in effect: [{txn, profile, kind, target, desired, effective,
 * same, needs-reboot, message}]. What a newer version left is one entry of a transaction, of the
 * kind LEDGER_UNKNOWN and never the same. */
json_t *transactions_verify(const struct transactions *all);

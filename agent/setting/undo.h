/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Taking one transaction back; see transaction_rollback(). */

#include "journal.h"
#include "ledger.h"

/* Appends to results. False and error only when the journal fails: then what was waiting or begun is
 * put back all the same, which doing it again later does no harm, and what was committed stays. The
 * ledger has to be made anew afterwards. */
bool undo_txn(const struct env *env, struct journal *journal, const struct ledger_txn *txn,
	struct ledger *ledger, bool force, json_t *results, GError **error);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writing again what a reboot made void; the two halves of transactions_resume(). */

#include "journal.h"
#include "ledger.h"

/* Appends an intent, with fresh originals, for each void setting of a transaction that is done. The
 * ledger has to be made anew afterwards. */
bool resume_intents(const struct env *env, struct journal *journal, const struct ledger *ledger,
	const char *boot, GError **error);
/* Writes what that made new in the ledger, and holds devices again. What is there since an earlier
 * start is left: somebody may have changed it back. Appends {kind, target, result, message} to
 * results. */
void resume_write(const struct env *env, const struct ledger *before, const struct ledger *now,
	json_t *results);

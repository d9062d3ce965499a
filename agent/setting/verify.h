/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is held, and what is in effect. */

#include "ledger.h"

/* As transactions_verify(). */
json_t *verify_ledger(const struct env *env, const struct ledger *ledger);

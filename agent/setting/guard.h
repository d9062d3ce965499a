/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Conditions of the machine under which a setting is left alone. */

#include "../env.h"

struct guard {
	const char *name;
	const char *because; /* completes "skipped: " */
	bool (*holds)(const struct env *env);
};
/* Ends with a NULL name. */
extern const struct guard guard_table[];

/* names: "a;b", any that holds counts. *ret_reason (transfer full): why it holds, or that a name is
 * not known, which counts as well; untouched when none does. */
bool guard_holds(const struct env *env, const char *names, char **ret_reason);

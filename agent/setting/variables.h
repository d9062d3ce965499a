/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * ${NAME} in the values of a profile. A profile may define any; these are known besides:
 *
 *   possible, online     CPUs of the machine ("0-3")
 *   isolated             CPUs that are isolated now; has no value when there are none
 *   housekeeping         the other ones; housekeeping_mask: as the kernel's masks ("3")
 *   isolate              CPUs to isolate at the next boot: all but 0; has no value on one CPU
 *   keep                 the possible CPUs that are not in ${isolate}, also of the profile
 */

#include "../env.h"

/* The CPUs that are not isolated. False where none is isolated. */
bool variables_housekeeping(const struct env *env, struct env_cpus *ret);

/* own: char * -> char *; NULL: none. False and error (G_IO_ERROR_NOT_SUPPORTED) for a variable that
 * is not known or has no value here. */
bool variables_expand(
	const struct env *env, GHashTable *own, const char *text, char **ret, GError **error);

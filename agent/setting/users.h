/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who uses the machine, of /etc/passwd: not those that only a directory service knows. */

#include "../env.h"

/* Those with a UID of UID_MIN to UID_MAX of /etc/login.defs (1000 to 60000), sorted;
 * NULL-terminated. */
char **users_human(const struct env *env);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "dialect.h"

/* Are these (an object) the arguments that the table (NULL: none) describes? False and *error with
 * the words of QEMU's qobject-input-visitor.c. */
bool arguments_check(
	const struct dialect_argument *table, json_t *arguments, struct dialect_error *error);

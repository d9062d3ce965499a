/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the kinds that write to files of the kernel have in common. */

#include "../env.h"

/* The text of a knob without white space at its ends, runs of white space as one space. Absent
 * is an error (G_FILE_ERROR_NOENT). */
bool knob_read(const struct env *env, const char *path, char **ret, GError **error);
/* Whether it is there, else *ret_reason. */
bool knob_check(const struct env *env, const char *path, char **ret_reason);
/* Files that match a path with * in its components; sorted; NULL-terminated. */
char **knob_expand(const struct env *env, const char *pattern);
/* May so many huge pages be reserved? Half of the memory that is free stays so. page_kb 0: pages of
 * the default size. Else *ret_reason. */
bool knob_fits_memory(
	const struct env *env, const char *pages, uint64_t page_kb, char **ret_reason);

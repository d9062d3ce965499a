/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Values that are sets: lines "KEY=VALUE\n", sorted by key, each key once. */

#include <glib.h>
#include <stdbool.h>

/* key -> value, both owned, of such a text (NULL: none). */
GTree *lines_parse(const char *text);
/* NULL for an empty set; transfer full. */
char *lines_format(GTree *set);
/* `now` (may be NULL) with what `more` says instead or besides; transfer full. */
char *lines_merge(const char *now, const char *more);
/* Calls for each in order until one says false, which is then returned. */
bool lines_each(
	GTree *set, bool (*each)(const char *key, const char *value, void *user), void *user);

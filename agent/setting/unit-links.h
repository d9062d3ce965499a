/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The links below /etc/systemd/system (or /user) that enable, mask or rename a unit. A set of
 * them is lines "LINK=TARGET\n" as of lines.h, LINK relative to that folder.
 */

#include "../env.h"

#define UNIT_LINKS_SYSTEM "/etc/systemd/system"
#define UNIT_LINKS_USER   "/etc/systemd/user" /* of all users: systemctl --global */

/* *ret: NULL for none. */
bool unit_links_read(
	const struct env *env, const char *folder, const char *unit, char **ret, GError **error);
/* Makes and removes links until these are the ones. *ret_changed: whether any was not. */
bool unit_links_write(const struct env *env, const char *folder, const char *unit,
	const char *links, bool *ret_changed, GError **error);
/* Is there a unit file of the administrator's at its place, where a mask would have to be? */
bool unit_links_has_file(const struct env *env, const char *folder, const char *unit);

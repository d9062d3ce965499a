/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Users, groups and capabilities of this process. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The user that the daemon will be: `user` when it is root and that exists, else who it is. */
uid_t privilege_uid_of(const char *user);
bool privilege_find_group(const char *name, gid_t *ret);
/* Becomes that user, with its groups (render: the GPU) and without a capability, when it is root and
 * the user exists. */
bool privilege_drop(const char *user, GError **error);
/* Of this machine on vsock; VMADDR_CID_ANY when it has none. */
uint32_t privilege_own_cid(void);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Commands that helix-applyd answers: handed on as they are, few at a time, never waited for. */

#define FORWARD_AT_ONCE 2u /* leaves helix-applyd room for other clients (DIALECT_CLIENTS_MAX) */

struct forward;
/* path: helix-applyd's socket; copied. */
struct forward *forward_new(const char *path);
/* What is under way is not answered any more: after the clients are gone. */
void forward_free(struct forward *forward);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a user can do about a run that does not begin. Each for the caller to g_free(). */

#include "endpoint/slave.h"
#include "options.h"

/* Nobody announces itself at `port`: what to run in the guest, with the addresses that it may reach us
 * at when `address` is any. by_name: only slaves of certain names come in. */
char *advice_no_slave(struct in_addr address, uint16_t port, bool by_name);
/* A slave is there, and nothing that was sent comes back: what to connect. */
char *advice_nothing_back(const struct slave_report *slave);
/* The port cannot be had: who has it, as far as /proc tells. */
char *advice_listen(const struct netjack_options *options, int error);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What helix-applyd does, as a table of commands of the dialect: it serves them on
 * /run/helix-agent/apply.sock to root and to helix-agentd (SO_PEERCRED), which hands requests of
 * its own clients on, once it has decided that they may ask. See docs/agent-protocol.md for
 * arguments and returns:
 *
 *   helix-profile-list, -show, -plan, -apply, -confirm, -rollback, -verify
 *   helix-checkpoint-list, helix-journal-list, helix-latency-run
 */

#include "../dialect/dialect.h"
#include "../env.h"

struct service;

struct service_config {
	const struct env *env;
	char *state_dir; /* journal; /var/lib/helix-agent */
	char **profile_dirs; /* first wins; /etc/helix-agent/profiles, PREFIX/share/helix-agent/profiles */
};

extern const struct dialect_command service_commands[];

/* Recovers what an interrupted transaction left before anything else; `user` of the commands. */
struct service *service_new(const struct service_config *config, GError **error);
void service_free(struct service *service);
/* Is there a reason to stay: a confirmation that is waited for, a device file that is held? */
bool service_busy(const struct service *service);

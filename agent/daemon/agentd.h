/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the commands of helix-agentd are about: the `user` of their tables. Each file of commands
 * needs what stands behind it; the rest may be NULL. */

#include "../dialect/dialect.h"
#include "../env.h"
#include "config.h"

struct agentd {
	const struct env *env;       /* guest_commands, health_commands, facts_commands */
	const struct config *config; /* link_commands, facts_commands */
	struct health *health;       /* health_commands, link_commands */
	struct link_log *link_log;   /* link_commands; as the probes have it */
	struct forward *forward;     /* forward_commands */
	struct errands *errands;     /* guest_commands, facts_commands */
};

extern const struct dialect_command guest_commands[], health_commands[], forward_commands[],
	facts_commands[], link_commands[];

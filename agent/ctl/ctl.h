/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* helix-agent: what its commands share. It talks to helix-agentd and to nothing else. */

#include "print.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define CTL_SOCKET "/run/helix-agent/agent.sock"

/* Exit codes; for verdicts those of monitoring plugins (enum probe_status). */
#define CTL_DONE    0
#define CTL_FAILED  1 /* refused, failed or not as it should be */
#define CTL_UNASKED 3 /* wrong usage, or the agent cannot be asked */

struct ctl {
	const char *program; /* "helix-agent health", for messages */
	char *socket;
	gboolean json; /* print the reply as it is */
	struct print print;
};

struct ctl_command {
	const char *name;            /* "profile plan"; NULL ends a table */
	const char *arguments;       /* "NAME"; NULL: none */
	const char *summary;         /* one line */
	const GOptionEntry *options; /* NULL: none but the common ones */
	int min_arguments, max_arguments;
	/* arguments: what is left without options, NULL-terminated. Returns an exit code. */
	int (*run)(struct ctl *ctl, char **arguments);
};

extern const struct ctl_command ctl_health_commands[], ctl_link_commands[], ctl_latency_commands[],
	ctl_validate_commands[], ctl_profile_commands[], ctl_render_commands[],
	ctl_journal_commands[];

/* Asks the agent. Takes arguments (NULL: none). A new reference; or NULL, and the user was told what
 * is wrong and what to do. */
json_t *ctl_ask(struct ctl *ctl, const char *command, json_t *arguments);
/* The same; tells nobody. */
json_t *ctl_try(struct ctl *ctl, const char *command, json_t *arguments, GError **error);
/* "helix-agent health: ..." on standard error. Returns CTL_UNASKED. */
int ctl_complain(const struct ctl *ctl, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* What went wrong, and on a line of its own what to do about it. Returns CTL_UNASKED. */
int ctl_explain(const struct ctl *ctl, const GError *error);
/* As indented JSON. */
void ctl_print_json(const json_t *json);

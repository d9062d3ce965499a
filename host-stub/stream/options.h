/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line of `helix-host-stub stream`. */

#include "server.h"

#include <hxfr/endpoint.h>

#define OPTIONS_DEFAULT_LISTEN "tcp:127.0.0.1:15937" /* where hosts in the field listen */

struct options {
	struct hxfr_endpoint endpoints[SERVER_LISTENERS_MAX];
	unsigned n_endpoints;
	char *encoder; /* NULL: auto */
	struct fault faults[SERVER_FAULTS_MAX];
	unsigned n_faults;
	char *resources;                        /* path of a device's socket; NULL: none */
	uint32_t console_width, console_height; /* pixels */
	bool refuse_ids;                        /* those that cannot be seen */
	bool stats_json;
	enum log_level log_level;
};

/* 0 and *ret, which options_finish() releases; 1: help was asked for and printed; -EINVAL:
 * nonsense, said on stderr. */
int options_parse(int argc, char **argv, struct options *ret);
void options_finish(struct options *options);

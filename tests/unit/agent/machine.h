/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A folder that stands for a machine, with a clock and programs of the test's own. */

#include "env.h"

struct machine {
	struct env env;
	int64_t now_ns;
	GHashTable *programs; /* "name argument ..." -> what it prints; others are not there */
};

void machine_init(struct machine *machine);
/* Removes the folder. */
void machine_finish(struct machine *machine);
/* A file and the folders above it. */
void machine_put(struct machine *machine, const char *path, const char *text);
void machine_link(struct machine *machine, const char *path, const char *target);
void machine_remove(struct machine *machine, const char *path);
/* A program that prints, by its whole command line. NULL: it fails. */
void machine_program(struct machine *machine, const char *command, const char *output);

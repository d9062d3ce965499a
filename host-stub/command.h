/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The sub-commands of helix-host-stub: one row of the table in main.c each. */

enum {
	EXIT_OK = 0,
	EXIT_RUNTIME = 1, /* could not do, or go on with, what was asked */
	EXIT_USAGE = 2,   /* was asked nonsense */
};

struct command {
	const char *name;
	const char *summary; /* one line for --help */
	/* argv[0] is the name of the sub-command. Returns an exit code of the above. */
	int (*run)(int argc, char **argv);
};

extern const struct command stream_command;

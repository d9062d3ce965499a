/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the mains have in common: a command line that explains itself, and one way to fail. */

#include <glib.h>
#include <stdint.h>

#define PROGRAM_USAGE 2 /* exit status for a command line that is none */

/*
 * Parses options (--help included) and leaves program name and arguments in *argc and *argv.
 * parameters: of the usage line, "[OPTION...]" left out. summary: what it is for, in a sentence or
 * two. description: what it prints, what its exit status says; behind the options. Ends the program
 * with PROGRAM_USAGE for an unknown option.
 */
void program_options(int *argc, char ***argv, const GOptionEntry *entries, const char *parameters,
	const char *summary, const char *description);

/* A copy of value for an option that was not given. */
void program_default(char **option, const char *value);

/* Prints "NAME: what: reason" for -errno (or only "NAME: what" for 0) and exits with status 1. */
void program_fail(int error, const char *what, ...) G_GNUC_NORETURN G_GNUC_PRINTF(2, 3);
/* The same for a wrong command line: "NAME: what", status PROGRAM_USAGE. */
void program_usage(const char *what, ...) G_GNUC_NORETURN G_GNUC_PRINTF(1, 2);

/* Two numbers of 1 to 16384 around an x: "640x480". TRUE, or FALSE and untouched outputs. */
gboolean program_parse_size(const char *text, uint32_t *ret_width, uint32_t *ret_height);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The sub-commands of helix-host-stub: one row of the table in main.c each; and what their command
 * lines have in common. */

#include "log.h"

#include <glib.h>
#include <stdint.h>

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
extern const struct command virtio_command;
extern const struct command qemu_args_command;
extern const struct command netjack_command;

/* The options every command has. */
struct command_log {
	char *level; /* owned by the caller, g_free() */
	gboolean verbose;
};
#define COMMAND_LOG_OPTIONS(l)                                                                     \
	{ "log", 0, 0, G_OPTION_ARG_STRING, &(l)->level,                                           \
		"error, warning, info (default) or debug (every message)", "LEVEL" },              \
	{                                                                                          \
		"verbose", 'v', 0, G_OPTION_ARG_NONE, &(l)->verbose, "Same as --log debug", NULL   \
	}

/* entries without --help, which is added. 0; 1: help was asked for and printed; -EINVAL: nonsense,
 * said on stderr. */
int command_parse(const char *name, const GOptionEntry *entries, const char *description, int argc,
	char **argv);
/* The same with more options: groups, NULL-terminated and taken over, each below its title. */
int command_parse_groups(const char *name, const GOptionEntry *entries, GOptionGroup **groups,
	const char *description, int argc, char **argv);
/* "1280x720", sides from 1 to max. NULL text: *ret_width and *ret_height stay. 0, or -EINVAL, said
 * on stderr. */
int command_parse_size(const char *option, const char *text, uint32_t max, uint32_t *ret_width,
	uint32_t *ret_height);
/* 0, or -EINVAL, said on stderr. */
int command_parse_log(const struct command_log *log, enum log_level *ret);

/* For a log_sink: to stderr. */
void command_write_log(void *user, enum log_level level, const char *text);

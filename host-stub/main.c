/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include <locale.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct command *const commands[] = {
	&stream_command,
	&virtio_command,
	&qemu_args_command,
	&netjack_command,
};

#define N_COMMANDS (sizeof commands / sizeof commands[0])

static void print_help(FILE *out)
{
	fputs("Usage: helix-host-stub COMMAND [OPTION...]\n\n"
	      "The host side of helix-guest, for Linux hosts and for tests.\n\nCommands:\n",
		out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nOptions:\n"
	      "  --help     show this text ('COMMAND --help' for the options of a command)\n"
	      "  --version  show the version\n\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage. See helix-host-stub(1).\n",
		out);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, ""); /* numbers stay as JSON wants them */
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(stdout);
		return EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("helix-host-stub " PACKAGE_VERSION);
		return EXIT_OK;
	}
	const struct command *command = find_command(argv[1]);
	if (!command) {
		fprintf(stderr,
			"helix-host-stub: no command '%s'; 'helix-host-stub --help' lists them\n",
			argv[1]);
		return EXIT_USAGE;
	}
	return command->run(argc - 1, argv + 1);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* helix-agent: asks helix-agentd, and shows the answer. */

#include "ctl.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

static const struct ctl_command *const tables[] = { ctl_health_commands, ctl_link_commands,
	ctl_latency_commands, ctl_validate_commands, ctl_profile_commands, ctl_render_commands,
	ctl_journal_commands };

/* Those whose name begins so. False: there is none. */
static bool print_commands(FILE *out, const char *prefix)
{
	bool found = false;

	for (gsize i = 0; i < G_N_ELEMENTS(tables); i++)
		for (const struct ctl_command *command = tables[i]; command->name; command++) {
			g_autofree char *form = g_strconcat(command->name,
				command->arguments ? " " : "", command->arguments, NULL);

			if (!g_str_has_prefix(command->name, prefix))
				continue;
			fprintf(out, "  %-28s %s\n", form, command->summary);
			found = true;
		}
	return found;
}

static void print_usage(FILE *out)
{
	fputs("usage: helix-agent [--socket PATH] COMMAND [OPTION...] [ARGUMENT...]\n\n", out);
	print_commands(out, "");
	fputs("\n"
	      "Every command knows --help, --json and --socket PATH (default " CTL_SOCKET ").\n"
	      "Exit status: 0 done or OK, 1 failed or WARN, 2 FAIL, 3 UNKNOWN or not to be asked.\n",
		out);
}

/* The command that these words begin with; *ret_words: how many are its name. */
static const struct ctl_command *find(int n_words, char *const *words, int *ret_words)
{
	g_autofree char *two = n_words > 1 ? g_strjoin(" ", words[0], words[1], NULL) : NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(tables); i++)
		for (const struct ctl_command *command = tables[i]; command->name; command++) {
			bool pair = strchr(command->name, ' ');

			if (g_strcmp0(pair ? two : words[0], command->name) == 0) {
				*ret_words = pair ? 2 : 1;
				return command;
			}
		}
	return NULL;
}

static int run(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv)
{
	const GOptionEntry common[] = {
		{ "socket", 's', 0, G_OPTION_ARG_FILENAME, &ctl->socket, "Where the agent listens",
			"PATH" },
		{ "json", 'j', 0, G_OPTION_ARG_NONE, &ctl->json, "Print the reply as JSON", NULL },
		{ NULL },
	};
	g_autoptr(GOptionContext) context = g_option_context_new(command->arguments);
	g_autofree char *program = g_strconcat("helix-agent ", command->name, NULL);
	g_autoptr(GError) error = NULL;

	ctl->program = program;
	g_set_prgname(program);
	g_option_context_set_summary(context, command->summary);
	g_option_context_add_main_entries(context, common, NULL);
	if (command->options)
		g_option_context_add_main_entries(context, command->options, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error))
		return ctl_complain(
			ctl, "%s; %s --help lists the options", error->message, program);
	if (argc - 1 < command->min_arguments || argc - 1 > command->max_arguments)
		return ctl_complain(ctl, "usage: %s%s%s", program, command->arguments ? " " : "",
			command->arguments ? command->arguments : "");
	return command->run(ctl, argv + 1);
}

static void set_socket(struct ctl *ctl, const char *path)
{
	g_free(ctl->socket);
	ctl->socket = g_strdup(path);
}

/* Options in front of the command; *ret_words: how many words were taken. False: not the next one. */
static bool take_options(struct ctl *ctl, int argc, char **argv, int *ret_words)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		bool split = !strcmp(argv[i], "--socket") || !strcmp(argv[i], "-s");

		*ret_words = i - 1;
		if (!strcmp(argv[i], "--json") || !strcmp(argv[i], "-j"))
			ctl->json = TRUE;
		else if (!split && !g_str_has_prefix(argv[i], "--socket="))
			return false;
		else if (split && i + 1 == argc)
			return false;
		else
			set_socket(ctl, split ? argv[++i] : argv[i] + strlen("--socket="));
	}
	*ret_words = i - 1;
	return true;
}

static int dispatch(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_command *command;
	int taken, words;

	if (!take_options(ctl, argc, argv, &taken))
		return ctl_complain(ctl, "no option '%s'; helix-agent --help lists what there is",
			argv[1 + taken]);
	if (taken == argc - 1) {
		print_usage(stderr);
		return CTL_UNASKED;
	}
	command = find(argc - 1 - taken, argv + 1 + taken, &words);
	if (!command) {
		g_autofree char *group = g_strconcat(argv[1 + taken], " ", NULL);

		if (print_commands(stderr, group))
			return CTL_UNASKED;
		return ctl_complain(ctl, "no command '%s'; helix-agent --help lists what there is",
			argv[1 + taken]);
	}
	return run(ctl, command, argc - taken - words, argv + taken + words);
}

int main(int argc, char **argv)
{
	struct ctl ctl = { .program = "helix-agent", .socket = g_strdup(CTL_SOCKET) };
	int status;

	setlocale(LC_CTYPE, "");
	print_init(&ctl.print);
	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		print_usage(stdout);
		status = CTL_DONE;
	} else if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("helix-agent " PACKAGE_VERSION);
		status = CTL_DONE;
	} else {
		status = dispatch(&ctl, argc, argv);
	}
	g_free(ctl.socket);
	return status;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void print_help(GOptionContext *context)
{
	char *text = g_option_context_get_help(context, FALSE, NULL);

	g_print("%s", text);
	g_free(text);
}

int command_parse(const char *name, const GOptionEntry *entries, const char *description, int argc,
	char **argv)
{
	GOptionGroup *none = NULL;

	return command_parse_groups(name, entries, &none, description, argc, argv);
}

int command_parse_groups(const char *name, const GOptionEntry *entries, GOptionGroup **groups,
	const char *description, int argc, char **argv)
{
	gboolean help = FALSE;
	const GOptionEntry help_entry[] = {
		{ "help", 'h', 0, G_OPTION_ARG_NONE, &help, "Show this text", NULL },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;
	g_autofree char *program = g_strdup_printf("helix-host-stub %s", name);
	g_auto(GStrv) arguments = g_new0(char *, (size_t)argc + 1);

	g_set_prgname(program);
	for (int i = 0; i < argc; i++)
		arguments[i] = g_strdup(argv[i]);
	g_option_context_set_help_enabled(context, FALSE);
	g_option_context_set_description(context, description);
	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_add_main_entries(context, help_entry, NULL);
	for (; *groups; groups++)
		g_option_context_add_group(context, *groups);
	if (!g_option_context_parse_strv(context, &arguments, &error)) {
		g_printerr("helix-host-stub: %s; see --help\n", error->message);
		return -EINVAL;
	}
	if (help) {
		print_help(context);
		return 1;
	}
	if (g_strv_length(arguments) > 1) {
		g_printerr("helix-host-stub: unexpected argument '%s'; see --help\n", arguments[1]);
		return -EINVAL;
	}
	return 0;
}

int command_parse_size(const char *option, const char *text, uint32_t max, uint32_t *ret_width,
	uint32_t *ret_height)
{
	guint64 width, height;

	if (!text)
		return 0;
	g_auto(GStrv) sides = g_strsplit(text, "x", 3);
	if (g_strv_length(sides) != 2 ||
		!g_ascii_string_to_unsigned(sides[0], 10, 1, max, &width, NULL) ||
		!g_ascii_string_to_unsigned(sides[1], 10, 1, max, &height, NULL)) {
		g_printerr("helix-host-stub: %s %s is no size; write 1280x720 (sides up to %u)\n",
			option, text, max);
		return -EINVAL;
	}
	*ret_width = (uint32_t)width;
	*ret_height = (uint32_t)height;
	return 0;
}

int command_parse_log(const struct command_log *log, enum log_level *ret)
{
	enum log_level level = log->verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;

	if (log->level && log_level_parse(log->level, &level) < 0) {
		g_printerr("helix-host-stub: --log %s: write error, warning, info or debug\n",
			log->level);
		return -EINVAL;
	}
	*ret = level;
	return 0;
}

void command_write_log(void *user, enum log_level level, const char *text)
{
	static const char *const prefixes[] = { "error: ", "warning: ", "", "" };

	(void)user;
	fprintf(stderr, "helix-host-stub: %s%s\n", prefixes[level], text);
}

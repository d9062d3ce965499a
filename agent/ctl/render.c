/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl.h"

#include "../profile.h"
#include "../render/windows.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DIR_MODE 0777 /* less the umask */

static char *target, *output, *source;

static const GOptionEntry render_options[] = {
	{ "target", 't', 0, G_OPTION_ARG_STRING, &target, "For which system (needed)", "windows" },
	{ "output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "Where to (default: NAME-windows)",
		"DIR" },
	{ "source", 0, 0, G_OPTION_ARG_FILENAME, &source,
		"Where the profiles and templates are (default: " HELIX_WINDOWS_DIR ")", "DIR" },
	{ NULL },
};

static bool write_script(enum windows_script script, const char *from, const char *to,
	const char *name, const GPtrArray *entries, GError **error)
{
	g_autofree char *in = g_build_filename(from, windows_script_templates[script], NULL);
	g_autofree char *out = g_build_filename(to, windows_script_names[script], NULL);
	g_autofree char *template = NULL, *text = NULL;

	if (!g_file_get_contents(in, &template, NULL, error))
		return false;
	text = windows_render(script, template, name, entries, error);
	return text && g_file_set_contents(out, text, -1, error);
}

/* A profile that is not there is more often another's name than another's folder. */
static int complain_of_name(const struct ctl *ctl, const char *from, const char *name)
{
	const char *const dirs[] = { from, NULL };
	g_auto(GStrv) names = profile_list(dirs);
	g_autofree char *list = g_strjoinv(", ", names);

	if (!*names)
		return ctl_complain(ctl,
			"%s has no Windows profiles; --source DIR says where "
			"they are",
			from);
	return ctl_complain(ctl,
		"%s is no Windows profile; there are: %s (--source DIR for others)", name, list);
}

static int run_render(struct ctl *ctl, char **arguments)
{
	const char *from = source ? source : HELIX_WINDOWS_DIR;
	g_autofree char *to =
		output ? g_strdup(output) : g_strconcat(arguments[0], "-windows", NULL);
	g_autoptr(GPtrArray) entries = NULL;
	g_autoptr(GError) error = NULL;

	if (g_strcmp0(target, "windows") != 0)
		return ctl_complain(ctl, "say --target windows; there is no other");
	if (!windows_load(from, arguments[0], &entries, &error))
		return g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT)
			       ? complain_of_name(ctl, from, arguments[0])
			       : ctl_complain(ctl, "%s", error->message);
	if (g_mkdir_with_parents(to, DIR_MODE) < 0)
		return ctl_complain(ctl, "%s: %s", to, g_strerror(errno));
	for (int script = 0; script < WINDOWS_SCRIPTS; script++)
		if (!write_script(
			    (enum windows_script)script, from, to, arguments[0], entries, &error))
			return ctl_complain(ctl, "%s", error->message);
	printf("%u settings in %s: run apply.ps1 or apply.cmd there as administrator\n",
		entries->len, to);
	return CTL_DONE;
}

const struct ctl_command ctl_render_commands[] = {
	{ "profile render", "NAME", "Write scripts that apply it in another system", render_options,
		1, 1, run_render },
	{ NULL },
};

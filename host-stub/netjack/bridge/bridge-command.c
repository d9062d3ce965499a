/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../../command.h"

#include "bridge-status.h"
#include "bridge.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNIT "helix-netjack-bridge.service"

char *bridge_status_path(void)
{
	const char *folder = getenv("RUNTIME_DIRECTORY");

	if (folder && folder[0] == '/' && !strchr(folder, ':'))
		return g_build_filename(folder, "status.json", NULL);
	folder = getenv("XDG_RUNTIME_DIR");
	if (geteuid() != 0 && folder && folder[0] == '/')
		return g_build_filename(folder, "helix-netjack", "status.json", NULL);
	return g_strdup(BRIDGE_STATUS_PATH);
}

char *bridge_status_path_made(void)
{
	char *path = bridge_status_path();
	g_autofree char *folder = g_path_get_dirname(path);

	g_mkdir(folder, 0755);
	if (access(folder, W_OK) < 0)
		g_clear_pointer(&path, g_free);
	return path;
}

static void print_line(void *user, bool is_good, const char *topic, const char *text)
{
	(void)user;
	printf("%-5s %-10s %s\n", is_good ? "OK" : "WARN", topic, text);
}

static void print_not_running_json(const char *path, const char *why)
{
	g_autofree char *reason = g_strdup_printf("%s: %s", path, why);
	json_t *object = json_pack("{s:b, s:s}", "running", 0, "reason", reason);
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	/* A path need not be UTF-8, JSON must be. */
	puts(text ? text : "{\"running\":false,\"reason\":\"no status\"}");
	free(text);
	json_decref(object);
}

static int not_running(const char *path, const char *why, bool as_json)
{
	if (as_json)
		print_not_running_json(path, why);
	else
		printf("%-5s %-10s not running (%s: %s) -> systemctl --user start "
		       "helix-netjack-bridge, or helix-host-stub netjack --jack; another file: "
		       "--status-file\n",
			"FAIL", "bridge", path, why);
	return BRIDGE_NOT_RUNNING;
}

static int print_json(const struct bridge_status *status)
{
	char *text = bridge_status_json(status);

	if (!text)
		return -ENOMEM;
	puts(text);
	free(text);
	return 0;
}

static void ignore_line(void *user, bool is_good, const char *topic, const char *text)
{
	(void)user;
	(void)is_good;
	(void)topic;
	(void)text;
}

static int show(const char *path, bool as_json)
{
	struct bridge_status status;

	int r = bridge_status_read(path, &status);
	if (r < 0)
		return not_running(path, r == -EBADMSG ? "not a status" : g_strerror(-r), as_json);
	if (!bridge_status_is_current(&status, time(NULL)))
		return not_running(path, "left behind by a bridge that has ended", as_json);
	if (as_json && print_json(&status) < 0)
		return BRIDGE_DEGRADED;
	return (int)bridge_status_judge(&status, as_json ? ignore_line : print_line, NULL);
}

int bridge_status_command(int argc, char **argv)
{
	gboolean as_json = FALSE;
	g_autofree char *path = NULL;
	const GOptionEntry entries[] = {
		{ "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "All of it, as JSON", NULL },
		{ "status-file", 0, 0, G_OPTION_ARG_FILENAME, &path,
			"What the bridge writes (default: in its runtime folder)", "FILE" },
		G_OPTION_ENTRY_NULL,
	};

	int r = command_parse("netjack status", entries,
		"Exit status: 0 healthy, 1 degraded, 2 wrong usage, 3 not running.", argc, argv);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : EXIT_OK;
	if (!path)
		path = bridge_status_path();
	return show(path, as_json);
}

/* A unit of the user who has the JACK server; who is root has it where the system's are. */
int bridge_restart_command(int argc, char **argv)
{
	char *user[] = { (char *)"systemctl", (char *)"--user", (char *)"restart", (char *)UNIT,
		NULL };
	char *system[] = { (char *)"systemctl", (char *)"restart", (char *)UNIT, NULL };
	const GOptionEntry entries[] = { G_OPTION_ENTRY_NULL };

	int r = command_parse("netjack restart", entries,
		"Runs 'systemctl --user restart " UNIT "'; for root, without --user.", argc, argv);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : EXIT_OK;
	g_autoptr(GError) error = NULL;
	int status = 0;
	fflush(NULL);
	bool ran = g_spawn_sync(NULL, geteuid() == 0 ? system : user, NULL,
		G_SPAWN_SEARCH_PATH | G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL, NULL, &status,
		&error);
	if (ran && status == 0)
		return EXIT_OK;
	g_printerr("helix-host-stub: %s; without systemd end the bridge (SIGTERM) and start "
		   "'helix-host-stub netjack --jack' again\n",
		ran ? "systemctl did not restart it" : error->message);
	return ran && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_RUNTIME;
}

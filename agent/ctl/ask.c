/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl.h"

#include "../dialect/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMBERS_ONLY                                                                               \
	"Only root and the group 'helix' may ask: run it as root, or join the group (usermod -aG " \
	"helix USER) and log in again. If you may: journalctl -u helix-agentd"
#define TIMEOUT_MS 190000u /* longer than helix-agentd waits for helix-applyd */

int ctl_complain(const struct ctl *ctl, const char *format, ...)
{
	g_autofree char *text = NULL, *clean = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	clean = print_clean(text);
	fprintf(stderr, "%s: %s\n", ctl->program, clean);
	return CTL_UNASKED;
}

static const char *remedy(const struct ctl *ctl, const GError *error)
{
	switch ((enum dialect_client_error)error->code) {
	case DIALECT_CLIENT_ERROR_UNREACHABLE:
		if (access(ctl->socket, F_OK) == 0 && access(ctl->socket, R_OK | W_OK) != 0)
			return "You may not use this socket: run it as root, or join the group "
			       "'helix' (usermod -aG helix USER) and log in again.";
		return "The agent does not run, or listens elsewhere (--socket PATH). Start it: "
		       "systemctl start helix-agentd or, without systemd, as root: helix-applyd & "
		       "helix-agentd &";
	case DIALECT_CLIENT_ERROR_TIMED_OUT:
		return "The agent hangs or is very busy: systemctl status helix-agentd";
	case DIALECT_CLIENT_ERROR_CLOSED:
		return MEMBERS_ONLY;
	case DIALECT_CLIENT_ERROR_NONSENSE:
		return "Something else listens there, or an agent of another version: give the "
		       "right --socket PATH, or: systemctl restart helix-agentd";
	case DIALECT_CLIENT_ERROR_NOT_FOUND:
		return "The agent is older than this program: systemctl restart helix-agentd";
	case DIALECT_CLIENT_ERROR_DISABLED:
		return "This changes the machine: run it as root.";
	case DIALECT_CLIENT_ERROR_GENERIC:
		return !strcmp(error->message, "permission denied") ? MEMBERS_ONLY : NULL;
	}
	return NULL;
}

int ctl_explain(const struct ctl *ctl, const GError *error)
{
	const char *what = error->domain == DIALECT_CLIENT_ERROR ? remedy(ctl, error) : NULL;

	ctl_complain(ctl, "%s", error->message);
	if (what)
		fprintf(stderr, "%s\n", what);
	return CTL_UNASKED;
}

json_t *ctl_try(struct ctl *ctl, const char *command, json_t *arguments, GError **error)
{
	json_t *reply = dialect_ask(ctl->socket, command, arguments, TIMEOUT_MS, error);

	json_decref(arguments);
	return reply;
}

json_t *ctl_ask(struct ctl *ctl, const char *command, json_t *arguments)
{
	g_autoptr(GError) error = NULL;
	json_t *reply = ctl_try(ctl, command, arguments, &error);

	if (!reply)
		ctl_explain(ctl, error);
	return reply;
}

void ctl_print_json(const json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(2) | JSON_ENCODE_ANY);

	puts(text);
	free(text);
}

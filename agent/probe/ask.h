/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One question to helix-applyd, from the thread of a probe. */

#include <gio/gio.h>
#include <jansson.h>
#include <stdbool.h>

/* What to do when that fails. */
#define HINT_APPLYD "systemctl status helix-applyd.socket helix-applyd"

#define ASK_REPLY_MAX ((size_t)1024 * 1024) /* bytes */

/*
 * Connects to the Unix socket, sends {"execute": command, "arguments": ...} and waits for the
 * reply, all within timeout_ms. arguments (may be NULL) is taken over. *ret: "return" of the reply, a new
 * reference. False with error: G_IO_ERROR (NOT_FOUND, CONNECTION_REFUSED, TIMED_OUT, INVALID_DATA,
 * FAILED with the text of an error reply ...).
 */
bool ask(const char *socket_path, const char *command, json_t *arguments, unsigned timeout_ms,
	json_t **ret, GError **error);

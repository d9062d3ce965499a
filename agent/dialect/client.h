/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The other side: asks a server of the dialect one thing on a Unix socket. A connection for each
 * request: no state is shared, and a late answer cannot be taken for another one's.
 */

#include "dialect.h"

#include <gio/gio.h>

/* Of the agent: REFUSED and below, never got an answer; the others are the server's errors. */
#define DIALECT_CLIENT_ERROR (dialect_client_error_quark())
GQuark dialect_client_error_quark(void);
enum dialect_client_error {
	DIALECT_CLIENT_ERROR_UNREACHABLE, /* no socket, or nobody listens on it */
	DIALECT_CLIENT_ERROR_TIMED_OUT,
	DIALECT_CLIENT_ERROR_CLOSED,   /* it hung up without an answer */
	DIALECT_CLIENT_ERROR_NONSENSE, /* not the dialect, or longer than DIALECT_REPLY_MAX */
	DIALECT_CLIENT_ERROR_GENERIC,  /* GenericError; message is its desc, as for those below */
	DIALECT_CLIENT_ERROR_NOT_FOUND,
	DIALECT_CLIENT_ERROR_DISABLED,
};

/* What "return" is, a new reference; or NULL and error. arguments: an object, borrowed; NULL: none.
 * Waits timeout_ms for it at most, all in all. */
json_t *dialect_ask(const char *path, const char *command, json_t *arguments, unsigned timeout_ms,
	GError **error);

/* The same without waiting. done is called once, from the default main context, never from here:
 * with reply (which it owns), or NULL and error (borrowed). */
struct dialect_question;
struct dialect_question *dialect_ask_async(const char *path, const char *command, json_t *arguments,
	unsigned timeout_ms, void (*done)(void *user, json_t *reply, const GError *error),
	void *user);
/* Before done was called: it will not be. */
void dialect_question_cancel(struct dialect_question *question);

/* The class of the dialect for an error from here. */
const char *dialect_client_error_class(const GError *error);

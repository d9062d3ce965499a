/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A client of HXFR that does one thing after the other: waits where libhxfr does not. */

#include <glib.h>
#include <hxfr/connection.h>

struct client {
	struct hxfr_connection *connection;
};

/* Connects to an endpoint given as text. 0 and *ret; what hxfr_endpoint_parse() or
 * hxfr_socket_connect() say. */
int client_open(const char *endpoint, unsigned timeout_ms, struct client *ret);
void client_close(struct client *c);

/* Sends a message and its bulk data (NULL, 0: none), all of it, before until_us
 * (g_get_monotonic_time()). 0; -ETIMEDOUT; other errors of the connection. */
int client_send(struct client *c, const struct hxfr_message *m, const void *body, size_t body_size,
	gint64 until_us);

/* The next message, which borrows until the next call. 0 and *ret; -ETIMEDOUT; -ENOTCONN when the
 * host closed; other errors of the connection. */
int client_wait(struct client *c, gint64 until_us, struct hxfr_message *ret);

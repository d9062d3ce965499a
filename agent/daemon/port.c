/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "port.h"

#include <fcntl.h>

struct port {
	char *path;
	struct dialect_stream_config config;
	struct dialect_stream *stream; /* NULL: not open */
	guint retry;
};

static gboolean try_open(void *user)
{
	struct port *port = user;
	int fd = open(port->path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return G_SOURCE_CONTINUE;
	port->retry = 0;
	port->stream = dialect_stream_new(fd, &port->config);
	return G_SOURCE_REMOVE;
}

static void on_closed(void *user, struct dialect_stream *stream)
{
	struct port *port = user;

	g_clear_pointer(&port->stream, dialect_stream_free);
	port->retry = g_timeout_add(PORT_RETRY_MS, try_open, port);
}

struct port *port_new(const char *path, struct dialect *dialect, const struct dialect_terms *terms)
{
	struct port *port = g_new0(struct port, 1);

	port->path = g_strdup(path);
	port->config = (struct dialect_stream_config){
		.dialect = dialect,
		.terms = *terms,
		.persistent = true,
		.closed = on_closed,
		.user = port,
	};
	if (try_open(port) == G_SOURCE_CONTINUE)
		port->retry = g_timeout_add(PORT_RETRY_MS, try_open, port);
	return port;
}

void port_free(struct port *port)
{
	if (!port)
		return;
	if (port->retry)
		g_source_remove(port->retry);
	dialect_stream_free(port->stream);
	g_free(port->path);
	g_free(port);
}

bool port_is_open(const struct port *port)
{
	return port->stream != NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <hxfr/socket.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* After the headers above: it needs struct sockaddr. */
#include <linux/vm_sockets.h>

#define LISTEN_FDS_START 3 /* SD_LISTEN_FDS_START, sd_listen_fds(3) */
#define ACCEPT_PAUSE_MS  100u

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59 /* <asm-generic/socket.h>, since Linux 4.13 */
#endif

struct listener {
	struct dialect_server *server;
	int fd;
	guint watch;
	char *path; /* to remove; NULL: none */
};

struct client {
	struct dialect_stream *stream;
	int family;
	uid_t uid;
	uint32_t cid;
	bool trusted;
};

/* Who was a client, and what is left of its limits. */
struct known {
	struct client who; /* without a stream; family 0: nobody */
	struct dialect_limits limits;
	int64_t at_ms;
};

struct dialect_server {
	struct dialect_server_config config;
	struct listener listeners[DIALECT_LISTENERS_MAX];
	unsigned n_listeners;
	struct client clients[DIALECT_CLIENTS_MAX];
	unsigned n_clients;
	struct known known[DIALECT_KNOWN_MAX];
};

/* --- who it is --- */

bool dialect_peer_in_group(const struct dialect_peer *peer, gid_t gid)
{
	for (unsigned i = 0; i < peer->n_groups; i++)
		if (peer->groups[i] == gid)
			return true;
	return peer->gid == gid;
}

static bool identify_unix(int fd, struct dialect_peer *peer)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
		return false;
	peer->uid = credentials.uid;
	peer->gid = credentials.gid;
	size = sizeof(peer->groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &size) == 0)
		peer->n_groups = (unsigned)(size / sizeof(peer->groups[0]));
	return true;
}

static bool identify(int fd, struct dialect_peer *ret)
{
	union {
		struct sockaddr any;
		struct sockaddr_vm vm;
		struct sockaddr_storage storage;
	} address = { 0 };
	socklen_t size = sizeof(address);

	memset(ret, 0, sizeof(*ret));
	if (getsockname(fd, &address.any, &size) < 0)
		return false;
	ret->family = address.any.sa_family;
	if (ret->family == AF_UNIX)
		return identify_unix(fd, ret);
	size = sizeof(address);
	if (ret->family != AF_VSOCK || getpeername(fd, &address.any, &size) < 0)
		return false;
	ret->cid = address.vm.svm_cid;
	ret->port = address.vm.svm_port;
	return true;
}

/* --- clients --- */

static void tell_changed(struct dialect_server *server)
{
	if (server->config.changed)
		server->config.changed(server->config.user, server->n_clients);
}

static void on_closed(void *user, struct dialect_stream *stream)
{
	struct dialect_server *server = user;
	unsigned i = 0;

	while (server->clients[i].stream != stream)
		i++;
	server->clients[i] = server->clients[--server->n_clients];
	dialect_stream_free(stream);
	tell_changed(server);
}

static void refuse(int fd, const char *why)
{
	g_autofree char *line = g_strdup_printf(
		"{\"error\": {\"class\": \"GenericError\", \"desc\": \"%s\"}}\n", why);
	char unread[4096];

	/* A socket closed with bytes in it is reset, and the client may not see why. */
	if (send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ||
		recv(fd, unread, sizeof(unread), MSG_DONTWAIT) < 0)
		g_debug("refused: %s", g_strerror(errno));
	close(fd);
}

static bool is_same(const struct client *a, const struct client *b)
{
	return a->family == b->family && a->uid == b->uid && a->cid == b->cid;
}

static bool is_connected(const struct dialect_server *server, const struct client *who)
{
	for (unsigned i = 0; i < server->n_clients; i++)
		if (is_same(&server->clients[i], who))
			return true;
	return false;
}

/* The place of who is known already, or that of who was away for longest. */
static struct dialect_limits *limits_of(
	struct dialect_server *server, const struct client *who, const struct dialect_terms *terms)
{
	int64_t now_ms = g_get_monotonic_time() / 1000;
	struct known *place = NULL;

	for (unsigned i = 0; i < DIALECT_KNOWN_MAX; i++) {
		struct known *known = &server->known[i];

		if (is_same(&known->who, who)) {
			known->at_ms = now_ms;
			return &known->limits;
		}
		if (!is_connected(server, &known->who) && (!place || known->at_ms < place->at_ms))
			place = known;
	}
	place->who = *who;
	place->at_ms = now_ms;
	dialect_limits_init(&place->limits, terms->requests_per_s, terms->write_interval_s, now_ms);
	return &place->limits;
}

static bool has_place(const struct dialect_server *server, const struct client *fresh)
{
	unsigned others = 0, of_one = 0;

	for (unsigned i = 0; i < server->n_clients; i++) {
		const struct client *client = &server->clients[i];

		others += !client->trusted;
		of_one += is_same(client, fresh);
	}
	if (fresh->trusted)
		return server->n_clients < DIALECT_CLIENTS_MAX;
	return server->n_clients < DIALECT_CLIENTS_MAX && others < DIALECT_CLIENTS_OTHERS &&
	       of_one < DIALECT_CLIENTS_OF_ONE;
}

static void add_client(struct dialect_server *server, struct dialect_stream_config *config,
	const struct dialect_peer *peer, int fd)
{
	struct client client = {
		.family = peer->family,
		.uid = peer->uid,
		.cid = peer->cid,
		.trusted = config->terms.trusted,
	};

	if (!has_place(server, &client)) {
		refuse(fd, "too many clients");
		return;
	}
	config->limits = limits_of(server, &client, &config->terms);
	client.stream = dialect_stream_new(fd, config);
	server->clients[server->n_clients++] = client;
	tell_changed(server);
}

static void serve(struct dialect_server *server, int fd)
{
	struct dialect_stream_config config = {
		.dialect = server->config.dialect,
		.stall_timeout_ms = server->config.stall_timeout_ms,
		.idle_timeout_ms = server->config.idle_timeout_ms,
		.closed = on_closed,
		.user = server,
	};
	struct dialect_peer peer;

	if (!identify(fd, &peer) ||
		!server->config.admit(server->config.user, &peer, &config.terms))
		refuse(fd, "permission denied");
	else
		add_client(server, &config, &peer, fd);
}

unsigned dialect_server_clients(const struct dialect_server *server)
{
	return server->n_clients;
}

/* --- listeners --- */

static gboolean on_connection(int fd, GIOCondition condition, void *user);

static gboolean on_pause_over(void *user)
{
	struct listener *listener = user;

	listener->watch = g_unix_fd_add(listener->fd, G_IO_IN, on_connection, listener);
	return G_SOURCE_REMOVE;
}

static gboolean on_connection(int fd, GIOCondition condition, void *user)
{
	struct listener *listener = user;
	int client, r = hxfr_socket_accept(fd, &client);

	if (r == 0) {
		serve(listener->server, client);
		return G_SOURCE_CONTINUE;
	}
	if (r == -EAGAIN)
		return G_SOURCE_CONTINUE;
	/* No descriptor left, most likely; the connection would wake us for ever. */
	listener->watch = g_timeout_add(ACCEPT_PAUSE_MS, on_pause_over, listener);
	return G_SOURCE_REMOVE;
}

static bool fail(GError **error, int code, const char *what)
{
	g_set_error(
		error, G_IO_ERROR, g_io_error_from_errno(code), "%s: %s", what, g_strerror(code));
	return false;
}

static void add_listener(struct dialect_server *server, int fd, const char *path)
{
	struct listener *listener = &server->listeners[server->n_listeners++];

	*listener = (struct listener){ .server = server, .fd = fd, .path = g_strdup(path) };
	listener->watch = g_unix_fd_add(fd, G_IO_IN, on_connection, listener);
}

static bool listen_on(struct dialect_server *server, const struct hxfr_endpoint *endpoint,
	const char *path, const char *name, GError **error)
{
	int fd = -1;
	int r = server->n_listeners < DIALECT_LISTENERS_MAX
			? hxfr_socket_listen(endpoint, &fd, NULL)
			: -ENOSPC;

	if (r < 0)
		return fail(error, -r, name);
	add_listener(server, fd, path);
	return true;
}

bool dialect_server_listen_unix(
	struct dialect_server *server, const char *path, mode_t mode, GError **error)
{
	struct hxfr_endpoint endpoint = { .transport = HXFR_TRANSPORT_UNIX };

	if (strlen(path) > HXFR_UNIX_PATH_MAX)
		return fail(error, ENAMETOOLONG, path);
	g_strlcpy(endpoint.unix_path, path, sizeof(endpoint.unix_path));
	if (!listen_on(server, &endpoint, path, path, error))
		return false;
	return fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) == 0 || fail(error, errno, path);
}

bool dialect_server_listen_vsock(struct dialect_server *server, uint32_t port, GError **error)
{
	const struct hxfr_endpoint endpoint = {
		.transport = HXFR_TRANSPORT_VSOCK,
		.vsock = { .cid = HXFR_VSOCK_CID_ANY, .port = port },
	};
	g_autofree char *name = g_strdup_printf("vsock port %u", port);

	return listen_on(server, &endpoint, NULL, name, error);
}

void dialect_server_listen_fd(struct dialect_server *server, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (server->n_listeners == DIALECT_LISTENERS_MAX || flags < 0) {
		close(fd);
		return;
	}
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	add_listener(server, fd, NULL);
}

static unsigned env_number(const char *name)
{
	const char *text = g_getenv(name);
	guint64 value;

	return text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT, &value, NULL)
		       ? (unsigned)value
		       : 0;
}

unsigned dialect_server_inherit(struct dialect_server *server)
{
	unsigned n = env_number("LISTEN_PID") == (unsigned)getpid() ? env_number("LISTEN_FDS") : 0;

	for (unsigned i = 0; i < n; i++)
		dialect_server_listen_fd(server, LISTEN_FDS_START + (int)i);
	g_unsetenv("LISTEN_PID");
	g_unsetenv("LISTEN_FDS");
	g_unsetenv("LISTEN_FDNAMES");
	return n;
}

struct dialect_server *dialect_server_new(const struct dialect_server_config *config)
{
	struct dialect_server *server = g_new0(struct dialect_server, 1);

	server->config = *config;
	return server;
}

void dialect_server_free(struct dialect_server *server)
{
	if (!server)
		return;
	while (server->n_listeners > 0) {
		struct listener *listener = &server->listeners[--server->n_listeners];

		g_source_remove(listener->watch);
		if (listener->path)
			unlink(listener->path);
		g_free(listener->path);
		close(listener->fd);
	}
	while (server->n_clients > 0)
		dialect_stream_free(server->clients[--server->n_clients].stream);
	g_free(server);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Serves a dialect to the clients of listening stream sockets, on the default main context. Who may
 * talk, and what it may ask for, is decided from what the kernel says of the peer.
 */

#include "stream.h"

#include <stdint.h>
#include <sys/types.h>

#define DIALECT_CLIENTS_MAX     4u
#define DIALECT_CLIENTS_OTHERS  3u  /* of those, who are not trusted: nobody keeps root out */
#define DIALECT_CLIENTS_OF_ONE  2u  /* of those, of one user, or of the host: nor each other */
#define DIALECT_KNOWN_MAX       16u /* who is remembered, so that limits outlive connections */
#define DIALECT_LISTENERS_MAX   8u
#define DIALECT_PEER_GROUPS_MAX 256u

/* A client as the kernel knows it. */
struct dialect_peer {
	int family; /* AF_UNIX or AF_VSOCK */
	/* AF_UNIX, of the moment it connected (SO_PEERCRED, SO_PEERGROUPS) */
	uid_t uid;
	gid_t gid;
	gid_t groups[DIALECT_PEER_GROUPS_MAX]; /* supplementary ones */
	unsigned n_groups;
	/* AF_VSOCK */
	uint32_t cid, port;
};
bool dialect_peer_in_group(const struct dialect_peer *peer, gid_t gid);

struct dialect_server;
struct dialect_server_config {
	struct dialect *dialect;
	/* False: it is told so, and closed. */
	bool (*admit)(void *user, const struct dialect_peer *peer, struct dialect_terms *ret);
	/* The number of clients changed; may be NULL. */
	void (*changed)(void *user, unsigned n_clients);
	void *user;
	unsigned stall_timeout_ms, idle_timeout_ms; /* of dialect_stream_config */
};

struct dialect_server *dialect_server_new(const struct dialect_server_config *config);
/* Closes clients and listeners, and removes the socket files it made. */
void dialect_server_free(struct dialect_server *server);

/* A Unix socket at path, with this mode, replacing one that nobody listens on. */
bool dialect_server_listen_unix(
	struct dialect_server *server, const char *path, mode_t mode, GError **error);
bool dialect_server_listen_vsock(struct dialect_server *server, uint32_t port, GError **error);
/* Takes a listening socket of either family, blocking or not. */
void dialect_server_listen_fd(struct dialect_server *server, int fd);
/* Listens on what a service manager handed over (sd_listen_fds(3)); returns how many. */
unsigned dialect_server_inherit(struct dialect_server *server);

unsigned dialect_server_clients(const struct dialect_server *server);

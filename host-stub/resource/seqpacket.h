/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The Unix sockets of resource/wire.h: SOCK_SEQPACKET, non-blocking, close-on-exec. */

#include "wire.h"

struct seqpacket {
	uint8_t data[RESOURCE_PACKET_MAX];
	size_t size; /* bytes */
	int fds[RESOURCE_REGIONS_MAX];
	unsigned n_fds;
};

/* As hxfr_socket_listen() of a unix: endpoint: mode 0600, replaces a socket nobody listens on;
 * "@name" is an abstract one. -EMSGSIZE: path too long or empty; else as bind(2). */
int seqpacket_listen(const char *path, int *ret_fd);
/* The next connection; -EAGAIN: none waits. */
int seqpacket_accept(int listen_fd, int *ret_fd);
/* To a listener, which is there or not: waits for nothing. As connect(2). */
int seqpacket_connect(const char *path, int *ret_fd);
/* The next packet and its descriptors, which are the caller's. -EAGAIN: none waits; -ENOTCONN: the
 * peer closed; -EBADMSG: longer than a packet, or more descriptors than a packet has. */
int seqpacket_receive(int fd, struct seqpacket *ret);
/* One packet with up to 8 descriptors (borrowed), whole or not at all: 0; -EAGAIN: not now; else as
 * sendmsg(2). */
int seqpacket_send(int fd, const void *data, size_t size, const int *fds, unsigned n_fds);

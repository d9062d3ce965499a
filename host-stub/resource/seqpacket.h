/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The Unix sockets of resource/wire.h: SOCK_SEQPACKET, non-blocking, close-on-exec. */

#include <stddef.h>
#include <stdint.h>

/* As hxfr_socket_listen() of a unix: endpoint: mode 0600, replaces a socket nobody listens on;
 * "@name" is an abstract one. -EMSGSIZE: path too long or empty; else as bind(2). */
int seqpacket_listen(const char *path, int *ret_fd);
/* The next connection; -EAGAIN: none waits. */
int seqpacket_accept(int listen_fd, int *ret_fd);
/* One packet with up to 8 descriptors (borrowed), whole or not at all: 0; -EAGAIN: not now; else as
 * sendmsg(2). */
int seqpacket_send(int fd, const void *data, size_t size, const int *fds, unsigned n_fds);

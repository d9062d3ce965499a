/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Sockets for endpoints. Every descriptor returned is non-blocking and close-on-exec; TCP ones have
 * TCP_NODELAY.
 */

#include <hxfr/endpoint.h>

/*
 * Connects within timeout_ms milliseconds, name look-up included, trying every address of a name in
 * turn, each for its share of the time left. wake_fd (an eventfd or pipe; -1: none) ends the wait
 * when it becomes readable; it is not read from.
 *
 * 0 and *ret_fd, owned by the caller; -ETIMEDOUT; -ECANCELED; -EHOSTUNREACH when a name has no
 * address; else what socket(2) or connect(2) said of the last address (-ENOENT, -ECONNREFUSED,
 * -EACCES, -ENODEV, -ECONNRESET: what AF_VSOCK says when nobody listens ...).
 */
int hxfr_socket_connect(
	const struct hxfr_endpoint *endpoint, unsigned timeout_ms, int wake_fd, int *ret_fd);

/*
 * Listens. A Unix socket left behind by a process that is gone is replaced, one that somebody still
 * listens on is not (-EADDRINUSE), and the file is made with mode 0600 under any umask; it stays
 * when the socket is closed. Two listeners that find the same stale socket in the same instant are
 * not serialised. A TCP name is resolved with the system's time-outs. *ret_bound (may be NULL) is
 * the endpoint really bound: the port where 0 was asked for.
 */
int hxfr_socket_listen(
	const struct hxfr_endpoint *endpoint, int *ret_fd, struct hxfr_endpoint *ret_bound);

/* The next connection of a listening socket; -EAGAIN when none waits. Connections that died in the
 * queue are passed over. */
int hxfr_socket_accept(int listen_fd, int *ret_fd);

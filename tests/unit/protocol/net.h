/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the suites with sockets share. Nothing here waits longer than NET_TIMEOUT_MS. */

#include <hxfr/socket.h>

#define NET_TIMEOUT_MS 20000

int64_t net_now_ms(void);
/* Waits for events on fd, or fails the test. */
void net_wait(int fd, short events);
/* Opens connections to the socket behind listen_fd until one is not taken: the backlog is full.
 * They live as long as the test. */
void net_fill_backlog(int listen_fd);
/* hxfr_endpoint_parse() of text, or fails the test. */
struct hxfr_endpoint net_endpoint(const char *text);
/* Listens on text, or fails the test. */
int net_listen(const char *text, struct hxfr_endpoint *ret_bound);

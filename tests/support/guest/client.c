/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client.h"

#include <errno.h>
#include <hxfr/error.h>
#include <hxfr/socket.h>
#include <poll.h>

int client_open(const char *endpoint, unsigned timeout_ms, struct client *ret)
{
	struct hxfr_endpoint address;
	int fd;

	int r = hxfr_endpoint_parse(endpoint, &address);
	if (r < 0)
		return r;
	r = hxfr_socket_connect(&address, timeout_ms, -1, &fd);
	if (r < 0)
		return r;
	return hxfr_connection_new(
		fd, HXFR_FRAME_RESPONSE_SIZE + HXFR_ACCESS_UNIT_MAX, &ret->connection);
}

void client_close(struct client *c)
{
	hxfr_connection_destroy(c->connection);
	c->connection = NULL;
}

static int wait_for(struct client *c, short events, gint64 until_us)
{
	struct pollfd pollfd = { hxfr_connection_fd(c->connection), events, 0 };
	gint64 left_us = until_us - g_get_monotonic_time();

	if (left_us <= 0)
		return -ETIMEDOUT;
	int n = poll(&pollfd, 1, (int)MIN(left_us / 1000 + 1, G_MAXINT));
	if (n < 0 && errno != EINTR)
		return -errno;
	return 0;
}

int client_send(struct client *c, const struct hxfr_message *m, const void *body, size_t body_size,
	gint64 until_us)
{
	struct iovec iov = { (void *)body, body_size };
	uint8_t head[HXFR_HEAD_MAX];
	size_t size;

	int r = hxfr_message_encode(m, head, sizeof head, &size);
	if (r == 0)
		r = hxfr_connection_send(
			c->connection, head, size, &iov, body_size > 0 ? 1 : 0, NULL, NULL);
	while (r == 0 && hxfr_connection_queued(c->connection) > 0) {
		r = wait_for(c, POLLOUT, until_us);
		if (r == 0)
			r = hxfr_connection_flush(c->connection);
	}
	return r;
}

int client_wait(struct client *c, gint64 until_us, struct hxfr_message *ret)
{
	for (;;) {
		int r = hxfr_connection_next(c->connection, ret);
		if (r != 0)
			return r < 0 ? r : 0;
		r = hxfr_connection_receive(c->connection);
		if (r == -EAGAIN)
			r = wait_for(c, POLLIN, until_us);
		if (r < 0)
			return r;
	}
}

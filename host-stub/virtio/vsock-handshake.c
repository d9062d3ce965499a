/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vsock-internal.h"
#include "vsock-line.h"

#include <errno.h>
#include <hxfr/socket.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int vsock_connection_accept(struct vsock_hub *hub, int fd)
{
	struct vsock_connection *c;
	int r = vsock_connection_new(hub, VSOCK_LINE, fd, &c);

	if (r < 0)
		return r;
	r = vsock_connection_watch(c);
	if (r < 0) {
		vsock_connection_destroy(c);
		return r;
	}
	vsock_hub_set_deadline(hub, c, hub->connect_timeout_ms);
	return 0;
}

/* Takes what belongs to the line and nothing behind it. 1: it is whole; 0: not yet; -errno. */
static int read_line(struct vsock_connection *c)
{
	char *end = c->line + c->line_size;
	size_t room = sizeof c->line - c->line_size;
	ssize_t n = recv(c->source.fd, end, room, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	char *newline = memchr(end, '\n', (size_t)n);
	size_t take = newline ? (size_t)(newline - end) + 1 : (size_t)n;
	n = recv(c->source.fd, end, take, MSG_DONTWAIT);
	if (n != (ssize_t)take)
		return -EIO;
	c->line_size += take;
	if (newline)
		return 1;
	return c->line_size < sizeof c->line ? 0 : -EMSGSIZE;
}

void vsock_handshake_line(struct vsock_connection *c)
{
	int r = read_line(c);

	if (r == 0)
		return;
	if (r == 1)
		r = vsock_line_parse(c->line, c->line_size, &c->guest_port);
	if (r < 0) {
		log_write(c->hub->log, LOG_LEVEL_DEBUG, "vsock: no CONNECT line: %s", strerror(-r));
		vsock_connection_destroy(c);
		return;
	}
	c->host_port = vsock_hub_free_port(c->hub, c->guest_port);
	c->state = VSOCK_REQUESTED;
	vsock_hub_name(c->hub, c);
	if (vsock_connection_watch(c) < 0) {
		vsock_connection_destroy(c);
		return;
	}
	vsock_connection_owe(c, VSOCK_OP_REQUEST);
	vsock_hub_set_deadline(c->hub, c, c->hub->connect_timeout_ms);
}

void vsock_handshake_answer(struct vsock_connection *c, const struct vsock_packet *packet)
{
	char text[VSOCK_CONNECT_LINE_MAX];
	int size = snprintf(text, sizeof text, "OK %u\n", c->host_port);

	if (packet->op != VSOCK_OP_RESPONSE || vsock_connection_is_news(c) ||
		send(c->source.fd, text, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT) != size) {
		vsock_connection_reset(c);
		return;
	}
	c->state = VSOCK_OPEN;
	c->deadline_ms = 0;
	vsock_hub_enqueue(c->hub, c);
}

/* -ETIMEDOUT: the listener's queue is full, and there is nothing to wait for. */
static int try_to_connect(struct vsock_connection *c)
{
	const char *base = c->hub->listen_at.unix_path;
	struct hxfr_endpoint to = { .transport = HXFR_TRANSPORT_UNIX };
	int fd, r;

	/* vsock_hub_init() saw to the room. */
	int size = snprintf(to.unix_path, sizeof to.unix_path, "%s_%u", base, c->host_port);
	if (size < 0 || (size_t)size >= sizeof to.unix_path)
		return -EMSGSIZE;
	r = hxfr_socket_connect(&to, 0, -1, &fd);
	if (r < 0)
		return r;
	c->source.fd = fd;
	c->state = VSOCK_OPEN;
	c->deadline_ms = 0;
	vsock_connection_owe(c, VSOCK_OP_RESPONSE);
	return 0;
}

int vsock_connection_open(struct vsock_hub *hub, const struct vsock_packet *request)
{
	struct vsock_connection *c;
	int r = vsock_connection_new(hub, VSOCK_CONNECTING, -1, &c);

	if (r < 0)
		return r;
	c->host_port = request->dst_port;
	c->guest_port = request->src_port;
	c->peer_buf_alloc = request->buf_alloc;
	c->peer_fwd_cnt = request->fwd_cnt;
	vsock_hub_name(hub, c);
	r = try_to_connect(c);
	if (r == -ETIMEDOUT) {
		c->give_up_ms = vsock_now_ms() + hub->connect_timeout_ms;
		vsock_hub_set_deadline(hub, c, VSOCK_RETRY_MS);
		return 0;
	}
	if (r < 0)
		vsock_connection_destroy(c);
	return r;
}

void vsock_handshake_retry(struct vsock_connection *c)
{
	int r = try_to_connect(c);

	if (r == 0)
		return;
	if (r == -ETIMEDOUT && vsock_now_ms() < c->give_up_ms)
		vsock_hub_set_deadline(c->hub, c, VSOCK_RETRY_MS);
	else
		vsock_connection_reset(c);
}

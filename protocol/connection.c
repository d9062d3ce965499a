/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <hxfr/connection.h>

#include <hxfr/framer.h>

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct outgoing {
	uint8_t head[HXFR_HEAD_MAX];
	size_t head_size;
	struct iovec body[HXFR_SEND_IOV_MAX];
	size_t n_body;
	size_t size, sent; /* bytes, head and body */
	hxfr_release_fn release;
	void *owner;
};

struct hxfr_connection {
	int fd;
	struct hxfr_framer framer;
	struct outgoing queue[HXFR_SEND_QUEUE_MAX]; /* ring */
	unsigned first;
	atomic_uint queued; /* atomic: the receiving thread may ask what to poll for */
	atomic_size_t queued_bytes;
};

int hxfr_connection_new(int fd, uint32_t payload_max, struct hxfr_connection **ret)
{
	struct hxfr_connection *c = malloc(sizeof(*c));

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->fd = fd;
	c->first = 0;
	atomic_init(&c->queued, 0);
	atomic_init(&c->queued_bytes, 0);
	hxfr_framer_init(&c->framer, payload_max);
	*ret = c;
	return 0;
}

static struct outgoing *queue_at(struct hxfr_connection *c, unsigned i)
{
	return &c->queue[(c->first + i) % HXFR_SEND_QUEUE_MAX];
}

static void pop_first(struct hxfr_connection *c)
{
	struct outgoing *o = queue_at(c, 0);

	c->first = (c->first + 1) % HXFR_SEND_QUEUE_MAX;
	c->queued--;
	c->queued_bytes -= o->size - o->sent;
	if (o->release)
		o->release(o->owner);
}

void hxfr_connection_destroy(struct hxfr_connection *c)
{
	if (!c)
		return;
	close(c->fd);
	while (c->queued > 0)
		pop_first(c);
	hxfr_framer_finish(&c->framer);
	free(c);
}

int hxfr_connection_fd(const struct hxfr_connection *c)
{
	return c->fd;
}

short hxfr_connection_events(const struct hxfr_connection *c)
{
	return c->queued > 0 ? POLLIN | POLLOUT : POLLIN;
}

int hxfr_connection_receive(struct hxfr_connection *c)
{
	void *data;
	size_t size;
	ssize_t n;
	int r;

	r = hxfr_framer_reserve(&c->framer, &data, &size);
	if (r < 0)
		return r;
	do {
		n = recv(c->fd, data, size, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return hxfr_framer_in_message(&c->framer) ? -ECONNRESET : -ENOTCONN;
	hxfr_framer_commit(&c->framer, (size_t)n);
	return 0;
}

int hxfr_connection_next(struct hxfr_connection *c, struct hxfr_message *ret)
{
	struct hxfr_header header;
	const uint8_t *payload;
	int r;

	r = hxfr_framer_next(&c->framer, &header, &payload);
	if (r <= 0)
		return r;
	r = hxfr_message_decode(&header, payload, ret);
	if (r < 0) {
		c->framer.error = r;
		return r;
	}
	return 1;
}

bool hxfr_connection_in_message(const struct hxfr_connection *c)
{
	return hxfr_framer_in_message(&c->framer);
}

/* The pieces of o that the kernel does not have yet. */
static size_t unsent(struct outgoing *o, struct iovec *ret)
{
	size_t skip = o->sent, n = 0;
	struct iovec piece;

	for (size_t i = 0; i <= o->n_body; i++) {
		piece = i == 0 ? (struct iovec){ o->head, o->head_size } : o->body[i - 1];
		if (skip >= piece.iov_len) {
			skip -= piece.iov_len;
			continue;
		}
		piece.iov_base = (uint8_t *)piece.iov_base + skip;
		piece.iov_len -= skip;
		skip = 0;
		ret[n++] = piece;
	}
	return n;
}

/* The two that would read wrongly: ENOBUFS means a full queue to our callers, and a peer that is
 * gone has one name. */
static int send_error(int error)
{
	return error == ENOBUFS ? -ENOMEM : error == EPIPE ? -ECONNRESET : -error;
}

/* 0 when all of o is sent. */
static int send_outgoing(struct hxfr_connection *c, struct outgoing *o)
{
	struct iovec iov[1 + HXFR_SEND_IOV_MAX];
	struct msghdr msg = { .msg_iov = iov };
	ssize_t n;

	while (o->sent < o->size) {
		msg.msg_iovlen = unsent(o, iov);
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return send_error(errno);
		o->sent += (size_t)n;
		c->queued_bytes -= (size_t)n;
	}
	return 0;
}

int hxfr_connection_flush(struct hxfr_connection *c)
{
	int r;

	while (c->queued > 0) {
		r = send_outgoing(c, queue_at(c, 0));
		if (r < 0)
			return r == -EAGAIN ? 0 : r;
		pop_first(c);
	}
	return 0;
}

static void push_last(struct hxfr_connection *c, const void *head, size_t head_size,
	const struct iovec *body, size_t n_body, hxfr_release_fn release, void *owner)
{
	struct outgoing *o = queue_at(c, c->queued);

	memcpy(o->head, head, head_size);
	o->head_size = o->size = head_size;
	for (size_t i = 0; i < n_body; i++) {
		o->body[i] = body[i];
		o->size += body[i].iov_len;
	}
	o->n_body = n_body;
	o->sent = 0;
	o->release = release;
	o->owner = owner;
	c->queued++;
	c->queued_bytes += o->size;
}

static void take_back_last(struct hxfr_connection *c)
{
	struct outgoing *o = queue_at(c, c->queued - 1);

	c->queued--;
	c->queued_bytes -= o->size - o->sent;
}

int hxfr_connection_send(struct hxfr_connection *c, const void *head, size_t head_size,
	const struct iovec *body, size_t n_body, hxfr_release_fn release, void *owner)
{
	int r;

	if (head_size > HXFR_HEAD_MAX)
		return -EMSGSIZE;
	if (n_body > HXFR_SEND_IOV_MAX || head_size == 0)
		return -EINVAL;
	if (c->queued == HXFR_SEND_QUEUE_MAX) {
		r = hxfr_connection_flush(c);
		if (r < 0)
			return r;
		if (c->queued == HXFR_SEND_QUEUE_MAX)
			return -ENOBUFS;
	}
	push_last(c, head, head_size, body, n_body, release, owner);
	r = hxfr_connection_flush(c);
	if (r < 0)
		take_back_last(c);
	return r;
}

int hxfr_connection_send_message(struct hxfr_connection *c, const struct hxfr_message *m)
{
	uint8_t head[HXFR_HEAD_MAX];
	size_t size;
	int r;

	r = hxfr_message_encode(m, head, sizeof(head), &size);
	if (r < 0)
		return r;
	return hxfr_connection_send(c, head, size, NULL, 0, NULL, NULL);
}

unsigned hxfr_connection_queued(const struct hxfr_connection *c)
{
	return c->queued;
}

size_t hxfr_connection_queued_bytes(const struct hxfr_connection *c)
{
	return c->queued_bytes;
}

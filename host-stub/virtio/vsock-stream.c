/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory.h"
#include "vsock-internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define PARTS_MAX 64u /* of a vector, handed to the kernel at once */

uint32_t vsock_stream_credit(const struct vsock_connection *c)
{
	uint32_t in_flight = c->sent - c->peer_fwd_cnt;

	return in_flight < c->peer_buf_alloc ? c->peer_buf_alloc - in_flight : 0;
}

static bool wants_bytes(const struct vsock_connection *c)
{
	return c->state == VSOCK_OPEN && !(c->host_shut & VSOCK_SHUTDOWN_SEND) &&
	       !(c->guest_shut & VSOCK_SHUTDOWN_RCV);
}

bool vsock_stream_can_read(const struct vsock_connection *c)
{
	return wants_bytes(c) && vsock_stream_credit(c) > 0;
}

bool vsock_stream_awaits_hang_up(const struct vsock_connection *c)
{
	return c->state == VSOCK_OPEN && !wants_bytes(c) && !(c->host_shut & VSOCK_SHUTDOWN_RCV);
}

/* The part of a vector that begins at `offset`: up to `size` bytes in up to PARTS_MAX parts, whose
 * number it returns. */
static unsigned slice(const struct iovec *iov, unsigned n, size_t offset, size_t size,
	struct iovec ret[PARTS_MAX])
{
	unsigned n_parts = 0;

	for (unsigned i = 0; i < n && size > 0 && n_parts < PARTS_MAX; i++) {
		if (offset >= iov[i].iov_len) {
			offset -= iov[i].iov_len;
			continue;
		}
		size_t here = iov[i].iov_len - offset;
		here = here < size ? here : size;
		ret[n_parts].iov_base = (char *)iov[i].iov_base + offset;
		ret[n_parts++].iov_len = here;
		size -= here;
		offset = 0;
	}
	return n_parts;
}

/* Bytes written, 0 when the socket takes none now, -errno. */
static ssize_t write_parts(struct vsock_connection *c, struct iovec *parts, unsigned n)
{
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = n };
	ssize_t r = sendmsg(c->source.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (r >= 0)
		return r;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

/* From the guest's memory to the socket, as much as that takes. */
static ssize_t write_through(
	struct vsock_connection *c, const struct iovec *iov, unsigned n, size_t offset, size_t size)
{
	struct iovec parts[PARTS_MAX];
	size_t done = 0;

	while (done < size) {
		unsigned n_parts = slice(iov, n, offset + done, size - done, parts);
		ssize_t r = write_parts(c, parts, n_parts);
		if (r < 0)
			return r;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

/* What the guest sends from here on is lost, as it is told. */
static void stop_writing(struct vsock_connection *c)
{
	if (c->buffer.size > 0)
		vsock_buffer_drop(&c->buffer, &c->hub->buffered, c->buffer.size);
	c->forwarded = c->received;
	c->host_shut |= VSOCK_SHUTDOWN_RCV;
	vsock_connection_owe(c, VSOCK_OP_SHUTDOWN);
}

static void note_progress(struct vsock_connection *c)
{
	if (c->forwarded - c->announced >= VSOCK_CREDIT_STEP)
		vsock_connection_owe(c, VSOCK_OP_CREDIT_UPDATE);
	if (c->guest_shut == VSOCK_SHUTDOWN_BOTH)
		vsock_hub_set_deadline(c->hub, c, c->hub->close_timeout_ms);
}

static void flush(struct vsock_connection *c)
{
	struct iovec parts[2];
	unsigned n = vsock_buffer_peek(&c->buffer, parts);
	ssize_t r = write_parts(c, parts, n);

	if (r < 0) {
		stop_writing(c);
	} else if (r > 0) {
		vsock_buffer_drop(&c->buffer, &c->hub->buffered, (size_t)r);
		c->forwarded += (uint32_t)r;
		note_progress(c);
	}
}

/* May free. */
static void end(struct vsock_connection *c)
{
	if (c->named)
		vsock_connection_reset(c);
	else
		vsock_connection_destroy(c);
}

/* What the guest's SHUTDOWN asks for, once the socket has all that came before it. May free. */
static void settle(struct vsock_connection *c)
{
	if (c->buffer.size == 0 && c->guest_shut == VSOCK_SHUTDOWN_BOTH) {
		end(c);
		return;
	}
	if (c->buffer.size == 0 && (c->guest_shut & VSOCK_SHUTDOWN_SEND))
		shutdown(c->source.fd, SHUT_WR);
	if (vsock_connection_watch(c) < 0)
		end(c);
}

void vsock_stream_ready(struct vsock_connection *c, uint32_t events)
{
	bool hung_up = events & (EPOLLHUP | EPOLLERR);

	if (wants_bytes(c) && (hung_up || (events & EPOLLIN)))
		vsock_hub_enqueue(c->hub, c);
	if (c->buffer.size > 0 && (hung_up || (events & EPOLLOUT))) {
		flush(c);
		settle(c);
	} else if (hung_up && vsock_stream_awaits_hang_up(c)) {
		stop_writing(c);
		c->host_shut = VSOCK_SHUTDOWN_BOTH;
		settle(c);
	}
}

static bool is_closing(const struct vsock_connection *c)
{
	return c->guest_shut == VSOCK_SHUTDOWN_BOTH ||
	       (c->host_shut == VSOCK_SHUTDOWN_BOTH && !(c->owed & 1u << VSOCK_OP_SHUTDOWN));
}

void vsock_stream_expire(struct vsock_connection *c)
{
	if (is_closing(c))
		end(c);
	else if (wants_bytes(c) && vsock_stream_credit(c) == 0)
		vsock_connection_owe(c, VSOCK_OP_CREDIT_REQUEST);
}

static int take_bytes(
	struct vsock_connection *c, const struct iovec *iov, unsigned n, size_t offset, size_t size)
{
	ssize_t done = 0;

	if (size > VSOCK_BUFFER_SIZE - (c->received - c->announced))
		return -ENOBUFS;
	c->received += (uint32_t)size;
	if (c->host_shut & VSOCK_SHUTDOWN_RCV)
		done = (ssize_t)size;
	else if (c->buffer.size == 0)
		done = write_through(c, iov, n, offset, size);
	if (done < 0) {
		stop_writing(c);
		return 0;
	}
	c->forwarded += (uint32_t)done;
	note_progress(c);
	if ((size_t)done == size)
		return 0;
	offset += (size_t)done;
	int r = vsock_buffer_append(
		&c->buffer, &c->hub->buffered, iov, n, offset, size - (size_t)done);
	return r < 0 ? r : vsock_connection_watch(c);
}

static void take_data(struct vsock_connection *c, const struct vsock_packet *packet,
	const struct iovec *iov, unsigned n, size_t offset)
{
	int r = -EPROTO;

	if (!(c->guest_shut & VSOCK_SHUTDOWN_SEND))
		r = take_bytes(c, iov, n, offset, packet->size);
	if (r == 0)
		return;
	log_write(c->hub->log, LOG_LEVEL_DEBUG, "vsock: guest port %u reset: %s", c->guest_port,
		strerror(-r));
	vsock_connection_reset(c);
}

static void take_shutdown(struct vsock_connection *c, uint32_t flags)
{
	c->guest_shut |= flags;
	if (flags & VSOCK_SHUTDOWN_RCV)
		shutdown(c->source.fd, SHUT_RD);
	if (c->guest_shut == VSOCK_SHUTDOWN_BOTH)
		vsock_hub_set_deadline(c->hub, c, c->hub->close_timeout_ms);
	settle(c);
}

/* A guest that has closed in order may forget the connection before the socket has it all. */
static void take_reset(struct vsock_connection *c)
{
	if (c->guest_shut == VSOCK_SHUTDOWN_BOTH && c->buffer.size > 0)
		vsock_hub_unname(c->hub, c);
	else
		vsock_connection_destroy(c);
}

void vsock_stream_receive(struct vsock_connection *c, const struct vsock_packet *packet,
	const struct iovec *iov, unsigned n, size_t offset)
{
	switch (packet->op) {
	case VSOCK_OP_RW:
		take_data(c, packet, iov, n, offset);
		break;
	case VSOCK_OP_CREDIT_UPDATE:
		break;
	case VSOCK_OP_CREDIT_REQUEST:
		vsock_connection_owe(c, VSOCK_OP_CREDIT_UPDATE);
		break;
	case VSOCK_OP_SHUTDOWN:
		take_shutdown(c, packet->flags);
		break;
	case VSOCK_OP_RST:
		take_reset(c);
		break;
	default:
		vsock_connection_reset(c);
		break;
	}
}

static void note_end(struct vsock_connection *c)
{
	struct pollfd hung_up = { .fd = c->source.fd };

	c->host_shut |= VSOCK_SHUTDOWN_SEND;
	if (poll(&hung_up, 1, 0) == 1 && (hung_up.revents & POLLHUP))
		stop_writing(c);
	vsock_connection_owe(c, VSOCK_OP_SHUTDOWN);
}

size_t vsock_stream_read(
	struct vsock_connection *c, const struct iovec *iov, unsigned n, size_t size)
{
	struct iovec parts[PARTS_MAX];
	size_t credit = vsock_stream_credit(c), room = size - VSOCK_HEADER_SIZE;

	if (!wants_bytes(c) || c->drained) {
		c->drained = false;
		return 0;
	}
	/* Linux tells by itself of new room, and gets slower by a tenth when it is asked each time. */
	if (credit == 0 && !c->credit_missed)
		vsock_hub_set_deadline(c->hub, c, VSOCK_CREDIT_PATIENCE_MS);
	c->credit_missed = credit == 0;
	room = room < credit ? room : credit;
	if (room == 0)
		return 0;
	unsigned n_parts = slice(iov, n, VSOCK_HEADER_SIZE, room, parts);
	ssize_t r = readv(c->source.fd, parts, (int)n_parts);
	if (r == 0)
		note_end(c);
	else if (r < 0 && errno != EAGAIN && errno != EINTR)
		vsock_connection_reset(c);
	if (r <= 0)
		return 0;
	/* Short: the socket has no more, and the loop will tell of more, or of the end. */
	c->drained = (size_t)r < room;
	c->sent += (uint32_t)r;
	return (size_t)r;
}

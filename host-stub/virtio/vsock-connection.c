/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vsock-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static void ready(struct loop_source *source, uint32_t events);

int vsock_connection_new(
	struct vsock_hub *hub, enum vsock_state state, int fd, struct vsock_connection **ret)
{
	struct vsock_connection *c = calloc(1, sizeof *c);
	int r = c ? vsock_hub_add(hub, c) : -ENOMEM;

	if (r < 0) {
		if (fd >= 0)
			close(fd);
		free(c);
		return r;
	}
	c->hub = hub;
	c->state = state;
	c->source = (struct loop_source){ .fd = fd, .ready = ready };
	*ret = c;
	return 0;
}

static void close_socket(struct vsock_connection *c)
{
	if (c->watched)
		loop_remove(c->hub->loop, &c->source);
	c->watched = false;
	if (c->source.fd >= 0)
		close(c->source.fd);
	c->source.fd = -1;
	if (c->buffer.size > 0)
		vsock_buffer_drop(&c->buffer, &c->hub->buffered, c->buffer.size);
}

void vsock_connection_destroy(struct vsock_connection *c)
{
	close_socket(c);
	vsock_hub_remove(c->hub, c);
	free(c);
}

void vsock_connection_reset(struct vsock_connection *c)
{
	close_socket(c);
	c->state = VSOCK_CLOSED;
	c->deadline_ms = 0;
	c->owed = 0;
	vsock_connection_owe(c, VSOCK_OP_RST);
}

void vsock_connection_owe(struct vsock_connection *c, enum vsock_op op)
{
	c->owed |= 1u << op;
	vsock_hub_enqueue(c->hub, c);
}

static uint32_t wanted_events(const struct vsock_connection *c, bool *ret_watch)
{
	uint32_t events = 0;

	switch (c->state) {
	case VSOCK_LINE:
		events = EPOLLIN;
		break;
	case VSOCK_REQUESTED:
		*ret_watch = true;
		return 0;
	case VSOCK_OPEN:
		if (!c->queued && vsock_stream_can_read(c))
			events |= EPOLLIN;
		if (c->buffer.size > 0)
			events |= EPOLLOUT;
		break;
	default:
		break;
	}
	/* A socket hung up says so for ever: with bytes in it that must wait it is not watched. */
	*ret_watch = events || vsock_stream_awaits_hang_up(c);
	return events;
}

int vsock_connection_watch(struct vsock_connection *c)
{
	struct loop *loop = c->hub->loop;
	bool watch;
	uint32_t events = wanted_events(c, &watch);
	int r = 0;

	if (watch && !c->watched)
		r = loop_add(loop, &c->source, events);
	else if (watch && events != c->interest)
		r = loop_modify(loop, &c->source, events);
	else if (!watch && c->watched)
		loop_remove(loop, &c->source);
	if (r < 0)
		return r;
	c->watched = watch;
	c->interest = events;
	return 0;
}

bool vsock_connection_is_news(const struct vsock_connection *c)
{
	return c->owed & 1u << VSOCK_OP_REQUEST;
}

/* The guest is told only of what it was asked. */
static void abandon(struct vsock_connection *c)
{
	if (vsock_connection_is_news(c))
		vsock_connection_destroy(c);
	else
		vsock_connection_reset(c);
}

static void ready(struct loop_source *source, uint32_t events)
{
	struct vsock_connection *c = loop_owner(source, struct vsock_connection, source);
	struct vsock_hub *hub = c->hub;

	switch (c->state) {
	case VSOCK_LINE:
		vsock_handshake_line(c);
		break;
	case VSOCK_REQUESTED:
		abandon(c);
		break;
	default:
		vsock_stream_ready(c, events);
		break;
	}
	vsock_hub_wake(hub);
}

void vsock_connection_expire(struct vsock_connection *c)
{
	c->deadline_ms = 0;
	switch (c->state) {
	case VSOCK_LINE:
		vsock_connection_destroy(c);
		break;
	case VSOCK_REQUESTED:
		log_write(c->hub->log, LOG_LEVEL_DEBUG,
			"vsock: the guest does not answer on port %u", c->guest_port);
		abandon(c);
		break;
	case VSOCK_CONNECTING:
		vsock_handshake_retry(c);
		break;
	default:
		vsock_stream_expire(c);
		break;
	}
}

static void take_credit(struct vsock_connection *c, const struct vsock_packet *packet)
{
	bool was_blocked = vsock_stream_credit(c) == 0;

	c->peer_buf_alloc = packet->buf_alloc;
	c->peer_fwd_cnt = packet->fwd_cnt;
	if (was_blocked && vsock_stream_can_read(c))
		vsock_hub_enqueue(c->hub, c);
}

void vsock_connection_receive(struct vsock_connection *c, const struct vsock_packet *packet,
	const struct iovec *iov, unsigned n, size_t offset)
{
	take_credit(c, packet);
	if (c->state == VSOCK_REQUESTED && packet->op != VSOCK_OP_RST)
		vsock_handshake_answer(c, packet);
	else if (c->state == VSOCK_OPEN)
		vsock_stream_receive(c, packet, iov, n, offset);
	else if (packet->op == VSOCK_OP_RST)
		vsock_connection_destroy(c);
	else if (c->state == VSOCK_CONNECTING)
		vsock_connection_reset(c);
}

static size_t write_packet(struct vsock_connection *c, enum vsock_op op, size_t payload_size,
	const struct iovec *iov, unsigned n)
{
	uint8_t header[VSOCK_HEADER_SIZE];
	struct vsock_packet packet = {
		.src_cid = VSOCK_CID_HOST,
		.dst_cid = c->hub->guest_cid,
		.src_port = c->host_port,
		.dst_port = c->guest_port,
		.size = (uint32_t)payload_size,
		.type = VSOCK_TYPE_STREAM,
		.op = op,
		.flags = op == VSOCK_OP_SHUTDOWN ? c->host_shut : 0,
		.buf_alloc = VSOCK_BUFFER_SIZE,
		.fwd_cnt = c->forwarded,
	};

	vsock_packet_encode(&packet, header);
	iov_write(iov, n, 0, header, sizeof header);
	c->announced = c->forwarded;
	c->owed &= ~(1u << op | 1u << VSOCK_OP_CREDIT_UPDATE);
	return VSOCK_HEADER_SIZE + payload_size;
}

size_t vsock_connection_send(
	struct vsock_connection *c, const struct iovec *iov, unsigned n, size_t size)
{
	/* A packet with bytes in it tells of our room as well. */
	uint32_t first = c->owed & ~(1u << VSOCK_OP_CREDIT_UPDATE);
	size_t payload_size;

	if (!first && c->state == VSOCK_OPEN) {
		payload_size = vsock_stream_read(c, iov, n, size);
		if (payload_size > 0)
			return write_packet(c, VSOCK_OP_RW, payload_size, iov, n);
	}
	if (!c->owed)
		return 0;
	enum vsock_op op = (enum vsock_op)__builtin_ctz(c->owed);
	if (op == VSOCK_OP_SHUTDOWN && c->host_shut == VSOCK_SHUTDOWN_BOTH)
		vsock_hub_set_deadline(c->hub, c, c->hub->close_timeout_ms);
	return write_packet(c, op, 0, iov, n);
}

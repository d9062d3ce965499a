/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One stream between a port of the guest and a Unix socket: its states, its credit and its end.
 * Bytes of the guest go straight from its memory to the socket and are buffered only when that does
 * not take them; bytes of the socket are read straight into the guest's memory.
 */

#include "vsock-buffer.h"
#include "vsock-hub.h"

enum vsock_state {
	VSOCK_LINE,       /* a host program has not said yet which port it wants */
	VSOCK_REQUESTED,  /* the guest has not said yet whether it listens there */
	VSOCK_CONNECTING, /* the host's listener has a full queue */
	VSOCK_OPEN,
	VSOCK_CLOSED, /* the socket is gone, the guest is to be told */
};

struct vsock_connection {
	struct vsock_hub *hub;
	struct loop_source source; /* fd: owned; -1: none */
	enum vsock_state state;
	uint32_t host_port, guest_port;
	bool watched;      /* the source is in the loop, with `interest` */
	uint32_t interest; /* EPOLLIN | EPOLLOUT */
	uint32_t owed;     /* bits 1 << enum vsock_op: to be sent */

	/* VSOCK_SHUTDOWN_*: of the guest, of the host, and what the guest knows of the latter. */
	uint32_t guest_shut, host_shut, told_shut;
	/* Modulo 2^32: bytes of the guest, those that the socket took, and those that the guest
	 * knows of. */
	uint32_t received, forwarded, announced;
	/* Bytes to the guest, and what it says of its room. */
	uint32_t sent, peer_buf_alloc, peer_fwd_cnt;
	bool credit_missed; /* since the guest last had room */
	bool drained;       /* the last read had all the socket held */
	struct vsock_buffer buffer;

	char line[VSOCK_CONNECT_LINE_MAX];
	size_t line_size;
	int64_t deadline_ms; /* CLOCK_MONOTONIC; 0: none */
	int64_t give_up_ms;  /* CONNECTING */

	bool queued, named;
	unsigned turn; /* packets sent in a row */
	TAILQ_ENTRY(vsock_connection) all_link, queue_link;
	LIST_ENTRY(vsock_connection) bucket_link;
};

/* A host program that was accepted; takes fd over, also on failure. -ENOSPC: too many connections;
 * -ENOMEM; as loop_add(). */
int vsock_connection_accept(struct vsock_hub *hub, int fd);
/* The guest's REQUEST. A failure is to be answered by a refusal: -ENOSPC, -ENOMEM, or as
 * connect(2). */
int vsock_connection_open(struct vsock_hub *hub, const struct vsock_packet *request);
/* Closes and frees, without a word to the guest. */
void vsock_connection_destroy(struct vsock_connection *c);
/* Closes the socket and owes the guest an RST. The connection stays until that is sent. */
void vsock_connection_reset(struct vsock_connection *c);

/* A checked packet, whose payload begins at `offset` of the vector. May free the connection. */
void vsock_connection_receive(struct vsock_connection *c, const struct vsock_packet *packet,
	const struct iovec *iov, unsigned n, size_t offset);
/* As vsock_hub_send(). After a packet the connection is over if it is in VSOCK_CLOSED. */
size_t vsock_connection_send(
	struct vsock_connection *c, const struct iovec *iov, unsigned n, size_t size);
/* Its deadline has passed. May free it. */
void vsock_connection_expire(struct vsock_connection *c);
/* Listens to the socket for what can be used now. As loop_add(). */
int vsock_connection_watch(struct vsock_connection *c);

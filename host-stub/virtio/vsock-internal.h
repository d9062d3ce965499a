/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of a vsock connection and its hub. */

#include "vsock-connection.h"

/* vsock-hub.c */

int64_t vsock_now_ms(void); /* CLOCK_MONOTONIC */
/* Counts it in; -ENOSPC. */
int vsock_hub_add(struct vsock_hub *hub, struct vsock_connection *c);
/* Out of every list. */
void vsock_hub_remove(struct vsock_hub *hub, struct vsock_connection *c);
/* The guest's packets find it, or no more, by its ports. Without a name it says nothing. */
void vsock_hub_name(struct vsock_hub *hub, struct vsock_connection *c);
void vsock_hub_unname(struct vsock_hub *hub, struct vsock_connection *c);
/* A port of the host that is free together with this one of the guest. */
uint32_t vsock_hub_free_port(struct vsock_hub *hub, uint32_t guest_port);
/* It may have something for the guest. */
void vsock_hub_enqueue(struct vsock_hub *hub, struct vsock_connection *c);
void vsock_hub_set_deadline(struct vsock_hub *hub, struct vsock_connection *c, unsigned in_ms);
/* Tells the device of what there is for the guest. */
void vsock_hub_wake(struct vsock_hub *hub);

/* vsock-connection.c */

/* fd (-1: none yet) is taken over, also on failure. */
int vsock_connection_new(
	struct vsock_hub *hub, enum vsock_state state, int fd, struct vsock_connection **ret);
/* Is the guest to be asked, and does not know of it yet? */
bool vsock_connection_is_news(const struct vsock_connection *c);
void vsock_connection_owe(struct vsock_connection *c, enum vsock_op op);

/* vsock-handshake.c */

/* A host program writes its line, or leaves. May free. */
void vsock_handshake_line(struct vsock_connection *c);
/* The guest answers what it was asked. */
void vsock_handshake_answer(struct vsock_connection *c, const struct vsock_packet *packet);
/* Tries the host's listener again. */
void vsock_handshake_retry(struct vsock_connection *c);

/* vsock-stream.c */

/* Bytes that the guest has room for. */
uint32_t vsock_stream_credit(const struct vsock_connection *c);
/* Could a byte of the socket go to the guest now? */
bool vsock_stream_can_read(const struct vsock_connection *c);
/* Would it be news that the socket's other end is gone? */
bool vsock_stream_awaits_hang_up(const struct vsock_connection *c);
/* These three may free. */
void vsock_stream_ready(struct vsock_connection *c, uint32_t events);
void vsock_stream_receive(struct vsock_connection *c, const struct vsock_packet *packet,
	const struct iovec *iov, unsigned n, size_t offset);
void vsock_stream_expire(struct vsock_connection *c);
/* Reads from the socket into the room behind the header; returns the bytes, 0 if there are none. */
size_t vsock_stream_read(
	struct vsock_connection *c, const struct iovec *iov, unsigned n, size_t size);

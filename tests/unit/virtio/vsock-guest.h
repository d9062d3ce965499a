/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest of a vsock hub, and the programs on its host, all on the thread of the test: the loop
 * runs only while something is waited for.
 */

#include "virtio/vsock-connection.h"

#include <stdbool.h>

#define GUEST_CID     42u
#define GUEST_WAIT_MS 5000  /* until a test gives up */
#define GUEST_ROOM    3776u /* bytes of a buffer of Linux, header included */

/* The guest's end of a stream; set ports and room, the rest is kept here. */
struct guest_stream {
	uint32_t port, host_port;
	uint32_t buf_alloc; /* our room, as we say */
	uint32_t fwd_cnt;   /* bytes of the host that we took */
	uint32_t sent, peer_fwd_cnt, peer_buf_alloc;
};

struct guest {
	struct vsock_hub hub;
	struct loop *loop;
	char directory[64], path[80];
	struct vsock_packet packet; /* the last one of guest_expect() */
	char payload[GUEST_ROOM];
};

void guest_init(struct guest *guest);
/* Everything is closed, no descriptor and no byte is left. */
void guest_finish(struct guest *guest);

/* As a program on the host. */
int host_listen(struct guest *guest, uint32_t port, int backlog);
int host_accept(int listener);
int host_connect(struct guest *guest);
void host_write(int fd, const void *data, size_t size);
/* Reads exactly that, running the loop while there is less. */
void host_expect(struct guest *guest, int fd, const void *data, size_t size);
/* Runs the loop until the other side has closed. */
void host_expect_end(struct guest *guest, int fd);

/* Any packet. */
void guest_send_packet(struct guest *guest, const struct vsock_packet *packet, const void *payload);
/* One of this stream, with its ports and credit. */
void guest_send(struct guest *guest, struct guest_stream *stream, enum vsock_op op, uint32_t flags);
void guest_write(struct guest *guest, struct guest_stream *stream, const void *data, size_t size);
/* Of `size` bytes that count up from `first`. */
void guest_write_pattern(
	struct guest *guest, struct guest_stream *stream, uint8_t first, size_t size);
/* True if the hub has a packet, which is then in guest->packet. */
bool guest_try_to_receive(struct guest *guest);
/* Runs the loop until the hub has a packet, which is in guest->packet. */
void guest_receive(struct guest *guest);
/* The next packet is this one, of this stream. Takes its credit. */
void guest_expect(struct guest *guest, struct guest_stream *stream, enum vsock_op op);
void guest_expect_data(
	struct guest *guest, struct guest_stream *stream, const void *data, size_t size);
/* The hub has no packet, also after it looked at its sockets. */
void guest_expect_nothing(struct guest *guest);

/* All that the hub has to say is how much room there is. */
void guest_take_credit(struct guest *guest, struct guest_stream *stream);
/* Bytes in which a shift shows; to be freed. */
uint8_t *guest_pattern(size_t size);

/* A stream to a listener, and the program's end of it. */
int guest_connect(struct guest *guest, struct guest_stream *stream, int listener);
/* Turns the loop while there is something to do. */
void guest_settle(struct guest *guest);
/* Both ends of a stream know of each other, and nothing else is on its way. */
void guest_check_stream(struct guest *guest, struct guest_stream *s, int program);
/* For VSOCK_CONNECTIONS_MAX of them, both ends. */
void guest_allow_descriptors(void);

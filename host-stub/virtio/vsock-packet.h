/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The header of every packet of a virtio-vsock device (virtio 1.2, 5.10.6), as pure codec. */

#include <stddef.h>
#include <stdint.h>

#define VSOCK_HEADER_SIZE 44u
#define VSOCK_CID_HOST    2u /* VMADDR_CID_HOST, <linux/vm_sockets.h> */

enum vsock_type {
	VSOCK_TYPE_STREAM = 1,
	VSOCK_TYPE_SEQPACKET = 2,
};

enum vsock_op {
	VSOCK_OP_REQUEST = 1,
	VSOCK_OP_RESPONSE = 2,
	VSOCK_OP_RST = 3,
	VSOCK_OP_SHUTDOWN = 4,
	VSOCK_OP_RW = 5,
	VSOCK_OP_CREDIT_UPDATE = 6,
	VSOCK_OP_CREDIT_REQUEST = 7,
};

/* Flags of SHUTDOWN: what its sender will not do any more. */
#define VSOCK_SHUTDOWN_RCV  1u
#define VSOCK_SHUTDOWN_SEND 2u
#define VSOCK_SHUTDOWN_BOTH (VSOCK_SHUTDOWN_RCV | VSOCK_SHUTDOWN_SEND)

struct vsock_packet {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port;
	uint32_t size; /* of the payload: bytes behind the header */
	uint16_t type; /* enum vsock_type, or another */
	uint16_t op;   /* enum vsock_op, or another */
	uint32_t flags;
	uint32_t buf_alloc; /* bytes the sender has room for, and ... */
	uint32_t fwd_cnt;   /* ... bytes it has taken from there, modulo 2^32 */
};

/* A header as it stands, whatever it says. -EBADMSG unless size is VSOCK_HEADER_SIZE. */
int vsock_packet_decode(const void *data, size_t size, struct vsock_packet *ret);
/*
 * Can a stream packet with payload_size bytes behind its header say this? Addresses and credit are
 * not looked at. -EBADMSG: a type but STREAM, an unknown op, a payload where none belongs or one
 * longer than what is there, a SHUTDOWN of nothing or of more than there is.
 */
int vsock_packet_check(const struct vsock_packet *packet, size_t payload_size);
void vsock_packet_encode(const struct vsock_packet *packet, uint8_t ret[VSOCK_HEADER_SIZE]);

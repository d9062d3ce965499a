/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vsock-packet.h"

#include <errno.h>
#include <hxfr/wire.h>

int vsock_packet_decode(const void *data, size_t size, struct vsock_packet *ret)
{
	struct vsock_packet packet;
	struct hxfr_reader r;

	hxfr_reader_init(&r, data, size);
	packet.src_cid = hxfr_reader_u64(&r);
	packet.dst_cid = hxfr_reader_u64(&r);
	packet.src_port = hxfr_reader_u32(&r);
	packet.dst_port = hxfr_reader_u32(&r);
	packet.size = hxfr_reader_u32(&r);
	packet.type = hxfr_reader_u16(&r);
	packet.op = hxfr_reader_u16(&r);
	packet.flags = hxfr_reader_u32(&r);
	packet.buf_alloc = hxfr_reader_u32(&r);
	packet.fwd_cnt = hxfr_reader_u32(&r);
	if (hxfr_reader_end(&r) < 0)
		return -EBADMSG;
	*ret = packet;
	return 0;
}

int vsock_packet_check(const struct vsock_packet *packet, size_t payload_size)
{
	if (packet->type != VSOCK_TYPE_STREAM || packet->size > payload_size)
		return -EBADMSG;
	switch (packet->op) {
	case VSOCK_OP_RW:
		return 0;
	case VSOCK_OP_SHUTDOWN:
		if (packet->flags == 0 || packet->flags > VSOCK_SHUTDOWN_BOTH)
			return -EBADMSG;
		break;
	case VSOCK_OP_REQUEST:
	case VSOCK_OP_RESPONSE:
	case VSOCK_OP_RST:
	case VSOCK_OP_CREDIT_UPDATE:
	case VSOCK_OP_CREDIT_REQUEST:
		break;
	default:
		return -EBADMSG;
	}
	return packet->size > 0 ? -EBADMSG : 0;
}

void vsock_packet_encode(const struct vsock_packet *packet, uint8_t ret[VSOCK_HEADER_SIZE])
{
	struct hxfr_writer w;

	hxfr_writer_init(&w, ret, VSOCK_HEADER_SIZE);
	hxfr_writer_u64(&w, packet->src_cid);
	hxfr_writer_u64(&w, packet->dst_cid);
	hxfr_writer_u32(&w, packet->src_port);
	hxfr_writer_u32(&w, packet->dst_port);
	hxfr_writer_u32(&w, packet->size);
	hxfr_writer_u16(&w, packet->type);
	hxfr_writer_u16(&w, packet->op);
	hxfr_writer_u32(&w, packet->flags);
	hxfr_writer_u32(&w, packet->buf_alloc);
	hxfr_writer_u32(&w, packet->fwd_cnt);
}

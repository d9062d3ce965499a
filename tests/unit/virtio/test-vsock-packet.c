/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a vsock device makes of bytes: packet headers, CONNECT lines, and a queue of bytes. */
#include "suite.h"
#include "virtio/vsock-buffer.h"
#include "virtio/vsock-line.h"
#include "virtio/vsock-packet.h"

#include <errno.h>
#include <stdint.h>

static const uint8_t header[VSOCK_HEADER_SIZE] = {
	3, 0, 0, 0, 0, 0, 0, 0,    /* src_cid */
	2, 0, 0, 0, 0, 0, 0, 0x80, /* dst_cid */
	0x12, 0x34, 0x56, 0x78,    /* src_port */
	0x88, 0x13, 0, 0,          /* dst_port 5000 */
	0x44, 0, 1, 0,             /* len */
	1, 0, 5, 0,                /* stream, RW */
	1, 2, 3, 4,                /* flags */
	0, 0, 4, 0,                /* buf_alloc 256 KiB */
	0xff, 0xff, 0xff, 0xfe,    /* fwd_cnt */
};

START_TEST(packet_is_read_as_the_specification_lays_it_out)
{
	struct vsock_packet p;

	ck_assert_int_eq(vsock_packet_decode(header, sizeof header, &p), 0);
	ck_assert_uint_eq(p.src_cid, 3);
	ck_assert_uint_eq(p.dst_cid, 0x8000000000000002u);
	ck_assert_uint_eq(p.src_port, 0x78563412);
	ck_assert_uint_eq(p.dst_port, 5000);
	ck_assert_uint_eq(p.size, 0x10044);
	ck_assert_uint_eq(p.type, VSOCK_TYPE_STREAM);
	ck_assert_uint_eq(p.op, VSOCK_OP_RW);
	ck_assert_uint_eq(p.flags, 0x04030201);
	ck_assert_uint_eq(p.buf_alloc, 256 * 1024);
	ck_assert_uint_eq(p.fwd_cnt, 0xfeffffff);
}
END_TEST

START_TEST(packet_is_written_as_it_is_read)
{
	uint8_t bytes[VSOCK_HEADER_SIZE];
	struct vsock_packet p;

	ck_assert_int_eq(vsock_packet_decode(header, sizeof header, &p), 0);
	vsock_packet_encode(&p, bytes);
	ck_assert_mem_eq(bytes, header, sizeof header);
}
END_TEST

START_TEST(packet_of_any_other_size_is_refused)
{
	uint8_t bytes[VSOCK_HEADER_SIZE + 1] = { 0 };
	struct vsock_packet p;

	memcpy(bytes, header, sizeof header);
	for (size_t size = 0; size <= sizeof bytes; size++) {
		poison(&p);
		if (size == VSOCK_HEADER_SIZE)
			continue;
		ck_assert_int_eq(vsock_packet_decode(bytes, size, &p), -EBADMSG);
		assert_poisoned(&p);
	}
}
END_TEST

START_TEST(packet_that_no_stream_sends_is_refused)
{
	static const struct {
		unsigned type, op, flags, size, payload_size;
		int result;
	} rows[] = {
		{ 1, VSOCK_OP_REQUEST, 0, 0, 0, 0 },
		{ 1, VSOCK_OP_RESPONSE, 0, 0, 0, 0 },
		{ 1, VSOCK_OP_RST, 0, 0, 0, 0 },
		{ 1, VSOCK_OP_SHUTDOWN, 1, 0, 0, 0 },
		{ 1, VSOCK_OP_SHUTDOWN, 2, 0, 0, 0 },
		{ 1, VSOCK_OP_SHUTDOWN, 3, 0, 0, 0 },
		{ 1, VSOCK_OP_RW, 0, 10, 10, 0 },
		{ 1, VSOCK_OP_RW, 0, 0, 0, 0 },
		{ 1, VSOCK_OP_RW, 0, 9, 10, 0 }, /* padding */
		{ 1, VSOCK_OP_CREDIT_UPDATE, 0, 0, 0, 0 },
		{ 1, VSOCK_OP_CREDIT_REQUEST, 0, 0, 0, 0 },
		{ 1, VSOCK_OP_REQUEST, 7, 0, 9, 0 }, /* flags of others, bytes that nobody counts */
		{ 0, VSOCK_OP_REQUEST, 0, 0, 0, -EBADMSG },
		{ VSOCK_TYPE_SEQPACKET, VSOCK_OP_REQUEST, 0, 0, 0, -EBADMSG },
		{ 0xffff, VSOCK_OP_RW, 0, 0, 0, -EBADMSG },
		{ 1, 0, 0, 0, 0, -EBADMSG },
		{ 1, 8, 0, 0, 0, -EBADMSG },
		{ 1, 0xffff, 0, 0, 0, -EBADMSG },
		{ 1, VSOCK_OP_RW, 0, 11, 10, -EBADMSG },
		{ 1, VSOCK_OP_RW, 0, 0xffffffff, 10, -EBADMSG },
		{ 1, VSOCK_OP_SHUTDOWN, 0, 0, 0, -EBADMSG },
		{ 1, VSOCK_OP_SHUTDOWN, 4, 0, 0, -EBADMSG },
		{ 1, VSOCK_OP_SHUTDOWN, 0x80000001, 0, 0, -EBADMSG },
		{ 1, VSOCK_OP_SHUTDOWN, 1, 1, 1, -EBADMSG },
		{ 1, VSOCK_OP_REQUEST, 0, 1, 1, -EBADMSG },
		{ 1, VSOCK_OP_RST, 0, 1, 1, -EBADMSG },
		{ 1, VSOCK_OP_CREDIT_UPDATE, 0, 4, 4, -EBADMSG },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct vsock_packet p = { .type = (uint16_t)rows[i].type,
			.op = (uint16_t)rows[i].op,
			.flags = rows[i].flags,
			.size = rows[i].size };

		ck_assert_msg(vsock_packet_check(&p, rows[i].payload_size) == rows[i].result,
			"row %zu", i);
	}
}
END_TEST

START_TEST(line_names_a_port_and_nothing_else)
{
	static const struct {
		const char *line;
		int result;
		uint32_t port;
	} rows[] = {
		{ "CONNECT 5001\n", 0, 5001 },
		{ "CONNECT 0\n", 0, 0 },
		{ "CONNECT 4294967295\n", 0, 0xffffffff },
		{ "CONNECT 4294967296\n", -ERANGE, 0 },
		{ "CONNECT 99999999999999999999999\n", -ERANGE, 0 },
		{ "", -EBADMSG, 0 },
		{ "\n", -EBADMSG, 0 },
		{ "CONNECT", -EBADMSG, 0 },
		{ "CONNECT ", -EBADMSG, 0 },
		{ "CONNECT \n", -EBADMSG, 0 },
		{ "CONNECT 5", -EBADMSG, 0 },
		{ "CONNECT  5\n", -EBADMSG, 0 },
		{ "CONNECT 5 \n", -EBADMSG, 0 },
		{ "CONNECT 5\r\n", -EBADMSG, 0 },
		{ "CONNECT 05\n", -EBADMSG, 0 },
		{ "CONNECT +5\n", -EBADMSG, 0 },
		{ "CONNECT -5\n", -EBADMSG, 0 },
		{ "CONNECT 0x5\n", -EBADMSG, 0 },
		{ "CONNECT 5:\n", -EBADMSG, 0 },
		{ "connect 5\n", -EBADMSG, 0 },
		{ "GET / HTTP/1.1\n", -EBADMSG, 0 },
	};
	uint32_t port;

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		poison(&port);
		int r = vsock_line_parse(rows[i].line, strlen(rows[i].line), &port);
		ck_assert_msg(r == rows[i].result, "row %zu: %d", i, r);
		if (r == 0)
			ck_assert_uint_eq(port, rows[i].port);
		else
			assert_poisoned(&port);
	}
}
END_TEST

static size_t drain(struct vsock_buffer *b, struct quota *quota, size_t size, uint8_t *next)
{
	struct iovec parts[2];
	unsigned n = vsock_buffer_peek(b, parts);
	size_t seen = 0;

	for (unsigned i = 0; i < n; i++)
		for (size_t k = 0; k < parts[i].iov_len && seen < size; k++, seen++)
			ck_assert_uint_eq(((uint8_t *)parts[i].iov_base)[k], (*next)++);
	vsock_buffer_drop(b, quota, size);
	return seen;
}

START_TEST(buffer_gives_bytes_back_in_order)
{
	uint8_t block[3000], in = 0, out = 0;
	struct vsock_buffer b = { 0 };
	struct quota quota;
	size_t held = 0;

	quota_init(&quota, 1 << 20);
	for (unsigned round = 0; round < 50; round++) {
		struct iovec iov[2] = { { block, 7 }, { block + 7, sizeof block - 7 } };
		for (size_t i = 0; i < sizeof block; i++)
			block[i] = i < 5 ? 0 : in++;
		ck_assert_int_eq(vsock_buffer_append(&b, &quota, iov, 2, 5, sizeof block - 5), 0);
		held += sizeof block - 5;
		held -= drain(&b, &quota, round % 5 ? 2995 : 2000, &out);
		ck_assert_uint_eq(b.size, held);
	}
	drain(&b, &quota, held, &out);
	ck_assert_uint_eq(in, out);
	ck_assert_ptr_null(b.data);
	ck_assert_uint_eq(quota.used, 0);
}
END_TEST

START_TEST(buffer_takes_no_more_memory_than_all_may_have)
{
	static char block[8192];
	struct iovec iov = { block, sizeof block };
	struct vsock_buffer b = { 0 }, other = { 0 };
	struct quota quota;

	quota_init(&quota, sizeof block);
	ck_assert_int_eq(vsock_buffer_append(&b, &quota, &iov, 1, 0, 5000), 0);
	ck_assert_int_eq(vsock_buffer_append(&other, &quota, &iov, 1, 0, 1), -EDQUOT);
	ck_assert_ptr_null(other.data);
	ck_assert_int_eq(vsock_buffer_append(&b, &quota, &iov, 1, 0, 3192), 0);
	ck_assert_int_eq(vsock_buffer_append(&b, &quota, &iov, 1, 0, 1), -EDQUOT);
	ck_assert_uint_eq(b.size, 8192);
	vsock_buffer_drop(&b, &quota, 8192);
	ck_assert_int_eq(vsock_buffer_append(&other, &quota, &iov, 1, 0, 1), 0);
	vsock_buffer_drop(&other, &quota, 1);
	ck_assert_uint_eq(quota.used, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { packet_is_read_as_the_specification_lays_it_out,
		packet_is_written_as_it_is_read, packet_of_any_other_size_is_refused,
		packet_that_no_stream_sends_is_refused, line_names_a_port_and_nothing_else,
		buffer_gives_bytes_back_in_order, buffer_takes_no_more_memory_than_all_may_have,
		NULL };

	return suite_run("virtio-vsock-packet", tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How streams of a guest to Unix sockets begin, or do not. */
#include "suite.h"
#include "vsock-guest.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct guest guest;
static struct guest_stream stream;

static void set_up(void)
{
	guest_init(&guest);
	stream = (struct guest_stream){ .port = 1024, .host_port = 5000, .buf_alloc = 65536 };
}

static void tear_down(void)
{
	guest_finish(&guest);
}

START_TEST(guest_reaches_the_listener_of_its_port)
{
	int listener = host_listen(&guest, 5000, 4), other = host_listen(&guest, 50000, 4);
	int program = guest_connect(&guest, &stream, listener);

	ck_assert_uint_eq(stream.peer_buf_alloc, VSOCK_BUFFER_SIZE);
	guest_check_stream(&guest, &stream, program);
	close(program);
	close(listener);
	close(other);
}
END_TEST

START_TEST(guest_is_refused_where_nobody_listens)
{
	int listener = host_listen(&guest, 5000, 4);

	stream.host_port = 4294967295;
	guest_send(&guest, &stream, VSOCK_OP_REQUEST, 0);
	guest_expect(&guest, &stream, VSOCK_OP_RST);
	/* Somebody did once. */
	close(listener);
	stream.host_port = 5000;
	guest_send(&guest, &stream, VSOCK_OP_REQUEST, 0);
	guest_expect(&guest, &stream, VSOCK_OP_RST);
	ck_assert_uint_eq(guest.hub.n_connections, 0);
}
END_TEST

START_TEST(listener_with_a_full_queue_is_waited_for)
{
	int listener = host_listen(&guest, 5000, 0), programs[3];
	struct guest_stream streams[3];

	for (unsigned i = 0; i < 3; i++) {
		streams[i] = (struct guest_stream){
			.port = 1024 + i, .host_port = 5000, .buf_alloc = 99
		};
		guest_send(&guest, &streams[i], VSOCK_OP_REQUEST, 0);
	}
	guest_expect(&guest, &streams[0], VSOCK_OP_RESPONSE);
	guest_expect_nothing(&guest);
	for (unsigned i = 0; i < 3; i++) {
		programs[i] = host_accept(listener);
		if (i < 2)
			guest_expect(&guest, &streams[i + 1], VSOCK_OP_RESPONSE);
	}
	for (unsigned i = 0; i < 3; i++)
		guest_check_stream(&guest, &streams[i], programs[i]);
	for (unsigned i = 0; i < 3; i++)
		close(programs[i]);
	close(listener);
}
END_TEST

START_TEST(listener_that_never_accepts_is_not_waited_for_for_ever)
{
	int listener = host_listen(&guest, 5000, 0);
	struct guest_stream second = { .port = 9, .host_port = 5000 };
	struct guest_stream third = { .port = 10, .host_port = 5000 };
	struct guest_stream fourth = { .port = 11, .host_port = 5000 };

	guest.hub.connect_timeout_ms = 30;
	guest_send(&guest, &stream, VSOCK_OP_REQUEST, 0);
	guest_expect(&guest, &stream, VSOCK_OP_RESPONSE);
	guest_send(&guest, &second, VSOCK_OP_REQUEST, 0);
	guest_send(&guest, &third, VSOCK_OP_REQUEST, 0);
	guest_send(&guest, &third, VSOCK_OP_RST, 0); /* it has changed its mind */
	guest_send(&guest, &fourth, VSOCK_OP_REQUEST, 0);
	guest_send(&guest, &fourth, VSOCK_OP_RW, 0); /* it does not wait */
	guest_expect(&guest, &fourth, VSOCK_OP_RST);
	guest_expect(&guest, &second, VSOCK_OP_RST);
	guest_expect_nothing(&guest);
	ck_assert_uint_eq(guest.hub.n_connections, 1);
	close(listener);
}
END_TEST

static void send_as(uint64_t src_cid, uint64_t dst_cid, uint16_t type, uint16_t op, uint32_t size)
{
	static const char payload[64];
	struct vsock_packet packet = { .src_cid = src_cid,
		.dst_cid = dst_cid,
		.src_port = stream.port,
		.dst_port = stream.host_port,
		.type = type,
		.op = op,
		.size = size,
		.buf_alloc = 65536 };

	guest_send_packet(&guest, &packet, size > 0 ? payload : NULL);
}

START_TEST(packet_that_belongs_to_nothing_is_answered_by_a_reset)
{
	static const struct {
		uint16_t type, op;
		bool answered;
	} rows[] = {
		{ 1, VSOCK_OP_RESPONSE, true },
		{ 1, VSOCK_OP_RST, false },
		{ 1, VSOCK_OP_SHUTDOWN, true },
		{ 1, VSOCK_OP_RW, true },
		{ 1, VSOCK_OP_CREDIT_UPDATE, true },
		{ 1, VSOCK_OP_CREDIT_REQUEST, true },
		{ 1, 0, true },
		{ 1, 99, true },
		{ VSOCK_TYPE_SEQPACKET, VSOCK_OP_REQUEST, true },
		{ VSOCK_TYPE_SEQPACKET, VSOCK_OP_RST, false },
		{ 0, VSOCK_OP_REQUEST, true },
		{ 7, VSOCK_OP_RST, false },
	};
	int listener = host_listen(&guest, 5000, 4);

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		send_as(GUEST_CID, VSOCK_CID_HOST, rows[i].type, rows[i].op, 0);
		if (rows[i].answered) {
			guest_expect(&guest, &stream, VSOCK_OP_RST);
			ck_assert_uint_eq(guest.packet.type, rows[i].type);
		}
		guest_expect_nothing(&guest);
	}
	ck_assert_uint_eq(guest.hub.n_connections, 0);
	close(listener);
}
END_TEST

START_TEST(packet_of_or_for_somebody_else_is_dropped)
{
	static const struct {
		uint64_t src_cid, dst_cid;
	} rows[] = {
		{ GUEST_CID, 0 },
		{ GUEST_CID, 1 },
		{ GUEST_CID, GUEST_CID },
		{ GUEST_CID, 0x100000002 },
		{ GUEST_CID, 0xffffffff },
		{ GUEST_CID + 1, VSOCK_CID_HOST },
		{ VSOCK_CID_HOST, VSOCK_CID_HOST },
		{ 0x100000000 + GUEST_CID, VSOCK_CID_HOST },
	};
	int listener = host_listen(&guest, 5000, 4);

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		send_as(rows[i].src_cid, rows[i].dst_cid, 1, VSOCK_OP_REQUEST, 0);
		guest_expect_nothing(&guest);
	}
	ck_assert_uint_eq(guest.hub.n_connections, 0);
	close(listener);
}
END_TEST

START_TEST(packet_cut_short_does_no_harm)
{
	int listener = host_listen(&guest, 5000, 4);
	int program = guest_connect(&guest, &stream, listener);
	struct vsock_packet packet = { .src_cid = GUEST_CID,
		.dst_cid = VSOCK_CID_HOST,
		.src_port = stream.port,
		.dst_port = 5000,
		.type = VSOCK_TYPE_STREAM,
		.op = VSOCK_OP_RW,
		.size = 8,
		.buf_alloc = 65536 };
	uint8_t bytes[VSOCK_HEADER_SIZE + 8] = { 0 };

	vsock_packet_encode(&packet, bytes);
	for (size_t size = 0; size < VSOCK_HEADER_SIZE; size++) {
		struct iovec iov = { bytes, size };
		vsock_hub_receive(&guest.hub, &iov, 1, size);
		guest_expect_nothing(&guest);
	}
	guest_check_stream(&guest, &stream, program);
	/* A stream that lost bytes is none. */
	struct iovec iov = { bytes, sizeof bytes - 1 };
	vsock_hub_receive(&guest.hub, &iov, 1, sizeof bytes - 1);
	guest_expect(&guest, &stream, VSOCK_OP_RST);
	host_expect_end(&guest, program);
	close(program);
	close(listener);
}
END_TEST

START_TEST(broken_packet_of_a_stream_ends_it)
{
	static const struct {
		uint16_t op;
		uint32_t size;
		bool answered;
	} rows[] = {
		{ 0, 0, true },
		{ 8, 0, true },
		{ VSOCK_OP_REQUEST, 0, true },
		{ VSOCK_OP_RESPONSE, 0, true },
		{ VSOCK_OP_SHUTDOWN, 0, true }, /* of nothing */
		{ VSOCK_OP_CREDIT_UPDATE, 1, true },
		{ VSOCK_OP_RST, 1, false },
	};
	int listener = host_listen(&guest, 5000, 4);

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct guest_stream s = stream;
		int program = guest_connect(&guest, &s, listener);
		send_as(GUEST_CID, VSOCK_CID_HOST, 1, rows[i].op, rows[i].size);
		if (rows[i].answered)
			guest_expect(&guest, &s, VSOCK_OP_RST);
		guest_expect_nothing(&guest);
		ck_assert_uint_eq(guest.hub.n_connections, 0);
		host_expect_end(&guest, program);
		close(program);
	}
	close(listener);
}
END_TEST

START_TEST(seqpacket_leaves_a_stream_of_the_same_ports_alone)
{
	int listener = host_listen(&guest, 5000, 4);
	int program = guest_connect(&guest, &stream, listener);

	send_as(GUEST_CID, VSOCK_CID_HOST, VSOCK_TYPE_SEQPACKET, VSOCK_OP_RW, 9);
	guest_expect(&guest, &stream, VSOCK_OP_RST);
	ck_assert_uint_eq(guest.packet.type, VSOCK_TYPE_SEQPACKET);
	guest_check_stream(&guest, &stream, program);
	close(program);
	close(listener);
}
END_TEST

START_TEST(refusals_that_the_guest_does_not_fetch_are_bounded)
{
	for (unsigned i = 0; i < VSOCK_REFUSALS_MAX; i++) {
		ck_assert(vsock_hub_can_receive(&guest.hub));
		stream.port = i;
		guest_send(&guest, &stream, VSOCK_OP_RW, 0);
	}
	ck_assert(!vsock_hub_can_receive(&guest.hub));
	for (unsigned i = 0; i < VSOCK_REFUSALS_MAX; i++) {
		stream.port = i;
		guest_expect(&guest, &stream, VSOCK_OP_RST);
		ck_assert(vsock_hub_can_receive(&guest.hub));
	}
	guest_expect_nothing(&guest);
}
END_TEST

START_TEST(as_many_streams_as_there_may_be_are_served_and_no_more)
{
	static struct guest_stream streams[VSOCK_CONNECTIONS_MAX];
	static int programs[VSOCK_CONNECTIONS_MAX];
	int listener = host_listen(&guest, 5000, 4);

	guest_allow_descriptors();
	for (unsigned i = 0; i < VSOCK_CONNECTIONS_MAX; i++) {
		streams[i] = (struct guest_stream){ .port = i * 0x9e3779b1u, .host_port = 5000 };
		programs[i] = guest_connect(&guest, &streams[i], listener);
	}
	stream.port = 1;
	guest_send(&guest, &stream, VSOCK_OP_REQUEST, 0);
	guest_expect(&guest, &stream, VSOCK_OP_RST);
	for (unsigned i = 0; i < VSOCK_CONNECTIONS_MAX; i++)
		guest_check_stream(&guest, &streams[i], programs[i]);
	guest_send(&guest, &streams[77], VSOCK_OP_RST, 0);
	host_expect_end(&guest, programs[77]);
	close(programs[77]);
	programs[77] = guest_connect(&guest, &stream, listener);
	guest_check_stream(&guest, &stream, programs[77]);
	for (unsigned i = 0; i < VSOCK_CONNECTIONS_MAX; i++)
		close(programs[i]);
	close(listener);
}
END_TEST

START_TEST(reset_closes_every_stream_of_the_guest)
{
	int listener = host_listen(&guest, 5000, 4), waiting = host_connect(&guest);
	int program = guest_connect(&guest, &stream, listener);

	guest_write(&guest, &stream, "kept", 4);
	stream.host_port = 1;
	guest_send(&guest, &stream, VSOCK_OP_REQUEST, 0); /* a refusal that waits */
	guest_settle(&guest);
	vsock_hub_reset(&guest.hub);
	host_expect(&guest, program, "kept", 4);
	host_expect_end(&guest, program);
	guest_expect_nothing(&guest);
	/* A program that has yet to say what it wants may say so to the next guest. */
	ck_assert_uint_eq(guest.hub.n_connections, 1);
	host_write(waiting, "CONNECT 7\n", 10);
	guest_receive(&guest);
	ck_assert_uint_eq(guest.packet.op, VSOCK_OP_REQUEST);
	close(waiting);
	close(program);
	close(listener);
}
END_TEST

START_TEST(hub_refuses_what_cannot_work)
{
	static const char long_path[] =
		"/tmp/0123456789012345678901234567890123456789012345678901234567890123456789"
		"012345678901234567890123";
	const struct {
		struct vsock_config config;
		int result;
	} rows[] = {
		{ { .guest_cid = 2, .uds_path = "/tmp/none" }, -EINVAL },
		{ { .guest_cid = 0xffffffff, .uds_path = "/tmp/none" }, -EINVAL },
		{ { .guest_cid = 0x100000003, .uds_path = "/tmp/none" }, -EINVAL },
		{ { .guest_cid = 3, .uds_path = "" }, -EINVAL },
		{ { .guest_cid = 3, .uds_path = long_path }, -EMSGSIZE },
		{ { .guest_cid = 3, .uds_path = "/nonexistent/v" }, -ENOENT },
		{ { .guest_cid = 3, .uds_path = guest.path }, -EADDRINUSE },
	};
	static struct vsock_hub hub;

	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		ck_assert_msg(vsock_hub_init(&hub, &rows[i].config, guest.loop) == rows[i].result,
			"row %zu", i);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		guest_reaches_the_listener_of_its_port,
		guest_is_refused_where_nobody_listens,
		listener_with_a_full_queue_is_waited_for,
		listener_that_never_accepts_is_not_waited_for_for_ever,
		packet_that_belongs_to_nothing_is_answered_by_a_reset,
		packet_of_or_for_somebody_else_is_dropped,
		packet_cut_short_does_no_harm,
		broken_packet_of_a_stream_ends_it,
		seqpacket_leaves_a_stream_of_the_same_ports_alone,
		refusals_that_the_guest_does_not_fetch_are_bounded,
		as_many_streams_as_there_may_be_are_served_and_no_more,
		reset_closes_every_stream_of_the_guest,
		hub_refuses_what_cannot_work,
		NULL,
	};

	return suite_run_with("virtio-vsock-connect", tests, set_up, tear_down);
}

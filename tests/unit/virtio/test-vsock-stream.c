/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes, credit and the end of streams between a guest and Unix sockets. */
#include "suite.h"
#include "vsock-guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define BULK (8u << 20)

static struct guest guest;
static struct guest_stream stream;
static int listener, program; /* what the guest is connected to */

static void set_up(void)
{
	guest_init(&guest);
	stream = (struct guest_stream){ .port = 1024, .host_port = 5000 };
	listener = host_listen(&guest, 5000, 16);
	program = guest_connect(&guest, &stream, listener);
}

static void close_program(void)
{
	if (program >= 0)
		close(program);
	program = -1;
}

static void tear_down(void)
{
	close_program();
	close(listener);
	guest_finish(&guest);
}

START_TEST(bytes_of_the_guest_reach_the_program_at_once)
{
	guest_write(&guest, &stream, "hello", 5);
	char got[8];
	ck_assert_int_eq(read(program, got, sizeof got), 5);
	ck_assert_mem_eq(got, "hello", 5);
	guest_expect_nothing(&guest);
}
END_TEST

START_TEST(bytes_of_the_program_reach_the_guest)
{
	uint8_t *data = guest_pattern(100000);

	host_write(program, "x", 1);
	guest_expect_data(&guest, &stream, "x", 1);
	host_write(program, data, 100000);
	guest_expect_data(&guest, &stream, data, 100000);
	guest_expect_nothing(&guest);
	free(data);
}
END_TEST

/* As a guest does that keeps to its credit, and a program that reads now and then. */
START_TEST(many_bytes_arrive_whole_and_in_order_in_both_directions)
{
	uint8_t *data = guest_pattern(BULK);
	size_t up = 0, down = 0, written = 0, read_back = 0;
	char *got = malloc(BULK);

	while (read_back < BULK || down < BULK) {
		uint32_t room = stream.peer_buf_alloc - (stream.sent - stream.peer_fwd_cnt);
		size_t n = room < 65536 ? room : 65536;
		n = n < BULK - up ? n : BULK - up;
		if (n > 0)
			guest_write(&guest, &stream, data + up, n);
		up += n;
		ssize_t r = read(program, got + read_back, n < 4096 ? 200000 : 4096);
		read_back += r > 0 ? (size_t)r : 0;
		r = send(program, data + written, BULK - written, MSG_DONTWAIT);
		written += r > 0 ? (size_t)r : 0;
		loop_run_once(guest.loop, 0);
		while (guest_try_to_receive(&guest)) {
			stream.peer_fwd_cnt = guest.packet.fwd_cnt;
			ck_assert(!memcmp(data + down, guest.payload, guest.packet.size));
			down += guest.packet.size;
			stream.fwd_cnt += guest.packet.size;
			if (stream.fwd_cnt % 3 == 0)
				guest_send(&guest, &stream, VSOCK_OP_CREDIT_UPDATE, 0);
			loop_run_once(guest.loop, 0);
		}
		guest_send(&guest, &stream, VSOCK_OP_CREDIT_UPDATE, 0);
	}
	ck_assert_mem_eq(data, got, BULK);
	free(data);
	free(got);
}
END_TEST

START_TEST(program_that_ends_its_half_gets_the_answer)
{
	host_write(program, "question", 8);
	ck_assert_int_eq(shutdown(program, SHUT_WR), 0);
	guest_expect_data(&guest, &stream, "question", 8);
	guest_expect(&guest, &stream, VSOCK_OP_SHUTDOWN);
	ck_assert_uint_eq(guest.packet.flags, VSOCK_SHUTDOWN_SEND);
	guest_write(&guest, &stream, "answer", 6);
	guest_send(&guest, &stream, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_SEND);
	host_expect(&guest, program, "answer", 6);
	host_expect_end(&guest, program);
	/* Both halves have ended: nobody has anything to say. */
	guest_expect(&guest, &stream, VSOCK_OP_SHUTDOWN);
	ck_assert_uint_eq(guest.packet.flags, VSOCK_SHUTDOWN_BOTH);
	guest_send(&guest, &stream, VSOCK_OP_RST, 0);
	guest_expect_nothing(&guest);
	ck_assert_uint_eq(guest.hub.n_connections, 0);
}
END_TEST

START_TEST(guest_that_ends_its_half_gets_the_answer)
{
	guest_write(&guest, &stream, "question", 8);
	guest_send(&guest, &stream, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_SEND);
	host_expect(&guest, program, "question", 8);
	host_expect_end(&guest, program);
	host_write(program, "answer", 6);
	guest_expect_data(&guest, &stream, "answer", 6);
	close_program();
	guest_expect(&guest, &stream, VSOCK_OP_SHUTDOWN);
	ck_assert_uint_eq(guest.packet.flags, VSOCK_SHUTDOWN_BOTH);
	guest_send(&guest, &stream, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_BOTH);
	guest_expect(&guest, &stream, VSOCK_OP_RST);
	ck_assert_uint_eq(guest.hub.n_connections, 0);
}
END_TEST

START_TEST(guest_that_reads_no_more_stops_the_program)
{
	host_write(program, "lost", 4);
	guest_send(&guest, &stream, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_RCV);
	guest_expect_nothing(&guest);
	ck_assert_int_eq(send(program, "x", 1, MSG_NOSIGNAL), -1);
	ck_assert_int_eq(errno, EPIPE);
	guest_write(&guest, &stream, "still", 5);
	host_expect(&guest, program, "still", 5);
}
END_TEST

START_TEST(guest_that_sends_after_its_end_is_reset)
{
	guest_send(&guest, &stream, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_SEND);
	guest_write(&guest, &stream, "x", 1);
	guest_expect(&guest, &stream, VSOCK_OP_RST);
}
END_TEST

START_TEST(guest_that_closes_is_answered_by_a_reset)
{
	guest_write(&guest, &stream, "last", 4);
	guest_send(&guest, &stream, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_BOTH);
	guest_expect(&guest, &stream, VSOCK_OP_RST);
	host_expect(&guest, program, "last", 4);
	host_expect_end(&guest, program);
	ck_assert_uint_eq(guest.hub.n_connections, 0);
}
END_TEST

/* Fills socket and buffer; returns how much that took. */
static size_t fill(void)
{
	size_t sent = 0;

	while (guest.hub.buffered.used == 0) {
		guest_write_pattern(&guest, &stream, (uint8_t)sent, 65536);
		sent += 65536;
		guest_take_credit(&guest, &stream);
	}
	return sent;
}

START_TEST(last_bytes_of_a_guest_that_closed_reach_a_slow_program)
{
	size_t sent = fill();
	uint8_t *data = malloc(sent);

	for (size_t i = 0; i < sent; i++)
		data[i] = (uint8_t)i;
	guest_send(&guest, &stream, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_BOTH);
	guest_expect_nothing(&guest);
	/* It gives up, and uses the port for something new. */
	guest_send(&guest, &stream, VSOCK_OP_RST, 0);
	struct guest_stream next = { .port = stream.port, .host_port = stream.host_port };
	int other = guest_connect(&guest, &next, listener);
	host_expect(&guest, program, data, sent);
	host_expect_end(&guest, program);
	guest_expect_nothing(&guest);
	guest_write(&guest, &next, "alive", 5);
	host_expect(&guest, other, "alive", 5);
	ck_assert_uint_eq(guest.hub.n_connections, 1);
	close(other);
	free(data);
}
END_TEST

START_TEST(program_that_never_reads_does_not_hold_a_closed_stream_for_ever)
{
	guest.hub.close_timeout_ms = 20;
	fill();
	guest_send(&guest, &stream, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_BOTH);
	guest_expect(&guest, &stream, VSOCK_OP_RST);
	ck_assert_uint_eq(guest.hub.n_connections, 0);
	ck_assert_uint_eq(guest.hub.buffered.used, 0);
}
END_TEST

START_TEST(guest_that_never_confirms_a_close_is_reset)
{
	guest.hub.close_timeout_ms = 20;
	close_program();
	guest_expect(&guest, &stream, VSOCK_OP_SHUTDOWN);
	ck_assert_uint_eq(guest.packet.flags, VSOCK_SHUTDOWN_BOTH);
	guest_expect(&guest, &stream, VSOCK_OP_RST);
	ck_assert_uint_eq(guest.hub.n_connections, 0);
}
END_TEST

START_TEST(bytes_sent_to_a_program_that_left_are_dropped_and_the_guest_told)
{
	guest_write(&guest, &stream, "unread", 6);
	close_program();
	guest_write(&guest, &stream, "more", 4);
	guest_receive(&guest);
	/* The program lost bytes, which is no orderly end. */
	if (guest.packet.op == VSOCK_OP_SHUTDOWN)
		guest_receive(&guest);
	ck_assert_uint_eq(guest.packet.op, VSOCK_OP_RST);
	ck_assert_uint_eq(guest.hub.n_connections, 0);
}
END_TEST

START_TEST(reset_in_mid_transfer_closes_the_socket)
{
	fill();
	host_write(program, "and back", 8);
	guest_send(&guest, &stream, VSOCK_OP_RST, 0);
	guest_expect_nothing(&guest);
	ck_assert_uint_eq(guest.hub.n_connections, 0);
	ck_assert_uint_eq(guest.hub.buffered.used, 0);
}
END_TEST

START_TEST(busy_streams_take_turns)
{
	struct guest_stream second = { .port = 1025, .host_port = 5000 };
	int other = guest_connect(&guest, &second, listener);
	uint8_t *data = guest_pattern(150000);
	unsigned packets[2] = { 0, 0 };

	host_write(program, data, 150000);
	host_write(other, data, 150000);
	guest_settle(&guest);
	for (unsigned i = 0; i < 2 * VSOCK_TURN_PACKETS; i++) {
		guest_receive(&guest);
		packets[guest.packet.dst_port == second.port]++;
	}
	ck_assert_uint_eq(packets[0], VSOCK_TURN_PACKETS);
	ck_assert_uint_eq(packets[1], VSOCK_TURN_PACKETS);
	close(other);
	free(data);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		bytes_of_the_guest_reach_the_program_at_once,
		bytes_of_the_program_reach_the_guest,
		many_bytes_arrive_whole_and_in_order_in_both_directions,
		program_that_ends_its_half_gets_the_answer,
		guest_that_ends_its_half_gets_the_answer,
		guest_that_reads_no_more_stops_the_program,
		guest_that_sends_after_its_end_is_reset,
		guest_that_closes_is_answered_by_a_reset,
		last_bytes_of_a_guest_that_closed_reach_a_slow_program,
		program_that_never_reads_does_not_hold_a_closed_stream_for_ever,
		guest_that_never_confirms_a_close_is_reset,
		bytes_sent_to_a_program_that_left_are_dropped_and_the_guest_told,
		reset_in_mid_transfer_closes_the_socket,
		busy_streams_take_turns,
		NULL,
	};

	return suite_run_with("virtio-vsock-stream", tests, set_up, tear_down);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much of a stream a guest and a vsock device hold for each other. */
#include "suite.h"
#include "vsock-guest.h"

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

/* Until the patience with a guest without room is over. */
static void wait_for_timer(void)
{
	while (guest.hub.wake_ms != 0)
		ck_assert_int_ge(loop_run_once(guest.loop, GUEST_WAIT_MS), 0);
}

START_TEST(slow_program_stops_the_guest_and_loses_nothing)
{
	uint8_t *data = guest_pattern(BULK);
	size_t sent = 0;

	/* Until the socket and the whole of our buffer are full. */
	for (;;) {
		uint32_t room = stream.peer_buf_alloc - (stream.sent - stream.peer_fwd_cnt);
		ck_assert_uint_le(stream.peer_buf_alloc, VSOCK_BUFFER_SIZE);
		if (room == 0)
			break;
		guest_write(&guest, &stream, data + sent, room < 3000 ? room : 3000);
		sent += room < 3000 ? room : 3000;
		loop_run_once(guest.loop, 0);
		guest_take_credit(&guest, &stream);
	}
	ck_assert_uint_ge(sent, VSOCK_BUFFER_SIZE);
	ck_assert_uint_lt(sent, BULK);
	ck_assert_uint_le(guest.hub.buffered.used, VSOCK_BUFFER_SIZE);
	guest_expect_nothing(&guest);
	host_expect(&guest, program, data, sent);
	ck_assert_uint_eq(guest.hub.buffered.used, 0);
	guest_expect(&guest, &stream, VSOCK_OP_CREDIT_UPDATE);
	ck_assert_uint_eq(stream.peer_fwd_cnt, stream.sent);
	free(data);
}
END_TEST

START_TEST(guest_that_ignores_its_credit_is_reset)
{
	for (unsigned i = 0; i < VSOCK_BUFFER_SIZE / 65536; i++)
		guest_write_pattern(&guest, &stream, 0, 65536);
	/* The program reads it all; the guest was not told. */
	static char sink[VSOCK_BUFFER_SIZE];
	while (read(program, sink, sizeof sink) > 0)
		loop_run_once(guest.loop, 0);
	guest_write(&guest, &stream, "x", 1);
	guest_expect(&guest, &stream, VSOCK_OP_RST);
	host_expect_end(&guest, program);
	ck_assert_uint_eq(guest.hub.n_connections, 0);
}
END_TEST

START_TEST(guest_is_told_of_its_credit_before_it_has_run_out)
{
	for (unsigned i = 0; i < 3; i++) {
		guest_write_pattern(&guest, &stream, 0, VSOCK_CREDIT_STEP - 1);
		static uint8_t sink[VSOCK_BUFFER_SIZE];
		while (read(program, sink, sizeof sink) > 0)
			loop_run_once(guest.loop, 0);
		guest_expect_nothing(&guest);
		guest_write(&guest, &stream, "x", 1);
		guest_expect(&guest, &stream, VSOCK_OP_CREDIT_UPDATE);
		ck_assert_uint_eq(stream.peer_fwd_cnt, stream.sent);
		ck_assert_uint_eq(stream.peer_buf_alloc, VSOCK_BUFFER_SIZE);
	}
}
END_TEST

START_TEST(guest_that_asks_is_told_of_its_credit)
{
	guest_write(&guest, &stream, "abc", 3);
	guest_send(&guest, &stream, VSOCK_OP_CREDIT_REQUEST, 0);
	guest_expect(&guest, &stream, VSOCK_OP_CREDIT_UPDATE);
	ck_assert_uint_eq(stream.peer_fwd_cnt, 3);
	guest_expect_nothing(&guest);
}
END_TEST

START_TEST(guest_gets_no_more_than_it_has_room_for)
{
	uint8_t *data = guest_pattern(10000);

	stream.buf_alloc = 1000;
	guest_send(&guest, &stream, VSOCK_OP_CREDIT_UPDATE, 0);
	host_write(program, data, 10000);
	guest_expect_data(&guest, &stream, data, 1000);
	guest_expect(&guest, &stream, VSOCK_OP_CREDIT_REQUEST);
	guest_expect_nothing(&guest);
	stream.fwd_cnt = 0; /* nothing was taken */
	guest_send(&guest, &stream, VSOCK_OP_CREDIT_UPDATE, 0);
	guest_expect_nothing(&guest);
	stream.fwd_cnt = 300;
	guest_send(&guest, &stream, VSOCK_OP_CREDIT_UPDATE, 0);
	guest_expect_data(&guest, &stream, data + 1000, 300);
	guest_expect(&guest, &stream, VSOCK_OP_CREDIT_REQUEST);
	stream.fwd_cnt = 5000; /* more than it was sent */
	guest_send(&guest, &stream, VSOCK_OP_CREDIT_UPDATE, 0);
	guest_expect_nothing(&guest);
	stream.fwd_cnt = 1300;
	stream.buf_alloc = 0xffffffff;
	guest_send(&guest, &stream, VSOCK_OP_CREDIT_UPDATE, 0);
	guest_expect_data(&guest, &stream, data + 1300, 8700);
	free(data);
}
END_TEST

START_TEST(guest_that_tells_of_its_room_is_not_asked_for_it)
{
	stream.buf_alloc = 10;
	guest_send(&guest, &stream, VSOCK_OP_CREDIT_UPDATE, 0);
	host_write(program, "0123456789abc", 13);
	guest_expect_data(&guest, &stream, "0123456789", 10);
	guest_expect_nothing(&guest);
	ck_assert_int_ne(guest.hub.wake_ms, 0);
	guest_send(&guest, &stream, VSOCK_OP_CREDIT_UPDATE, 0);
	guest_expect_data(&guest, &stream, "abc", 3);
	wait_for_timer();
	guest_expect_nothing(&guest);
}
END_TEST

START_TEST(guest_without_room_that_reads_no_more_may_go_on_writing)
{
	stream.buf_alloc = 0;
	guest_send(&guest, &stream, VSOCK_OP_CREDIT_UPDATE, 0);
	host_write(program, "lost", 4);
	guest_expect_nothing(&guest);
	guest_send(&guest, &stream, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_RCV);
	wait_for_timer();
	guest_expect_nothing(&guest);
	guest_write(&guest, &stream, "still", 5);
	host_expect(&guest, program, "still", 5);
}
END_TEST

START_TEST(patience_with_a_guest_cuts_no_end_short)
{
	stream.buf_alloc = 0;
	guest_send(&guest, &stream, VSOCK_OP_CREDIT_UPDATE, 0);
	ck_assert_int_eq(shutdown(program, SHUT_WR), 0);
	guest_expect_nothing(&guest);
	stream.buf_alloc = 10;
	guest_send(&guest, &stream, VSOCK_OP_CREDIT_UPDATE, 0);
	guest_expect(&guest, &stream, VSOCK_OP_SHUTDOWN);
	guest_send(&guest, &stream, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_SEND);
	wait_for_timer();
	guest_expect(&guest, &stream, VSOCK_OP_SHUTDOWN);
	ck_assert_uint_eq(guest.packet.flags, VSOCK_SHUTDOWN_BOTH);
}
END_TEST

START_TEST(program_that_left_is_noticed_while_the_guest_has_no_room)
{
	stream.buf_alloc = 0;
	guest_send(&guest, &stream, VSOCK_OP_CREDIT_UPDATE, 0);
	host_write(program, "waits", 5);
	close_program();
	guest_expect(&guest, &stream, VSOCK_OP_CREDIT_REQUEST);
	guest_expect_nothing(&guest);
	/* Else the loop would say again and again what nothing can be done about. */
	ck_assert(!vsock_hub_find(&guest.hub, stream.host_port, stream.port)->watched);
	guest_write(&guest, &stream, "x", 1);
	guest_expect(&guest, &stream, VSOCK_OP_SHUTDOWN);
	ck_assert_uint_eq(guest.packet.flags, VSOCK_SHUTDOWN_RCV);
	guest_write(&guest, &stream, "y", 1); /* it is told once */
	guest_expect_nothing(&guest);
	stream.buf_alloc = 100;
	guest_send(&guest, &stream, VSOCK_OP_CREDIT_UPDATE, 0);
	guest_expect_data(&guest, &stream, "waits", 5);
	guest_expect(&guest, &stream, VSOCK_OP_SHUTDOWN);
	ck_assert_uint_eq(guest.packet.flags, VSOCK_SHUTDOWN_BOTH);
}
END_TEST

START_TEST(sockets_are_not_listened_to_while_the_guest_gives_no_room)
{
	struct vsock_connection *c = vsock_hub_find(&guest.hub, stream.host_port, stream.port);

	host_write(program, "waits", 5);
	guest_settle(&guest);
	vsock_hub_pause(&guest.hub);
	ck_assert(!c->watched);
	guest_expect_data(&guest, &stream, "waits", 5);
	guest_expect_nothing(&guest);
	ck_assert(c->watched);
	host_write(program, "more", 4);
	guest_expect_data(&guest, &stream, "more", 4);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		slow_program_stops_the_guest_and_loses_nothing,
		guest_that_ignores_its_credit_is_reset,
		guest_is_told_of_its_credit_before_it_has_run_out,
		guest_that_asks_is_told_of_its_credit,
		guest_gets_no_more_than_it_has_room_for,
		guest_that_tells_of_its_room_is_not_asked_for_it,
		guest_without_room_that_reads_no_more_may_go_on_writing,
		patience_with_a_guest_cuts_no_end_short,
		program_that_left_is_noticed_while_the_guest_has_no_room,
		sockets_are_not_listened_to_while_the_guest_gives_no_room,
		NULL,
	};

	return suite_run_with("virtio-vsock-credit", tests, set_up, tear_down);
}

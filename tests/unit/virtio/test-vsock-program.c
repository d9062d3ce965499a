/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How streams of host programs to a guest begin, or do not. */
#include "suite.h"
#include "vsock-guest.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct guest guest;

static void set_up(void)
{
	guest_init(&guest);
}

static void tear_down(void)
{
	guest_finish(&guest);
}

/* A program that has asked for a port of the guest, and the guest's end, not answered yet. */
static int ask(uint32_t port, const char *line, struct guest_stream *ret)
{
	int program = host_connect(&guest);

	host_write(program, line, strlen(line));
	guest_receive(&guest);
	ck_assert_uint_eq(guest.packet.op, VSOCK_OP_REQUEST);
	ck_assert_uint_eq(guest.packet.dst_port, port);
	ck_assert_uint_ge(guest.packet.src_port, VSOCK_HOST_PORT_MIN);
	*ret = (struct guest_stream){
		.port = port, .host_port = guest.packet.src_port, .buf_alloc = 65536
	};
	return program;
}

static void expect_ok(int program, const struct guest_stream *s)
{
	char text[32];
	int size = snprintf(text, sizeof text, "OK %u\n", s->host_port);

	host_expect(&guest, program, text, (size_t)size);
}

START_TEST(program_reaches_a_port_of_the_guest)
{
	struct guest_stream a, b;
	int first = ask(5001, "CONNECT 5001\n", &a);
	int second = ask(5001, "CONNECT 5001\n", &b);

	ck_assert_uint_ne(a.host_port, b.host_port);
	guest_send(&guest, &b, VSOCK_OP_RESPONSE, 0);
	expect_ok(second, &b);
	guest_send(&guest, &a, VSOCK_OP_RESPONSE, 0);
	expect_ok(first, &a);
	guest_check_stream(&guest, &a, first);
	guest_check_stream(&guest, &b, second);
	close(first);
	close(second);
}
END_TEST

START_TEST(bytes_behind_the_line_belong_to_the_guest)
{
	struct guest_stream s;
	int program = ask(5001, "CONNECT 5001\nGET / HTTP/1.1\n", &s);

	guest_expect_nothing(&guest);
	guest_send(&guest, &s, VSOCK_OP_RESPONSE, 0);
	expect_ok(program, &s);
	guest_expect_data(&guest, &s, "GET / HTTP/1.1\n", 15);
	close(program);
}
END_TEST

START_TEST(line_may_come_in_pieces)
{
	int program = host_connect(&guest);

	for (const char *c = "CONNECT 7\n"; *c; c++) {
		guest_expect_nothing(&guest);
		host_write(program, c, 1);
	}
	guest_receive(&guest);
	ck_assert_uint_eq(guest.packet.op, VSOCK_OP_REQUEST);
	ck_assert_uint_eq(guest.packet.dst_port, 7);
	close(program);
}
END_TEST

START_TEST(program_that_says_nonsense_is_hung_up_on)
{
	static const char *const lines[] = { "\n", "CONNECT\n", "CONNECT 1 2\n", "CONNECT -1\n",
		"CONNECT 4294967296\n", "CONNECT 1111111111111111111111111111111111", "GET /\n" };

	for (size_t i = 0; i < N_ELEMENTS(lines); i++) {
		int program = host_connect(&guest);
		char byte;

		host_write(program, lines[i], strlen(lines[i]));
		while (recv(program, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN)
			ck_assert_int_ge(loop_run_once(guest.loop, 1), 0);
		guest_expect_nothing(&guest);
		ck_assert_uint_eq(guest.hub.n_connections, 0);
		close(program);
	}
}
END_TEST

START_TEST(program_that_leaves_before_its_line_is_forgotten)
{
	int program = host_connect(&guest);

	guest_settle(&guest);
	ck_assert_uint_eq(guest.hub.n_connections, 1);
	close(program);
	guest_expect_nothing(&guest);
	ck_assert_uint_eq(guest.hub.n_connections, 0);
}
END_TEST

START_TEST(program_that_says_nothing_is_hung_up_on)
{
	int program;

	guest.hub.connect_timeout_ms = 20;
	program = host_connect(&guest);
	host_write(program, "CONN", 4);
	host_expect_end(&guest, program);
	close(program);
}
END_TEST

START_TEST(program_is_hung_up_on_when_the_guest_refuses)
{
	struct guest_stream s;
	int program = ask(5001, "CONNECT 5001\n", &s);

	guest_send(&guest, &s, VSOCK_OP_RST, 0);
	host_expect_end(&guest, program);
	guest_expect_nothing(&guest);
	close(program);
}
END_TEST

START_TEST(program_is_hung_up_on_when_the_guest_does_not_answer)
{
	struct guest_stream s;

	guest.hub.connect_timeout_ms = 20;
	int program = ask(5001, "CONNECT 5001\n", &s);
	host_expect_end(&guest, program);
	guest_expect(&guest, &s, VSOCK_OP_RST);
	close(program);
}
END_TEST

START_TEST(guest_that_answers_with_anything_else_is_reset)
{
	static const enum vsock_op ops[] = { VSOCK_OP_REQUEST, VSOCK_OP_RW, VSOCK_OP_SHUTDOWN,
		VSOCK_OP_CREDIT_UPDATE, VSOCK_OP_CREDIT_REQUEST };

	for (size_t i = 0; i < N_ELEMENTS(ops); i++) {
		struct guest_stream s;
		int program = ask(5001, "CONNECT 5001\n", &s);

		guest_send(&guest, &s, ops[i], ops[i] == VSOCK_OP_SHUTDOWN ? 3 : 0);
		guest_expect(&guest, &s, VSOCK_OP_RST);
		host_expect_end(&guest, program);
		close(program);
	}
}
END_TEST

START_TEST(guest_that_answers_before_it_is_asked_is_reset)
{
	struct guest_stream guess = { .port = 5001, .host_port = guest.hub.next_port };
	int program = host_connect(&guest);

	host_write(program, "CONNECT 5001\n", 13);
	guest_settle(&guest);
	guest_send(&guest, &guess, VSOCK_OP_RESPONSE, 0);
	guest_expect(&guest, &guess, VSOCK_OP_RST);
	host_expect_end(&guest, program);
	close(program);
}
END_TEST

START_TEST(guest_is_told_when_the_program_does_not_wait_for_its_answer)
{
	struct guest_stream s;
	int program = ask(5001, "CONNECT 5001\n", &s);

	close(program);
	guest_expect(&guest, &s, VSOCK_OP_RST);
	/* Never asked, never told. */
	program = host_connect(&guest);
	host_write(program, "CONNECT 5001\n", 13);
	guest_settle(&guest);
	close(program);
	guest_expect_nothing(&guest);
	ck_assert_uint_eq(guest.hub.n_connections, 0);
}
END_TEST

START_TEST(programs_beyond_the_limit_are_hung_up_on)
{
	static int programs[VSOCK_CONNECTIONS_MAX + 1];

	guest_allow_descriptors();
	for (unsigned i = 0; i <= VSOCK_CONNECTIONS_MAX; i++) {
		programs[i] = host_connect(&guest);
		guest_settle(&guest);
	}
	ck_assert_uint_eq(guest.hub.n_connections, VSOCK_CONNECTIONS_MAX);
	host_expect_end(&guest, programs[VSOCK_CONNECTIONS_MAX]);
	for (unsigned i = 0; i <= VSOCK_CONNECTIONS_MAX; i++)
		close(programs[i]);
}
END_TEST

START_TEST(program_waits_while_no_descriptor_is_left)
{
	int listener = host_listen(&guest, 5000, 4), program = host_connect(&guest);
	struct guest_stream stream = { .port = 9, .host_port = 5000, .buf_alloc = 99 };
	struct rlimit limit, none;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = (rlim_t)program + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	guest_expect_nothing(&guest); /* and is not tried again and again */
	guest_send(&guest, &stream, VSOCK_OP_REQUEST, 0);
	guest_expect(&guest, &stream, VSOCK_OP_RST);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	host_write(program, "CONNECT 7\n", 10);
	guest_receive(&guest);
	ck_assert_uint_eq(guest.packet.op, VSOCK_OP_REQUEST);
	close(program);
	close(listener);
}
END_TEST

START_TEST(guest_cannot_take_a_port_from_a_program)
{
	struct guest_stream stream, s, next;
	int listener = host_listen(&guest, VSOCK_HOST_PORT_MIN, 4);

	stream = (struct guest_stream){ .port = 5001, .host_port = VSOCK_HOST_PORT_MIN };
	int taken = guest_connect(&guest, &stream, listener);
	int program = ask(5001, "CONNECT 5001\n", &s);
	ck_assert_uint_ne(s.host_port, VSOCK_HOST_PORT_MIN);
	guest.hub.next_port = VSOCK_HOST_PORT_MAX;
	int last = ask(5001, "CONNECT 5001\n", &next);
	ck_assert_uint_eq(next.host_port, VSOCK_HOST_PORT_MAX);
	close(last);
	guest_expect(&guest, &next, VSOCK_OP_RST);
	last = ask(5001, "CONNECT 5001\n", &next);
	ck_assert_uint_eq(next.host_port, VSOCK_HOST_PORT_MIN + 2);
	close(last);
	close(program);
	close(taken);
	close(listener);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		program_reaches_a_port_of_the_guest,
		bytes_behind_the_line_belong_to_the_guest,
		line_may_come_in_pieces,
		program_that_says_nonsense_is_hung_up_on,
		program_that_leaves_before_its_line_is_forgotten,
		program_that_says_nothing_is_hung_up_on,
		program_is_hung_up_on_when_the_guest_refuses,
		program_is_hung_up_on_when_the_guest_does_not_answer,
		guest_that_answers_with_anything_else_is_reset,
		guest_that_answers_before_it_is_asked_is_reset,
		guest_is_told_when_the_program_does_not_wait_for_its_answer,
		programs_beyond_the_limit_are_hung_up_on,
		program_waits_while_no_descriptor_is_left,
		guest_cannot_take_a_port_from_a_program,
		NULL,
	};

	return suite_run_with("virtio-vsock-program", tests, set_up, tear_down);
}

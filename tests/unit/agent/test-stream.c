/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dialect/stream.h"
#include "suite.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define PING     "{\"execute\":\"guest-ping\"}\n"
#define STALL_MS 200u
#define PONG     "{\"return\": {}}\n"

static struct dialect *dialect;
static struct dialect_stream *stream;
static struct dialect_call *held;
static bool closed;
static int peer;

static json_t *run_hold(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	held = call;
	return NULL;
}

static const struct dialect_command commands[] = {
	{ "hold", DIALECT_READ, NULL, run_hold, "" },
	{ NULL },
};
static const struct dialect_command *const tables[] = { commands };

static void on_closed(void *user, struct dialect_stream *over)
{
	closed = true;
}

static void talk_on(int fd, bool persistent)
{
	const struct dialect_stream_config config = {
		.dialect = dialect,
		.persistent = persistent,
		.stall_timeout_ms = STALL_MS,
		.closed = on_closed,
	};

	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(fcntl(peer, F_SETFL, O_NONBLOCK), 0);
	stream = dialect_stream_new(fd, &config);
}

/* A terminal stands for a port: its file may end, at ^D, and go on. */
static void talk_on_port(void)
{
	struct termios attributes;
	int fd;

	ck_assert_int_eq(openpty(&peer, &fd, NULL, NULL, NULL), 0);
	ck_assert_int_eq(tcgetattr(fd, &attributes), 0);
	attributes.c_oflag &= (tcflag_t)~OPOST;
	attributes.c_lflag &= (tcflag_t)~ECHO;
	ck_assert_int_eq(tcsetattr(fd, TCSANOW, &attributes), 0);
	talk_on(fd, true);
}

static void talk_on_socket(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	peer = fds[1];
	talk_on(fds[0], false);
}

static void setup(void)
{
	dialect = dialect_new(tables, 1, NULL);
	closed = false;
	held = NULL;
}

static void teardown(void)
{
	dialect_stream_free(stream);
	dialect_free(dialect);
	close(peer);
}

static void send_text(const char *text)
{
	ck_assert_int_eq(write(peer, text, strlen(text)), (ssize_t)strlen(text));
}

static void assert_reply(const char *wanted)
{
	char text[512];
	ssize_t n;

	while ((n = read(peer, text, sizeof(text) - 1)) < 0) {
		ck_assert(!closed);
		g_main_context_iteration(NULL, TRUE);
	}
	text[n] = '\0';
	ck_assert_str_eq(text, wanted);
}

START_TEST(the_end_of_a_port_is_no_end)
{
	talk_on_port();
	for (unsigned i = 0; i < 3; i++) {
		send_text("\x04" PING);
		assert_reply(PONG);
	}
	ck_assert(!closed);
}
END_TEST

START_TEST(what_was_begun_on_a_port_is_dropped_at_its_end)
{
	talk_on_port();
	/* The first ^D hands over the unfinished line, the second one is the end. */
	send_text("{\"execute\":\x04\x04" PING);
	assert_reply(PONG);
}
END_TEST

static gboolean set_flag(void *user)
{
	*(bool *)user = true;
	return G_SOURCE_REMOVE;
}

START_TEST(what_does_not_end_on_a_port_is_dropped_in_time)
{
	bool late = false;

	talk_on_port();
	send_text("{\"execute\":\n");
	g_timeout_add(2 * STALL_MS, set_flag, &late);
	while (!late)
		g_main_context_iteration(NULL, TRUE);
	send_text(PING);
	assert_reply(PONG);
}
END_TEST

START_TEST(a_client_that_closed_its_side_gets_its_answer)
{
	talk_on_socket();
	send_text("{\"execute\":\"hold\"}");
	ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
	while (!held)
		g_main_context_iteration(NULL, TRUE);
	while (g_main_context_iteration(NULL, FALSE))
		;
	ck_assert(!closed);
	dialect_call_finish(held, json_object(), NULL);
	assert_reply(PONG);
	while (!closed)
		g_main_context_iteration(NULL, TRUE);
}
END_TEST

START_TEST(nothing_is_read_while_an_answer_is_owed)
{
	struct dialect_call *first;

	talk_on_socket();
	send_text("{\"execute\":\"hold\"}");
	while (!held)
		g_main_context_iteration(NULL, TRUE);
	first = held;
	send_text("{\"execute\":\"hold\"}");
	while (g_main_context_iteration(NULL, FALSE))
		;
	ck_assert_ptr_eq(held, first);
	dialect_call_finish(first, json_object(), NULL);
	assert_reply(PONG);
	while (held == first)
		g_main_context_iteration(NULL, TRUE);
	dialect_call_finish(held, json_object(), NULL);
	assert_reply(PONG);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_end_of_a_port_is_no_end,
		what_was_begun_on_a_port_is_dropped_at_its_end,
		what_does_not_end_on_a_port_is_dropped_in_time,
		a_client_that_closed_its_side_gets_its_answer,
		nothing_is_read_while_an_answer_is_owed,
		NULL,
	};

	return suite_run_with("agent-stream", tests, setup, teardown);
}

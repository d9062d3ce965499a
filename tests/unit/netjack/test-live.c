/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netjack/measure/live.h"

#include "suite.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define S       INT64_C(1000000000)
#define WAIT_MS 10000

static struct live live;
static int reader, writer;
static char text[4096];

/* Nothing else was written since the last call. A terminal hands on what it got a little later. */
static void assert_written(const char *expected)
{
	size_t size = 0;
	struct pollfd poll_fd = { .fd = reader, .events = POLLIN };

	while (poll(&poll_fd, 1, size < strlen(expected) ? WAIT_MS : 0) > 0) {
		ssize_t n = read(reader, text + size, sizeof text - 1 - size);

		ck_assert_int_gt(n, 0);
		size += (size_t)n;
	}
	text[size] = '\0';
	ck_assert_str_eq(text, expected);
}

static void begin(void)
{
	ck_assert_int_eq(fcntl(reader, F_SETFL, O_NONBLOCK), 0);
	live_init(&live, writer);
}

static void begin_pipe(void)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	reader = fds[0];
	writer = fds[1];
	begin();
}

static void begin_terminal(unsigned short columns)
{
	struct winsize size = { .ws_row = 24, .ws_col = columns };

	ck_assert_int_eq(openpty(&reader, &writer, NULL, NULL, &size), 0);
	begin();
}

static void end(void)
{
	live_finish(&live);
	close(reader);
	close(writer);
}

START_TEST(where_it_is_no_terminal_a_line_comes_every_ten_seconds)
{
	begin_pipe();
	for (int64_t now = 1; now < 10; now++)
		live_show(&live, "a", now * S);
	assert_written("");
	live_show(&live, "b", 11 * S);
	assert_written("helix-host-stub: b\n");
	live_show(&live, "c", 12 * S);
	live_show(&live, "d", 20 * S);
	assert_written("");
	live_show(&live, "e", 21 * S);
	assert_written("helix-host-stub: e\n");
	live_log(&live, LOG_LEVEL_WARNING, "w");
	assert_written("helix-host-stub: warning: w\n");
	end();
}
END_TEST

START_TEST(on_a_terminal_one_line_is_rewritten_and_messages_stay)
{
	begin_terminal(80);
	live_show(&live, "a", S);
	live_show(&live, "b", S + 1);
	assert_written("\r\033[Ka\r\033[Kb");
	live_log(&live, LOG_LEVEL_INFO, "message");
	assert_written("\r\033[Khelix-host-stub: message\r\n");
	live_log(&live, LOG_LEVEL_ERROR, "more");
	assert_written("helix-host-stub: error: more\r\n");
	live_show(&live, "c", S + 2);
	assert_written("\r\033[Kc");
	live_finish(&live);
	assert_written("\r\033[K");
	close(reader);
	close(writer);
}
END_TEST

START_TEST(a_line_is_cut_to_the_terminal_by_characters)
{
	begin_terminal(5);
	live_show(&live, "\303\274\303\274\303\274\303\274\303\274\303\274", S);
	assert_written("\r\033[K\303\274\303\274\303\274\303\274");
	live_show(&live,
		"ab\xff"
		"cdef",
		S);
	assert_written("\r\033[Kab\357\277\275c");
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		where_it_is_no_terminal_a_line_comes_every_ten_seconds,
		on_a_terminal_one_line_is_rewritten_and_messages_stay,
		a_line_is_cut_to_the_terminal_by_characters,
		NULL,
	};

	return suite_run("netjack-live", tests);
}

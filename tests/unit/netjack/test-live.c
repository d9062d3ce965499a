/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netjack/measure/live.h"

#include "suite.h"

#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define S INT64_C(1000000000)

static struct live live;
static int reader, writer;
static char text[4096];

/* All that was written so far. */
static const char *written(void)
{
	ssize_t n = read(reader, text, sizeof text - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
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
	ck_assert_str_eq(written(), "");
	live_show(&live, "b", 11 * S);
	ck_assert_str_eq(written(), "helix-host-stub: b\n");
	live_show(&live, "c", 12 * S);
	live_show(&live, "d", 20 * S);
	ck_assert_str_eq(written(), "");
	live_show(&live, "e", 21 * S);
	ck_assert_str_eq(written(), "helix-host-stub: e\n");
	live_log(&live, LOG_LEVEL_WARNING, "w");
	ck_assert_str_eq(written(), "helix-host-stub: warning: w\n");
	end();
}
END_TEST

START_TEST(on_a_terminal_one_line_is_rewritten_and_messages_stay)
{
	begin_terminal(80);
	live_show(&live, "a", S);
	live_show(&live, "b", S + 1);
	ck_assert_str_eq(written(), "\r\033[Ka\r\033[Kb");
	live_log(&live, LOG_LEVEL_INFO, "message");
	ck_assert_str_eq(written(), "\r\033[Khelix-host-stub: message\r\n");
	live_log(&live, LOG_LEVEL_ERROR, "more");
	ck_assert_str_eq(written(), "helix-host-stub: error: more\r\n");
	live_show(&live, "c", S + 2);
	ck_assert_str_eq(written(), "\r\033[Kc");
	live_finish(&live);
	ck_assert_str_eq(written(), "\r\033[K");
	close(reader);
	close(writer);
}
END_TEST

START_TEST(a_line_is_cut_to_the_terminal_by_characters)
{
	begin_terminal(5);
	live_show(&live, "\303\274\303\274\303\274\303\274\303\274\303\274", S);
	ck_assert_str_eq(written(), "\r\033[K\303\274\303\274\303\274\303\274");
	live_show(&live,
		"ab\xff"
		"cdef",
		S);
	ck_assert_str_eq(written(), "\r\033[Kab\357\277\275c");
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

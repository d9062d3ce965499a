/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "device-fixture.h"

#include "suite.h"

#include <dirent.h>

struct loop *loop;
struct echo_device echo;
struct fake_frontend frontend;
unsigned n_warnings;

static unsigned n_fds_before;

unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void count_warning(void *user, enum log_level level, const char *text)
{
	n_warnings += level == LOG_LEVEL_WARNING;
}

static const struct log_sink sink = { .level = LOG_LEVEL_DEBUG, .write = count_warning };

void device_setup(void)
{
	n_fds_before = count_fds();
	n_warnings = 0;
	ck_assert_int_eq(loop_new(&loop), 0);
	echo_device_init(&echo, loop, &sink);
	fake_frontend_init(&frontend, loop, echo.device, ECHO_QUEUES);
}

void device_teardown(void)
{
	fake_frontend_finish(&frontend);
	echo_device_finish(&echo);
	loop_destroy(loop);
	ck_assert_uint_eq(count_fds(), n_fds_before);
}

void check_echo_of(unsigned queue, const char *text)
{
	size_t size = strlen(text) + 1;
	char answer[64];
	uint32_t n;

	poison(&answer);
	n = fake_frontend_request(&frontend, queue, text, size, answer, sizeof(answer));
	ck_assert_uint_eq(n, size);
	ck_assert_str_eq(answer, text);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "echo-device.h"
#include "fake-frontend.h"
#include "suite.h"

#include <dirent.h>
#include <sys/eventfd.h>

static struct loop *loop;
static struct echo_device echo;
static struct fake_frontend frontend;
static unsigned n_fds_before;

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void setup(void)
{
	n_fds_before = count_fds();
	ck_assert_int_eq(loop_new(&loop), 0);
	echo_device_init(&echo, loop, NULL);
	fake_frontend_init(&frontend, loop, echo.device, ECHO_QUEUES);
}

/* Every test ends with as many descriptors as it began with. */
static void teardown(void)
{
	fake_frontend_finish(&frontend);
	echo_device_finish(&echo);
	loop_destroy(loop);
	ck_assert_uint_eq(count_fds(), n_fds_before);
}

static void check_echo_of(unsigned queue, const char *text)
{
	char answer[64];
	size_t size = strlen(text) + 1;

	poison(&answer);
	ck_assert_uint_eq(
		fake_frontend_request(&frontend, queue, text, size, answer, sizeof(answer)), size);
	ck_assert_str_eq(answer, text);
}

START_TEST(device_answers_requests)
{
	fake_frontend_start(&frontend, 0);
	for (unsigned i = 0; i < 200; i++)
		check_echo_of(i % ECHO_QUEUES, "hello");
	ck_assert_uint_eq(echo.requests, 200);
}
END_TEST

START_TEST(device_answers_requests_with_event_idx)
{
	fake_frontend_start(&frontend, FAKE_EVENT_IDX);
	for (unsigned i = 0; i < 200; i++)
		check_echo_of(i % ECHO_QUEUES, "hello");
	ck_assert_uint_eq(echo.requests, 200);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		device_answers_requests,
		device_answers_requests_with_event_idx,
		NULL,
	};

	return suite_run_with("virtio device", tests, setup, teardown);
}

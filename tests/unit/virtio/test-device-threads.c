/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A driver that runs beside the device, as a guest does, and sleeps until it is interrupted: what
 * either of them misses is missed for ever. */

#include "device-fixture.h"
#include "suite.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#define BURSTS     5000u
#define TIMEOUT_MS 10000

static void *serve(void *user)
{
	ck_assert_int_eq(loop_run(loop), 0);
	return NULL;
}

static unsigned take_all(struct fake_queue *queue)
{
	uint32_t written;
	uint16_t head;
	unsigned n = 0;

	while (fake_queue_take(queue, &head, &written))
		n++;
	return n;
}

static void sleep_until_interrupted(struct fake_queue *queue)
{
	struct pollfd call = { .fd = queue->call_fd, .events = POLLIN };
	eventfd_t n;

	ck_assert_int_eq(poll(&call, 1, TIMEOUT_MS), 1);
	ck_assert_int_eq(eventfd_read(queue->call_fd, &n), 0);
}

/* Returns how many it took of those under way. */
static unsigned take_until_left(struct fake_queue *queue, unsigned under_way, unsigned left)
{
	unsigned taken = 0;

	while (under_way - taken > left) {
		unsigned n = take_all(queue);

		taken += n;
		if (n == 0)
			sleep_until_interrupted(queue);
	}
	return taken;
}

static void put_burst(struct fake_queue *queue, uint64_t at, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fake_queue_put(queue, &(struct fake_buffer){ .addr = at, .size = 16 }, 1);
	fake_queue_kick(queue);
}

static void check_bursts(uint64_t features)
{
	uint64_t at = fake_ram_alloc(&frontend.ram, 16, 8);
	struct fake_queue *queue = &frontend.queues[0];
	unsigned put = 0, taken = 0;
	pthread_t thread;

	fake_frontend_start(&frontend, features);
	ck_assert_int_eq(pthread_create(&thread, NULL, serve, NULL), 0);
	for (unsigned burst = 0; burst < BURSTS; burst++) {
		/* Of any length, and while others are under way. */
		unsigned n = 1 + burst * 7 % 11;

		put_burst(queue, at, n);
		put += n;
		taken += take_until_left(queue, put - taken, burst % 5);
	}
	taken += take_until_left(queue, put - taken, 0);
	loop_stop(loop);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(echo.requests, put);
}

START_TEST(nothing_is_missed)
{
	check_bursts(0);
}
END_TEST

START_TEST(nothing_is_missed_with_event_idx)
{
	check_bursts(FAKE_EVENT_IDX);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		nothing_is_missed,
		nothing_is_missed_with_event_idx,
		NULL,
	};

	return suite_run_with("virtio device threads", tests, device_setup, device_teardown);
}

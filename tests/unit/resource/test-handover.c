/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mirror against a real publisher. */
#include "resource/mirror.h"
#include "resource/publisher.h"
#include "suite.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE       RESOURCE_RUN_ALIGN
#define N_RUNS     1300u /* three packets */
#define SIZE       ((size_t)2 * N_RUNS * PAGE)
#define LARGE      5u
#define LATE       6u /* the guest has queued it; done when the device drains its queue */
#define TIMEOUT_MS 10000

static struct loop *loop;
static struct publisher *publisher;
static struct mirror *mirror;
static pthread_t thread;
static int memory_fd;
static uint8_t *memory;
static char path[64];

static void add(unsigned to, uint32_t id, uint32_t n_runs)
{
	static struct resource_run runs[N_RUNS];
	const struct resource_packet packet = {
		.add = { .id = id, .width = 32, .height = 32, .format = 1 }
	};

	for (uint32_t i = 0; i < n_runs; i++)
		runs[i] = (struct resource_run){ 0, (uint64_t)2 * i * PAGE, PAGE };
	publisher_add(publisher, to, &packet, runs, n_runs);
}

static void show(void *self, unsigned to)
{
	(void)self;
	publisher_send(publisher, to,
		&(struct resource_packet){ .type = RESOURCE_SCANOUT,
			.scanout = { 0, LARGE, .width = 32, .height = 32 } });
}

static void snapshot(void *self, unsigned to)
{
	publisher_memory(publisher, to, &memory_fd, 1);
	add(to, LARGE, N_RUNS);
	show(self, to);
}

static void drain(void *self)
{
	(void)self;
	add(PUBLISHER_ALL, LATE, 1);
	publisher_send(publisher, PUBLISHER_ALL,
		&(struct resource_packet){ .type = RESOURCE_FLUSH, .flush = { .id = LARGE } });
}

static const struct publisher_impl impl = { .snapshot = snapshot, .show = show, .drain = drain };

static void *run(void *user)
{
	(void)user;
	ck_assert_int_eq(loop_run(loop), 0);
	return NULL;
}

static void start_device(void)
{
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(publisher_new(&impl, NULL, loop, NULL, &publisher), 0);
	ck_assert_int_eq(publisher_listen(publisher, path), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
}

static void stop_device(void)
{
	loop_stop(loop);
	pthread_join(thread, NULL);
	publisher_destroy(publisher);
	loop_destroy(loop);
}

static void set_up(void)
{
	snprintf(path, sizeof path, "@helix-handover-%d", (int)getpid());
	memory_fd = memfd_create("guest", MFD_CLOEXEC);
	ck_assert_int_ge(memory_fd, 0);
	ck_assert_int_eq(ftruncate(memory_fd, (off_t)SIZE), 0);
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	ck_assert_ptr_ne(memory, MAP_FAILED);
	for (uint32_t i = 0; i < N_RUNS; i++)
		memory[(size_t)2 * i * PAGE] = (uint8_t)(i % 251);
	start_device();
	ck_assert_int_eq(mirror_new(path, NULL, &mirror), 0);
}

static void tear_down(void)
{
	mirror_destroy(mirror);
	stop_device();
	munmap(memory, SIZE);
	close(memory_fd);
}

static void expect_large(void)
{
	struct mirror_pixels pixels;

	ck_assert_int_eq(mirror_map(mirror, LARGE, &pixels), 0);
	ck_assert_uint_eq(pixels.size, (size_t)N_RUNS * PAGE);
	for (uint32_t i = 0; i < N_RUNS; i++)
		ck_assert_uint_eq(pixels.data[(size_t)i * PAGE], i % 251);
	mirror_unmap(mirror, &pixels);
}

START_TEST(what_is_published_is_seen)
{
	struct mirror_scanout scanout;
	struct mirror_pixels pixels;

	expect_large();
	ck_assert_int_eq(mirror_map(mirror, LATE + 1, &pixels), -ENOENT);
	ck_assert_int_eq(mirror_scanout(mirror, 0, &scanout), 0);
	ck_assert_uint_eq(scanout.id, LARGE);
}
END_TEST

START_TEST(what_the_guest_has_queued_is_waited_for)
{
	struct mirror_pixels pixels;

	ck_assert_int_eq(mirror_map(mirror, LATE, &pixels), 0);
	mirror_unmap(mirror, &pixels);
}
END_TEST

START_TEST(a_device_that_was_restarted_is_seen_again)
{
	struct pollfd changed = { .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .events = POLLIN };
	struct mirror_scanout scanout;
	eventfd_t n;

	expect_large();
	ck_assert_int_eq(mirror_watch(mirror, changed.fd), 0);
	stop_device();
	ck_assert_int_eq(poll(&changed, 1, TIMEOUT_MS), 1);
	eventfd_read(changed.fd, &n);
	ck_assert_int_eq(mirror_scanout(mirror, 0, &scanout), -ENOENT);
	start_device();
	while (mirror_scanout(mirror, 0, &scanout) < 0) {
		ck_assert_int_eq(poll(&changed, 1, TIMEOUT_MS), 1);
		eventfd_read(changed.fd, &n);
	}
	expect_large();
	mirror_unwatch(mirror, changed.fd);
	close(changed.fd);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_is_published_is_seen,
		what_the_guest_has_queued_is_waited_for,
		a_device_that_was_restarted_is_seen_again,
		NULL,
	};

	return suite_run_with("handover", tests, set_up, tear_down);
}

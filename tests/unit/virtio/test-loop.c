/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "suite.h"
#include "virtio/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct counter {
	struct loop_source source;
	unsigned calls;
	uint32_t events;
	struct counter *removes; /* also from the loop, when it is called */
	bool frees;
};

static struct loop *loop;

static void setup(void)
{
	ck_assert_int_eq(loop_new(&loop), 0);
}

static void teardown(void)
{
	loop_destroy(loop);
}

static void finish(struct counter *counter)
{
	loop_remove(loop, &counter->source);
	close(counter->source.fd);
	counter->source.fd = -1;
}

static void count(struct loop_source *source, uint32_t events)
{
	struct counter *counter = loop_owner(source, struct counter, source);

	counter->calls++;
	counter->events = events;
	if (counter->removes) {
		finish(counter->removes);
		if (counter->frees)
			free(counter->removes);
	}
}

static void start(struct counter *counter, unsigned value)
{
	*counter = (struct counter){ .source.ready = count };
	counter->source.fd = eventfd(value, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_ge(counter->source.fd, 0);
	ck_assert_int_eq(loop_add(loop, &counter->source, EPOLLIN), 0);
}

START_TEST(what_is_ready_is_called)
{
	struct counter ready, idle;

	start(&ready, 1);
	start(&idle, 0);
	ck_assert_int_eq(loop_run_once(loop, -1), 1);
	ck_assert_uint_eq(ready.calls, 1);
	ck_assert_uint_eq(ready.events, EPOLLIN);
	ck_assert_uint_eq(idle.calls, 0);
	ck_assert_int_eq(loop_modify(loop, &idle.source, EPOLLOUT), 0);
	ck_assert_int_eq(loop_modify(loop, &ready.source, 0), 0);
	ck_assert_int_eq(loop_run_once(loop, -1), 1);
	ck_assert_uint_eq(ready.calls, 1);
	ck_assert_uint_eq(idle.events, EPOLLOUT);
	finish(&ready);
	finish(&idle);
	ck_assert_int_eq(loop_run_once(loop, 0), 0);
}
END_TEST

/* Each of two that are ready at once removes the other: one of them is called. */
START_TEST(what_was_removed_is_not_called_any_more)
{
	struct counter a, b;

	start(&a, 1);
	start(&b, 1);
	a.removes = &b;
	b.removes = &a;
	loop_run_once(loop, -1);
	ck_assert_uint_eq(a.calls + b.calls, 1);
	finish(a.source.fd >= 0 ? &a : &b);
}
END_TEST

/* Use after free, for those who look (ASan, valgrind). */
START_TEST(a_source_may_free_itself)
{
	struct counter *counter = malloc(sizeof(*counter));

	ck_assert_ptr_nonnull(counter);
	start(counter, 1);
	counter->removes = counter;
	counter->frees = false;
	loop_run_once(loop, -1);
	ck_assert_uint_eq(counter->calls, 1);
	start(counter, 1);
	counter->removes = counter;
	counter->frees = true;
	loop_run_once(loop, -1);
}
END_TEST

START_TEST(what_cannot_be_waited_for_is_refused)
{
	struct loop_source file = { .fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC) };

	ck_assert_int_eq(loop_add(loop, &file, EPOLLIN), -EPERM);
	close(file.fd);
}
END_TEST

static void *stop(void *user)
{
	loop_stop(loop);
	return NULL;
}

START_TEST(a_loop_runs_until_it_is_stopped)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, stop, NULL), 0);
	ck_assert_int_eq(loop_run(loop), 0);
	pthread_join(thread, NULL);
	/* Also by what came before it ran. */
	loop_stop(loop);
	ck_assert_int_eq(loop_run(loop), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_is_ready_is_called,
		what_was_removed_is_not_called_any_more,
		a_source_may_free_itself,
		what_cannot_be_waited_for_is_refused,
		a_loop_runs_until_it_is_stopped,
		NULL,
	};

	return suite_run_with("virtio loop", tests, setup, teardown);
}

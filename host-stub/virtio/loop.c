/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_MAX 64

struct loop {
	int fd;
	struct loop_source wake;
	atomic_bool stop;
	/* Of the round that is being served; loop_remove() takes events out of it. */
	struct epoll_event events[EVENTS_MAX];
	int n_events;
};

static void wake_ready(struct loop_source *source, uint32_t events)
{
	eventfd_t n;

	eventfd_read(source->fd, &n);
}

int loop_new(struct loop **ret)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (!loop)
		return -ENOMEM;
	loop->wake = (struct loop_source){ .fd = -1, .ready = wake_ready };
	loop->fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->fd < 0)
		goto failed;
	loop->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake.fd < 0 || loop_add(loop, &loop->wake, EPOLLIN) < 0)
		goto failed;
	*ret = loop;
	return 0;

failed:
	r = -errno;
	loop_destroy(loop);
	return r;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->wake.fd >= 0)
		close(loop->wake.fd);
	if (loop->fd >= 0)
		close(loop->fd);
	free(loop);
}

static int control(struct loop *loop, int operation, struct loop_source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(loop->fd, operation, source->fd, &event) < 0 ? -errno : 0;
}

int loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, source, events);
}

int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, source, events);
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	control(loop, EPOLL_CTL_DEL, source, 0);
	for (int i = 0; i < loop->n_events; i++) {
		if (loop->events[i].data.ptr == source)
			loop->events[i].data.ptr = NULL;
	}
}

int loop_run_once(struct loop *loop, int timeout_ms)
{
	int n = epoll_wait(loop->fd, loop->events, EVENTS_MAX, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	loop->n_events = n;
	for (int i = 0; i < n; i++) {
		struct loop_source *source = loop->events[i].data.ptr;

		/* It may be gone, or even freed, once it was called. */
		loop->events[i].data.ptr = NULL;
		if (source)
			source->ready(source, loop->events[i].events);
	}
	loop->n_events = 0;
	return n;
}

int loop_run(struct loop *loop)
{
	int r = 0;

	while (r >= 0 && !atomic_exchange(&loop->stop, false))
		r = loop_run_once(loop, -1);
	return r < 0 ? r : 0;
}

void loop_stop(struct loop *loop)
{
	int saved = errno;

	atomic_store(&loop->stop, true);
	eventfd_write(loop->wake.fd, 1);
	errno = saved;
}

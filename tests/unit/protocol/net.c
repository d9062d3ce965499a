/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <check.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#define BACKLOG_TRIES       32
#define BACKLOG_PATIENCE_MS 100

int64_t net_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void net_wait(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	ck_assert_int_eq(poll(&p, 1, NET_TIMEOUT_MS), 1);
}

void net_fill_backlog(int listen_fd)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t size = sizeof(sa);

	ck_assert_int_eq(listen(listen_fd, 0), 0);
	ck_assert_int_eq(getsockname(listen_fd, (struct sockaddr *)&sa, &size), 0);
	for (int i = 0; i < BACKLOG_TRIES; i++) {
		int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		struct pollfd p = { .fd = fd, .events = POLLOUT };

		ck_assert_int_ge(fd, 0);
		if (connect(fd, (struct sockaddr *)&sa, size) < 0 &&
			(sa.ss_family == AF_UNIX || poll(&p, 1, BACKLOG_PATIENCE_MS) == 0))
			return;
	}
	ck_abort_msg("the backlog never fills");
}

struct hxfr_endpoint net_endpoint(const char *text)
{
	struct hxfr_endpoint e;

	ck_assert_msg(hxfr_endpoint_parse(text, &e) == 0, "not an endpoint: %s", text);
	return e;
}

int net_listen(const char *text, struct hxfr_endpoint *ret_bound)
{
	struct hxfr_endpoint e = net_endpoint(text);
	int fd = -1, r;

	r = hxfr_socket_listen(&e, &fd, ret_bound);
	ck_assert_msg(r == 0, "cannot listen on %s: %d", text, r);
	return fd;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wait.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

int64_t hxfr_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int time_left_ms(const struct hxfr_wait *w)
{
	int64_t left = w->deadline_ms - hxfr_now_ms();

	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

int hxfr_wait_for(const struct hxfr_wait *w, int fd, short events)
{
	/* poll(2) ignores negative descriptors. */
	struct pollfd fds[] = {
		{ .fd = fd, .events = events },
		{ .fd = w->wake_fd, .events = POLLIN },
	};
	int n;

	do {
		n = poll(fds, 2, time_left_ms(w));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (fds[1].revents)
		return -ECANCELED;
	return n > 0 ? 0 : -ETIMEDOUT;
}

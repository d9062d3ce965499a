/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private to libhxfr: a wait that ends by a deadline or a wake-up descriptor. */

#include <stdint.h>

struct hxfr_wait {
	int64_t deadline_ms; /* CLOCK_MONOTONIC */
	int wake_fd;         /* ends the wait when readable, never read from; -1: none */
};

int64_t hxfr_now_ms(void);

/* Waits for events on fd (-1: for nothing but the two others). 0; -ETIMEDOUT; -ECANCELED, which
 * wins when both are ready; other -errno of poll(2). Does not fail on a deadline that has passed
 * when fd is ready. */
int hxfr_wait_for(const struct hxfr_wait *w, int fd, short events);

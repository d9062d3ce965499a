/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is on standard error while a run goes on: one line that is rewritten on a terminal, a line from
 * time to time elsewhere, and messages of any thread between them. */

#include "../../log.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define LIVE_PLAIN_MS 10000 /* from one line to the next where it is no terminal */

struct live {
	pthread_mutex_t lock;
	int fd;
	bool terminal, shown;
	int64_t next_ns; /* of a plain line */
};

void live_init(struct live *live, int fd);
/* now_ns: CLOCK_MONOTONIC. */
void live_show(struct live *live, const char *line, int64_t now_ns);
/* The terminal is as it was. */
void live_finish(struct live *live);
/* For a log_sink whose user is a struct live. */
void live_log(void *user, enum log_level level, const char *text);

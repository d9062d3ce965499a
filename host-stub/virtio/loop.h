/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Waits for many descriptors at once, on one thread (epoll(7)). Timers are timerfds, signals come
 * through loop_stop(). */

#include <stddef.h>
#include <stdint.h>

/* What a source is embedded in. */
#define loop_owner(source, type, member) ((type *)((char *)(source)-offsetof(type, member)))

struct loop;

/* Embedded in whatever owns the descriptor; must stay in place while it is in a loop. */
struct loop_source {
	int fd; /* borrowed */
	/* events: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR. May add, modify and remove any source,
	 * also free this one after it removed it. */
	void (*ready)(struct loop_source *source, uint32_t events);
};

/* -EMFILE, -ENOMEM. */
int loop_new(struct loop **ret);
/* Sources are not touched. NULL is fine. */
void loop_destroy(struct loop *loop);

/* events: EPOLLIN | EPOLLOUT, or 0 to hear of EPOLLHUP and EPOLLERR only. -ENOMEM, -ENOSPC,
 * -EPERM (a descriptor that cannot be waited for). */
int loop_add(struct loop *loop, struct loop_source *source, uint32_t events);
int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events);
/* ready() is not called any more after the return, also not for what is known already. */
void loop_remove(struct loop *loop, struct loop_source *source);

/* Until loop_stop(), also one that came before. 0, or the -errno of epoll_wait(2). */
int loop_run(struct loop *loop);
/* One round: waits up to timeout_ms (-1: for ever) and calls what is ready. Returns how many that
 * were, or -errno. For tests. */
int loop_run_once(struct loop *loop, int timeout_ms);
/* Async-signal-safe; any thread. */
void loop_stop(struct loop *loop);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Periods of audio between the process thread and the thread of a file: one writes, one reads, nobody
 * waits, and neither asks the kernel for anything. */

#include <stddef.h>
#include <stdint.h>

struct fifo;

/* One place. */
struct fifo_period {
	uint64_t tick;
	float samples[]; /* as many as fifo_new() was told */
};

/* n_periods is rounded up to a power of two. -ENOMEM. */
int fifo_new(size_t n_periods, size_t n_samples, struct fifo **ret);
/* NULL is fine. */
void fifo_destroy(struct fifo *fifo);

/* The place to fill next, or NULL: it is full. fifo_written() gives it to the reader. */
struct fifo_period *fifo_next_free(struct fifo *fifo);
void fifo_written(struct fifo *fifo);
/* The place to read next, or NULL: it is empty. fifo_read() gives it back. */
struct fifo_period *fifo_next_full(struct fifo *fifo);
void fifo_read(struct fifo *fifo);

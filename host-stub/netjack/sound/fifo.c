/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fifo.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A count of its own for each side, on a cache line of its own. */
struct fifo {
	_Alignas(64) atomic_size_t written;
	_Alignas(64) atomic_size_t read;
	_Alignas(64) size_t n;
	size_t stride; /* bytes from one place to the next */
	char *places;
};

int fifo_new(size_t n_periods, size_t n_samples, struct fifo **ret)
{
	size_t stride = sizeof(struct fifo_period) + n_samples * sizeof(float);
	size_t n = 1;

	stride = (stride + _Alignof(struct fifo_period) - 1) & ~(_Alignof(struct fifo_period) - 1);
	while (n < n_periods)
		n *= 2;
	struct fifo *fifo = aligned_alloc(64, sizeof *fifo);
	if (!fifo)
		return -ENOMEM;
	*fifo = (struct fifo){ .n = n, .stride = stride, .places = calloc(n, stride) };
	if (!fifo->places) {
		free(fifo);
		return -ENOMEM;
	}
	*ret = fifo;
	return 0;
}

void fifo_destroy(struct fifo *fifo)
{
	if (!fifo)
		return;
	free(fifo->places);
	free(fifo);
}

static struct fifo_period *place(struct fifo *fifo, size_t count)
{
	return (struct fifo_period *)(void *)(fifo->places +
					      (count & (fifo->n - 1)) * fifo->stride);
}

struct fifo_period *fifo_next_free(struct fifo *fifo)
{
	size_t written = atomic_load_explicit(&fifo->written, memory_order_relaxed);
	size_t read = atomic_load_explicit(&fifo->read, memory_order_acquire);

	return written - read < fifo->n ? place(fifo, written) : NULL;
}

void fifo_written(struct fifo *fifo)
{
	atomic_fetch_add_explicit(&fifo->written, 1, memory_order_release);
}

struct fifo_period *fifo_next_full(struct fifo *fifo)
{
	size_t read = atomic_load_explicit(&fifo->read, memory_order_relaxed);
	size_t written = atomic_load_explicit(&fifo->written, memory_order_acquire);

	return read != written ? place(fifo, read) : NULL;
}

void fifo_read(struct fifo *fifo)
{
	atomic_fetch_add_explicit(&fifo->read, 1, memory_order_release);
}

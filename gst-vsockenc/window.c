/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "window.h"

#include <stddef.h>

const struct flight *window_at(const struct window *w, unsigned i)
{
	return &w->flights[(w->first + i) % WINDOW_MAX];
}

bool window_push(struct window *w, const struct flight *flight)
{
	if (w->count == WINDOW_MAX)
		return false;

	w->flights[(w->first + w->count) % WINDOW_MAX] = *flight;
	w->count++;
	return true;
}

bool window_pop(struct window *w, struct flight *ret)
{
	if (w->count == 0)
		return false;

	*ret = w->flights[w->first];
	w->first = (w->first + 1) % WINDOW_MAX;
	w->count--;
	return true;
}

const struct flight *window_oldest(const struct window *w)
{
	return w->count > 0 ? window_at(w, 0) : NULL;
}

int window_find(const struct window *w, int64_t pts)
{
	for (unsigned i = 0; i < w->count; i++)
		if (window_at(w, i)->pts == pts)
			return (int)i;
	return -1;
}

unsigned window_count_epoch(const struct window *w, unsigned epoch)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->count; i++)
		n += window_at(w, i)->epoch == epoch;
	return n;
}

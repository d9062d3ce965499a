/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "anchor.h"

uint64_t anchor_unwrap(uint32_t tick, uint64_t latest)
{
	return latest + (uint64_t)(int64_t)(int32_t)(tick - (uint32_t)latest);
}

uint64_t anchor_tick(const struct anchor *anchor, uint32_t number, uint64_t latest)
{
	return anchor_unwrap(number + anchor->offset, latest);
}

static void move(struct anchor *anchor, uint32_t ticks)
{
	anchor->offset += ticks;
	anchor->n_behind = 0;
	anchor->n_moves++;
}

void anchor_place(struct anchor *anchor, uint32_t number, uint64_t latest, uint64_t *ret)
{
	int32_t behind;

	if (!anchor->set)
		*anchor = (struct anchor){ .set = true, .offset = (uint32_t)latest - number };
	behind = (int32_t)((uint32_t)latest - (number + anchor->offset));
	if (behind < 0) {
		move(anchor, (uint32_t)behind);
	} else if (behind == 0) {
		anchor->n_behind = 0;
	} else {
		if (anchor->n_behind++ == 0 || (uint32_t)behind < anchor->behind)
			anchor->behind = (uint32_t)behind;
		if (anchor->n_behind == ANCHOR_WINDOW)
			move(anchor, anchor->behind);
	}
	*ret = anchor_tick(anchor, number, latest);
}

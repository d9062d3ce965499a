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

void anchor_place(struct anchor *anchor, uint32_t number, uint64_t latest, uint64_t *ret)
{
	int32_t behind;

	if (!anchor->set)
		*anchor = (struct anchor){ .set = true, .offset = (uint32_t)latest - number };
	behind = (int32_t)((uint32_t)latest - (number + anchor->offset));
	anchor->n_behind = (uint32_t)behind == anchor->behind ? anchor->n_behind + 1 : 1;
	anchor->behind = (uint32_t)behind;
	if (behind < 0 || (behind > 0 && anchor->n_behind >= ANCHOR_WINDOW)) {
		anchor->offset += anchor->behind;
		anchor->behind = 0;
		anchor->n_moves++;
	}
	*ret = anchor_tick(anchor, number, latest);
}

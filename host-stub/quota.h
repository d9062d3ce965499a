/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What all clients share, and must not take more of than there is. Any thread; nobody waits. */

#include <stdatomic.h>
#include <stddef.h>

struct quota {
	size_t max;
	atomic_size_t used;
};

void quota_init(struct quota *quota, size_t max);
/* 0, or -EDQUOT and nothing was taken: fewer than n are left. A NULL quota has no end. */
int quota_take(struct quota *quota, size_t n);
/* Gives back what was taken. */
void quota_give(struct quota *quota, size_t n);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "quota.h"

#include <errno.h>

void quota_init(struct quota *quota, size_t max)
{
	quota->max = max;
	atomic_init(&quota->used, 0);
}

int quota_take(struct quota *quota, size_t n)
{
	if (!quota)
		return 0;
	size_t used = atomic_load(&quota->used);
	do {
		if (n > quota->max - used)
			return -EDQUOT;
	} while (!atomic_compare_exchange_weak(&quota->used, &used, used + n));
	return 0;
}

void quota_give(struct quota *quota, size_t n)
{
	if (quota)
		atomic_fetch_sub(&quota->used, n);
}

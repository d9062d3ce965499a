/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* When periods begin: tick k at start + k * period / rate, computed from k, so that nothing adds up. */

#include <stdint.h>

struct ticker {
	int64_t start_ns;
	uint32_t rate, period;
	double skew; /* 1e-6: a millionth faster */
};

/* When tick k begins, rounded down. Exact for years. */
int64_t ticker_time(const struct ticker *ticker, uint64_t k);
/* The last tick that has begun at now_ns; 0 before the first. */
uint64_t ticker_at(const struct ticker *ticker, int64_t now_ns);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ticker.h"

#define NS_PER_S 1000000000

int64_t ticker_time(const struct ticker *ticker, uint64_t k)
{
	uint64_t frames = k * ticker->period;
	int64_t ns = (int64_t)(frames / ticker->rate * NS_PER_S +
			       frames % ticker->rate * NS_PER_S / ticker->rate);

	/* The correction alone is a double: it is small enough to be exact to the ns. */
	return ticker->start_ns + ns - (int64_t)((double)ns * (ticker->skew / (1 + ticker->skew)));
}

uint64_t ticker_at(const struct ticker *ticker, int64_t now_ns)
{
	double per_tick = (double)ticker->period * NS_PER_S / (ticker->rate * (1 + ticker->skew));
	uint64_t k;

	if (now_ns <= ticker->start_ns)
		return 0;
	k = (uint64_t)((double)(now_ns - ticker->start_ns) / per_tick);
	while (ticker_time(ticker, k + 1) <= now_ns)
		k++;
	while (k > 0 && ticker_time(ticker, k) > now_ns)
		k--;
	return k;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conceal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct conceal {
	unsigned n_channels;
	uint32_t period, n_fade;
	bool silent;
	float *gains;   /* n_fade, from just below 1 to just above 0 */
	float *history; /* n_fade for each channel: what came out last */
};

static uint32_t fade_length(uint32_t rate, uint32_t period)
{
	uint32_t n = (uint32_t)((uint64_t)rate * CONCEAL_FADE_US / 1000000);

	if (n > period)
		n = period;
	return n > 0 ? n : 1;
}

int conceal_new(unsigned n_channels, uint32_t rate, uint32_t period, struct conceal **ret)
{
	struct conceal *conceal = calloc(1, sizeof *conceal);

	if (!conceal)
		return -ENOMEM;
	conceal->n_channels = n_channels;
	conceal->period = period;
	conceal->n_fade = fade_length(rate, period);
	conceal->silent = true;
	conceal->gains = calloc(conceal->n_fade, sizeof(float));
	conceal->history = calloc((size_t)conceal->n_fade * (n_channels + 1), sizeof(float));
	if (!conceal->gains || !conceal->history) {
		conceal_destroy(conceal);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < conceal->n_fade; i++)
		conceal->gains[i] =
			(float)(0.5 + 0.5 * cos(M_PI * (i + 0.5) / (double)conceal->n_fade));
	*ret = conceal;
	return 0;
}

void conceal_destroy(struct conceal *conceal)
{
	if (!conceal)
		return;
	free(conceal->gains);
	free(conceal->history);
	free(conceal);
}

static void fade_out(const struct conceal *conceal, const float *history, float *samples)
{
	for (uint32_t i = 0; i < conceal->n_fade; i++)
		samples[i] = history[conceal->n_fade - 1 - i] * conceal->gains[i];
	memset(samples + conceal->n_fade, 0, (conceal->period - conceal->n_fade) * sizeof *samples);
}

static void fade_in(const struct conceal *conceal, float *samples)
{
	for (uint32_t i = 0; i < conceal->n_fade; i++)
		samples[i] *= conceal->gains[conceal->n_fade - 1 - i];
}

static void remember(const struct conceal *conceal, const float *samples, float *history)
{
	memcpy(history, samples + conceal->period - conceal->n_fade,
		conceal->n_fade * sizeof *history);
}

void conceal_run(struct conceal *conceal, bool lost, float *const *channels)
{
	for (unsigned c = 0; c < conceal->n_channels; c++) {
		float *history = conceal->history + (size_t)c * conceal->n_fade;

		if (lost && conceal->silent)
			memset(channels[c], 0, conceal->period * sizeof(float));
		else if (lost)
			fade_out(conceal, history, channels[c]);
		else if (conceal->silent)
			fade_in(conceal, channels[c]);
		if (!lost)
			remember(conceal, channels[c], history);
	}
	conceal->silent = lost;
}

bool conceal_is_silent(const struct conceal *conceal)
{
	return conceal->silent;
}

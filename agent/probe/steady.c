/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "steady.h"

void steady_finish(struct steady *steady)
{
	for (unsigned i = 0; i < steady->n; i++)
		probe_result_finish(&steady->samples[i]);
	steady->n = 0;
}

static bool is_sample(const struct probe_result *result)
{
	return result->has_value && result->status <= PROBE_FAIL;
}

static enum probe_status middle(const struct steady *steady)
{
	enum probe_status a = steady->samples[0].status, b = steady->samples[1].status;

	/* Two samples that differ: the older one holds until a third decides. */
	if (steady->n < STEADY_SAMPLES)
		return a;
	return MAX(MIN(a, b), MIN(MAX(a, b), steady->samples[2].status));
}

const struct probe_result *steady_add(struct steady *steady, struct probe_result *result)
{
	enum probe_status holds;
	unsigned i;

	if (!is_sample(result) || (steady->n > 0 && !is_sample(&steady->samples[0])))
		steady_finish(steady);
	if (steady->n == STEADY_SAMPLES) {
		probe_result_finish(&steady->samples[0]);
		steady->samples[0] = steady->samples[1];
		steady->samples[1] = steady->samples[2];
		steady->n--;
	}
	steady->samples[steady->n++] = *result;
	*result = (struct probe_result){ 0 };
	holds = middle(steady);
	for (i = steady->n - 1; steady->samples[i].status != holds; i--)
		;
	return &steady->samples[i];
}

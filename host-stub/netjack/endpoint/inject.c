/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject.h"

#include "../wire/packet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct held {
	bool used;
	size_t size;
	int64_t stamp_ns;
	int64_t pushed_ns;
	int64_t due_ns;
	uint64_t order; /* among those that are due at the same time */
};

struct inject {
	struct inject_config config;
	inject_sink sink;
	void *user;
	uint64_t random;
	uint64_t n_pushed;
	struct held *overtaken; /* waits for the next one; NULL: none does */
	unsigned n_held;
	struct inject_counters counters;
	struct held held[INJECT_QUEUE_MAX];
	uint8_t data[INJECT_QUEUE_MAX][NETJACK_PACKET_MAX];
};

bool inject_wants(const struct inject_config *config)
{
	return config->loss > 0 || config->cycle_loss > 0 || config->reorder > 0 ||
	       config->delay_ns > 0 || config->jitter_ns > 0;
}

int inject_new(
	const struct inject_config *config, inject_sink sink, void *user, struct inject **ret)
{
	struct inject *inject = calloc(1, sizeof(*inject));

	if (!inject)
		return -ENOMEM;
	inject->config = *config;
	inject->sink = sink;
	inject->user = user;
	inject->random = config->seed;
	*ret = inject;
	return 0;
}

void inject_destroy(struct inject *inject)
{
	free(inject);
}

/* The finalizer of splitmix64. */
static uint64_t mix(uint64_t value)
{
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
	return value ^ (value >> 31);
}

static double share_of(uint64_t value)
{
	return (double)(value >> 11) * 0x1p-53;
}

static double draw(struct inject *inject)
{
	inject->random += 0x9e3779b97f4a7c15u;
	return share_of(mix(inject->random));
}

static bool loses_cycle(const struct inject *inject, uint64_t tick)
{
	/* Of the tick alone: all datagrams of a period have one fate. */
	return share_of(mix(mix(tick + 1) ^ inject->config.seed)) < inject->config.cycle_loss;
}

static struct held *hold(struct inject *inject, const uint8_t *data, size_t size)
{
	for (unsigned i = 0; i < INJECT_QUEUE_MAX; i++) {
		struct held *held = &inject->held[i];

		if (held->used)
			continue;
		held->used = true;
		held->size = size;
		memcpy(inject->data[i], data, size);
		inject->n_held++;
		return held;
	}
	return NULL;
}

static struct held *first_due(const struct inject *inject)
{
	const struct held *first = NULL;

	for (unsigned i = 0; i < INJECT_QUEUE_MAX && inject->n_held > 0; i++) {
		const struct held *held = &inject->held[i];

		if (!held->used)
			continue;
		if (!first || held->due_ns < first->due_ns ||
			(held->due_ns == first->due_ns && held->order < first->order))
			first = held;
	}
	return (struct held *)first;
}

void inject_push(struct inject *inject, uint64_t tick, const uint8_t *data, size_t size,
	int64_t stamp_ns, int64_t now_ns)
{
	/* Always as many numbers, whatever comes of them: the sequence is the same with any shares. */
	bool lost = draw(inject) < inject->config.loss;
	bool overtaken = draw(inject) < inject->config.reorder;
	int64_t delay_ns = inject->config.delay_ns +
			   (int64_t)(draw(inject) * (double)inject->config.jitter_ns);
	struct held *held;

	if (tick < inject->config.after) {
		inject->sink(inject->user, data, size, stamp_ns);
		return;
	}
	lost = lost || loses_cycle(inject, tick) || size > NETJACK_PACKET_MAX;
	held = lost ? NULL : hold(inject, data, size);
	if (!held) {
		inject->counters.lost++;
		return;
	}
	held->stamp_ns = stamp_ns;
	held->pushed_ns = now_ns;
	held->due_ns = now_ns + delay_ns;
	held->order = inject->n_pushed++;
	inject->counters.delayed += delay_ns > 0;
	if (inject->overtaken) {
		inject->overtaken->due_ns = held->due_ns;
		inject->overtaken->order = inject->n_pushed++;
		inject->overtaken = NULL;
		inject->counters.reordered++;
	} else if (overtaken) {
		held->due_ns += INJECT_OVERTAKE_NS;
		inject->overtaken = held;
	}
	inject_run(inject, now_ns);
}

void inject_run(struct inject *inject, int64_t now_ns)
{
	struct held *held;

	while ((held = first_due(inject)) && held->due_ns <= now_ns) {
		int64_t late_ns = held->due_ns - held->pushed_ns;

		if (held == inject->overtaken)
			inject->overtaken = NULL;
		held->used = false;
		inject->n_held--;
		inject->sink(inject->user, inject->data[held - inject->held], held->size,
			held->stamp_ns + late_ns);
	}
}

int64_t inject_next_ns(const struct inject *inject)
{
	const struct held *held = first_due(inject);

	return held ? held->due_ns : INT64_MAX;
}

const struct inject_counters *inject_counters(const struct inject *inject)
{
	return &inject->counters;
}

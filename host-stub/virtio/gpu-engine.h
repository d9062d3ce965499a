/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the commands of a driver do: resources, scanouts and cursors, and what is published of
 * them. No ring, no front end: requests in, answers out.
 *
 * What clients are told is consistent at any moment: a scanout, a cursor or a flush names only a
 * resource that was published with its pages before and not removed since. So a scanout is off
 * for them while the pages of its resource are missing.
 */

#include "../log.h"
#include "../resource/publisher.h"
#include "edid.h"
#include "gpu-cursor.h"
#include "ring.h"

enum gpu_queue {
	GPU_CONTROL_QUEUE,
	GPU_CURSOR_QUEUE,
	GPU_QUEUES,
};

struct gpu_scanout {
	uint32_t id; /* of its resource; 0: off */
	struct gpu_rect rect;
};

struct gpu_engine {
	unsigned n_scanouts;
	struct edid_mode mode;
	struct publisher *publisher;       /* borrowed */
	const struct log_sink *log;        /* borrowed, may be NULL */
	const struct guest_memory *memory; /* borrowed */

	struct gpu_resources resources;
	struct gpu_scanout scanouts[RESOURCE_SCANOUTS_MAX];
	struct gpu_cursor cursors[RESOURCE_SCANOUTS_MAX];
	bool refused; /* a command of this driver; said once */
};

/* The borrowed ones outlive it. -EINVAL: n_scanouts, or a mode that no EDID can say. */
int gpu_engine_init(struct gpu_engine *engine, unsigned n_scanouts, const struct edid_mode *mode,
	const struct log_sink *log);
/* Says nothing to clients. */
void gpu_engine_finish(struct gpu_engine *engine);

/* One request. Returns the bytes written to its `in` part. */
size_t gpu_engine_execute(
	struct gpu_engine *engine, enum gpu_queue queue, const struct ring_chain *chain);
/* A new driver: nothing is left of the former one. */
void gpu_engine_reset(struct gpu_engine *engine);
/* There is another memory table; pages are looked for in it, and all is published anew. */
void gpu_engine_memory_changed(struct gpu_engine *engine);
/* Publishes everything: `to` as of the publisher. */
void gpu_engine_snapshot(const struct gpu_engine *engine, unsigned to);
/* Scanouts and cursors only. */
void gpu_engine_show(const struct gpu_engine *engine, unsigned to);

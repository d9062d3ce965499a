/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How a frame gets to the host: the one place where that is decided, frame by frame.
 *
 *   ROAD_ID      its memory is a virtio-gpu resource: the id is sent
 *   ROAD_POOL    its memory is of the pool that was offered upstream: shown to the host, id sent
 *   ROAD_UPLOAD  copied once into such memory of our own, shown to the host, id sent
 *   ROAD_PIXELS  in the message, the last resort
 *
 * Memory that is not ours is never transferred to the host: with 3D that would overwrite what was
 * rendered there. It decides by looking at the memory, not at the caps, which may promise DMA-BUFs
 * and deliver something else.
 *
 * Nothing here waits. Not thread-safe: vsockenc has its STREAM_LOCK around it.
 */

#include "link.h"
#include "picture.h"

enum road {
	ROAD_ID,
	ROAD_POOL,
	ROAD_UPLOAD,
	ROAD_PIXELS,
};

#define ROAD_COUNT 4u

struct roads;

struct roads_config {
	const char *device;  /* render node; NULL: the first virtio-gpu. Copied. */
	guint max_in_flight; /* cargos that are held at once, the one that is being made included */
	bool upload;         /* ROAD_POOL and ROAD_UPLOAD may be taken */
};

/* Devices are opened when a frame first needs them, and not again when that failed. */
struct roads *roads_new(const struct roads_config *config);
/* Memory and buffers handed out stay valid. NULL is fine. */
void roads_free(struct roads *roads);

/* What a request carries. */
struct cargo {
	struct picture picture;
	enum road road;
	uint32_t resource_id; /* 0: by pixels */
	uint32_t stride;      /* of the resource, or of the pixels */
	size_t pixels_size;   /* 0: by id */
	bool copied;          /* pixels that were copied once more, because of their layout */
	bool tentative;       /* by id, and could go as pixels should the host refuse ids */
	/* The pixels, for link_submit(); NULL: by id. */
	struct link_body *body;
	/* Keeps what ROAD_UPLOAD sends until the host is done with it; else NULL. */
	GstBuffer *held;
};

/*
 * 0 and *ret, for cargo_unload() or link_submit(). Errors are those of ROAD_PIXELS: -EINVAL: the
 * buffer does not hold the frame that info and its metas describe; -EMSGSIZE beyond
 * HXFR_PIXELS_MAX; -EIO: its memory cannot be read; -ENOMEM.
 */
int roads_take(struct roads *roads, const GstVideoInfo *info, GstBuffer *buffer, struct cargo *ret);
/* Gives back a cargo that was not sent. */
void cargo_unload(struct cargo *cargo);

/* The host cannot read resources: from now on everything goes by ROAD_PIXELS. */
void roads_refuse_ids(struct roads *roads);

/* A pool for ROAD_POOL, to be unreffed, or NULL when that road is closed. */
GstBufferPool *roads_offer_pool(struct roads *roads);

const char *road_name(enum road road);
/* The reasons for the road of the last frame, for a person. Transfer full. */
char *roads_explain(const struct roads *roads);
/* Is that a road that a frame in a descriptor, or with a layout that is not the wire's, had not
 * wished for: a copy that its source could spare? */
bool roads_is_detour(const struct roads *roads);

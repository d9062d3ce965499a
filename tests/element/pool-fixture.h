/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A source's side of an ALLOCATION query: the pool it is offered, and frames drawn into that. */

#include "dmabuf-fixture.h"

struct pool_offer {
	GstBufferPool *pool; /* owned, or NULL */
	guint size, min, max;
};

struct pool_offer pool_ask(struct fixture *f, const char *caps);
/* What sources do with an offer: configure (size 0: as offered; max 0: as many as they like), activate. */
GstBufferPool *pool_take(
	struct fixture *f, const char *caps, gboolean with_meta, guint size, guint max);
void pool_give_back(GstBufferPool *pool);
/* Frame number i, drawn into a buffer of the pool. */
GstBuffer *pool_draw(GstBufferPool *pool, guint i);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's resources as a device process publishes them (resource/wire.h), kept up to date by a
 * thread of its own, which connects again when the device process was restarted. Functions may be
 * called by any thread.
 *
 * Pixels are the guest's pages, mapped read-only and once per resource, until the resource is gone
 * or its room is needed. The guest may write to them while they are read, and goes on owning them
 * after it freed the resource, so that a mapping that is held is always safe to read.
 */

#include "../log.h"
#include "table.h"

#define MIRROR_MAPPED_MAX      ((size_t)4 * 1024 * 1024 * 1024) /* bytes, as GPU_BACKING_MAX */
#define MIRROR_RUNS_MAX        (1024u * 1024) /* known: those bytes in single pages */
#define MIRROR_MAPPINGS_MAX    32768u         /* half of what Linux gives a process */
#define MIRROR_WATCHERS_MAX    64u
#define MIRROR_PATH_MAX        107u /* sun_path without its NUL */
#define MIRROR_SYNC_TIMEOUT_MS 1000u
#define MIRROR_RETRY_MS        250u

struct mirror;

/* A mapped resource. */
struct mirror_pixels {
	const uint8_t *data;                /* until mirror_unmap() */
	size_t size;                        /* bytes */
	uint32_t id, width, height, format; /* as the guest created it */
	struct backing *backing;            /* the mirror's */
};

struct mirror_scanout {
	uint32_t id; /* the resource it shows; never 0 */
	uint32_t x, y, width, height;
	uint64_t serial; /* not 0; grows with every flush and change of it and of its cursor */
};

/* path: of the device's Unix socket ("@name": abstract); need not be there yet. log may be NULL and outlives the
 * mirror. -ENOMEM, -EMFILE, -EAGAIN (no thread), -EMSGSIZE (path). */
int mirror_new(const char *path, const struct log_sink *log, struct mirror **ret);
/* Nothing is mapped any more. NULL is fine. */
void mirror_destroy(struct mirror *mirror);

/*
 * The pixels of a resource. An id that is not known yet is waited for (SYNC): the guest's request
 * may have been faster than the device. 0 and *ret, to be given to mirror_unmap(); -ENOENT: there
 * is no such resource, or it has no backing; -ENOTCONN: there is no device process; -ETIMEDOUT: it
 * does not answer within MIRROR_SYNC_TIMEOUT_MS; -EFAULT: its pages are not where the device
 * process says, or are huge; -EDQUOT: pixels that are held leave no room within MIRROR_MAPPED_MAX and
 * MIRROR_MAPPINGS_MAX; -ENOMEM.
 */
int mirror_map(struct mirror *mirror, uint32_t id, struct mirror_pixels *ret);
/* The same, but an id that is not known is not waited for: for those a scanout or a cursor names. */
int mirror_map_known(struct mirror *mirror, uint32_t id, struct mirror_pixels *ret);
void mirror_unmap(struct mirror *mirror, const struct mirror_pixels *pixels);

/* Waits (SYNC) until all is known that the guest had queued. 0; -ENOTCONN; -ETIMEDOUT. */
int mirror_catch_up(struct mirror *mirror);

/* What a scanout shows. -ENOENT: nothing. */
int mirror_scanout(struct mirror *mirror, uint32_t scanout, struct mirror_scanout *ret);
/* Its cursor. -ENOENT: none is shown. */
int mirror_cursor(struct mirror *mirror, uint32_t scanout, struct table_cursor *ret);

/* event_fd: an eventfd (borrowed, non-blocking) that is written when a scanout was flushed or
 * changed, or the device process went. -ENOSPC: MIRROR_WATCHERS_MAX. */
int mirror_watch(struct mirror *mirror, int event_fd);
void mirror_unwatch(struct mirror *mirror, int event_fd);

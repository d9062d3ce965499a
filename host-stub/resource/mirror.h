/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's resources as a device process publishes them (resource/wire.h), kept up to date by a
 * thread of its own, which connects again when the device process was restarted. Functions may be
 * called by any thread.
 *
 * Pixels are the guest's pages, mapped read-only and once per resource: the guest may write to them
 * while they are read, and goes on owning them after it freed the resource, so that a mapping that
 * is held is always safe to read.
 */

#include "../log.h"
#include "wire.h"

#define MIRROR_RESOURCES_MAX   4096u
#define MIRROR_MAPPED_MAX      ((size_t)4 * 1024 * 1024 * 1024) /* bytes */
#define MIRROR_SYNC_TIMEOUT_MS 1000u
#define MIRROR_RETRY_MS        250u

struct mirror;

/* A mapped resource. */
struct mirror_pixels {
	const uint8_t *data; /* until mirror_unmap() */
	size_t size;         /* bytes */
	uint32_t id, width, height, format; /* as the guest created it */
	void *owner;
};

struct mirror_scanout {
	uint32_t id;     /* the resource it shows; never 0 */
	uint32_t x, y, width, height;
	uint64_t serial; /* grows with every flush and every change of it */
};

/* path: of the device's Unix socket; need not be there yet. log may be NULL and outlives the
 * mirror. -ENOMEM, -EMFILE, -EAGAIN (no thread), -EMSGSIZE (path). */
int mirror_new(const char *path, const struct log_sink *log, struct mirror **ret);
/* Nothing is mapped any more. NULL is fine. */
void mirror_destroy(struct mirror *mirror);

/*
 * The pixels of a resource. An id that is not known yet is waited for (SYNC): the guest's request
 * may have been faster than the device. 0 and *ret, to be given to mirror_unmap(); -ENOENT: there
 * is no such resource, or it has no backing; -ENOTCONN: there is no device process; -ETIMEDOUT: it
 * does not answer; -EDQUOT: MIRROR_MAPPED_MAX; else as mmap(2).
 */
int mirror_map(struct mirror *mirror, uint32_t id, struct mirror_pixels *ret);
void mirror_unmap(struct mirror *mirror, const struct mirror_pixels *pixels);

/* What a scanout shows. -ENOENT: nothing. */
int mirror_scanout(struct mirror *mirror, uint32_t scanout, struct mirror_scanout *ret);
/* The resource and place of a scanout's cursor. -ENOENT: none is shown. */
int mirror_cursor(struct mirror *mirror, uint32_t scanout, struct resource_packet *ret);

/* An eventfd (borrowed) that is written when a scanout was flushed or changed. -ENOSPC: too many
 * watchers (64). */
int mirror_watch(struct mirror *mirror, int event_fd);
void mirror_unwatch(struct mirror *mirror, int event_fd);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The device's side of resource/wire.h: tells every client of the guest's resources. Runs on the
 * device's loop and never waits for a client: what its socket does not take is queued. One that
 * leaves too much of that behind is disconnected (it comes again and gets all of it anew); a FLUSH
 * is not queued long, but lost. Nothing is missed by that: the pixels are the guest's own, and once
 * the client has caught up it is told of the scanouts again.
 *
 * The publisher asks its owner for the state when a client comes; otherwise it keeps none.
 */

#include "../log.h"
#include "../virtio/loop.h"
#include "wire.h"

#define PUBLISHER_CLIENTS_MAX 16u
/* Bytes that wait for a client, beside its socket: room for the largest state (GPU_RUNS_MAX runs,
 * GPU_RESOURCES_MAX resources, virtio/gpu-resource.h). */
#define PUBLISHER_QUEUE_MAX   (4u * 1024 * 1024)
#define PUBLISHER_FLUSH_MAX   (16u * 1024) /* a FLUSH is lost when so many wait */

struct publisher;

struct publisher_impl {
	/* Sends the whole state to the one new client: publisher_memory() to publisher_send(), with
	 * `to`. */
	void (*snapshot)(void *self, unsigned to);
	/* Sends scanouts and cursors once more to the one client. */
	void (*show)(void *self, unsigned to);
	/* Does all that the guest has queued. May publish. */
	void (*drain)(void *self);
};

#define PUBLISHER_ALL UINT32_MAX /* as `to`: every client */

/* All outlive the publisher; log may be NULL. -ENOMEM, -EMFILE. */
int publisher_new(const struct publisher_impl *impl, void *self, struct loop *loop,
	const struct log_sink *log, struct publisher **ret);
/* Disconnects, closes, removes the socket's file. NULL is fine. */
void publisher_destroy(struct publisher *publisher);
/* As seqpacket_listen(); once. -EBUSY: listens. */
int publisher_listen(struct publisher *publisher, const char *path);
/* Serves a connected socket as well; takes it over. -EUSERS: PUBLISHER_CLIENTS_MAX; else as
 * loop_add(). */
int publisher_attach(struct publisher *publisher, int fd);

/* Descriptors are borrowed. n_fds up to RESOURCE_REGIONS_MAX. */
void publisher_memory(struct publisher *publisher, unsigned to, const int *fds, unsigned n_fds);
/* A resource in as many packets as it takes; `runs` has n_runs entries, up to RESOURCE_RUNS_MAX. */
void publisher_add(struct publisher *publisher, unsigned to, const struct resource_packet *add,
	const struct resource_run *runs, uint32_t n_runs);
/* Any other packet, as it is. */
void publisher_send(struct publisher *publisher, unsigned to, const struct resource_packet *packet);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The device's side of resource/wire.h: tells every client of the guest's resources. Runs on the
 * device's loop and never waits for a client: one that does not take a change of state is
 * disconnected (it comes again and gets all of it anew), one that does not take a FLUSH misses it.
 *
 * The publisher asks its owner for the state when a client comes; otherwise it keeps none.
 */

#include "../log.h"
#include "../virtio/loop.h"
#include "wire.h"

#define PUBLISHER_CLIENTS_MAX 16u

struct publisher;

struct publisher_impl {
	/* Sends the whole state to the one new client: publisher_memory() to publisher_cursor(), with `to`. */
	void (*snapshot)(void *self, unsigned to);
	/* Does all that the guest has queued. */
	void (*drain)(void *self);
};

#define PUBLISHER_ALL UINT32_MAX /* as `to`: every client */

/* All outlive the publisher; log may be NULL. -ENOMEM. */
int publisher_new(const struct publisher_impl *impl, void *self, struct loop *loop,
	const struct log_sink *log, struct publisher **ret);
void publisher_destroy(struct publisher *publisher);
/* As hxfr_socket_listen() of a unix: endpoint, but SOCK_SEQPACKET. */
int publisher_listen(struct publisher *publisher, const char *path);

/* Descriptors are borrowed. */
void publisher_memory(struct publisher *publisher, unsigned to, const int *fds, unsigned n_fds);
/* A resource in as many packets as it takes; `runs` has n_runs entries. */
void publisher_add(struct publisher *publisher, unsigned to, const struct resource_packet *add,
	const struct resource_run *runs, uint32_t n_runs);
/* Any other packet, as it is. */
void publisher_send(struct publisher *publisher, unsigned to, const struct resource_packet *packet);

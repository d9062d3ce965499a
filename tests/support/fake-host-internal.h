/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by fake-host.c (thread, sockets, log) and fake-host-answer.c (responses and faults). */

#include "fake-host.h"
#include "h264-unit.h"

#include <glib.h>
#include <hxfr/connection.h>

#define FAKE_HOST_CLIENTS_MAX 16u

/* A request waiting for its answer. */
struct answer {
	int64_t due_ns; /* CLOCK_MONOTONIC */
	int64_t pts;
	unsigned connection;
	unsigned width, height;
	uint32_t resource_id;
	bool keyframe;
};

struct client {
	struct hxfr_connection *connection; /* NULL: slot is free */
	unsigned number;
	bool keyframe; /* the next frame is an IDR */
	bool flood;    /* zero bytes for ever */
};

struct fake_host {
	struct fake_host_options options;
	char *directory; /* temporary one, or NULL */
	char *endpoint;
	int listen_fd, wake_fd;
	GThread *thread;

	GMutex lock; /* for everything below */
	GCond changed;
	bool stop, paused, held;
	unsigned released; /* answers that may go although held */
	unsigned fault_end;
	bool broken; /* says nothing any more, whatever it is asked */
	unsigned counters[FAKE_HOST_COUNTERS];
	uint8_t profile_idc; /* what CONFIG_REQ asked for */
	GArray *requests;    /* struct fake_host_request */
	GArray *configs;     /* struct hxfr_config */
	GQueue answers;      /* struct answer, oldest first */
	struct client clients[FAKE_HOST_CLIENTS_MAX];
	uint8_t *unit; /* options.unit_size bytes to build access units in */
};

/* Under the lock. */
void fake_host_bump(struct fake_host *host, enum fake_host_counter counter);
void fake_host_close_client(struct fake_host *host, struct client *client);
/* Gives the answer, or does what the fault says. Takes ownership of nothing. */
void fake_host_give_answer(
	struct fake_host *host, struct client *client, const struct answer *answer);
/* Copies the bytes; what the client does not take is queued. */
void fake_host_send_bytes(
	struct fake_host *host, struct client *client, const void *data, size_t size);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What device.c (sockets, life) and device-request.c (messages) share. */

#include "channel.h"
#include "device.h"

#include <hxfr/endpoint.h>

struct queue {
	struct ring ring;
	struct device *device;
	struct loop_source kick; /* fd -1: not in the loop */
	uint16_t base;           /* to start at */
	/* Where it was stopped. A start from elsewhere is another driver's. */
	uint16_t stopped_base;
	bool stopped;
};

struct device {
	const struct device_impl *impl;
	void *self;
	struct loop *loop;
	const struct log_sink *log;

	struct hxfr_endpoint bound;
	struct loop_source listener;   /* fd owned; -1: none */
	struct loop_source connection; /* of channel */
	struct channel channel;

	struct loop_source again; /* fd owned; serves `pending` in another round of the loop */
	unsigned pending;         /* bits: queues */

	uint64_t features, protocol_features;
	struct guest_memory memory;
	struct queue queues[DEVICE_QUEUES_MAX];
	bool has_driver; /* a ring was started since the last reset */
};

/* What came from the front end, and goes back. */
struct request {
	const struct vhost_message *message;
	int fds[VHOST_FDS_MAX]; /* -1: taken over by the handler */
	unsigned n_fds;
	uint8_t reply[VHOST_REPLY_MAX];
	size_t reply_size;
};

/* 0: go on, with the reply if there is one; -errno: disconnect. All of the request's descriptors are
 * taken over. */
int device_handle(struct device *device, struct request *request);

/* Calls kicked() for a queue in the next round of the loop. */
void device_schedule(struct device *device, struct queue *queue);
/* Takes fd over, in place of the one before. As loop_add(). */
int queue_set_kick(struct queue *queue, int fd);
/* Stops the ring, and forgets the kick descriptor. Returns the base. */
uint16_t queue_stop(struct queue *queue);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A vhost-user back end: listens on a Unix socket, serves one front end (QEMU) after another, keeps
 * memory table and rings, and calls the device for the rest. One thread, that of its loop.
 *
 * A front end that breaks the protocol is disconnected; the next one is served. A driver that
 * breaks a ring has that ring stopped until it resets the device.
 */

#include "../log.h"
#include "loop.h"
#include "message.h"
#include "ring.h"

#define DEVICE_QUEUES_MAX 4u

struct device;

struct device_impl {
	const char *name; /* for the log: "gpu", "vsock" */
	/* Feature bits beyond VERSION_1, PROTOCOL_FEATURES, INDIRECT_DESC and EVENT_IDX. */
	uint64_t features;
	unsigned n_queues;
	/* Fills the config space, `size` (VHOST_CONFIG_MAX) bytes that were zeroed. */
	void (*get_config)(void *self, uint8_t *ret, size_t size);
	/* The driver wrote to the config space. May be NULL. */
	void (*set_config)(void *self, uint32_t offset, const uint8_t *data, size_t size);
	/* The driver put buffers into a queue that is started and enabled (also called once when it
	 * becomes so). Pops them, and ring_notify()s. */
	void (*kicked)(void *self, unsigned queue);
	/* A driver begins anew: what the former one made is void. Before the first ring starts; also
	 * when the front end has left, and its memory is gone. Not called when a paused machine goes
	 * on. */
	void (*reset)(void *self);
	/* The memory table was replaced; pointers into the former one are void already. May be
	 * NULL. */
	void (*memory_changed)(void *self);
	/* A descriptor that came with a request only this device knows (GPU_SET_SOCKET); taken over
	 * by the callee. May be NULL: closed. */
	void (*set_socket)(void *self, int fd);
};

/* impl, self, loop and log (may be NULL) outlive the device. -ENOMEM. */
int device_new(const struct device_impl *impl, void *self, struct loop *loop,
	const struct log_sink *log, struct device **ret);
/* Disconnects, closes, removes the socket's file. NULL is fine. */
void device_destroy(struct device *device);

/* Listens at path; as hxfr_socket_listen() of a unix: endpoint. */
int device_listen(struct device *device, const char *path);
/* Serves a connected socket instead; takes it over. For tests. */
int device_attach(struct device *device, int fd);

/* Has kicked() called for what is queued by now, when its kick may not have come yet. Not within
 * kicked(). */
void device_serve(struct device *device, unsigned queue);

struct ring *device_ring(struct device *device, unsigned queue);
const struct guest_memory *device_memory(struct device *device);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * QEMU's side of vhost-user: connects to a device of the same process over a socketpair, sends the
 * messages that QEMU 10 sends, in its order, and is the guest's driver (fake-driver.h). It turns
 * the device's loop itself, on the calling thread; waits end after 10 s and abort.
 *
 *	loop_new(&loop);
 *	gpu_new(&config, loop, &gpu);
 *	fake_frontend_init(&frontend, loop, gpu_device(gpu), 2);
 *	fake_frontend_start(&frontend, FAKE_EVENT_IDX);   // the guest's driver is loaded
 *	n = fake_frontend_request(&frontend, 0, command, sizeof(command), response, sizeof(response));
 *	fake_frontend_stop(&frontend);                    // paused; start() goes on ...
 *	fake_frontend_reboot(&frontend);                  // ... or a new driver, with start()
 *	fake_frontend_finish(&frontend);                  // QEMU exits
 */

#include "fake-driver.h"
#include "virtio/device.h"

#define FAKE_FRONTEND_QUEUE_SIZE 64u
#define FAKE_EVENT_IDX           (1ull << 29)

struct fake_frontend {
	struct loop *loop;
	struct device *device;
	int fd; /* of the socket; -1: not connected */
	struct fake_ram ram;
	struct fake_queue queues[DEVICE_QUEUES_MAX];
	uint16_t bases[DEVICE_QUEUES_MAX]; /* as the device reported them */
	unsigned n_queues;
	uint64_t protocol_features; /* the device offers; all of them are acknowledged */
};

/* Makes RAM and rings of FAKE_FRONTEND_QUEUE_SIZE, connects, and agrees on features. loop and
 * device are borrowed. */
void fake_frontend_init(struct fake_frontend *frontend, struct loop *loop, struct device *device,
	unsigned n_queues);
/* Also disconnects, and lets the device see it. */
void fake_frontend_finish(struct fake_frontend *frontend);

/* For tests of reconnection; init and finish do them too. */
void fake_frontend_connect(struct fake_frontend *frontend);
void fake_frontend_disconnect(struct fake_frontend *frontend);

/* Memory table, features (beside VERSION_1 and PROTOCOL_FEATURES), and all rings from `bases`. */
void fake_frontend_start(struct fake_frontend *frontend, uint64_t features);
/* Stops all rings and notes their bases, as a pause does. */
void fake_frontend_stop(struct fake_frontend *frontend);
/* While stopped: the guest is another one. Its rings are empty and begin at 0, its RAM is free for
 * fake_ram_alloc() again (not cleared). */
void fake_frontend_reboot(struct fake_frontend *frontend);
/* Sends the memory table (again). */
void fake_frontend_share(struct fake_frontend *frontend);

/* Turns the loop until nothing is ready any more. */
void fake_frontend_settle(struct fake_frontend *frontend);
/* Turns the loop until done(user). */
void fake_frontend_wait(struct fake_frontend *frontend, bool (*done)(void *user), void *user);

/* One request and its answer, both copied through RAM that is reused afterwards; either size may be
 * 0. Returns what the device says it wrote. No other request may be under way in that queue. */
uint32_t fake_frontend_request(struct fake_frontend *frontend, unsigned queue, const void *out,
	size_t out_size, void *ret_in, size_t in_size);

/* One message, as it is; n_fds descriptors (borrowed) with its first byte. */
void fake_frontend_send(struct fake_frontend *frontend, uint32_t request, uint32_t flags,
	const void *payload, uint32_t size, const int *fds, unsigned n_fds);
/* The reply to a request, from the socket: its payload, of exactly that size. */
void fake_frontend_reply(
	struct fake_frontend *frontend, uint32_t request, void *ret_payload, uint32_t size);
/* send() and reply() of a message with a u64, and of one that names a ring. */
uint64_t fake_frontend_ask(struct fake_frontend *frontend, uint32_t request);
void fake_frontend_tell(struct fake_frontend *frontend, uint32_t request, uint64_t value);
void fake_frontend_tell_state(
	struct fake_frontend *frontend, uint32_t request, uint32_t index, uint32_t num);
/* KICK or CALL; fd -1: none. */
void fake_frontend_tell_fd(
	struct fake_frontend *frontend, uint32_t request, uint32_t index, int fd);
/* The config space. False: the device says that there is none. */
bool fake_frontend_get_config(
	struct fake_frontend *frontend, uint32_t offset, void *ret, uint32_t size);
/* Did the device close the connection? Turns the loop first. */
bool fake_frontend_hung_up(struct fake_frontend *frontend);

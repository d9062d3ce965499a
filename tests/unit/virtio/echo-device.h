/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The smallest device: answers every request with its own bytes, and writes down what it was told. */

#include "virtio/device.h"

#define ECHO_QUEUES  2u
#define ECHO_FEATURE (1ull << 5)

struct echo_device {
	struct device *device;
	struct ring_chain chain;
	unsigned kicks, requests, resets, memory_changes, sockets;
	unsigned broken; /* rings, as ring_pop() said */
	unsigned requests_at_reset;
	uint8_t config[64]; /* what the driver reads */
	uint32_t set_offset, set_size;
	uint8_t set_data[VHOST_CONFIG_MAX];
	bool idle;                      /* leaves requests in the ring */
	void (*on_request)(void *user); /* may be NULL */
	void *user;
};

void echo_device_init(struct echo_device *echo, struct loop *loop, const struct log_sink *log);
void echo_device_finish(struct echo_device *echo);

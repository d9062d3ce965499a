/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "echo-device.h"

#include "fake-driver.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void get_config(void *self, uint8_t *ret, size_t size)
{
	struct echo_device *echo = self;

	fake_must(size >= sizeof(echo->config) && ret[0] == 0);
	memcpy(ret, echo->config, sizeof(echo->config));
}

static void set_config(void *self, uint32_t offset, const uint8_t *data, size_t size)
{
	struct echo_device *echo = self;

	echo->set_offset = offset;
	echo->set_size = (uint32_t)size;
	memcpy(echo->set_data, data, size);
}

static void answer(struct echo_device *echo, struct ring *ring)
{
	struct ring_chain *chain = &echo->chain;
	size_t size = chain->out_size < chain->in_size ? chain->out_size : chain->in_size;
	uint8_t *bytes = malloc(size + 1);

	fake_must(bytes);
	fake_must(iov_read(chain->out, chain->n_out, 0, bytes, size) == size);
	fake_must(iov_write(chain->in, chain->n_in, 0, bytes, size) == size);
	ring_push(ring, chain->head, (uint32_t)size);
	free(bytes);
	echo->requests++;
	if (echo->on_request)
		echo->on_request(echo->user);
}

static void kicked(void *self, unsigned queue)
{
	struct echo_device *echo = self;
	struct ring *ring = device_ring(echo->device, queue);
	int r = 0;

	echo->kicks++;
	while (!echo->idle && (r = ring_pop(ring, &echo->chain)) == 1)
		answer(echo, ring);
	if (r < 0)
		echo->broken++;
	ring_notify(ring);
}

static void reset(void *self)
{
	struct echo_device *echo = self;

	echo->resets++;
	echo->requests_at_reset = echo->requests;
}

static void memory_changed(void *self)
{
	struct echo_device *echo = self;

	echo->memory_changes++;
}

static void set_socket(void *self, int fd)
{
	struct echo_device *echo = self;

	echo->sockets++;
	close(fd);
}

static const struct device_impl impl = {
	.name = "echo",
	.features = ECHO_FEATURE,
	.n_queues = ECHO_QUEUES,
	.get_config = get_config,
	.set_config = set_config,
	.kicked = kicked,
	.reset = reset,
	.memory_changed = memory_changed,
	.set_socket = set_socket,
};

void echo_device_init(struct echo_device *echo, struct loop *loop, const struct log_sink *log)
{
	*echo = (struct echo_device){ 0 };
	for (size_t i = 0; i < sizeof(echo->config); i++)
		echo->config[i] = (uint8_t)(i + 1);
	fake_must(device_new(&impl, echo, loop, log, &echo->device) == 0);
}

void echo_device_finish(struct echo_device *echo)
{
	device_destroy(echo->device);
}

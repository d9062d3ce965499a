/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu.h"
#include "gpu-engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct gpu {
	struct gpu_engine engine;
	struct device *device;
	struct publisher *publisher;
	int display_fd; /* to QEMU's console; -1: none */
	struct ring_chain chain;
};

static void get_config(void *self, uint8_t *ret, size_t size)
{
	const struct gpu *gpu = self;
	uint8_t config[GPU_CONFIG_SIZE];

	gpu_config_encode(gpu->engine.n_scanouts, config);
	memcpy(ret, config, size < sizeof config ? size : sizeof config);
}

static void kicked(void *self, unsigned queue)
{
	struct gpu *gpu = self;
	struct ring *ring = device_ring(gpu->device, queue);

	while (ring_pop(ring, &gpu->chain) > 0) {
		size_t n = gpu_engine_execute(&gpu->engine, (enum gpu_queue)queue, &gpu->chain);
		ring_push(ring, gpu->chain.head, (uint32_t)n);
	}
	ring_notify(ring);
}

static void reset(void *self)
{
	struct gpu *gpu = self;

	gpu_engine_reset(&gpu->engine);
}

static void memory_changed(void *self)
{
	struct gpu *gpu = self;

	gpu_engine_memory_changed(&gpu->engine);
}

/* QEMU wants somebody to hold the other end. Nothing is read or written: while QEMU waits for an
 * answer to a vhost-user request, it does not serve this socket, and whoever waits for it there
 * waits for ever. */
static void set_socket(void *self, int fd)
{
	struct gpu *gpu = self;

	if (gpu->display_fd >= 0)
		close(gpu->display_fd);
	gpu->display_fd = fd;
}

static const struct device_impl device_impl = {
	.name = "gpu",
	.features = (uint64_t)1 << GPU_F_EDID,
	.n_queues = GPU_QUEUES,
	.get_config = get_config,
	.kicked = kicked,
	.reset = reset,
	.memory_changed = memory_changed,
	.set_socket = set_socket,
};

static void snapshot(void *self, unsigned to)
{
	const struct gpu *gpu = self;

	gpu_engine_snapshot(&gpu->engine, to);
}

static void show(void *self, unsigned to)
{
	const struct gpu *gpu = self;

	gpu_engine_show(&gpu->engine, to);
}

/* The kick that belongs to it comes later, and finds less or nothing to do. */
static void drain(void *self)
{
	struct gpu *gpu = self;

	device_serve(gpu->device, GPU_CONTROL_QUEUE);
}

static const struct publisher_impl publisher_impl = {
	.snapshot = snapshot,
	.show = show,
	.drain = drain,
};

int gpu_new(const struct gpu_config *config, struct loop *loop, struct gpu **ret)
{
	const struct edid_mode mode = { config->width, config->height, config->refresh_hz };
	struct gpu *gpu = calloc(1, sizeof *gpu);
	int r;

	if (!gpu)
		return -ENOMEM;
	gpu->display_fd = -1;
	r = gpu_engine_init(&gpu->engine, config->n_scanouts, &mode, config->log);
	if (r == 0)
		r = publisher_new(&publisher_impl, gpu, loop, config->log, &gpu->publisher);
	if (r == 0)
		r = device_new(&device_impl, gpu, loop, config->log, &gpu->device);
	if (r < 0) {
		gpu_destroy(gpu);
		return r;
	}
	gpu->engine.publisher = gpu->publisher;
	gpu->engine.memory = device_memory(gpu->device);
	*ret = gpu;
	return 0;
}

void gpu_destroy(struct gpu *gpu)
{
	if (!gpu)
		return;
	device_destroy(gpu->device);
	publisher_destroy(gpu->publisher);
	gpu_engine_finish(&gpu->engine);
	if (gpu->display_fd >= 0)
		close(gpu->display_fd);
	free(gpu);
}

struct device *gpu_device(struct gpu *gpu)
{
	return gpu->device;
}

struct publisher *gpu_publisher(struct gpu *gpu)
{
	return gpu->publisher;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "device-internal.h"

#include <errno.h>
#include <hxfr/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

void device_schedule(struct device *device, struct queue *queue)
{
	device->pending |= 1u << (queue - device->queues);
	eventfd_write(device->again.fd, 1);
}

static void serve(struct queue *queue)
{
	struct device *device = queue->device;
	unsigned index = (unsigned)(queue - device->queues);

	if (!queue->ring.started || !queue->ring.enabled || queue->ring.broken)
		return;
	ring_begin_round(&queue->ring);
	device->impl->kicked(device->self, index);
	if (ring_end_round(&queue->ring))
		device_schedule(device, queue);
	if (queue->ring.broken)
		log_write(device->log, LOG_LEVEL_WARNING,
			"%s: the guest broke queue %u, which stops until the device is reset",
			device->impl->name, index);
}

static void again_ready(struct loop_source *source, uint32_t events)
{
	struct device *device = loop_owner(source, struct device, again);
	unsigned pending = device->pending;
	eventfd_t n;

	eventfd_read(source->fd, &n);
	device->pending = 0;
	for (unsigned i = 0; i < device->impl->n_queues; i++) {
		if (pending & 1u << i)
			serve(&device->queues[i]);
	}
}

static void drop_kick(struct queue *queue)
{
	if (queue->ring.kick_fd < 0)
		return;
	loop_remove(queue->device->loop, &queue->kick);
	close(queue->ring.kick_fd);
	queue->ring.kick_fd = -1;
}

static void kick_ready(struct loop_source *source, uint32_t events)
{
	struct queue *queue = loop_owner(source, struct queue, kick);
	eventfd_t n;

	/* What does not become unreadable by reading would be ready for ever. */
	if (eventfd_read(source->fd, &n) < 0 && errno != EAGAIN)
		drop_kick(queue);
	serve(queue);
}

int queue_set_kick(struct queue *queue, int fd)
{
	drop_kick(queue);
	queue->kick.fd = queue->ring.kick_fd = fd;
	return loop_add(queue->device->loop, &queue->kick, EPOLLIN);
}

uint16_t queue_stop(struct queue *queue)
{
	drop_kick(queue);
	if (queue->ring.started)
		queue->base = ring_stop(&queue->ring);
	queue->stopped = true;
	queue->stopped_base = queue->base;
	return queue->base;
}

static void queue_init(struct queue *queue, struct device *device)
{
	*queue = (struct queue){
		.device = device,
		.kick = { .fd = -1, .ready = kick_ready },
	};
	ring_init(&queue->ring);
}

static void queue_finish(struct queue *queue)
{
	queue_stop(queue);
	ring_finish(&queue->ring);
}

static void disconnect(struct device *device)
{
	if (device->channel.fd < 0)
		return;
	loop_remove(device->loop, &device->connection);
	channel_close(&device->channel);
	for (unsigned i = 0; i < device->impl->n_queues; i++)
		queue_finish(&device->queues[i]);
	guest_memory_finish(&device->memory);
	device->impl->reset(device->self);
	for (unsigned i = 0; i < device->impl->n_queues; i++)
		queue_init(&device->queues[i], device);
	device->features = device->protocol_features = 0;
	device->has_driver = false;
}

static int handle_next(struct device *device)
{
	struct vhost_message message;
	struct request request = { .message = &message };
	int r = channel_receive(&device->channel, &message, request.fds, &request.n_fds);

	if (r <= 0)
		return r;
	r = device_handle(device, &request);
	if (r == 0 && request.reply_size > 0)
		r = channel_send(&device->channel, request.reply, request.reply_size);
	if (r < 0 && r != -ECONNRESET)
		log_write(device->log, LOG_LEVEL_DEBUG, "%s: request %u: %s", device->impl->name,
			message.request, strerror(-r));
	return r;
}

static void connection_ready(struct loop_source *source, uint32_t events)
{
	struct device *device = loop_owner(source, struct device, connection);
	int r = handle_next(device);

	if (r >= 0)
		return;
	if (r == -ECONNRESET || r == -EPIPE)
		log_write(device->log, LOG_LEVEL_INFO, "%s: the front end has left",
			device->impl->name);
	else
		log_write(device->log, LOG_LEVEL_WARNING, "%s: the front end is disconnected: %s",
			device->impl->name, strerror(-r));
	disconnect(device);
}

int device_attach(struct device *device, int fd)
{
	int r;

	/* Of two events in one round, that of the next front end may come first. */
	if (device->channel.fd >= 0 && channel_is_dead(&device->channel))
		disconnect(device);
	if (device->channel.fd >= 0) {
		close(fd);
		return -EBUSY;
	}
	device->connection.fd = fd;
	r = loop_add(device->loop, &device->connection, EPOLLIN);
	if (r < 0) {
		close(fd);
		return r;
	}
	channel_open(&device->channel, fd);
	log_write(device->log, LOG_LEVEL_INFO, "%s: a front end has come", device->impl->name);
	return 0;
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct device *device = loop_owner(source, struct device, listener);
	int fd, r = hxfr_socket_accept(source->fd, &fd);

	if (r == 0)
		r = device_attach(device, fd);
	if (r < 0 && r != -EAGAIN)
		log_write(device->log, LOG_LEVEL_WARNING, "%s: a front end is refused: %s",
			device->impl->name, strerror(-r));
}

int device_new(const struct device_impl *impl, void *self, struct loop *loop,
	const struct log_sink *log, struct device **ret)
{
	struct device *device = calloc(1, sizeof(*device));
	int r;

	if (!device)
		return -ENOMEM;
	device->impl = impl;
	device->self = self;
	device->loop = loop;
	device->log = log;
	device->listener = (struct loop_source){ .fd = -1, .ready = listener_ready };
	device->connection = (struct loop_source){ .fd = -1, .ready = connection_ready };
	device->again = (struct loop_source){ .fd = -1, .ready = again_ready };
	channel_init(&device->channel);
	guest_memory_init(&device->memory);
	for (unsigned i = 0; i < DEVICE_QUEUES_MAX; i++)
		queue_init(&device->queues[i], device);
	device->again.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = device->again.fd < 0 ? -errno : loop_add(loop, &device->again, EPOLLIN);
	if (r < 0) {
		device_destroy(device);
		return r;
	}
	*ret = device;
	return 0;
}

static void stop_listening(struct device *device)
{
	if (device->listener.fd < 0)
		return;
	loop_remove(device->loop, &device->listener);
	/* In this order: once closed, the path may be another process's. */
	if (device->bound.unix_path[0] != '@')
		unlink(device->bound.unix_path);
	close(device->listener.fd);
	device->listener.fd = -1;
}

void device_destroy(struct device *device)
{
	if (!device)
		return;
	stop_listening(device);
	disconnect(device);
	if (device->again.fd >= 0) {
		loop_remove(device->loop, &device->again);
		close(device->again.fd);
	}
	free(device);
}

int device_listen(struct device *device, const char *path)
{
	struct hxfr_endpoint endpoint = { .transport = HXFR_TRANSPORT_UNIX };
	size_t size = strlen(path);
	int r;

	if (size > HXFR_UNIX_PATH_MAX)
		return -EMSGSIZE;
	memcpy(endpoint.unix_path, path, size + 1);
	r = hxfr_socket_listen(&endpoint, &device->listener.fd, &device->bound);
	if (r < 0)
		return r;
	r = loop_add(device->loop, &device->listener, EPOLLIN);
	if (r < 0)
		stop_listening(device);
	return r;
}

void device_serve(struct device *device, unsigned queue)
{
	serve(&device->queues[queue]);
}

struct ring *device_ring(struct device *device, unsigned queue)
{
	return &device->queues[queue].ring;
}

const struct guest_memory *device_memory(struct device *device)
{
	return &device->memory;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "device-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define VIRTIO_F_INDIRECT_DESC 28
#define VIRTIO_F_EVENT_IDX     29
#define VIRTIO_F_VERSION_1     32
#define VIRTIO_F_RING_PACKED   34

#define BIT(n) ((uint64_t)1 << (n))

#define CORE_FEATURES                                                                              \
	(BIT(VIRTIO_F_INDIRECT_DESC) | BIT(VIRTIO_F_EVENT_IDX) | BIT(VHOST_F_PROTOCOL_FEATURES) |  \
		BIT(VIRTIO_F_VERSION_1))
#define PROTOCOL_FEATURES                                                                          \
	(BIT(VHOST_PROTOCOL_F_MQ) | BIT(VHOST_PROTOCOL_F_REPLY_ACK) |                              \
		BIT(VHOST_PROTOCOL_F_CONFIG) | BIT(VHOST_PROTOCOL_F_RESET_DEVICE))

/* Of KICK, CALL and ERR. */
#define INDEX_MASK  0xffu
#define NO_FD       0x100u
#define VRING_FLAGS (INDEX_MASK | NO_FD)

/* The request failed, the front end did nothing wrong. */
#define FAILED 1

static void reply_u64(struct request *request, uint64_t value)
{
	request->reply_size = vhost_reply_u64(request->message, value, request->reply);
}

static struct queue *find_queue(struct device *device, uint64_t index)
{
	return index < device->impl->n_queues ? &device->queues[index] : NULL;
}

static int get_features(struct device *device, struct request *request)
{
	reply_u64(request, device->impl->features | CORE_FEATURES);
	return 0;
}

static int set_features(struct device *device, struct request *request)
{
	uint64_t features = request->message->u64;

	/* More than was offered is let pass: the gpu front end of QEMU offers some of its own. */
	if (features & BIT(VIRTIO_F_RING_PACKED))
		return -ENOTSUP;
	device->features = features;
	if (!(features & BIT(VHOST_F_PROTOCOL_FEATURES))) {
		for (unsigned i = 0; i < device->impl->n_queues; i++)
			device->queues[i].ring.enabled = true;
	}
	return 0;
}

static int get_protocol_features(struct device *device, struct request *request)
{
	reply_u64(request, PROTOCOL_FEATURES);
	return 0;
}

static int set_protocol_features(struct device *device, struct request *request)
{
	if (request->message->u64 & ~PROTOCOL_FEATURES)
		return -EPROTO;
	device->protocol_features = request->message->u64;
	return 0;
}

static int get_queue_num(struct device *device, struct request *request)
{
	reply_u64(request, device->impl->n_queues);
	return 0;
}

static int nothing(struct device *device, struct request *request)
{
	return 0;
}

static int build_memory(struct guest_memory *memory, struct request *request)
{
	const struct vhost_message *m = request->message;
	int r = m->memory.n == request->n_fds ? 0 : -EPROTO;

	guest_memory_init(memory);
	for (unsigned i = 0; r == 0 && i < m->memory.n; i++) {
		r = guest_memory_add(memory, &m->memory.regions[i], request->fds[i]);
		request->fds[i] = -1;
	}
	if (r < 0)
		guest_memory_finish(memory);
	return r;
}

static int remap_queue(struct device *device, struct queue *queue)
{
	int r = ring_remap(&queue->ring, &device->memory);

	if (r == 0)
		return 0;
	queue->base = ring_stop(&queue->ring);
	log_write(device->log, LOG_LEVEL_WARNING,
		"%s: queue %u is not in the guest's memory any more; it is stopped",
		device->impl->name, (unsigned)(queue - device->queues));
	return FAILED;
}

static int set_mem_table(struct device *device, struct request *request)
{
	struct guest_memory memory, former = device->memory;
	int r = build_memory(&memory, request);

	if (r < 0)
		return r;
	device->memory = memory;
	for (unsigned i = 0; i < device->impl->n_queues; i++)
		remap_queue(device, &device->queues[i]);
	guest_memory_finish(&former);
	if (device->impl->memory_changed)
		device->impl->memory_changed(device->self);
	return 0;
}

static int set_vring_num(struct device *device, struct request *request)
{
	struct queue *queue = find_queue(device, request->message->state.index);

	if (!queue || queue->ring.started)
		return -EPROTO;
	queue->ring.size = request->message->state.num;
	return 0;
}

static int set_vring_addr(struct device *device, struct request *request)
{
	const struct vhost_message *m = request->message;
	struct queue *queue = find_queue(device, m->addr.index);

	if (!queue)
		return -EPROTO;
	queue->ring.desc_addr = m->addr.desc;
	queue->ring.avail_addr = m->addr.avail;
	queue->ring.used_addr = m->addr.used;
	return remap_queue(device, queue);
}

static int set_vring_base(struct device *device, struct request *request)
{
	struct queue *queue = find_queue(device, request->message->state.index);

	if (!queue || queue->ring.started || request->message->state.num > UINT16_MAX)
		return -EPROTO;
	queue->base = (uint16_t)request->message->state.num;
	return 0;
}

static int get_vring_base(struct device *device, struct request *request)
{
	struct queue *queue = find_queue(device, request->message->state.index);

	if (!queue)
		return -EPROTO;
	request->reply_size =
		vhost_reply_state(request->message, queue_stop(queue), request->reply);
	return 0;
}

/* The descriptor of a KICK or CALL, -1 for none; made non-blocking, for we read and write it. */
static int take_eventfd(struct request *request, int *ret)
{
	bool none = request->message->u64 & NO_FD;
	struct stat st;
	int fd;

	if ((request->message->u64 & ~(uint64_t)VRING_FLAGS) || request->n_fds != !none)
		return -EPROTO;
	if (none) {
		*ret = -1;
		return 0;
	}
	fd = request->fds[0];
	/* Writing to a pipe or socket that nobody reads would kill us (SIGPIPE). */
	if (fstat(fd, &st) < 0 || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
		return -EPROTO;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	request->fds[0] = -1;
	*ret = fd;
	return 0;
}

static void begin_anew(struct device *device)
{
	device->impl->reset(device->self);
	device->has_driver = true;
	for (unsigned i = 0; i < device->impl->n_queues; i++)
		device->queues[i].stopped = false;
}

static int start_queue(struct device *device, struct queue *queue)
{
	int r;

	if (queue->ring.started)
		return 0;
	if (!device->has_driver || (queue->stopped && queue->base != queue->stopped_base))
		begin_anew(device);
	queue->stopped = false;
	queue->ring.features = device->features;
	r = ring_start(&queue->ring, &device->memory, queue->base);
	if (r == 0)
		return 0;
	/* Size and addresses are the driver's choice: the front end hands them on. */
	log_write(device->log, LOG_LEVEL_WARNING, "%s: queue %u does not start: %s",
		device->impl->name, (unsigned)(queue - device->queues), strerror(-r));
	return FAILED;
}

static int set_vring_kick(struct device *device, struct request *request)
{
	struct queue *queue = find_queue(device, request->message->u64 & INDEX_MASK);
	int fd = -1, r;

	if (!queue)
		return -EPROTO;
	r = take_eventfd(request, &fd);
	if (r < 0)
		return r;
	if (fd < 0)
		return -ENOTSUP; /* a queue that we would have to poll */
	r = queue_set_kick(queue, fd);
	if (r < 0)
		return r;
	r = start_queue(device, queue);
	device_schedule(device, queue);
	return r;
}

static int set_vring_call(struct device *device, struct request *request)
{
	struct queue *queue = find_queue(device, request->message->u64 & INDEX_MASK);
	int fd = -1, r;

	if (!queue)
		return -EPROTO;
	r = take_eventfd(request, &fd);
	if (r < 0)
		return r;
	if (queue->ring.call_fd >= 0)
		close(queue->ring.call_fd);
	queue->ring.call_fd = fd;
	/* For what was pushed while there was no descriptor, or another one. */
	if (fd >= 0 && queue->ring.started)
		eventfd_write(fd, 1);
	return 0;
}

static int set_vring_enable(struct device *device, struct request *request)
{
	const struct vhost_message *m = request->message;
	struct queue *queue = find_queue(device, m->state.index);

	if (!queue || m->state.num > 1)
		return -EPROTO;
	queue->ring.enabled = m->state.num == 1;
	device_schedule(device, queue);
	return 0;
}

static int get_config(struct device *device, struct request *request)
{
	struct vhost_message m = *request->message;
	uint8_t space[VHOST_CONFIG_MAX] = { 0 };

	if (m.config.offset > sizeof(space) || m.config.size > sizeof(space) - m.config.offset) {
		m.config.size = 0;
	} else {
		device->impl->get_config(device->self, space, sizeof(space));
		memcpy(m.config.data, space + m.config.offset, m.config.size);
	}
	request->reply_size = vhost_reply_config(&m, request->reply);
	return 0;
}

static int set_config(struct device *device, struct request *request)
{
	const struct vhost_message *m = request->message;

	if (m->config.offset > VHOST_CONFIG_MAX ||
		m->config.size > VHOST_CONFIG_MAX - m->config.offset)
		return FAILED;
	if (device->impl->set_config)
		device->impl->set_config(
			device->self, m->config.offset, m->config.data, m->config.size);
	return 0;
}

static int gpu_set_socket(struct device *device, struct request *request)
{
	if (request->n_fds != 1)
		return -EPROTO;
	if (device->impl->set_socket) {
		device->impl->set_socket(device->self, request->fds[0]);
		request->fds[0] = -1;
	}
	return 0;
}

static int reset_device(struct device *device, struct request *request)
{
	for (unsigned i = 0; i < device->impl->n_queues; i++)
		queue_stop(&device->queues[i]);
	device->impl->reset(device->self);
	device->has_driver = false;
	return 0;
}

static int (*const handlers[])(struct device *device, struct request *request) = {
	[VHOST_GET_FEATURES] = get_features,
	[VHOST_SET_FEATURES] = set_features,
	[VHOST_SET_OWNER] = nothing,
	[VHOST_RESET_OWNER] = nothing,
	[VHOST_SET_MEM_TABLE] = set_mem_table,
	[VHOST_SET_VRING_NUM] = set_vring_num,
	[VHOST_SET_VRING_ADDR] = set_vring_addr,
	[VHOST_SET_VRING_BASE] = set_vring_base,
	[VHOST_GET_VRING_BASE] = get_vring_base,
	[VHOST_SET_VRING_KICK] = set_vring_kick,
	[VHOST_SET_VRING_CALL] = set_vring_call,
	[VHOST_SET_VRING_ERR] = nothing,
	[VHOST_GET_PROTOCOL_FEATURES] = get_protocol_features,
	[VHOST_SET_PROTOCOL_FEATURES] = set_protocol_features,
	[VHOST_GET_QUEUE_NUM] = get_queue_num,
	[VHOST_SET_VRING_ENABLE] = set_vring_enable,
	[VHOST_GET_CONFIG] = get_config,
	[VHOST_SET_CONFIG] = set_config,
	[VHOST_GPU_SET_SOCKET] = gpu_set_socket,
	[VHOST_RESET_DEVICE] = reset_device,
};

int device_handle(struct device *device, struct request *request)
{
	const struct vhost_message *m = request->message;
	bool known = m->request < sizeof(handlers) / sizeof(handlers[0]) && handlers[m->request];
	int r = known ? handlers[m->request](device, request) : FAILED;

	log_write(device->log, LOG_LEVEL_DEBUG, "%s: request %u%s", device->impl->name, m->request,
		known ? "" : " is not known");
	for (unsigned i = 0; i < request->n_fds; i++) {
		if (request->fds[i] >= 0)
			close(request->fds[i]);
	}
	if (r < 0)
		return r;
	if (request->reply_size == 0 && m->needs_reply &&
		(device->protocol_features & BIT(VHOST_PROTOCOL_F_REPLY_ACK)))
		reply_u64(request, r == FAILED);
	return 0;
}

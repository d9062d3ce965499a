/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a front end sends. The input is first decoded as a message; then it is a list of steps for
 * a device: a message to it (request, flags, descriptors, size, payload), bytes as they are, bytes
 * for the guest's memory, or a kick. Nothing leaks, the device comes to rest after every step, and
 * in the end it serves the next front end.
 */

#include "fuzz-target.h"

#include "virtio/device.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEMORY_SIZE 65536u
#define STEPS_MAX   200u
#define ROUNDS_MAX  2000u
#define QUEUES      2u
#define FDS_MAX     10u /* more than may come */

/* Requests that no front end sends. */
#define STEP_BYTES  255u
#define STEP_MEMORY 254u
#define STEP_KICK   253u

/* Flags of a step, beside those of its message. */
#define EVENTFDS   0x10u /* else the guest's memory */
#define FALSE_SIZE 0x20u /* the header promises twice as much */

struct world {
	struct loop *loop;
	struct device *device;
	struct ring_chain chain;
	int memory_fd, event_fd;
	int front; /* of the socket */
};

static void get_config(void *self, uint8_t *ret, size_t size)
{
	PROMISE(size == VHOST_CONFIG_MAX);
	memset(ret, 1, size);
}

static void set_config(void *self, uint32_t offset, const uint8_t *data, size_t size)
{
	PROMISE(offset <= VHOST_CONFIG_MAX && size <= VHOST_CONFIG_MAX - offset);
}

static void kicked(void *self, unsigned queue)
{
	struct world *world = self;
	struct ring *ring = device_ring(world->device, queue);
	uint8_t byte = 0;

	PROMISE(queue < QUEUES && ring->started && ring->enabled);
	while (ring_pop(ring, &world->chain) == 1) {
		iov_read(world->chain.out, world->chain.n_out, 0, &byte, 1);
		iov_write(world->chain.in, world->chain.n_in, 0, &byte, 1);
		ring_push(ring, world->chain.head, 1);
	}
	ring_notify(ring);
}

static void reset(void *self)
{
}

static void set_socket(void *self, int fd)
{
	close(fd);
}

static const struct device_impl impl = {
	.name = "fuzz",
	.n_queues = QUEUES,
	.get_config = get_config,
	.set_config = set_config,
	.kicked = kicked,
	.reset = reset,
	.set_socket = set_socket,
};

static void settle(struct world *world)
{
	unsigned rounds = 0;

	while (loop_run_once(world->loop, 0) > 0)
		PROMISE(rounds++ < ROUNDS_MAX);
}

static void connect_front(struct world *world)
{
	int fds[2];

	PROMISE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	PROMISE(device_attach(world->device, fds[0]) == 0);
	world->front = fds[1];
}

static void send_with_fds(
	struct world *world, struct iovec *iov, unsigned n_iov, unsigned n_fds, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MAX * sizeof(int))] = { 0 };
	struct cmsghdr *cmsg = (struct cmsghdr *)control;
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n_iov };

	if (n_fds > 0) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		for (unsigned i = 0; i < n_fds; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &fd, sizeof(int));
	}
	/* Fails once the device hung up. */
	(void)!sendmsg(world->front, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void send_message(struct world *world, const uint8_t step[4], uint8_t *payload)
{
	uint32_t size = step[3], promised = step[1] & FALSE_SIZE ? 2 * size : size;
	uint32_t header[] = { step[0], (step[1] & 15u) ^ 1u, promised };
	struct iovec iov[] = { { header, sizeof(header) }, { payload, size } };

	send_with_fds(world, iov, 2, step[2] % (FDS_MAX + 1),
		step[1] & EVENTFDS ? world->event_fd : world->memory_fd);
}

static void write_memory(struct world *world, const uint8_t step[4], const uint8_t *bytes)
{
	off_t at = (off_t)(step[1] | (unsigned)step[2] << 8) % (MEMORY_SIZE - 256);

	PROMISE(pwrite(world->memory_fd, bytes, step[3], at) == step[3]);
}

static void do_step(struct world *world, const uint8_t step[4], uint8_t *payload)
{
	struct iovec raw = { payload, step[3] };

	switch (step[0]) {
	case STEP_BYTES:
		send_with_fds(world, &raw, 1, 0, -1);
		break;
	case STEP_MEMORY:
		write_memory(world, step, payload);
		break;
	case STEP_KICK:
		eventfd_write(world->event_fd, 1);
		break;
	default:
		send_message(world, step, payload);
	}
	settle(world);
}

static void run_steps(struct world *world, const uint8_t *data, size_t size)
{
	uint8_t payload[256];

	for (unsigned n = 0; size >= 4 && n < STEPS_MAX; n++) {
		size_t payload_size = data[3] < size - 4 ? data[3] : size - 4;

		memset(payload, 0, sizeof(payload));
		memcpy(payload, data + 4, payload_size);
		do_step(world, data, payload);
		data += 4 + payload_size;
		size -= 4 + payload_size;
	}
}

static void check_at_rest(struct world *world)
{
	close(world->front);
	settle(world);
	PROMISE(device_memory(world->device)->n_regions == 0);
	for (unsigned i = 0; i < QUEUES; i++)
		PROMISE(!device_ring(world->device, i)->started);
}

static void check_served(struct world *world)
{
	uint8_t message[12] = { VHOST_GET_QUEUE_NUM, 0, 0, 0, 1 }, reply[20];

	connect_front(world);
	PROMISE(send(world->front, message, sizeof(message), 0) == sizeof(message));
	settle(world);
	PROMISE(recv(world->front, reply, sizeof(reply), MSG_DONTWAIT) == sizeof(reply));
	PROMISE(reply[12] == QUEUES);
	check_at_rest(world);
}

static void check_decode(const uint8_t *data, size_t size)
{
	struct vhost_message m;
	int r = vhost_message_decode(data, size, &m);

	PROMISE(r == 0 || r == -EBADMSG);
	if (r < 0)
		return;
	if (m.request == VHOST_SET_MEM_TABLE)
		PROMISE(m.memory.n <= GUEST_REGIONS_MAX);
	if (m.request == VHOST_GET_CONFIG || m.request == VHOST_SET_CONFIG)
		PROMISE(m.config.size <= VHOST_CONFIG_MAX);
}

static int lowest_free_fd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	PROMISE(fd >= 0);
	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = { .front = -1 };
	int free_fd = lowest_free_fd();

	check_decode(data, size);
	world.memory_fd = memfd_create("fuzz", MFD_CLOEXEC);
	world.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	PROMISE(world.memory_fd >= 0 && world.event_fd >= 0);
	PROMISE(ftruncate(world.memory_fd, MEMORY_SIZE) == 0);
	PROMISE(loop_new(&world.loop) == 0);
	PROMISE(device_new(&impl, &world, world.loop, NULL, &world.device) == 0);
	connect_front(&world);
	run_steps(&world, data, size);
	check_at_rest(&world);
	check_served(&world);
	device_destroy(world.device);
	loop_destroy(world.loop);
	close(world.memory_fd);
	close(world.event_fd);
	PROMISE(lowest_free_fd() == free_fd);
	return 0;
}

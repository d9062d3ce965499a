/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-frontend.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_S     10
#define FLAGS_VERSION 1u
#define FLAGS_REPLY   5u
#define VERSION_1     (1ull << 32)

void fake_frontend_settle(struct fake_frontend *frontend)
{
	int n;

	while ((n = loop_run_once(frontend->loop, 0)) > 0)
		;
	fake_must(n == 0);
}

static time_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

void fake_frontend_wait(struct fake_frontend *frontend, bool (*done)(void *user), void *user)
{
	time_t end = now_s() + TIMEOUT_S;

	while (!done(user)) {
		fake_must(now_s() < end);
		fake_must(loop_run_once(frontend->loop, 100) >= 0);
	}
}

void fake_frontend_send(struct fake_frontend *frontend, uint32_t request, uint32_t flags,
	const void *payload, uint32_t size, const int *fds, unsigned n_fds)
{
	uint32_t header[] = { request, flags, size };
	struct iovec iov[] = { { header, sizeof(header) }, { (void *)payload, size } };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(64 * sizeof(int))] = { 0 };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	struct cmsghdr *cmsg = (struct cmsghdr *)control;

	fake_must(n_fds <= 64);
	if (n_fds > 0) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, n_fds * sizeof(int));
	}
	fake_must(sendmsg(frontend->fd, &msg, MSG_NOSIGNAL) == (ssize_t)(sizeof(header) + size));
}

static bool readable(void *user)
{
	struct fake_frontend *frontend = user;
	struct pollfd fd = { .fd = frontend->fd, .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

void fake_frontend_reply(
	struct fake_frontend *frontend, uint32_t request, void *ret_payload, uint32_t size)
{
	uint32_t header[3];

	fake_frontend_wait(frontend, readable, frontend);
	fake_must(recv(frontend->fd, header, sizeof(header), MSG_WAITALL) == sizeof(header));
	fake_must(header[0] == request && header[1] == FLAGS_REPLY && header[2] == size);
	if (size > 0)
		fake_must(recv(frontend->fd, ret_payload, size, MSG_WAITALL) == (ssize_t)size);
}

uint64_t fake_frontend_ask(struct fake_frontend *frontend, uint32_t request)
{
	uint64_t value;

	fake_frontend_send(frontend, request, FLAGS_VERSION, NULL, 0, NULL, 0);
	fake_frontend_reply(frontend, request, &value, sizeof(value));
	return value;
}

void fake_frontend_tell(struct fake_frontend *frontend, uint32_t request, uint64_t value)
{
	fake_frontend_send(frontend, request, FLAGS_VERSION, &value, sizeof(value), NULL, 0);
}

void fake_frontend_tell_state(
	struct fake_frontend *frontend, uint32_t request, uint32_t index, uint32_t num)
{
	uint32_t payload[] = { index, num };

	fake_frontend_send(frontend, request, FLAGS_VERSION, payload, sizeof(payload), NULL, 0);
}

void fake_frontend_tell_fd(struct fake_frontend *frontend, uint32_t request, uint32_t index, int fd)
{
	uint64_t payload = index | (fd < 0 ? 0x100u : 0);

	fake_frontend_send(
		frontend, request, FLAGS_VERSION, &payload, sizeof(payload), &fd, fd >= 0);
}

bool fake_frontend_get_config(
	struct fake_frontend *frontend, uint32_t offset, void *ret, uint32_t size)
{
	uint32_t payload[3 + VHOST_CONFIG_MAX / 4] = { offset, size };
	uint32_t header[3];

	fake_must(size <= VHOST_CONFIG_MAX);
	fake_frontend_send(frontend, VHOST_GET_CONFIG, FLAGS_VERSION, payload, 12 + size, NULL, 0);
	fake_frontend_wait(frontend, readable, frontend);
	fake_must(recv(frontend->fd, header, sizeof(header), MSG_PEEK) == sizeof(header));
	if (header[2] == 0) {
		fake_frontend_reply(frontend, VHOST_GET_CONFIG, NULL, 0);
		return false;
	}
	fake_frontend_reply(frontend, VHOST_GET_CONFIG, payload, 12 + size);
	fake_must(payload[0] == offset && payload[1] == size);
	memcpy(ret, payload + 3, size);
	return true;
}

static bool hung_up(const struct fake_frontend *frontend)
{
	struct pollfd fd = { .fd = frontend->fd };

	return poll(&fd, 1, 0) == 1 && (fd.revents & POLLHUP);
}

bool fake_frontend_hung_up(struct fake_frontend *frontend)
{
	fake_frontend_settle(frontend);
	return hung_up(frontend);
}

void fake_frontend_connect(struct fake_frontend *frontend)
{
	int fds[2];

	fake_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	fake_must(device_attach(frontend->device, fds[0]) == 0);
	frontend->fd = fds[1];
	fake_frontend_ask(frontend, VHOST_GET_FEATURES);
	frontend->protocol_features = fake_frontend_ask(frontend, VHOST_GET_PROTOCOL_FEATURES);
	fake_frontend_tell(frontend, VHOST_SET_PROTOCOL_FEATURES, frontend->protocol_features);
	fake_must(fake_frontend_ask(frontend, VHOST_GET_QUEUE_NUM) == frontend->n_queues);
	fake_frontend_send(frontend, VHOST_SET_OWNER, FLAGS_VERSION, NULL, 0, NULL, 0);
	for (unsigned i = 0; i < frontend->n_queues; i++)
		fake_frontend_tell_fd(
			frontend, VHOST_SET_VRING_CALL, i, frontend->queues[i].call_fd);
	fake_frontend_settle(frontend);
}

void fake_frontend_disconnect(struct fake_frontend *frontend)
{
	if (frontend->fd < 0)
		return;
	close(frontend->fd);
	frontend->fd = -1;
	fake_frontend_settle(frontend);
}

void fake_frontend_init(
	struct fake_frontend *frontend, struct loop *loop, struct device *device, unsigned n_queues)
{
	*frontend = (struct fake_frontend){
		.loop = loop,
		.device = device,
		.fd = -1,
		.n_queues = n_queues,
	};
	fake_ram_init(&frontend->ram);
	for (unsigned i = 0; i < n_queues; i++)
		fake_queue_init(&frontend->queues[i], &frontend->ram, FAKE_FRONTEND_QUEUE_SIZE);
	fake_frontend_connect(frontend);
}

void fake_frontend_finish(struct fake_frontend *frontend)
{
	fake_frontend_disconnect(frontend);
	for (unsigned i = 0; i < frontend->n_queues; i++)
		fake_queue_finish(&frontend->queues[i]);
	fake_ram_finish(&frontend->ram);
}

void fake_frontend_share(struct fake_frontend *frontend)
{
	uint64_t payload[9] = { 2 };
	int fds[] = { frontend->ram.fd, frontend->ram.fd };

	for (unsigned i = 0; i < 2; i++) {
		struct guest_region region = fake_ram_region(i);

		payload[1 + 4 * i] = region.guest_addr;
		payload[2 + 4 * i] = region.size;
		payload[3 + 4 * i] = region.user_addr;
		payload[4 + 4 * i] = region.fd_offset;
	}
	fake_frontend_send(
		frontend, VHOST_SET_MEM_TABLE, FLAGS_VERSION, payload, sizeof(payload), fds, 2);
	fake_frontend_settle(frontend);
}

static void start_queue(struct fake_frontend *frontend, unsigned i)
{
	const struct fake_queue *queue = &frontend->queues[i];
	uint64_t addr[] = {
		i,
		fake_ram_user(queue->desc),
		fake_ram_user(queue->used),
		fake_ram_user(queue->avail),
		0,
	};

	fake_frontend_tell_state(frontend, VHOST_SET_VRING_NUM, i, queue->size);
	fake_frontend_tell_state(frontend, VHOST_SET_VRING_BASE, i, frontend->bases[i]);
	fake_frontend_send(
		frontend, VHOST_SET_VRING_ADDR, FLAGS_VERSION, addr, sizeof(addr), NULL, 0);
	fake_frontend_tell_fd(frontend, VHOST_SET_VRING_KICK, i, queue->kick_fd);
	fake_frontend_tell_fd(frontend, VHOST_SET_VRING_CALL, i, queue->call_fd);
}

void fake_frontend_start(struct fake_frontend *frontend, uint64_t features)
{
	fake_frontend_tell(frontend, VHOST_SET_FEATURES,
		features | VERSION_1 | 1ull << VHOST_F_PROTOCOL_FEATURES);
	fake_frontend_share(frontend);
	for (unsigned i = 0; i < frontend->n_queues; i++) {
		frontend->queues[i].event_idx = features & FAKE_EVENT_IDX;
		start_queue(frontend, i);
	}
	for (unsigned i = 0; i < frontend->n_queues; i++)
		fake_frontend_tell_state(frontend, VHOST_SET_VRING_ENABLE, i, 1);
	fake_frontend_settle(frontend);
}

void fake_frontend_stop(struct fake_frontend *frontend)
{
	uint32_t state[2];

	for (unsigned i = 0; i < frontend->n_queues; i++)
		fake_frontend_tell_state(frontend, VHOST_SET_VRING_ENABLE, i, 0);
	for (unsigned i = 0; i < frontend->n_queues; i++) {
		fake_frontend_tell_state(frontend, VHOST_GET_VRING_BASE, i, 0);
		fake_frontend_reply(frontend, VHOST_GET_VRING_BASE, state, sizeof(state));
		fake_must(state[0] == i && state[1] <= UINT16_MAX);
		frontend->bases[i] = (uint16_t)state[1];
	}
}

void fake_frontend_reboot(struct fake_frontend *frontend)
{
	const struct fake_queue *last = &frontend->queues[frontend->n_queues - 1];

	for (unsigned i = 0; i < frontend->n_queues; i++) {
		fake_queue_reset(&frontend->queues[i]);
		frontend->bases[i] = 0;
	}
	frontend->ram.next = last->used + 6 + 8ull * last->size;
}

struct wait_taken {
	struct fake_queue *queue;
	uint16_t head;
	uint32_t written;
};

static bool taken(void *user)
{
	struct wait_taken *wait = user;

	return fake_queue_take(wait->queue, &wait->head, &wait->written);
}

uint32_t fake_frontend_request(struct fake_frontend *frontend, unsigned queue, const void *out,
	size_t out_size, void *ret_in, size_t in_size)
{
	uint64_t mark = frontend->ram.next;
	uint64_t out_addr = fake_ram_alloc(&frontend->ram, out_size, 8);
	uint64_t in_addr = fake_ram_alloc(&frontend->ram, in_size, 8);
	struct wait_taken wait = { .queue = &frontend->queues[queue] };
	struct fake_buffer buffers[] = {
		{ .addr = out_addr, .size = (uint32_t)out_size },
		{ .addr = in_addr, .size = (uint32_t)in_size, .in = true },
	};
	unsigned first = out_size == 0, n = (out_size > 0) + (in_size > 0);
	uint16_t head;

	if (out_size > 0)
		memcpy(fake_ram_at(&frontend->ram, out_addr), out, out_size);
	head = fake_queue_put(wait.queue, buffers + first, n);
	fake_queue_kick(wait.queue);
	fake_frontend_wait(frontend, taken, &wait);
	fake_must(wait.head == head && wait.written <= in_size);
	if (in_size > 0)
		memcpy(ret_in, fake_ram_at(&frontend->ram, in_addr), in_size);
	frontend->ram.next = mark;
	return wait.written;
}

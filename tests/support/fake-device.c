/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-device.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MEMORY_SIZE ((size_t)FAKE_DEVICE_PAGES * FAKE_DEVICE_PAGE)
#define TICK_MS     20
#define FORMAT_BGRX 2u /* VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM */

static void answer_sync(struct fake_device *d, struct resource_packet *packet)
{
	pthread_mutex_lock(&d->lock);
	fake_device_fn on_sync = d->on_sync;
	pthread_mutex_unlock(&d->lock);
	if (on_sync)
		on_sync(d);
	packet->type = RESOURCE_SYNCED;
	pthread_mutex_lock(&d->lock);
	bool mute = d->mute;
	d->n_syncs++;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	if (!mute)
		fake_device_send(d, packet);
}

static void hang_up(struct fake_device *d)
{
	pthread_mutex_lock(&d->lock);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

static void read_client(struct fake_device *d, int fd)
{
	uint8_t data[RESOURCE_PACKET_MAX];
	struct resource_packet packet;
	ssize_t n = recv(fd, data, sizeof data, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		hang_up(d);
		return;
	}
	ck_assert_int_eq(resource_packet_decode(data, (size_t)n, &packet), 0);
	ck_assert_int_eq(packet.type, RESOURCE_SYNC);
	answer_sync(d, &packet);
}

static void accept_client(struct fake_device *d)
{
	int fd = accept4(d->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	pthread_mutex_lock(&d->lock);
	d->fd = fd;
	fake_device_fn on_client = d->on_client;
	pthread_mutex_unlock(&d->lock);
	if (on_client)
		on_client(d);
	pthread_mutex_lock(&d->lock);
	d->n_clients++;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

static void *serve(void *user)
{
	struct fake_device *d = user;

	for (;;) {
		pthread_mutex_lock(&d->lock);
		bool stop = d->stop;
		int fd = d->fd;
		pthread_mutex_unlock(&d->lock);
		if (stop)
			return NULL;
		struct pollfd ready = { .fd = fd < 0 ? d->listen_fd : fd, .events = POLLIN };
		if (poll(&ready, 1, TICK_MS) != 1)
			continue;
		if (fd < 0)
			accept_client(d);
		else
			read_client(d, fd);
	}
}

static void listen_on_name(struct fake_device *d)
{
	static atomic_uint n_devices;
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	int size = snprintf(d->name, sizeof d->name, "@helix-fake-device-%d-%u", (int)getpid(),
		atomic_fetch_add(&n_devices, 1));
	memcpy(address.sun_path + 1, d->name + 1, (size_t)size - 1);
	d->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(d->listen_fd, 0);
	ck_assert_int_eq(bind(d->listen_fd, (struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)),
		0);
	ck_assert_int_eq(listen(d->listen_fd, 4), 0);
}

void fake_device_start(struct fake_device *d)
{
	*d = (struct fake_device){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
		.fd = -1,
	};
	d->memory_fd = memfd_create("guest", MFD_CLOEXEC);
	ck_assert_int_ge(d->memory_fd, 0);
	ck_assert_int_eq(ftruncate(d->memory_fd, (off_t)MEMORY_SIZE), 0);
	d->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, d->memory_fd, 0);
	ck_assert_ptr_ne(d->memory, MAP_FAILED);
	listen_on_name(d);
	ck_assert_int_eq(pthread_create(&d->thread, NULL, serve, d), 0);
}

void fake_device_stop(struct fake_device *d)
{
	pthread_mutex_lock(&d->lock);
	d->stop = true;
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->thread, NULL);
	hang_up(d);
	close(d->listen_fd);
	munmap(d->memory, MEMORY_SIZE);
	close(d->memory_fd);
}

void fake_device_drop_client(struct fake_device *d)
{
	pthread_mutex_lock(&d->lock);
	ck_assert_int_ge(d->fd, 0);
	shutdown(d->fd, SHUT_RDWR);
	pthread_mutex_unlock(&d->lock);
	fake_device_wait_gone(d);
}

static struct timespec deadline(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += FAKE_DEVICE_TIMEOUT_MS / 1000;
	return t;
}

static void wait_for(struct fake_device *d, const unsigned *count, unsigned n)
{
	const struct timespec until = deadline();

	pthread_mutex_lock(&d->lock);
	while (*count < n)
		ck_assert_int_eq(pthread_cond_timedwait(&d->changed, &d->lock, &until), 0);
	pthread_mutex_unlock(&d->lock);
}

void fake_device_wait_clients(struct fake_device *d, unsigned n)
{
	wait_for(d, &d->n_clients, n);
}

void fake_device_wait_syncs(struct fake_device *d, unsigned n)
{
	wait_for(d, &d->n_syncs, n);
}

void fake_device_wait_gone(struct fake_device *d)
{
	const struct timespec until = deadline();

	pthread_mutex_lock(&d->lock);
	while (d->fd >= 0)
		ck_assert_int_eq(pthread_cond_timedwait(&d->changed, &d->lock, &until), 0);
	pthread_mutex_unlock(&d->lock);
}

unsigned fake_device_syncs(struct fake_device *d)
{
	pthread_mutex_lock(&d->lock);
	unsigned n = d->n_syncs;
	pthread_mutex_unlock(&d->lock);
	return n;
}

void fake_device_mute(struct fake_device *d, bool mute)
{
	pthread_mutex_lock(&d->lock);
	d->mute = mute;
	pthread_mutex_unlock(&d->lock);
}

void fake_device_on_sync(struct fake_device *d, fake_device_fn on_sync)
{
	pthread_mutex_lock(&d->lock);
	d->on_sync = on_sync;
	pthread_mutex_unlock(&d->lock);
}

void fake_device_on_client(struct fake_device *d, fake_device_fn on_client)
{
	pthread_mutex_lock(&d->lock);
	d->on_client = on_client;
	pthread_mutex_unlock(&d->lock);
}

void fake_device_send_raw(
	struct fake_device *d, const void *data, size_t size, const int *fds, unsigned n_fds)
{
	char control[CMSG_SPACE(16 * sizeof(int))] = { 0 };
	struct iovec body = { (void *)(uintptr_t)data, size };
	struct msghdr header = { .msg_iov = &body, .msg_iovlen = 1 };

	if (n_fds > 0) {
		header.msg_control = control;
		header.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&header);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	pthread_mutex_lock(&d->lock);
	ssize_t n = sendmsg(d->fd, &header, MSG_NOSIGNAL);
	pthread_mutex_unlock(&d->lock);
	/* A client that found fault with an earlier packet is gone; its tests see that. */
	ck_assert(n == (ssize_t)size || errno == EPIPE || errno == ECONNRESET || errno == EBADF);
}

void fake_device_send(struct fake_device *d, const struct resource_packet *packet)
{
	uint8_t data[RESOURCE_PACKET_MAX];

	fake_device_send_raw(d, data, resource_packet_encode(packet, data), NULL, 0);
}

void fake_device_memory(struct fake_device *d)
{
	const struct resource_packet packet = { .type = RESOURCE_MEMORY,
		.memory = { .n_regions = 1 } };
	uint8_t data[RESOURCE_PACKET_MAX];

	fake_device_send_raw(d, data, resource_packet_encode(&packet, data), &d->memory_fd, 1);
}

void fake_device_add(
	struct fake_device *d, const struct resource_packet *add, const struct resource_run *runs)
{
	struct resource_packet packet = *add;

	packet.type = RESOURCE_ADD;
	packet.add.first_run = packet.add.n_here = 0;
	do {
		uint32_t left = packet.add.n_runs - packet.add.first_run;
		packet.add.n_here = left < RESOURCE_RUNS_PACKET ? left : RESOURCE_RUNS_PACKET;
		memcpy(packet.add.runs, runs + packet.add.first_run,
			packet.add.n_here * sizeof *runs);
		fake_device_send(d, &packet);
		packet.add.first_run += packet.add.n_here;
	} while (packet.add.first_run < packet.add.n_runs);
}

void fake_device_add_plain(
	struct fake_device *d, uint32_t id, uint32_t width, uint32_t height, uint32_t first_page)
{
	const struct resource_packet add = { .add = { .id = id,
						     .width = width,
						     .height = height,
						     .format = FORMAT_BGRX,
						     .n_runs = 1 } };
	const uint64_t pages =
		((uint64_t)width * height * 4 + FAKE_DEVICE_PAGE - 1) / FAKE_DEVICE_PAGE;
	const struct resource_run run = { 0, (uint64_t)first_page * FAKE_DEVICE_PAGE,
		pages * FAKE_DEVICE_PAGE };

	fake_device_add(d, &add, &run);
}

void fake_device_remove(struct fake_device *d, uint32_t id)
{
	fake_device_send(
		d, &(struct resource_packet){ .type = RESOURCE_REMOVE, .remove = { .id = id } });
}

void fake_device_scanout(
	struct fake_device *d, uint32_t scanout, uint32_t id, uint32_t width, uint32_t height)
{
	fake_device_send(d,
		&(struct resource_packet){ .type = RESOURCE_SCANOUT,
			.scanout = {
				.scanout = scanout, .id = id, .width = width, .height = height } });
}

void fake_device_flush(struct fake_device *d, uint32_t id)
{
	fake_device_send(
		d, &(struct resource_packet){ .type = RESOURCE_FLUSH, .flush = { .id = id } });
}

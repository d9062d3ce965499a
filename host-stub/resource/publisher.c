/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "publisher.h"
#include "packet-queue.h"
#include "seqpacket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SYNCS_AT_ONCE 16u /* then the device has its turn */
#define SYNC_SIZE     8u

struct client {
	struct loop_source source; /* fd -1: nobody */
	struct publisher *publisher;
	struct packet_queue queue;
	bool flush_lost;
};

struct publisher {
	const struct publisher_impl *impl;
	void *self;
	struct loop *loop;
	const struct log_sink *log;
	struct client clients[PUBLISHER_CLIENTS_MAX];
	struct loop_source listener; /* fd -1: none */
	char *path;                  /* of the listener; NULL: nothing to remove */
	int spare_fd; /* to turn a client away with when there are no descriptors left */
	struct resource_packet add;
	uint8_t bytes[RESOURCE_PACKET_MAX];
};

static void disconnect(struct client *client, const char *why, int error)
{
	struct publisher *p = client->publisher;

	log_write(p->log, LOG_LEVEL_INFO, "resources: client %u: %s%s%s",
		(unsigned)(client - p->clients), why, error < 0 ? ": " : "",
		error < 0 ? strerror(-error) : "");
	loop_remove(p->loop, &client->source);
	close(client->source.fd);
	client->source.fd = -1;
	packet_queue_finish(&client->queue);
}

static void enqueue(struct client *client, enum resource_packet_type type, const void *data,
	size_t size, const int *fds, unsigned n_fds)
{
	struct publisher *p = client->publisher;
	bool was_empty = client->queue.size == 0;
	int r;

	if (type != RESOURCE_MEMORY && client->queue.size + size > PUBLISHER_QUEUE_MAX) {
		disconnect(client, "is too slow", 0);
		return;
	}
	r = packet_queue_push(&client->queue, type == RESOURCE_SYNCED, data, size, fds, n_fds);
	/* What is older is void, and not more descriptors wait than belong to one state. */
	if (r == 0 && type == RESOURCE_MEMORY)
		packet_queue_supersede(&client->queue);
	if (r == 0 && was_empty)
		r = loop_modify(p->loop, &client->source, EPOLLIN | EPOLLOUT);
	if (r < 0)
		disconnect(client, "cannot be served", r);
}

static void send_to(struct client *client, enum resource_packet_type type, const void *data,
	size_t size, const int *fds, unsigned n_fds)
{
	int r = -EAGAIN;

	if (client->source.fd < 0)
		return;
	if (client->queue.size == 0)
		r = seqpacket_send(client->source.fd, data, size, fds, n_fds);
	if (r == 0)
		return;
	if (r != -EAGAIN)
		disconnect(client, "is gone", r);
	else if (type != RESOURCE_FLUSH || client->queue.size < PUBLISHER_FLUSH_MAX)
		enqueue(client, type, data, size, fds, n_fds);
	else
		client->flush_lost = true;
}

static void publish(struct publisher *p, unsigned to, const struct resource_packet *packet,
	const int *fds, unsigned n_fds)
{
	size_t size = resource_packet_encode(packet, p->bytes);

	for (unsigned i = 0; i < PUBLISHER_CLIENTS_MAX; i++) {
		if (to == PUBLISHER_ALL || to == i)
			send_to(&p->clients[i], packet->type, p->bytes, size, fds, n_fds);
	}
}

void publisher_memory(struct publisher *p, unsigned to, const int *fds, unsigned n_fds)
{
	const struct resource_packet packet = {
		.type = RESOURCE_MEMORY,
		.memory = { .n_regions = n_fds },
	};

	publish(p, to, &packet, fds, n_fds);
}

void publisher_add(struct publisher *p, unsigned to, const struct resource_packet *add,
	const struct resource_run *runs, uint32_t n_runs)
{
	struct resource_packet *packet = &p->add;
	uint32_t done = 0;

	packet->type = RESOURCE_ADD;
	packet->add.id = add->add.id;
	packet->add.width = add->add.width;
	packet->add.height = add->add.height;
	packet->add.format = add->add.format;
	packet->add.n_runs = n_runs;
	do {
		uint32_t left = n_runs - done;
		uint32_t here = left < RESOURCE_RUNS_PACKET ? left : RESOURCE_RUNS_PACKET;

		packet->add.first_run = done;
		packet->add.n_here = here;
		if (here > 0)
			memcpy(packet->add.runs, runs + done, here * sizeof *runs);
		publish(p, to, packet, NULL, 0);
		done += here;
	} while (done < n_runs);
}

void publisher_send(struct publisher *p, unsigned to, const struct resource_packet *packet)
{
	publish(p, to, packet, NULL, 0);
}

/* 1: there may be more; 0: nothing waits, or the client is gone. */
static int serve_sync(struct client *client)
{
	struct publisher *p = client->publisher;
	struct resource_packet packet;
	uint8_t data[SYNC_SIZE];
	ssize_t n = recv(client->source.fd, data, sizeof data, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		disconnect(client, "left", n < 0 ? -errno : 0);
		return 0;
	}
	if ((size_t)n > sizeof data || resource_packet_decode(data, (size_t)n, &packet) < 0 ||
		packet.type != RESOURCE_SYNC) {
		disconnect(client, "says what no client may say", 0);
		return 0;
	}
	p->impl->drain(p->self);
	packet.type = RESOURCE_SYNCED;
	publish(p, (unsigned)(client - p->clients), &packet, NULL, 0);
	return client->source.fd >= 0;
}

static void send_queued(struct client *client)
{
	struct publisher *p = client->publisher;
	int r = packet_queue_send(&client->queue, client->source.fd);

	if (r == 0)
		r = loop_modify(p->loop, &client->source, EPOLLIN);
	if (r < 0 && r != -EAGAIN) {
		disconnect(client, "is gone", r);
	} else if (client->flush_lost && client->queue.size < PUBLISHER_FLUSH_MAX) {
		client->flush_lost = false;
		p->impl->show(p->self, (unsigned)(client - p->clients));
	}
}

static void serve(struct loop_source *source, uint32_t events)
{
	struct client *client = (struct client *)source;

	if (events & EPOLLOUT)
		send_queued(client);
	for (unsigned i = 0; i < SYNCS_AT_ONCE && source->fd >= 0; i++) {
		if (serve_sync(client) == 0)
			return;
	}
}

int publisher_attach(struct publisher *p, int fd)
{
	struct client *client = p->clients;
	unsigned index;
	int r;

	for (index = 0; index < PUBLISHER_CLIENTS_MAX && client->source.fd >= 0; index++)
		client++;
	if (index == PUBLISHER_CLIENTS_MAX) {
		close(fd);
		return -EUSERS;
	}
	client->source.fd = fd;
	client->flush_lost = false;
	r = loop_add(p->loop, &client->source, EPOLLIN);
	if (r < 0) {
		client->source.fd = -1;
		close(fd);
		return r;
	}
	log_write(p->log, LOG_LEVEL_INFO, "resources: client %u: came", index);
	p->impl->snapshot(p->self, index);
	return 0;
}

/* The connection would stay in the listener's queue, and wake the loop again and again. */
static void turn_away(struct publisher *p)
{
	int fd;

	if (p->spare_fd < 0)
		return;
	close(p->spare_fd);
	if (seqpacket_accept(p->listener.fd, &fd) == 0)
		close(fd);
	p->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_client(struct loop_source *source, uint32_t events)
{
	struct publisher *p =
		(struct publisher *)((char *)source - offsetof(struct publisher, listener));
	int fd, r = seqpacket_accept(source->fd, &fd);

	if (r == 0)
		r = publisher_attach(p, fd);
	else if (r == -EMFILE || r == -ENFILE)
		turn_away(p);
	if (r < 0 && r != -EAGAIN)
		log_write(
			p->log, LOG_LEVEL_WARNING, "resources: no more clients: %s", strerror(-r));
}

static void close_listener(struct publisher *p)
{
	close(p->listener.fd);
	p->listener.fd = -1;
	if (p->path[0] != '@')
		unlink(p->path);
	free(p->path);
}

int publisher_listen(struct publisher *p, const char *path)
{
	char *copy;
	int fd, r;

	if (p->listener.fd >= 0)
		return -EBUSY;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	r = seqpacket_listen(path, &fd);
	if (r < 0) {
		free(copy);
		return r;
	}
	p->path = copy;
	p->listener.fd = fd;
	r = loop_add(p->loop, &p->listener, EPOLLIN);
	if (r < 0)
		close_listener(p);
	return r;
}

int publisher_new(const struct publisher_impl *impl, void *self, struct loop *loop,
	const struct log_sink *log, struct publisher **ret)
{
	struct publisher *p = calloc(1, sizeof *p);

	if (!p)
		return -ENOMEM;
	p->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (p->spare_fd < 0) {
		int r = -errno;
		free(p);
		return r;
	}
	p->impl = impl;
	p->self = self;
	p->loop = loop;
	p->log = log;
	p->listener = (struct loop_source){ .fd = -1, .ready = accept_client };
	for (unsigned i = 0; i < PUBLISHER_CLIENTS_MAX; i++) {
		p->clients[i].source = (struct loop_source){ .fd = -1, .ready = serve };
		p->clients[i].publisher = p;
		packet_queue_init(&p->clients[i].queue);
	}
	*ret = p;
	return 0;
}

void publisher_destroy(struct publisher *p)
{
	if (!p)
		return;
	if (p->listener.fd >= 0) {
		loop_remove(p->loop, &p->listener);
		close_listener(p);
	}
	for (unsigned i = 0; i < PUBLISHER_CLIENTS_MAX; i++) {
		if (p->clients[i].source.fd >= 0)
			disconnect(&p->clients[i], "is let go", 0);
	}
	if (p->spare_fd >= 0)
		close(p->spare_fd);
	free(p);
}

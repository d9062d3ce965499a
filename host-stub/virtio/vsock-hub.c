/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory.h"
#include "vsock-internal.h"

#include <errno.h>
#include <hxfr/socket.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define GUEST_CID_MIN   3u          /* below: hypervisor, local, host; <linux/vm_sockets.h> */
#define GUEST_CID_MAX   0xfffffffeu /* above: any */
#define PORT_SUFFIX_MAX 11u         /* "_4294967295" */

int64_t vsock_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void vsock_hub_wake(struct vsock_hub *hub)
{
	if (hub->pending && vsock_hub_has_packets(hub))
		hub->pending(hub->user);
}

static void arm_timer(struct vsock_hub *hub, int64_t at_ms)
{
	struct itimerspec at = {
		.it_value = { .tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000 },
	};

	if (hub->wake_ms != 0 && hub->wake_ms <= at_ms)
		return;
	hub->wake_ms = at_ms;
	timerfd_settime(hub->timer.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

void vsock_hub_set_deadline(struct vsock_hub *hub, struct vsock_connection *c, unsigned in_ms)
{
	c->deadline_ms = vsock_now_ms() + in_ms;
	arm_timer(hub, c->deadline_ms);
}

static void accept_programs(struct loop_source *source, uint32_t events);

static void resume_accepting(struct vsock_hub *hub)
{
	if (loop_add(hub->loop, &hub->listener, EPOLLIN) == 0)
		hub->accept_ms = 0;
	else
		hub->accept_ms = vsock_now_ms() + VSOCK_ACCEPT_PAUSE_MS;
}

static void expire(struct loop_source *source, uint32_t events)
{
	struct vsock_hub *hub = loop_owner(source, struct vsock_hub, timer);
	struct vsock_connection *c, *next;
	int64_t now_ms = vsock_now_ms();
	uint64_t times;

	if (read(source->fd, &times, sizeof times) < 0)
		return;
	hub->wake_ms = 0;
	if (hub->accept_ms != 0 && hub->accept_ms <= now_ms)
		resume_accepting(hub);
	for (c = TAILQ_FIRST(&hub->all); c; c = next) {
		next = TAILQ_NEXT(c, all_link);
		if (c->deadline_ms != 0 && c->deadline_ms <= now_ms)
			vsock_connection_expire(c);
	}
	if (hub->accept_ms != 0)
		arm_timer(hub, hub->accept_ms);
	for (c = TAILQ_FIRST(&hub->all); c; c = TAILQ_NEXT(c, all_link)) {
		if (c->deadline_ms != 0)
			arm_timer(hub, c->deadline_ms);
	}
	vsock_hub_wake(hub);
}

static void accept_programs(struct loop_source *source, uint32_t events)
{
	struct vsock_hub *hub = loop_owner(source, struct vsock_hub, listener);
	int fd, r;

	while ((r = hxfr_socket_accept(hub->listener.fd, &fd)) == 0) {
		r = vsock_connection_accept(hub, fd);
		if (r < 0)
			log_write(hub->log, LOG_LEVEL_DEBUG, "vsock: a program turned away: %s",
				strerror(-r));
	}
	if (r == -EAGAIN)
		return;
	/* The program stays in the queue: without a pause this would spin. */
	log_write(hub->log, LOG_LEVEL_WARNING, "vsock: cannot accept a program: %s", strerror(-r));
	loop_remove(hub->loop, &hub->listener);
	hub->accept_ms = vsock_now_ms() + VSOCK_ACCEPT_PAUSE_MS;
	arm_timer(hub, hub->accept_ms);
}

static void remove_listener(struct vsock_hub *hub)
{
	/* In this order: once closed, the path may be another's. */
	if (hub->listen_at.unix_path[0] != '@')
		unlink(hub->listen_at.unix_path);
	close(hub->listener.fd);
}

static int open_sources(struct vsock_hub *hub)
{
	int r;

	hub->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (hub->timer.fd < 0)
		return -errno;
	r = loop_add(hub->loop, &hub->timer, EPOLLIN);
	if (r < 0)
		goto close_timer;
	r = hxfr_socket_listen(&hub->listen_at, &hub->listener.fd, NULL);
	if (r < 0)
		goto remove_timer;
	r = loop_add(hub->loop, &hub->listener, EPOLLIN);
	if (r == 0)
		return 0;
	remove_listener(hub);
remove_timer:
	loop_remove(hub->loop, &hub->timer);
close_timer:
	close(hub->timer.fd);
	return r;
}

int vsock_hub_init(struct vsock_hub *hub, const struct vsock_config *config, struct loop *loop)
{
	if (config->guest_cid < GUEST_CID_MIN || config->guest_cid > GUEST_CID_MAX ||
		config->uds_path[0] == '\0')
		return -EINVAL;
	if (strlen(config->uds_path) > HXFR_UNIX_PATH_MAX - PORT_SUFFIX_MAX)
		return -EMSGSIZE;
	memset(hub, 0, sizeof *hub);
	hub->guest_cid = config->guest_cid;
	hub->listen_at.transport = HXFR_TRANSPORT_UNIX;
	memcpy(hub->listen_at.unix_path, config->uds_path, strlen(config->uds_path) + 1);
	hub->loop = loop;
	hub->log = config->log;
	hub->listener = (struct loop_source){ .fd = -1, .ready = accept_programs };
	hub->timer = (struct loop_source){ .fd = -1, .ready = expire };
	hub->connect_timeout_ms = VSOCK_CONNECT_TIMEOUT_MS;
	hub->close_timeout_ms = VSOCK_CLOSE_TIMEOUT_MS;
	hub->next_port = VSOCK_HOST_PORT_MIN;
	quota_init(&hub->buffered, VSOCK_BUFFERED_MAX);
	TAILQ_INIT(&hub->all);
	TAILQ_INIT(&hub->queue);
	return open_sources(hub);
}

void vsock_hub_finish(struct vsock_hub *hub)
{
	while (!TAILQ_EMPTY(&hub->all))
		vsock_connection_destroy(TAILQ_FIRST(&hub->all));
	if (hub->accept_ms == 0)
		loop_remove(hub->loop, &hub->listener);
	loop_remove(hub->loop, &hub->timer);
	remove_listener(hub);
	close(hub->timer.fd);
}

void vsock_hub_reset(struct vsock_hub *hub)
{
	struct vsock_connection *c, *next;

	for (c = TAILQ_FIRST(&hub->all); c; c = next) {
		next = TAILQ_NEXT(c, all_link);
		if (c->named && !vsock_connection_is_news(c))
			vsock_connection_destroy(c);
	}
	hub->n_refusals = 0;
}

bool vsock_hub_can_receive(const struct vsock_hub *hub)
{
	return hub->n_refusals < VSOCK_REFUSALS_MAX;
}

static void refuse(struct vsock_hub *hub, const struct vsock_packet *packet)
{
	unsigned i = (hub->first_refusal + hub->n_refusals) % VSOCK_REFUSALS_MAX;

	/* Two that know of no connection would else answer each other for ever. */
	if (packet->op == VSOCK_OP_RST || hub->n_refusals == VSOCK_REFUSALS_MAX)
		return;
	hub->refusals[i] = (struct vsock_refusal){
		.host_port = packet->dst_port,
		.guest_port = packet->src_port,
		.type = packet->type,
	};
	hub->n_refusals++;
}

static void request(struct vsock_hub *hub, const struct vsock_packet *packet)
{
	int r = vsock_connection_open(hub, packet);

	if (r == 0)
		return;
	log_write(hub->log, LOG_LEVEL_DEBUG, "vsock: port %u refused: %s", packet->dst_port,
		strerror(-r));
	refuse(hub, packet);
}

void vsock_hub_receive(struct vsock_hub *hub, const struct iovec *iov, unsigned n, size_t size)
{
	uint8_t header[VSOCK_HEADER_SIZE];
	struct vsock_packet packet;
	struct vsock_connection *c = NULL;

	if (vsock_packet_decode(header, iov_read(iov, n, 0, header, sizeof header), &packet) < 0)
		return;
	if (packet.src_cid != hub->guest_cid || packet.dst_cid != VSOCK_CID_HOST)
		return;
	if (packet.type == VSOCK_TYPE_STREAM)
		c = vsock_hub_find(hub, packet.dst_port, packet.src_port);
	int r = vsock_packet_check(&packet, size - VSOCK_HEADER_SIZE);
	if (c && r < 0 && packet.op == VSOCK_OP_RST) {
		vsock_connection_destroy(c);
	} else if (c && r < 0) {
		vsock_connection_reset(c);
	} else if (c) {
		vsock_connection_receive(c, &packet, iov, n, VSOCK_HEADER_SIZE);
	} else if (r == 0 && packet.op == VSOCK_OP_REQUEST) {
		request(hub, &packet);
	} else {
		refuse(hub, &packet);
	}
}

bool vsock_hub_has_packets(const struct vsock_hub *hub)
{
	return hub->n_refusals > 0 || !TAILQ_EMPTY(&hub->queue);
}

static size_t send_refusal(struct vsock_hub *hub, const struct iovec *iov, unsigned n)
{
	const struct vsock_refusal *refusal = &hub->refusals[hub->first_refusal];
	uint8_t header[VSOCK_HEADER_SIZE];
	struct vsock_packet packet = {
		.src_cid = VSOCK_CID_HOST,
		.dst_cid = hub->guest_cid,
		.src_port = refusal->host_port,
		.dst_port = refusal->guest_port,
		.type = refusal->type,
		.op = VSOCK_OP_RST,
	};

	vsock_packet_encode(&packet, header);
	iov_write(iov, n, 0, header, sizeof header);
	hub->first_refusal = (hub->first_refusal + 1) % VSOCK_REFUSALS_MAX;
	hub->n_refusals--;
	return VSOCK_HEADER_SIZE;
}

static void dequeue(struct vsock_hub *hub, struct vsock_connection *c)
{
	TAILQ_REMOVE(&hub->queue, c, queue_link);
	c->queued = false;
	c->turn = 0;
}

static void after_send(struct vsock_hub *hub, struct vsock_connection *c)
{
	if (c->state == VSOCK_CLOSED) {
		vsock_connection_destroy(c);
	} else if (++c->turn == VSOCK_TURN_PACKETS) {
		dequeue(hub, c);
		vsock_hub_enqueue(hub, c);
	}
}

static void watch(struct vsock_connection *c)
{
	if (vsock_connection_watch(c) < 0)
		vsock_connection_reset(c);
}

size_t vsock_hub_send(struct vsock_hub *hub, const struct iovec *iov, unsigned n, size_t size)
{
	struct vsock_connection *c;

	if (hub->n_refusals > 0)
		return send_refusal(hub, iov, n);
	while ((c = TAILQ_FIRST(&hub->queue))) {
		size_t sent = vsock_connection_send(c, iov, n, size);
		if (sent > 0) {
			after_send(hub, c);
			return sent;
		}
		dequeue(hub, c);
		watch(c);
	}
	return 0;
}

void vsock_hub_pause(struct vsock_hub *hub)
{
	struct vsock_connection *c;

	for (c = TAILQ_FIRST(&hub->queue); c; c = TAILQ_NEXT(c, queue_link))
		watch(c);
}

int vsock_hub_add(struct vsock_hub *hub, struct vsock_connection *c)
{
	if (hub->n_connections == VSOCK_CONNECTIONS_MAX) {
		if (!hub->full)
			log_write(hub->log, LOG_LEVEL_WARNING,
				"vsock: all %u connections are taken", VSOCK_CONNECTIONS_MAX);
		hub->full = true;
		return -ENOSPC;
	}
	hub->n_connections++;
	TAILQ_INSERT_TAIL(&hub->all, c, all_link);
	return 0;
}

void vsock_hub_remove(struct vsock_hub *hub, struct vsock_connection *c)
{
	if (c->named)
		vsock_hub_unname(hub, c);
	TAILQ_REMOVE(&hub->all, c, all_link);
	hub->n_connections--;
	if (hub->n_connections < VSOCK_CONNECTIONS_MAX / 2)
		hub->full = false;
}

static struct vsock_bucket *bucket_of(
	struct vsock_hub *hub, uint32_t host_port, uint32_t guest_port)
{
	/* Multiplicative hashing by odd constants near 2^32 times the golden ratio. */
	uint32_t hash = (host_port * 0x9e3779b1u) ^ (guest_port * 0x85ebca77u);

	return &hub->buckets[(hash >> 16 ^ hash) % VSOCK_BUCKETS];
}

struct vsock_connection *vsock_hub_find(
	struct vsock_hub *hub, uint32_t host_port, uint32_t guest_port)
{
	struct vsock_connection *c;

	c = LIST_FIRST(bucket_of(hub, host_port, guest_port));
	while (c && (c->host_port != host_port || c->guest_port != guest_port))
		c = LIST_NEXT(c, bucket_link);
	return c;
}

void vsock_hub_name(struct vsock_hub *hub, struct vsock_connection *c)
{
	LIST_INSERT_HEAD(bucket_of(hub, c->host_port, c->guest_port), c, bucket_link);
	c->named = true;
}

void vsock_hub_unname(struct vsock_hub *hub, struct vsock_connection *c)
{
	if (c->queued)
		dequeue(hub, c);
	LIST_REMOVE(c, bucket_link);
	c->named = false;
}

uint32_t vsock_hub_free_port(struct vsock_hub *hub, uint32_t guest_port)
{
	uint32_t port;

	do {
		port = hub->next_port;
		hub->next_port = port < VSOCK_HOST_PORT_MAX ? port + 1 : VSOCK_HOST_PORT_MIN;
	} while (vsock_hub_find(hub, port, guest_port));
	return port;
}

void vsock_hub_enqueue(struct vsock_hub *hub, struct vsock_connection *c)
{
	if (c->queued || !c->named)
		return;
	c->queued = true;
	TAILQ_INSERT_TAIL(&hub->queue, c, queue_link);
}

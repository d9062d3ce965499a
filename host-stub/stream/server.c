/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server.h"

#include <errno.h>
#include <hxfr/error.h>
#include <hxfr/socket.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ACCEPT_PAUSE_MS 100  /* when the process has no descriptor left */
#define MAKE_ROOM_MS    200u /* for a client to end that another one takes the place of */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct listener {
	int fd;
	struct hxfr_endpoint bound;
};

struct server {
	struct server_config config;
	struct listener listeners[SERVER_LISTENERS_MAX];
	unsigned n_listeners;
	struct session *sessions[SERVER_CLIENTS_MAX]; /* NULL: free */
	uint64_t n_connections;
	struct scanout_table scanouts;
	struct stats_counter stats;
	struct quota pixels, encoders; /* of all sessions together */
	int wake_fd;                   /* a session ended, or stop */
	atomic_bool stop;
	bool pause_accept;
};

int server_new(const struct server_config *config, struct server **ret)
{
	struct server *server = calloc(1, sizeof *server);

	if (!server)
		return -ENOMEM;
	server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->wake_fd < 0) {
		int r = -errno;
		free(server);
		return r;
	}
	server->config = *config;
	if (server->config.stall_timeout_ms == 0)
		server->config.stall_timeout_ms = SESSION_STALL_TIMEOUT_MS;
	scanout_table_init(&server->scanouts, config->console_width, config->console_height);
	stats_counter_init(&server->stats);
	quota_init(&server->pixels, SERVER_PIXELS_MAX);
	quota_init(&server->encoders, SERVER_ENCODERS_MAX);
	*ret = server;
	return 0;
}

static void close_listener(struct listener *listener)
{
	const struct hxfr_endpoint *bound = &listener->bound;

	/* In this order: once closed, the path may be another server's. */
	if (bound->transport == HXFR_TRANSPORT_UNIX && bound->unix_path[0] != '@')
		unlink(bound->unix_path);
	close(listener->fd);
}

void server_stop_listening(struct server *server)
{
	while (server->n_listeners > 0)
		close_listener(&server->listeners[--server->n_listeners]);
}

int server_listen(struct server *server, const struct hxfr_endpoint *endpoint,
	struct hxfr_endpoint *ret_bound)
{
	struct listener listener = { .fd = -1 };

	if (server->n_listeners == SERVER_LISTENERS_MAX)
		return -ENOSPC;
	int r = hxfr_socket_listen(endpoint, &listener.fd, &listener.bound);
	if (r < 0)
		return r;
	server->listeners[server->n_listeners++] = listener;
	if (ret_bound)
		*ret_bound = listener.bound;
	return 0;
}

const char *server_listen_advice(const struct hxfr_endpoint *endpoint, int error)
{
	switch (-error) {
	case EADDRINUSE:
		return "address in use: something (another helix-host-stub?) listens there, or a "
		       "file that is no socket is in the way; stop or remove it, or choose another --listen";
	case EACCES:
	case EPERM:
		return "permission denied; choose a folder or port this user may use";
	case ENOENT:
		return "no such folder; make it first";
	case EADDRNOTAVAIL:
	case EHOSTUNREACH:
		return "this machine has no such address";
	case ENODEV:
	case EAFNOSUPPORT:
		return endpoint->transport == HXFR_TRANSPORT_VSOCK
			       ? "this kernel has no vsock (AF_VSOCK); 'modprobe vhost_vsock' as "
				 "root loads it, or listen on unix: or tcp:"
			       : "this kernel has no sockets of this family";
	default:
		return NULL;
	}
}

static void select_faults(const struct server *server, uint64_t number, struct fault *ret)
{
	*ret = (struct fault){ 0 };
	for (unsigned i = 0; i < server->config.n_faults; i++)
		fault_select(&server->config.faults[i], number, ret);
}

static bool refused(const struct fault *fault, uint64_t number)
{
	for (unsigned i = 0; i < fault->n_items; i++)
		if (fault->items[i].kind == FAULT_REFUSE &&
			number <= (uint64_t)fault->items[i].value)
			return true;
	return false;
}

static struct session **find_slot(struct server *server)
{
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
		if (!server->sessions[i])
			return &server->sessions[i];
	return NULL;
}

static void reap_sessions(struct server *server)
{
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++) {
		if (!server->sessions[i] || !session_ended(server->sessions[i]))
			continue;
		session_destroy(server->sessions[i]);
		server->sessions[i] = NULL;
	}
}

static unsigned count_sessions(const struct server *server)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
		n += server->sessions[i] != NULL;
	return n;
}

/* Until no more than that many sessions are left. */
static int wait_for_sessions(struct server *server, unsigned n_left, unsigned timeout_ms)
{
	struct pollfd ended = { .fd = server->wake_fd, .events = POLLIN };
	int64_t deadline_ms = now_ms() + timeout_ms;
	eventfd_t n;

	for (;;) {
		reap_sessions(server);
		int64_t left_ms = deadline_ms - now_ms();
		if (count_sessions(server) <= n_left)
			return 0;
		if (left_ms <= 0)
			return -ETIMEDOUT;
		if (poll(&ended, 1, (int)left_ms) == 1)
			eventfd_read(server->wake_fd, &n);
	}
}

/* Of the clients that owe a message for too long, the one that does so longest. */
static struct session **find_debtor(struct server *server)
{
	int64_t oldest_us = now_ms() * 1000 - (int64_t)server->config.stall_timeout_ms * 1000;
	struct session **debtor = NULL;

	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++) {
		int64_t since_us = session_owing_since_us(server->sessions[i]);
		if (since_us > oldest_us)
			continue;
		oldest_us = since_us;
		debtor = &server->sessions[i];
	}
	return debtor;
}

static struct session **make_room(struct server *server)
{
	struct session **slot = find_slot(server);

	if (slot)
		return slot;
	slot = find_debtor(server);
	if (!slot)
		return NULL;
	log_write(server->config.log, LOG_LEVEL_WARNING,
		"all %u places are taken; a client that has not sent a whole message for %u ms is dropped",
		SERVER_CLIENTS_MAX, server->config.stall_timeout_ms);
	stats_add(&server->stats, stalled_clients, 1);
	session_stop(*slot);
	wait_for_sessions(server, SERVER_CLIENTS_MAX - 1, MAKE_ROOM_MS);
	return find_slot(server);
}

static void turn_away(struct server *server, int fd)
{
	struct hxfr_message m = {
		.header = { .type = HXFR_ERROR, .session_id = HXFR_SESSION_MAIN },
		.error = { .code = HXFR_CODE_INTERNAL, .message = "too many clients" },
	};
	uint8_t data[HXFR_HEAD_MAX];
	size_t size;

	if (hxfr_message_encode(&m, data, sizeof data, &size) == 0 &&
		send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_write(server->config.log, LOG_LEVEL_DEBUG, "a client turned away was gone");
	close(fd);
}

static void serve(struct server *server, int fd)
{
	struct session_config config = {
		.number = ++server->n_connections,
		.encoder = server->config.encoder,
		.scanouts = &server->scanouts,
		.mirror = server->config.mirror,
		.refuse_ids = server->config.refuse_ids,
		.stats = &server->stats,
		.pixels = &server->pixels,
		.encoders = &server->encoders,
		.log = server->config.log,
		.stall_timeout_ms = server->config.stall_timeout_ms,
		.ended_fd = server->wake_fd,
	};

	stats_add(&server->stats, connections, 1);
	select_faults(server, config.number, &config.fault);
	if (refused(&config.fault, config.number)) {
		stats_add(&server->stats, refused, 1);
		close(fd);
		return;
	}
	struct session **slot = make_room(server);
	if (!slot) {
		stats_add(&server->stats, refused, 1);
		log_write(server->config.log, LOG_LEVEL_WARNING,
			"more than %u clients; one turned away", SERVER_CLIENTS_MAX);
		turn_away(server, fd);
		return;
	}
	int r = session_start(fd, &config, slot);
	log_write(server->config.log, r < 0 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
		"client %llu: %s%s", (unsigned long long)config.number,
		r < 0 ? "cannot be served: " : "connected", r < 0 ? strerror(-r) : "");
}

static void accept_clients(struct server *server, int listen_fd)
{
	int fd, r;

	while ((r = hxfr_socket_accept(listen_fd, &fd)) == 0)
		serve(server, fd);
	if (r == -EAGAIN)
		return;
	/* The connection stays in the queue: without a pause this would spin. */
	server->pause_accept = true;
	log_write(
		server->config.log, LOG_LEVEL_WARNING, "cannot accept a client: %s", strerror(-r));
}

int server_run(struct server *server)
{
	struct pollfd fds[SERVER_LISTENERS_MAX + 1];
	eventfd_t n;

	while (!atomic_load(&server->stop)) {
		bool paused = server->pause_accept;
		server->pause_accept = false;
		fds[0] = (struct pollfd){ .fd = server->wake_fd, .events = POLLIN };
		for (unsigned i = 0; i < server->n_listeners; i++)
			fds[i + 1] = (struct pollfd){
				.fd = paused ? -1 : server->listeners[i].fd,
				.events = POLLIN,
			};
		int r = poll(fds, server->n_listeners + 1, paused ? ACCEPT_PAUSE_MS : -1);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r <= 0)
			continue;
		if (fds[0].revents)
			eventfd_read(server->wake_fd, &n);
		reap_sessions(server);
		for (unsigned i = 0; i < server->n_listeners; i++)
			if (fds[i + 1].revents)
				accept_clients(server, server->listeners[i].fd);
	}
	return 0;
}

void server_stop(struct server *server)
{
	int saved = errno;

	atomic_store(&server->stop, true);
	eventfd_write(server->wake_fd, 1);
	errno = saved;
}

static void ask_sessions_to_end(struct server *server)
{
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
		if (server->sessions[i])
			session_stop(server->sessions[i]);
}

int server_stop_sessions(struct server *server, unsigned timeout_ms)
{
	ask_sessions_to_end(server);
	return wait_for_sessions(server, 0, timeout_ms);
}

void server_destroy(struct server *server)
{
	if (!server)
		return;
	server_stop_listening(server);
	ask_sessions_to_end(server);
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
		session_destroy(server->sessions[i]);
	scanout_table_finish(&server->scanouts);
	stats_counter_finish(&server->stats);
	close(server->wake_fd);
	free(server);
}

void server_get_stats(struct server *server, struct stats *ret)
{
	stats_get(&server->stats, ret);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-host-internal.h"

#include <errno.h>
#include <hxfr/socket.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS G_GINT64_CONSTANT(1000000)
#define NS_PER_S  G_GINT64_CONSTANT(1000000000)
#define FIRST_FD  2u /* clients come behind the wake-up and the listening descriptor */

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void wake(struct fake_host *host)
{
	eventfd_write(host->wake_fd, 1);
}

void fake_host_bump(struct fake_host *host, enum fake_host_counter counter)
{
	host->counters[counter]++;
	if (!host->options.no_log)
		g_cond_broadcast(&host->changed);
}

void fake_host_close_client(struct fake_host *host, struct client *client)
{
	if (!client->connection)
		return;
	hxfr_connection_destroy(client->connection);
	client->connection = NULL;
	fake_host_bump(host, FAKE_HOST_DISCONNECTIONS);
}

uint64_t fake_host_hash(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return hash;
}

static void log_request(
	struct fake_host *host, const struct client *client, const struct hxfr_message *m)
{
	struct fake_host_request r = { .frame = m->frame_request,
		.session_id = m->header.session_id,
		.flags = m->header.flags,
		.connection = client->number };

	if (r.frame.pixels) {
		memcpy(r.pixels_head, r.frame.pixels,
			MIN(sizeof(r.pixels_head), r.frame.pixels_size));
		r.hash = fake_host_hash(r.frame.pixels, r.frame.pixels_size);
		if (host->options.keep_pixels)
			r.pixels = g_memdup2(r.frame.pixels, r.frame.pixels_size);
	}
	r.frame.pixels = NULL;
	g_array_append_val(host->requests, r);
}

static int64_t due_time(struct fake_host *host)
{
	const struct answer *last = g_queue_peek_tail(&host->answers);
	int64_t start = now_ns();

	if (host->options.serial && last)
		start = MAX(start, last->due_ns);
	return start + host->options.delay_ms * NS_PER_MS;
}

static void take_request(
	struct fake_host *host, struct client *client, const struct hxfr_message *m)
{
	const struct hxfr_frame_request *r = &m->frame_request;
	struct answer answer = { .pts = r->pts,
		.connection = client->number,
		.width = r->width,
		.height = r->height,
		.resource_id = r->resource_id,
		.keyframe = r->force_keyframe || client->keyframe };

	client->keyframe = false;
	answer.due_ns = due_time(host);
	if (!host->options.no_log)
		log_request(host, client, m);
	g_queue_push_tail(&host->answers, g_memdup2(&answer, sizeof(answer)));
	fake_host_bump(host, FAKE_HOST_REQUESTS);
}

static void take_ping(struct fake_host *host, struct client *client, const struct hxfr_header *ping)
{
	const struct hxfr_message pong = { .header = { .type = HXFR_PONG,
						   .session_id = ping->session_id } };

	if (!host->broken && hxfr_connection_send_message(client->connection, &pong) < 0)
		fake_host_close_client(host, client);
	fake_host_bump(host, FAKE_HOST_PINGS);
}

static void take_config(struct fake_host *host, const struct hxfr_config *config)
{
	g_array_append_val(host->configs, *config);
	if (config->profile)
		host->profile_idc = config->profile;
	fake_host_bump(host, FAKE_HOST_CONFIGS);
}

static void take_message(
	struct fake_host *host, struct client *client, const struct hxfr_message *m)
{
	switch (m->header.type) {
	case HXFR_FRAME_REQUEST:
		take_request(host, client, m);
		break;
	case HXFR_CONFIG_REQ:
		take_config(host, &m->config);
		break;
	case HXFR_KEYFRAME_REQ:
		client->keyframe = true;
		fake_host_bump(host, FAKE_HOST_KEYFRAME_REQS);
		break;
	case HXFR_PING:
		take_ping(host, client, &m->header);
		break;
	default:
		fake_host_bump(host, FAKE_HOST_OTHERS);
	}
}

static void read_client(struct fake_host *host, struct client *client)
{
	struct hxfr_message m;
	int r = hxfr_connection_receive(client->connection);

	if (r < 0 && r != -EAGAIN) {
		fake_host_close_client(host, client);
		return;
	}
	while (client->connection && (r = hxfr_connection_next(client->connection, &m)) > 0)
		take_message(host, client, &m);
	if (client->connection && r < 0) {
		fake_host_bump(host, FAKE_HOST_BAD_MESSAGES);
		fake_host_close_client(host, client);
	}
}

static void write_client(struct fake_host *host, struct client *client)
{
	static const uint8_t zeros[65536];

	if (client->flood && hxfr_connection_queued(client->connection) == 0)
		fake_host_send_bytes(host, client, zeros, sizeof(zeros));
	if (client->connection && hxfr_connection_flush(client->connection) < 0)
		fake_host_close_client(host, client);
}

static void accept_client(struct fake_host *host)
{
	unsigned number = host->counters[FAKE_HOST_CONNECTIONS];
	struct client *client = host->clients;
	int fd;

	if (hxfr_socket_accept(host->listen_fd, &fd) < 0)
		return;
	while (client->connection)
		if (++client == host->clients + FAKE_HOST_CLIENTS_MAX)
			g_error("too many clients");
	*client = (struct client){ .number = number, .keyframe = true };
	if (hxfr_connection_new(
		    fd, HXFR_FRAME_REQUEST_SIZE + HXFR_PIXELS_MAX, &client->connection) < 0)
		g_error("no memory for a client");
	fake_host_bump(host, FAKE_HOST_CONNECTIONS);
	if (host->options.refuse)
		fake_host_close_client(host, client);
}

static struct client *find_client(struct fake_host *host, unsigned number)
{
	for (unsigned i = 0; i < FAKE_HOST_CLIENTS_MAX; i++)
		if (host->clients[i].connection && host->clients[i].number == number)
			return &host->clients[i];
	return NULL;
}

static bool may_answer(const struct fake_host *host)
{
	const struct answer *first = g_queue_peek_head((GQueue *)&host->answers);

	return first && (!host->held || host->released > 0) && first->due_ns <= now_ns();
}

static void give_due_answers(struct fake_host *host)
{
	while (may_answer(host)) {
		g_autofree struct answer *answer = g_queue_pop_head(&host->answers);

		if (host->held)
			host->released--;
		fake_host_give_answer(host, find_client(host, answer->connection), answer);
	}
}

static unsigned prepare_poll(struct fake_host *host, struct pollfd *fds)
{
	fds[0] = (struct pollfd){ host->wake_fd, POLLIN, 0 };
	fds[1] = (struct pollfd){ host->listen_fd, POLLIN, 0 };
	for (unsigned i = 0; i < FAKE_HOST_CLIENTS_MAX; i++) {
		struct hxfr_connection *c = host->clients[i].connection;
		short events = c ? hxfr_connection_events(c) : 0;

		if (host->paused)
			events &= ~POLLIN;
		if (host->clients[i].flood)
			events |= POLLOUT;
		fds[FIRST_FD + i] = (struct pollfd){ c ? hxfr_connection_fd(c) : -1, events, 0 };
	}
	return FIRST_FD + FAKE_HOST_CLIENTS_MAX;
}

static void wait_for_work(struct fake_host *host, struct pollfd *fds, unsigned n)
{
	const struct answer *first = g_queue_peek_head(&host->answers);
	bool timed = first && (!host->held || host->released > 0);
	int64_t left = timed ? MAX(first->due_ns - now_ns(), 0) : 0;
	const struct timespec t = { left / NS_PER_S, left % NS_PER_S };

	g_mutex_unlock(&host->lock);
	ppoll(fds, n, timed ? &t : NULL, NULL);
	g_mutex_lock(&host->lock);
}

static void serve_client(struct fake_host *host, struct client *client, const struct pollfd *pfd)
{
	/* The slot may have been closed, or closed and filled again, while nobody held the lock. */
	if (!client->connection || hxfr_connection_fd(client->connection) != pfd->fd)
		return;
	if (!host->paused && pfd->revents & (POLLIN | POLLHUP | POLLERR))
		read_client(host, client);
	if (client->connection && pfd->revents & POLLOUT)
		write_client(host, client);
	if (client->connection && pfd->revents & POLLHUP)
		fake_host_close_client(host, client);
}

static gpointer run(gpointer data)
{
	struct fake_host *host = data;
	struct pollfd fds[FIRST_FD + FAKE_HOST_CLIENTS_MAX];
	eventfd_t ignored;

	g_mutex_lock(&host->lock);
	while (!host->stop) {
		wait_for_work(host, fds, prepare_poll(host, fds));
		if (fds[0].revents)
			eventfd_read(host->wake_fd, &ignored);
		if (fds[1].revents)
			accept_client(host);
		for (unsigned i = 0; i < FAKE_HOST_CLIENTS_MAX; i++)
			serve_client(host, &host->clients[i], &fds[FIRST_FD + i]);
		give_due_answers(host);
	}
	g_mutex_unlock(&host->lock);
	return NULL;
}

static void clear_request(gpointer data)
{
	struct fake_host_request *r = data;

	g_free((gpointer)r->pixels);
}

static void start_listening(struct fake_host *host, const char *wanted)
{
	struct hxfr_endpoint endpoint, bound;
	char text[HXFR_ENDPOINT_MAX];
	g_autofree char *made = NULL;

	if (!wanted) {
		host->directory = g_dir_make_tmp("fake-host-XXXXXX", NULL);
		wanted = made = g_strdup_printf("unix:%s/host.sock", host->directory);
	}
	if (hxfr_endpoint_parse(wanted, &endpoint) < 0 ||
		hxfr_socket_listen(&endpoint, &host->listen_fd, &bound) < 0 ||
		hxfr_endpoint_format(&bound, text, sizeof(text)) < 0)
		g_error("cannot listen on %s", wanted);
	host->endpoint = g_strdup(text);
}

static void set_defaults(struct fake_host *host)
{
	struct fake_host_options *o = &host->options;

	if (o->unit_size == 0)
		o->unit_size = FAKE_HOST_UNIT_SIZE;
	if (o->level_idc == 0)
		o->level_idc = 31;
	o->unit_size = MAX(o->unit_size, H264_UNIT_SIZE_MIN);
	host->profile_idc = HXFR_PROFILE_BASELINE;
	host->held = o->hold;
	host->fault_end = o->fault_at + MAX(o->fault_count, 1);
}

struct fake_host *fake_host_new(const struct fake_host_options *options)
{
	struct fake_host *host = g_new0(struct fake_host, 1);

	if (options)
		host->options = *options;
	set_defaults(host);
	host->unit = g_malloc(host->options.unit_size);
	host->requests = g_array_new(FALSE, TRUE, sizeof(struct fake_host_request));
	g_array_set_clear_func(host->requests, clear_request);
	host->configs = g_array_new(FALSE, TRUE, sizeof(struct hxfr_config));
	g_queue_init(&host->answers);
	g_mutex_init(&host->lock);
	g_cond_init(&host->changed);
	host->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	start_listening(host, host->options.endpoint);
	host->thread = g_thread_new("fake-host", run, host);
	return host;
}

static void remove_socket(struct fake_host *host)
{
	if (g_str_has_prefix(host->endpoint, "unix:/"))
		unlink(host->endpoint + strlen("unix:"));
	if (host->directory)
		rmdir(host->directory);
}

void fake_host_free(struct fake_host *host)
{
	if (!host)
		return;
	g_mutex_lock(&host->lock);
	host->stop = true;
	g_mutex_unlock(&host->lock);
	wake(host);
	g_thread_join(host->thread);
	for (unsigned i = 0; i < FAKE_HOST_CLIENTS_MAX; i++)
		fake_host_close_client(host, &host->clients[i]);
	close(host->listen_fd);
	close(host->wake_fd);
	remove_socket(host);
	g_queue_clear_full(&host->answers, g_free);
	g_array_unref(host->requests);
	g_array_unref(host->configs);
	g_mutex_clear(&host->lock);
	g_cond_clear(&host->changed);
	g_free(host->directory);
	g_free(host->endpoint);
	g_free(host->unit);
	g_free(host);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link-private.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

void event_raise(int fd)
{
	ssize_t r = write(fd, &(uint64_t){ 1 }, sizeof(uint64_t));

	(void)r; /* EAGAIN: it is raised already */
}

void event_clear(int fd)
{
	uint64_t n;
	ssize_t r = read(fd, &n, sizeof(n));

	(void)r; /* EAGAIN: it was not raised */
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

int link_new(const struct link_config *config, link_discard_fn discard, struct link **ret)
{
	struct link *link = g_new0(struct link, 1);

	link->config = *config;
	link->discard = discard;
	g_mutex_init(&link->lock);
	g_cond_init(&link->changed);
	link->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	link->interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	link->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (link->cancel_fd < 0 || link->interrupt_fd < 0 || link->kick_fd < 0) {
		int r = -errno;

		link_free(link);
		return r;
	}

	*ret = link;
	return 0;
}

void link_free(struct link *link)
{
	struct flight flight;

	if (!link)
		return;

	hxfr_connection_destroy(link->connection);
	link_release_done(link->done);
	while (window_pop(&link->window, &flight))
		link->discard(flight.frame);
	close_fd(link->cancel_fd);
	close_fd(link->interrupt_fd);
	close_fd(link->kick_fd);
	g_cond_clear(&link->changed);
	g_mutex_clear(&link->lock);
	g_free(link);
}

void link_changed(struct link *link)
{
	if (link->waiters > 0)
		g_cond_broadcast(&link->changed);
}

void link_cancel(struct link *link)
{
	g_mutex_lock(&link->lock);
	link->cancelled = true;
	event_raise(link->cancel_fd);
	event_raise(link->interrupt_fd);
	link_changed(link);
	g_mutex_unlock(&link->lock);
}

const struct hxfr_endpoint *link_endpoint(const struct link *link)
{
	return &link->config.endpoint;
}

/* --- streaming thread --- */

void link_set_flushing(struct link *link, bool flushing)
{
	g_mutex_lock(&link->lock);
	link->flushing = flushing;
	if (flushing)
		event_raise(link->interrupt_fd);
	else if (!link->cancelled)
		event_clear(link->interrupt_fd);
	link_changed(link);
	g_mutex_unlock(&link->lock);
}

unsigned link_begin_epoch(struct link *link)
{
	unsigned epoch;

	g_mutex_lock(&link->lock);
	epoch = ++link->epoch;
	g_mutex_unlock(&link->lock);
	return epoch;
}

int link_interrupt_fd(const struct link *link)
{
	return link->interrupt_fd;
}

static bool link_has_slot(const struct link *link)
{
	return link->state == LINK_STATE_UP && link->window.count < link->config.max_in_flight;
}

static bool link_is_drained(const struct link *link)
{
	return !link->delivering && !link->resuming &&
	       window_count_epoch(&link->window, link->epoch) == 0;
}

/* Every way out of the reader's own deadlines changes what ready() looks at, so that no deadline is
 * needed here. */
static int link_wait(struct link *link, bool (*ready)(const struct link *link))
{
	int r = 0;

	g_mutex_lock(&link->lock);
	link->waiters++;
	while (!ready(link) && link->state != LINK_STATE_GIVEN_UP && !link->flushing &&
		!link->cancelled)
		g_cond_wait(&link->changed, &link->lock);
	link->waiters--;

	if (link->flushing || link->cancelled)
		r = -ECANCELED;
	else if (link->state == LINK_STATE_GIVEN_UP)
		r = -EIO;
	g_mutex_unlock(&link->lock);
	return r;
}

int link_acquire(struct link *link)
{
	return link_wait(link, link_has_slot);
}

int link_drain(struct link *link)
{
	return link_wait(link, link_is_drained);
}

bool link_is_up(struct link *link)
{
	bool up;

	g_mutex_lock(&link->lock);
	up = link->state == LINK_STATE_UP;
	g_mutex_unlock(&link->lock);
	return up;
}

unsigned link_in_flight(struct link *link)
{
	unsigned n;

	g_mutex_lock(&link->lock);
	n = link->window.count;
	g_mutex_unlock(&link->lock);
	return n;
}

/* Is there something that the socket did not take? Lock held. */
static bool link_has_queued(const struct link *link)
{
	return link->connection && (hxfr_connection_events(link->connection) & POLLOUT);
}

/* Makes it the reader's to send on. Lock held. */
static void link_kick_if_queued(struct link *link)
{
	if (link_has_queued(link))
		event_raise(link->kick_fd);
}

void link_send(struct link *link, const struct hxfr_message *m)
{
	if (hxfr_connection_send_message(link->connection, m) == 0)
		link->messages++;
}

/* A hxfr_release_fn. Lock held. */
static void body_is_done(void *owner)
{
	struct link_body *body = owner;

	body->next = body->link->done;
	body->link->done = body;
}

struct link_body *link_take_done(struct link *link)
{
	return g_steal_pointer(&link->done);
}

void link_release_done(struct link_body *done)
{
	while (done) {
		struct link_body *next = done->next;

		done->release(done);
		done = next;
	}
}

static int link_send_request(
	struct link *link, const struct hxfr_frame_request *request, struct link_body *body)
{
	struct hxfr_message m = {
		.header = { .type = HXFR_FRAME_REQUEST, .session_id = HXFR_SESSION_MAIN },
		.frame_request = *request,
	};
	uint8_t head[HXFR_HEAD_MAX];
	size_t head_size;
	int r;

	if (!link->connection)
		return -ENOTCONN;
	r = hxfr_message_encode(&m, head, sizeof(head), &head_size);
	if (r < 0)
		return r;
	return hxfr_connection_send(link->connection, head, head_size, body ? body->pieces : NULL,
		body ? body->n_pieces : 0, body ? body_is_done : NULL, body);
}

bool link_submit(struct link *link, const struct flight *flight,
	const struct hxfr_frame_request *request, struct link_body *body)
{
	struct flight mine = *flight;
	struct link_body *done;
	bool more;

	if (body)
		body->link = link;
	g_mutex_lock(&link->lock);
	mine.epoch = link->epoch;
	mine.sent_ns = now_ns();
	mine.message = link->messages + 1;
	window_push(&link->window, &mine);
	if (link_send_request(link, request, body) == 0)
		link->messages++;
	else if (body)
		body_is_done(body);
	more = link_has_queued(link);
	done = link_take_done(link);
	g_mutex_unlock(&link->lock);
	link_release_done(done);
	return more;
}

/* Can the socket take more? false when interrupted, or after the deadline. */
static bool link_wait_writable(struct link *link, int fd, uint64_t deadline_ns)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLOUT },
		{ .fd = link->interrupt_fd, .events = POLLIN },
	};
	uint64_t now = now_ns();
	int timeout_ms = now < deadline_ns ? (int)((deadline_ns - now) / NS_PER_MS) + 1 : 0;
	int n = poll(fds, G_N_ELEMENTS(fds), timeout_ms);

	return n < 0 ? errno == EINTR : n > 0 && !fds[1].revents;
}

/* One more piece. false when nothing is left, or nothing more can be done here. Lock held, released
 * while it waits. */
static bool link_push_some(struct link *link, uint64_t deadline_ns)
{
	struct link_body *done;
	bool more;
	int fd;

	if (!link_has_queued(link))
		return false;

	fd = hxfr_connection_fd(link->connection);
	link->pushing = true;
	g_mutex_unlock(&link->lock);
	more = link_wait_writable(link, fd, deadline_ns);
	g_mutex_lock(&link->lock);
	link->pushing = false;

	if (more && link->connection)
		more = hxfr_connection_flush(link->connection) == 0;
	done = link_take_done(link);
	g_mutex_unlock(&link->lock);
	link_release_done(done);
	g_mutex_lock(&link->lock);
	return more;
}

void link_push(struct link *link)
{
	uint64_t deadline_ns = now_ns() + link->config.response_timeout_ms * NS_PER_MS;

	g_mutex_lock(&link->lock);
	while (link_push_some(link, deadline_ns))
		;
	link_kick_if_queued(link);
	g_mutex_unlock(&link->lock);
}

void link_send_config(struct link *link)
{
	struct hxfr_message m = {
		.header = { .type = HXFR_CONFIG_REQ, .session_id = HXFR_SESSION_MAIN },
		.config = link->stream,
	};

	link_send(link, &m);
}

void link_configure(struct link *link, const struct hxfr_config *config)
{
	g_mutex_lock(&link->lock);
	link->stream = *config;
	link->configured = true;
	if (link->connection) {
		link_send_config(link);
		link_kick_if_queued(link);
	}
	g_mutex_unlock(&link->lock);
}

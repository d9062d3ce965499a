/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session-internal.h"

#include <errno.h>
#include <hxfr/error.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RECEIVES_PER_ROUND 64u   /* then others of the session get their turn */
#define ROUND_US           10000 /* and so after that long with messages */

int64_t session_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

bool session_can_hold_pixels(const struct session *s)
{
	return s->pixels_size < SESSION_PIXELS_MAX;
}

/* An encoder has a copy of its own, also of pixels that were drawn here. */
static int hold_pixels(struct session *s, struct reply *reply, const struct picture *picture)
{
	if (!s->config.encoder.impl->needs_pixels)
		return 0;
	size_t size = (size_t)picture_row_size(picture->width, picture->format) *
		      picture_rows(picture->height, picture->format);
	int r = quota_take(s->config.pixels, size);
	if (r < 0)
		return r;
	reply->pixels_size = size;
	s->pixels_size += size;
	return 0;
}

int session_encode(struct session *s, struct track *track, const struct picture *picture,
	struct encoder_frame *frame, struct reply *reply)
{
	int r = hold_pixels(s, reply, picture);
	if (r < 0)
		return r;
	frame->picture = picture->planes[0] ? picture : NULL;
	return track_encode(track, frame, picture->width, picture->height, picture->format, reply);
}

void session_release_pixels(struct session *s, size_t size)
{
	quota_give(s->config.pixels, size);
	s->pixels_size -= size;
}

static bool can_take_frames(const struct session *s)
{
	if (s->no_more)
		return false;
	return s->gone || (s->answers.count < SESSION_PENDING_MAX && session_can_hold_pixels(s) &&
				  session_can_send(s));
}

static bool goes_on(const struct session *s)
{
	return s->state == SESSION_OPEN && !atomic_load(&s->stop) && can_take_frames(s);
}

static void note_partial(struct session *s)
{
	if (hxfr_connection_in_message(s->connection) &&
		atomic_load(&s->owing_since_us) == NEVER_US)
		atomic_store(&s->owing_since_us, session_now_us());
}

/* May leave messages in the connection: s->backlog says so, since no poll() will. */
static void handle_messages(struct session *s, int64_t until_us)
{
	struct hxfr_message m;

	s->backlog = true;
	while (goes_on(s)) {
		int r = hxfr_connection_next(s->connection, &m);
		if (r == 0) {
			s->backlog = false;
			note_partial(s);
			return;
		}
		if (r < 0) {
			session_reject(s, HXFR_CODE_INVALID_MESSAGE,
				r == -EMSGSIZE ? "a message beyond the limit of its type"
					       : "not a valid HXFR message");
			return;
		}
		atomic_store(&s->owing_since_us, NEVER_US);
		session_handle(s, &m);
		int64_t now_us = session_now_us();
		session_send_ready(s, now_us);
		if (now_us >= until_us)
			return;
	}
}

static void receive(struct session *s, int64_t until_us)
{
	for (unsigned i = 0; i < RECEIVES_PER_ROUND; i++) {
		handle_messages(s, until_us);
		if (!goes_on(s) || s->backlog)
			return;
		int r = hxfr_connection_receive(s->connection);
		if (r == -EAGAIN && !s->gone)
			return;
		if (r == -ENOTCONN) {
			s->no_more = true;
			return;
		}
		if (r < 0) {
			s->state = SESSION_CLOSED;
			return;
		}
	}
}

/* A client may shut its sending side down and wait for the rest. */
static void finish_last_answers(struct session *s)
{
	if (s->state != SESSION_OPEN || !s->no_more)
		return;
	if (s->gone)
		s->state = SESSION_CLOSED;
	else if (s->answers.count == 0 || s->silent)
		s->state = SESSION_FLUSHING;
}

static void finish_flush(struct session *s, int64_t now_us)
{
	if (s->state != SESSION_FLUSHING || hxfr_connection_queued(s->connection) > 0)
		return;
	shutdown(hxfr_connection_fd(s->connection), SHUT_WR);
	s->state = SESSION_LINGERING;
	s->linger_until_us = now_us + (int64_t)SESSION_LINGER_MS * 1000;
}

/* Closing a TCP socket with bytes unread resets it, and the peer may lose the last answer: read
 * them. */
static void linger(struct session *s, int64_t now_us)
{
	char buffer[4096];
	ssize_t n = 0;

	if (now_us >= s->linger_until_us) {
		s->state = SESSION_CLOSED;
		return;
	}
	for (unsigned i = 0; i < RECEIVES_PER_ROUND; i++) {
		n = recv(hxfr_connection_fd(s->connection), buffer, sizeof buffer, MSG_DONTWAIT);
		if (n <= 0)
			break;
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		s->state = SESSION_CLOSED;
}

static void watch_stall(struct session *s, int64_t now_us)
{
	size_t queued = hxfr_connection_queued_bytes(s->connection);
	bool moved = queued < s->queued_last;

	s->queued_last = queued;
	if (hxfr_connection_queued(s->connection) == 0)
		s->stalled_since_us = NEVER_US;
	else if (moved || s->stalled_since_us == NEVER_US)
		s->stalled_since_us = now_us;
	if (s->stalled_since_us == NEVER_US ||
		now_us - s->stalled_since_us < (int64_t)s->config.stall_timeout_ms * 1000)
		return;
	log_write(s->config.log, LOG_LEVEL_WARNING, "client %llu: read nothing for %u ms; dropped",
		(unsigned long long)s->config.number, s->config.stall_timeout_ms);
	stats_add(s->config.stats, stalled_clients, 1);
	s->state = SESSION_CLOSED;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t next_deadline(struct session *s)
{
	int64_t next_us = NEVER_US;

	if (s->state == SESSION_LINGERING)
		next_us = s->linger_until_us;
	if (s->backlog && goes_on(s))
		next_us = 0;
	else if (s->state == SESSION_OPEN)
		next_us = earlier(session_next_answer_us(s),
			s->no_more ? NEVER_US : session_next_scanout_us(s));
	if (s->stalled_since_us != NEVER_US)
		next_us = earlier(
			next_us, s->stalled_since_us + (int64_t)s->config.stall_timeout_ms * 1000);
	return next_us;
}

static short wanted_events(const struct session *s)
{
	short events = hxfr_connection_events(s->connection) & (short)~POLLIN;

	if (s->state == SESSION_LINGERING || (s->state == SESSION_OPEN && can_take_frames(s)))
		events |= POLLIN;
	return events;
}

static void wait_for_events(struct session *s, int64_t now_us)
{
	struct pollfd fds[] = {
		{ .fd = hxfr_connection_fd(s->connection), .events = wanted_events(s) },
		{ .fd = s->wake_fd, .events = POLLIN },
	};
	int64_t deadline_us = next_deadline(s);
	int64_t wait_us = deadline_us > now_us ? deadline_us - now_us : 0;
	struct timespec timeout = { .tv_sec = wait_us / 1000000,
		.tv_nsec = wait_us % 1000000 * 1000 };

	if (ppoll(fds, 2, deadline_us == NEVER_US ? NULL : &timeout, NULL) <= 0)
		return;
	if (fds[1].revents) {
		eventfd_t n;
		eventfd_read(s->wake_fd, &n);
	}
	if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL))
		session_hang_up(s);
	if (fds[0].revents & POLLOUT && !s->gone)
		session_flush(s);
	if (s->state == SESSION_OPEN && (fds[0].revents & POLLIN || s->gone))
		receive(s, session_now_us() + ROUND_US);
}

static void run_once(struct session *s)
{
	int64_t now_us = session_now_us();

	if (s->state == SESSION_OPEN) {
		handle_messages(s, now_us + ROUND_US);
		if (!s->no_more && !s->gone)
			session_run_scanouts(s, now_us);
		session_send_ready(s, session_now_us());
	}
	finish_last_answers(s);
	watch_stall(s, now_us);
	finish_flush(s, now_us);
	if (s->state == SESSION_LINGERING)
		linger(s, now_us);
	if (s->state != SESSION_CLOSED)
		wait_for_events(s, session_now_us());
}

static void finish_tracks(struct session *s)
{
	for (unsigned i = 0; i < SESSION_TRACKS_MAX; i++)
		track_finish(&s->tracks[i].track);
	for (unsigned i = 0; i < SCANOUT_COUNT; i++)
		track_finish(&s->subscriptions[i].track);
}

static void *session_main(void *user)
{
	struct session *s = user;

	outbox_init(&s->answers, s->wake_fd);
	for (unsigned i = 0; i < SCANOUT_COUNT; i++)
		outbox_init(&s->subscriptions[i].frames, s->wake_fd);
	while (s->state != SESSION_CLOSED && !atomic_load(&s->stop))
		run_once(s);
	finish_tracks(s);
	session_release_pixels(s, s->pixels_size);
	stats_add(s->config.stats, dropped, s->answers.count);
	outbox_finish(&s->answers);
	for (unsigned i = 0; i < SCANOUT_COUNT; i++)
		outbox_finish(&s->subscriptions[i].frames);
	hxfr_connection_destroy(s->connection);
	s->connection = NULL;
	log_write(s->config.log, LOG_LEVEL_INFO, "client %llu: gone after %llu frames",
		(unsigned long long)s->config.number, (unsigned long long)s->n_requests);
	atomic_store(&s->ended, true);
	if (s->config.ended_fd >= 0)
		eventfd_write(s->config.ended_fd, 1);
	return NULL;
}

static void session_free(struct session *s)
{
	hxfr_connection_destroy(s->connection);
	frame_source_destroy(s->inline_source);
	frame_source_destroy(s->source);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	free(s);
}

static int source_new(struct session *s)
{
	const struct session_config *c = &s->config;

	if (c->mirror)
		return frame_source_resource_new(c->mirror, c->stats, s->wake_fd, &s->source);
	return frame_source_pattern_new(c->scanouts, !c->refuse_ids, &s->source);
}

static int set_up(struct session *s, int fd)
{
	int r = hxfr_connection_new(fd, HXFR_FRAME_REQUEST_SIZE + HXFR_PIXELS_MAX, &s->connection);
	if (r < 0)
		return r;
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake_fd < 0)
		return -errno;
	r = frame_source_inline_new(&s->inline_source);
	if (r == 0)
		r = source_new(s);
	if (r == 0)
		r = -pthread_create(&s->thread, NULL, session_main, s);
	return r;
}

int session_start(int fd, const struct session_config *config, struct session **ret)
{
	struct session *s = calloc(1, sizeof *s);

	if (!s) {
		close(fd);
		return -ENOMEM;
	}
	s->config = *config;
	s->encoders.shared = config->encoders;
	s->owing_since_us = session_now_us();
	s->wake_fd = -1;
	s->stalled_since_us = NEVER_US;
	int r = set_up(s, fd);
	if (r < 0) {
		session_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

bool session_ended(struct session *s)
{
	return atomic_load(&s->ended);
}

int64_t session_owing_since_us(struct session *s)
{
	return atomic_load(&s->owing_since_us);
}

void session_stop(struct session *s)
{
	atomic_store(&s->stop, true);
	eventfd_write(s->wake_fd, 1);
}

void session_destroy(struct session *s)
{
	if (!s)
		return;
	session_stop(s);
	pthread_join(s->thread, NULL);
	session_free(s);
}

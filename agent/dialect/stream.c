/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 4096u

struct dialect_stream {
	struct dialect_stream_config config;
	struct dialect_client *client;
	int fd;
	GByteArray *out;
	struct dialect_limits limits; /* for as long as the port is open, whoever comes and goes */
	int64_t active_ms, begun_ms,
		owed_ms; /* last request; message begun, reply owed since (0: no) */
	GIOCondition watched;
	guint watch, timer, pause, closing;
};

static int64_t now_ms(void)
{
	return g_get_monotonic_time() / 1000;
}

static void clear_source(guint *id)
{
	if (*id)
		g_source_remove(*id);
	*id = 0;
}

static gboolean close_now(void *user)
{
	struct dialect_stream *stream = user;

	stream->closing = 0;
	stream->config.closed(stream->config.user, stream);
	return G_SOURCE_REMOVE;
}

/* From anywhere, also from within send(). */
static void close_soon(struct dialect_stream *stream)
{
	clear_source(&stream->watch);
	clear_source(&stream->timer);
	if (!stream->closing)
		stream->closing = g_idle_add_full(G_PRIORITY_DEFAULT, close_now, stream, NULL);
}

static void update(struct dialect_stream *stream);
static void pause_port(struct dialect_stream *stream);

/* --- out --- */

static ssize_t put(int fd, const void *data, size_t size)
{
	ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

	return n < 0 && errno == ENOTSOCK ? write(fd, data, size) : n;
}

static void drain(struct dialect_stream *stream)
{
	while (stream->out->len > 0) {
		ssize_t n = put(stream->fd, stream->out->data, stream->out->len);

		if (n > 0) {
			g_byte_array_remove_range(stream->out, 0, (guint)n);
			stream->owed_ms = now_ms();
		} else if (n == 0 || errno == EAGAIN) {
			break;
		} else if (errno != EINTR) {
			g_byte_array_set_size(stream->out, 0);
			if (!stream->config.persistent)
				close_soon(stream);
		}
	}
	if (stream->out->len == 0)
		stream->owed_ms = 0;
}

static void on_reply(void *user, const char *data, size_t size)
{
	struct dialect_stream *stream = user;

	if (stream->closing)
		return;
	if (stream->out->len + size > DIALECT_OUT_MAX) {
		close_soon(stream);
		return;
	}
	if (stream->out->len == 0)
		stream->owed_ms = now_ms();
	g_byte_array_append(stream->out, (const guint8 *)data, (guint)size);
	stream->active_ms = now_ms();
	drain(stream);
	update(stream);
}

static void new_client(struct dialect_stream *stream)
{
	const struct dialect_client_config config = {
		.access = stream->config.terms.access,
		.send = on_reply,
		.user = stream,
		.requests_per_s = stream->config.terms.requests_per_s,
		.write_interval_s = stream->config.terms.write_interval_s,
		.limits = stream->config.limits,
	};

	dialect_client_free(stream->client);
	stream->client = dialect_client_new(stream->config.dialect, &config);
	g_byte_array_set_size(stream->out, 0);
	stream->begun_ms = stream->owed_ms = 0;
}

/* --- in --- */

static void at_end(struct dialect_stream *stream)
{
	/* Nothing is read while an answer is owed: there is none. */
	if (stream->config.persistent)
		pause_port(stream);
	else
		close_soon(stream);
}

static void take(struct dialect_stream *stream)
{
	char chunk[CHUNK];
	ssize_t n = read(stream->fd, chunk, sizeof(chunk));

	if (n > 0) {
		stream->active_ms = now_ms();
		dialect_client_feed(stream->client, chunk, (size_t)n);
		if (!dialect_client_pending(stream->client))
			stream->begun_ms = 0;
		else if (!stream->begun_ms)
			stream->begun_ms = stream->active_ms;
	} else if (n == 0) {
		at_end(stream);
	} else if (errno != EAGAIN && errno != EINTR) {
		close_soon(stream);
	}
}

static gboolean on_ready(int fd, GIOCondition condition, void *user)
{
	struct dialect_stream *stream = user;

	if (condition & G_IO_OUT)
		drain(stream);
	if (condition & G_IO_IN)
		take(stream);
	else if (condition & (G_IO_HUP | G_IO_ERR)) {
		if (stream->config.persistent)
			pause_port(stream);
		else
			close_soon(stream);
	}
	if (!stream->closing)
		update(stream);
	return G_SOURCE_CONTINUE;
}

/* --- what it waits for --- */

static gboolean on_pause_over(void *user)
{
	struct dialect_stream *stream = user;

	stream->pause = 0;
	update(stream);
	return G_SOURCE_REMOVE;
}

/* A port that nobody has open is always ready, with nothing. */
static void pause_port(struct dialect_stream *stream)
{
	if (dialect_client_pending(stream->client) || dialect_client_busy(stream->client) ||
		stream->out->len > 0)
		new_client(stream);
	if (!stream->pause)
		stream->pause = g_timeout_add(DIALECT_POLL_MS, on_pause_over, stream);
}

static int64_t deadline_ms(const struct dialect_stream *stream)
{
	int64_t deadline = INT64_MAX;
	unsigned stall = stream->config.stall_timeout_ms;

	if (stream->begun_ms && !dialect_client_busy(stream->client))
		deadline = stream->begun_ms + stall;
	if (stream->owed_ms)
		deadline = MIN(deadline, stream->owed_ms + stall);
	if (stream->config.idle_timeout_ms && !dialect_client_busy(stream->client))
		deadline = MIN(deadline, stream->active_ms + stream->config.idle_timeout_ms);
	return deadline;
}

static gboolean on_late(void *user)
{
	struct dialect_stream *stream = user;

	stream->timer = 0;
	if (deadline_ms(stream) <= now_ms()) {
		if (!stream->config.persistent) {
			close_soon(stream);
			return G_SOURCE_REMOVE;
		}
		new_client(stream);
	}
	update(stream);
	return G_SOURCE_REMOVE;
}

static void set_timer(struct dialect_stream *stream)
{
	int64_t deadline = deadline_ms(stream);

	clear_source(&stream->timer);
	if (deadline != INT64_MAX)
		stream->timer = g_timeout_add(
			(guint)CLAMP(deadline - now_ms(), 1, G_MAXINT), on_late, stream);
}

static void update(struct dialect_stream *stream)
{
	bool busy = dialect_client_busy(stream->client);
	GIOCondition wanted = G_IO_HUP | G_IO_ERR;

	if (stream->closing)
		return;
	if (stream->out->len > 0)
		wanted |= G_IO_OUT;
	else if (!busy)
		wanted |= G_IO_IN;
	if (stream->pause)
		wanted = 0;
	set_timer(stream);
	if (stream->watched == wanted && (stream->watch || !wanted))
		return;
	clear_source(&stream->watch);
	stream->watched = wanted;
	if (wanted)
		stream->watch = g_unix_fd_add(stream->fd, wanted, on_ready, stream);
}

struct dialect_stream *dialect_stream_new(int fd, const struct dialect_stream_config *config)
{
	struct dialect_stream *stream = g_new0(struct dialect_stream, 1);

	stream->config = *config;
	if (!stream->config.stall_timeout_ms)
		stream->config.stall_timeout_ms = DIALECT_STALL_MS;
	if (config->persistent)
		stream->config.idle_timeout_ms = 0;
	dialect_limits_init(&stream->limits, config->terms.requests_per_s,
		config->terms.write_interval_s, now_ms());
	if (!config->limits)
		stream->config.limits = &stream->limits;
	stream->fd = fd;
	stream->out = g_byte_array_new();
	stream->active_ms = now_ms();
	new_client(stream);
	update(stream);
	return stream;
}

void dialect_stream_free(struct dialect_stream *stream)
{
	if (!stream)
		return;
	clear_source(&stream->watch);
	clear_source(&stream->timer);
	clear_source(&stream->pause);
	clear_source(&stream->closing);
	dialect_client_free(stream->client);
	g_byte_array_unref(stream->out);
	close(stream->fd);
	g_free(stream);
}

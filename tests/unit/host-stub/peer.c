/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "peer.h"

#include "encoder-null.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <hxfr/error.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define STALL_TIMEOUT_MS 500
#define PING_SESSION     4711

void peer_init(struct peer *peer, int fd)
{
	*peer = (struct peer){ 0 };
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(hxfr_connection_new(fd, HXFR_FRAME_RESPONSE_SIZE + HXFR_ACCESS_UNIT_MAX,
				 &peer->connection),
		0);
}

void peer_finish(struct peer *peer)
{
	hxfr_connection_destroy(peer->connection);
	peer->connection = NULL;
}

static void wait_for(struct peer *peer, short events)
{
	struct pollfd fd = { .fd = hxfr_connection_fd(peer->connection), .events = events };

	ck_assert_msg(
		poll(&fd, 1, PEER_TIMEOUT_MS) == 1, "nothing happens for %d ms", PEER_TIMEOUT_MS);
}

static void flush(struct peer *peer)
{
	while (hxfr_connection_queued(peer->connection) > 0) {
		wait_for(peer, POLLOUT);
		ck_assert_int_eq(hxfr_connection_flush(peer->connection), 0);
	}
}

void peer_send(struct peer *peer, const struct hxfr_message *m)
{
	ck_assert_int_eq(hxfr_connection_send_message(peer->connection, m), 0);
	flush(peer);
}

void peer_send_type(struct peer *peer, uint8_t type, uint16_t session_id)
{
	struct hxfr_message m = { .header = { .type = type, .session_id = session_id } };
	peer_send(peer, &m);
}

void peer_send_pixels(
	struct peer *peer, const struct hxfr_frame_request *request, const uint8_t *pixels)
{
	struct hxfr_message m = {
		.header = { .type = HXFR_FRAME_REQUEST, .session_id = HXFR_SESSION_MAIN },
		.frame_request = *request,
	};
	uint8_t head[HXFR_HEAD_MAX];
	size_t size;
	struct iovec body = { (void *)(uintptr_t)pixels, request->pixels_size };

	ck_assert_int_eq(hxfr_message_encode(&m, head, sizeof head, &size), 0);
	ck_assert_int_eq(hxfr_connection_send(peer->connection, head, size, &body,
				 request->pixels_size ? 1 : 0, NULL, NULL),
		0);
	flush(peer);
}

void peer_send_frame(struct peer *peer, const struct hxfr_frame_request *request)
{
	peer_send_pixels(peer, request, NULL);
}

void peer_send_bytes(struct peer *peer, const void *data, size_t size)
{
	struct iovec rest = { (uint8_t *)(uintptr_t)data + 1, size - 1 };

	ck_assert_int_eq(
		hxfr_connection_send(peer->connection, data, 1, &rest, size > 1, NULL, NULL), 0);
	flush(peer);
}

const struct hxfr_message *peer_take(struct peer *peer)
{
	int r;

	while ((r = hxfr_connection_next(peer->connection, &peer->last)) == 0) {
		wait_for(peer, POLLIN);
		r = hxfr_connection_receive(peer->connection);
		if (r < 0 && r != -EAGAIN)
			break;
	}
	if (r == 1)
		return &peer->last;
	errno = -r;
	return NULL;
}

const struct hxfr_message *peer_expect(struct peer *peer, uint8_t type)
{
	const struct hxfr_message *m = peer_take(peer);
	char text[HXFR_DUMP_SIZE];

	ck_assert_msg(m != NULL, "no %s, but %s", hxfr_type_name(type), strerror(errno));
	hxfr_message_dump(m, text, sizeof text);
	ck_assert_msg(m->header.type == type, "no %s, but %s", hxfr_type_name(type), text);
	return m;
}

void peer_expect_end(struct peer *peer)
{
	const struct hxfr_message *m = peer_take(peer);

	ck_assert_msg(!m, "an unexpected %s", m ? hxfr_type_name(m->header.type) : "");
	ck_assert_msg(errno == ENOTCONN || errno == ECONNRESET, "%s", strerror(errno));
}

void peer_expect_silence(struct peer *peer)
{
	peer_send_type(peer, HXFR_PING, PING_SESSION);
	const struct hxfr_message *m = peer_expect(peer, HXFR_PONG);
	ck_assert_uint_eq(m->header.session_id, PING_SESSION);
}

const uint8_t *peer_unit(const struct hxfr_message *m, size_t *ret_size)
{
	const uint8_t *data;
	size_t pos = 0;

	ck_assert_uint_eq(m->frame_response.nal_count, 1);
	ck_assert(hxfr_nal_next(&m->frame_response, &pos, &data, ret_size));
	return data;
}

int64_t peer_spelled(const struct hxfr_message *m, const char *key)
{
	char pattern[32];
	long long value;
	size_t size;
	const uint8_t *unit = peer_unit(m, &size);
	const char *text = memmem(unit, size, ENCODER_NULL_UUID, ENCODER_NULL_UUID_SIZE);

	if (!text)
		return -1;
	size -= (size_t)((const uint8_t *)text - unit);
	snprintf(pattern, sizeof pattern, " %s=", key);
	const char *at = memmem(text, size, pattern, strlen(pattern));
	return at && sscanf(at + strlen(pattern), "%lld", &value) == 1 ? value : -1;
}

static void start(struct host *host, const char *faults, struct mirror *mirror,
	const struct encoder_choice *encoder)
{
	int fds[2];

	host->ended_fd = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_ge(host->ended_fd, 0);
	struct session_config config = {
		.number = 1,
		.encoder = *encoder,
		.scanouts = &host->scanouts,
		.mirror = mirror,
		.stats = &host->stats,
		.pixels = &host->pixels,
		.encoders = &host->encoders,
		.stall_timeout_ms = STALL_TIMEOUT_MS,
		.ended_fd = host->ended_fd,
	};
	if (faults)
		ck_assert_int_eq(fault_parse(faults, &config.fault, NULL), 0);
	scanout_table_init(&host->scanouts, 320, 240);
	stats_counter_init(&host->stats);
	quota_init(&host->pixels, HOST_PIXELS_MAX);
	quota_init(&host->encoders, HOST_ENCODERS_MAX);
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(session_start(fds[0], &config, &host->session), 0);
	peer_init(&host->peer, fds[1]);
}

void host_start_with(struct host *host, const char *faults, const struct encoder_choice *encoder)
{
	start(host, faults, NULL, encoder);
}

void host_start_mirror(
	struct host *host, struct mirror *mirror, const struct encoder_choice *encoder)
{
	start(host, NULL, mirror, encoder);
}

void host_start(struct host *host, const char *faults, const char *encoder)
{
	struct encoder_choice choice = { &encoder_null_impl, "null" };

	if (encoder) {
		choice.impl = &encoder_gst_impl;
		snprintf(choice.name, sizeof choice.name, "%s", encoder);
	}
	host_start_with(host, faults, &choice);
}

void host_stop(struct host *host)
{
	session_destroy(host->session);
	peer_finish(&host->peer);
	close(host->ended_fd);
	scanout_table_finish(&host->scanouts);
	stats_counter_finish(&host->stats);
}

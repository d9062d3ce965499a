/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link-ask.h"

#include <errno.h>
#include <glib.h>
#include <hxfr/connection.h>
#include <hxfr/error.h>
#include <hxfr/socket.h>
#include <poll.h>

#define PAYLOAD_MAX 65536u /* of what a host may say besides */
#define VERSION     2u     /* docs/protocol.md section 8.1 */

struct exchange {
	struct hxfr_connection *connection;
	struct link_answer *answer;
	bool hello; /* to be said */
	bool ponged;
};

void link_answer_finish(struct link_answer *answer)
{
	g_clear_pointer(&answer->error, g_free);
}

static void take(struct exchange *exchange, const struct hxfr_message *message)
{
	struct link_answer *answer = exchange->answer;

	switch (message->header.type) {
	case HXFR_PONG:
		exchange->ponged = true;
		break;
	case HXFR_HELLO_RESP:
		answer->peer.version = MIN(VERSION, MAX(message->hello.version, 1u));
		answer->peer.features = message->hello.features;
		break;
	case HXFR_CONFIG_RESP:
		answer->peer.has_config = true;
		answer->peer.config = message->config;
		break;
	case HXFR_ERROR:
		g_free(answer->error);
		answer->error = g_strdup_printf("the host says: %s (%s)", message->error.message,
			hxfr_code_name(message->error.code));
		break;
	default: /* of no interest here */
		break;
	}
}

/* Sends and receives what it can, waiting until the deadline for it; 0 or -errno. */
static int move(struct hxfr_connection *connection, int64_t end_us)
{
	struct pollfd poll_fd = { hxfr_connection_fd(connection),
		hxfr_connection_events(connection), 0 };
	int64_t left_us = end_us - g_get_monotonic_time();
	int error;

	if (left_us <= 0)
		return -ETIMEDOUT;
	if (poll(&poll_fd, 1, (int)(left_us / 1000) + 1) < 0 && errno != EINTR)
		return -errno;
	error = hxfr_connection_flush(connection);
	if (!error)
		error = hxfr_connection_receive(connection);
	return error == -EAGAIN ? 0 : error;
}

static int await_pong(struct exchange *exchange, int64_t end_us)
{
	struct hxfr_message message;
	int error = 0;

	exchange->ponged = false;
	while (!error) {
		while ((error = hxfr_connection_next(exchange->connection, &message)) > 0) {
			take(exchange, &message);
			if (exchange->ponged)
				return 0;
		}
		if (!error)
			error = move(exchange->connection, end_us);
	}
	return error;
}

static int send_type(struct hxfr_connection *connection, uint8_t type)
{
	struct hxfr_message message = {
		.header = { .type = type, .session_id = HXFR_SESSION_MAIN },
	};

	if (type == HXFR_HELLO)
		message.hello.version = VERSION;
	return hxfr_connection_send_message(connection, &message);
}

/* In front of a PING: the answer comes before its PONG, or there is none. */
static int ask_besides(struct exchange *exchange, unsigned ping)
{
	if (ping == 0 && exchange->hello)
		return send_type(exchange->connection, HXFR_HELLO);
	if (exchange->answer->peer.version >= VERSION && !exchange->answer->peer.has_config)
		return send_type(exchange->connection, HXFR_CONFIG_REQ);
	return 0;
}

static int ping(struct exchange *exchange)
{
	struct link_answer *answer = exchange->answer;
	int error = ask_besides(exchange, answer->pings);
	int64_t start_us = g_get_monotonic_time();

	answer->pings++;
	if (!error)
		error = send_type(exchange->connection, HXFR_PING);
	if (!error)
		error = await_pong(exchange, start_us + (int64_t)LINK_PONG_MS * 1000);
	if (!error)
		answer->rtt_us[answer->pongs++] = (double)(g_get_monotonic_time() - start_us);
	return error;
}

static char *explain(int error)
{
	switch (-error) {
	case ETIMEDOUT:
		return g_strdup_printf("no PONG within %u ms", LINK_PONG_MS);
	case ENOTCONN:
	case ECONNRESET:
		return g_strdup("it hung up instead of a PONG");
	case EBADMSG:
	case EMSGSIZE:
		return g_strdup("what it says is no HXFR");
	default:
		return g_strdup(g_strerror(-error));
	}
}

/* What ended it: 0 or -errno. */
static int talk(struct hxfr_connection *connection, bool hello, struct link_answer *answer)
{
	struct exchange exchange = { .connection = connection, .answer = answer, .hello = hello };
	int error = 0;

	answer->peer.version = 1;
	while (!error && answer->pings < LINK_PINGS)
		error = ping(&exchange);
	answer->peer.known = answer->pongs > 0;
	if (error && !answer->error)
		answer->error = explain(error);
	return error;
}

/* False: the host hung up before its first PONG. */
static bool attempt(const struct hxfr_endpoint *endpoint, bool hello, struct link_answer *ret)
{
	struct link_answer answer = { 0 };
	struct hxfr_connection *connection;
	int fd = -1, error = 0;

	answer.connect_error = hxfr_socket_connect(endpoint, LINK_CONNECT_MS, -1, &fd);
	if (!answer.connect_error)
		answer.connect_error = hxfr_connection_new(fd, PAYLOAD_MAX, &connection);
	if (answer.connect_error) {
		answer.error = g_strdup(g_strerror(-answer.connect_error));
	} else {
		error = talk(connection, hello, &answer);
		hxfr_connection_destroy(connection);
	}
	*ret = answer;
	return answer.pongs > 0 || (error != -ENOTCONN && error != -ECONNRESET);
}

void link_ask(const struct hxfr_endpoint *endpoint, struct link_answer *ret)
{
	if (attempt(endpoint, true, ret))
		return;
	link_answer_finish(ret);
	attempt(endpoint, false, ret);
}

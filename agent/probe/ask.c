/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ask.h"

#include <errno.h>
#include <hxfr/socket.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct asking {
	int fd;
	int64_t end_us; /* g_get_monotonic_time() */
};

static bool fail(GError **error, int code)
{
	g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "helix-applyd: %s",
		g_strerror(code));
	return false;
}

static bool wait_for(const struct asking *asking, short events, GError **error)
{
	struct pollfd poll_fd = { .fd = asking->fd, .events = events };
	int64_t left_us = asking->end_us - g_get_monotonic_time();
	int n;

	do {
		n = poll(&poll_fd, 1, (int)(MAX(left_us, 0) / 1000));
		left_us = asking->end_us - g_get_monotonic_time();
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(error, errno);
	return n > 0 || fail(error, ETIMEDOUT);
}

static bool send_all(const struct asking *asking, const char *text, GError **error)
{
	for (size_t left = strlen(text); left > 0;) {
		ssize_t n = send(asking->fd, text, left, MSG_NOSIGNAL);

		if (n > 0) {
			text += n;
			left -= (size_t)n;
		} else if (errno != EAGAIN && errno != EINTR) {
			return fail(error, errno);
		} else if (!wait_for(asking, POLLOUT, error)) {
			return false;
		}
	}
	return true;
}

static bool receive_line(const struct asking *asking, GString *line, GError **error)
{
	char piece[4096];

	for (;;) {
		ssize_t n = recv(asking->fd, piece, sizeof(piece), 0);

		if (n == 0)
			return fail(error, ECONNRESET);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return fail(error, errno);
		if (n < 0) {
			if (!wait_for(asking, POLLIN, error))
				return false;
			continue;
		}
		if (line->len + (size_t)n > ASK_REPLY_MAX)
			return fail(error, EMSGSIZE);
		g_string_append_len(line, piece, n);
		if (memchr(piece, '\n', (size_t)n))
			return true;
	}
}

static bool take_reply(const char *line, json_t **ret, GError **error)
{
	json_t *reply = json_loads(line, JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY, NULL);
	json_t *value = json_object_get(reply, "return");
	const char *desc =
		json_string_value(json_object_get(json_object_get(reply, "error"), "desc"));

	if (value)
		*ret = json_incref(value);
	else if (desc)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "helix-applyd: %s", desc);
	else
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
			"helix-applyd sent no answer that can be understood");
	json_decref(reply);
	return value != NULL;
}

bool ask(const char *socket_path, const char *command, json_t *arguments, unsigned timeout_ms,
	json_t **ret, GError **error)
{
	json_t *request = json_object();
	struct hxfr_endpoint endpoint = { .transport = HXFR_TRANSPORT_UNIX };
	struct asking asking = { -1, g_get_monotonic_time() + (int64_t)timeout_ms * 1000 };
	g_autoptr(GString) line = g_string_new(NULL);
	g_autofree char *text = NULL, *request_line = NULL;
	bool done = false;
	int code;

	json_object_set_new(request, "execute", json_string(command));
	if (arguments)
		json_object_set_new(request, "arguments", arguments);
	text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (!text || g_strlcpy(endpoint.unix_path, socket_path, sizeof(endpoint.unix_path)) >=
			     sizeof(endpoint.unix_path))
		return fail(error, EINVAL);
	request_line = g_strconcat(text, "\n", NULL);
	code = hxfr_socket_connect(&endpoint, timeout_ms, -1, &asking.fd);
	if (code < 0)
		return fail(error, -code);
	done = send_all(&asking, request_line, error) && receive_line(&asking, line, error) &&
	       take_reply(line->str, ret, error);
	close(asking.fd);
	return done;
}

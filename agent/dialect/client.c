/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client.h"

#include <errno.h>
#include <glib-unix.h>
#include <hxfr/socket.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK     4096u
#define REPLY_MAX (DIALECT_REPLY_MAX + 2) /* with the delimiter and the newline */

G_DEFINE_QUARK(dialect_client_error, dialect_client_error)

static const struct {
	const char *class;
	enum dialect_client_error code;
} classes[] = {
	{ DIALECT_GENERIC_ERROR, DIALECT_CLIENT_ERROR_GENERIC },
	{ DIALECT_COMMAND_NOT_FOUND, DIALECT_CLIENT_ERROR_NOT_FOUND },
	{ DIALECT_COMMAND_DISABLED, DIALECT_CLIENT_ERROR_DISABLED },
};

const char *dialect_client_error_class(const GError *error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(classes); i++)
		if (g_error_matches(error, DIALECT_CLIENT_ERROR, (int)classes[i].code))
			return classes[i].class;
	return DIALECT_GENERIC_ERROR;
}

/* --- a request on its way --- */

struct exchange {
	int fd;
	const char *path; /* for messages */
	GString *out;
	gsize sent;
	GString *in;
};

static bool fail(GError **error, enum dialect_client_error code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static bool fail(GError **error, enum dialect_client_error code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (error)
		*error = g_error_new_valist(DIALECT_CLIENT_ERROR, (int)code, format, args);
	va_end(args);
	return false;
}

static GString *format_request(const char *command, json_t *arguments)
{
	json_t *request = json_pack("{s:s,s:O*}", "execute", command, "arguments", arguments);
	char *text = json_dumps(request, JSON_COMPACT);
	GString *line = g_string_new(text);

	g_string_append_c(line, '\n');
	g_free(text);
	json_decref(request);
	return line;
}

static bool exchange_begin(struct exchange *exchange, const char *path, const char *command,
	json_t *arguments, unsigned timeout_ms, GError **error)
{
	struct hxfr_endpoint endpoint = { .transport = HXFR_TRANSPORT_UNIX };
	int r;

	*exchange = (struct exchange){ .fd = -1 };
	if (strlen(path) > HXFR_UNIX_PATH_MAX)
		return fail(error, DIALECT_CLIENT_ERROR_UNREACHABLE, "%s: path too long", path);
	g_strlcpy(endpoint.unix_path, path, sizeof(endpoint.unix_path));
	r = hxfr_socket_connect(&endpoint, timeout_ms, -1, &exchange->fd);
	if (r < 0)
		return fail(error,
			r == -ETIMEDOUT ? DIALECT_CLIENT_ERROR_TIMED_OUT
					: DIALECT_CLIENT_ERROR_UNREACHABLE,
			"%s: %s", path, g_strerror(-r));
	exchange->path = path;
	exchange->out = format_request(command, arguments);
	exchange->in = g_string_new(NULL);
	return true;
}

static void exchange_finish(struct exchange *exchange)
{
	if (exchange->fd < 0)
		return;
	close(exchange->fd);
	g_string_free(exchange->out, TRUE);
	g_string_free(exchange->in, TRUE);
}

static short exchange_wants(const struct exchange *exchange)
{
	return exchange->sent < exchange->out->len ? POLLIN | POLLOUT : POLLIN;
}

static bool is_complete(const struct exchange *exchange)
{
	return exchange->in->len > 0 && exchange->in->str[exchange->in->len - 1] == '\n';
}

static bool hung_up(const struct exchange *exchange, int code, GError **error)
{
	return fail(error, DIALECT_CLIENT_ERROR_CLOSED, "%s hung up without an answer%s%s",
		exchange->path, code ? ": " : "", code ? g_strerror(code) : "");
}

static bool send_some(struct exchange *exchange, GError **error)
{
	ssize_t n = send(exchange->fd, exchange->out->str + exchange->sent,
		exchange->out->len - exchange->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n >= 0)
		exchange->sent += (gsize)n;
	else if (errno == EPIPE) /* why may be there to be read */
		exchange->sent = exchange->out->len;
	else if (errno != EAGAIN && errno != EINTR)
		return hung_up(exchange, errno, error);
	return true;
}

/* Goes as far as it can without waiting. */
static bool exchange_step(struct exchange *exchange, GError **error)
{
	char chunk[CHUNK];
	ssize_t n;

	if (exchange->sent < exchange->out->len && !send_some(exchange, error))
		return false;
	while (!is_complete(exchange)) {
		n = recv(exchange->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n <= 0)
			return hung_up(exchange, n < 0 ? errno : 0, error);
		if (exchange->in->len + (gsize)n > REPLY_MAX)
			return fail(error, DIALECT_CLIENT_ERROR_NONSENSE,
				"%s answers more than %zu bytes", exchange->path,
				DIALECT_REPLY_MAX);
		g_string_append_len(exchange->in, chunk, n);
	}
	return true;
}

static bool read_error(json_t *object, GError **error)
{
	const char *class, *desc;

	if (json_unpack(object, "{s:s,s:s}", "class", &class, "desc", &desc) < 0)
		return false;
	for (gsize i = 0; i < G_N_ELEMENTS(classes); i++)
		if (!strcmp(classes[i].class, class))
			fail(error, classes[i].code, "%s", desc);
	if (error && !*error)
		fail(error, DIALECT_CLIENT_ERROR_GENERIC, "%s", desc);
	return true;
}

static json_t *exchange_answer(const struct exchange *exchange, GError **error)
{
	gsize skip = (unsigned char)exchange->in->str[0] == DIALECT_DELIMITER;
	json_t *line = json_loadb(
		exchange->in->str + skip, exchange->in->len - skip, JSON_REJECT_DUPLICATES, NULL);
	json_t *answer = json_incref(json_object_get(line, "return"));

	if (!answer && !read_error(json_object_get(line, "error"), error))
		fail(error, DIALECT_CLIENT_ERROR_NONSENSE, "%s answers nonsense", exchange->path);
	json_decref(line);
	return answer;
}

/* --- waiting for it --- */

static bool wait_until(const struct exchange *exchange, int64_t deadline_ms, GError **error)
{
	struct pollfd fd = { .fd = exchange->fd, .events = exchange_wants(exchange) };
	int64_t left_ms = deadline_ms - g_get_monotonic_time() / 1000;

	if (left_ms <= 0 || poll(&fd, 1, (int)MIN(left_ms, G_MAXINT)) == 0)
		return fail(error, DIALECT_CLIENT_ERROR_TIMED_OUT, "%s does not answer in time",
			exchange->path);
	return true;
}

json_t *dialect_ask(const char *path, const char *command, json_t *arguments, unsigned timeout_ms,
	GError **error)
{
	int64_t deadline_ms = g_get_monotonic_time() / 1000 + timeout_ms;
	struct exchange exchange;
	json_t *answer = NULL;

	if (!exchange_begin(&exchange, path, command, arguments, timeout_ms, error))
		return NULL;
	while (exchange_step(&exchange, error)) {
		if (is_complete(&exchange)) {
			answer = exchange_answer(&exchange, error);
			break;
		}
		if (!wait_until(&exchange, deadline_ms, error))
			break;
	}
	exchange_finish(&exchange);
	return answer;
}

/* --- not waiting for it --- */

struct dialect_question {
	struct exchange exchange;
	char *path;
	GError *error;
	guint watch, timer;
	void (*done)(void *user, json_t *reply, const GError *error);
	void *user;
};

static void question_free(struct dialect_question *question)
{
	if (question->watch)
		g_source_remove(question->watch);
	if (question->timer)
		g_source_remove(question->timer);
	exchange_finish(&question->exchange);
	g_clear_error(&question->error);
	g_free(question->path);
	g_free(question);
}

static void question_end(struct dialect_question *question)
{
	json_t *answer =
		question->error ? NULL : exchange_answer(&question->exchange, &question->error);

	question->done(question->user, answer, question->error);
	question_free(question);
}

static gboolean on_ready(int fd, GIOCondition condition, void *user)
{
	struct dialect_question *question = user;
	short wanted = exchange_wants(&question->exchange);

	if (!exchange_step(&question->exchange, &question->error) ||
		is_complete(&question->exchange)) {
		question->watch = 0;
		question_end(question);
		return G_SOURCE_REMOVE;
	}
	if (wanted == exchange_wants(&question->exchange))
		return G_SOURCE_CONTINUE;
	question->watch = g_unix_fd_add(fd, G_IO_IN, on_ready, question);
	return G_SOURCE_REMOVE;
}

static gboolean on_time_out(void *user)
{
	struct dialect_question *question = user;

	question->timer = 0;
	if (!question->error)
		fail(&question->error, DIALECT_CLIENT_ERROR_TIMED_OUT, "%s does not answer in time",
			question->path);
	question_end(question);
	return G_SOURCE_REMOVE;
}

struct dialect_question *dialect_ask_async(const char *path, const char *command, json_t *arguments,
	unsigned timeout_ms, void (*done)(void *user, json_t *reply, const GError *error),
	void *user)
{
	struct dialect_question *question = g_new0(struct dialect_question, 1);
	bool begun;

	question->done = done;
	question->user = user;
	question->path = g_strdup(path);
	/* A full queue of connections is no reason to wait here. */
	begun = exchange_begin(
		&question->exchange, question->path, command, arguments, 0, &question->error);
	question->timer = g_timeout_add(begun ? timeout_ms : 0, on_time_out, question);
	if (begun)
		question->watch = g_unix_fd_add(
			question->exchange.fd, G_IO_IN | G_IO_OUT, on_ready, question);
	return question;
}

void dialect_question_cancel(struct dialect_question *question)
{
	question_free(question);
}

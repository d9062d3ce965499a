/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dialect/client.h"
#include "dialect/server.h"
#include "suite.h"

#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LONG_MS  20000u
#define SHORT_MS 50u

static char *folder, *path;
static struct dialect *dialect;
static struct dialect_server *server;
static GMainLoop *loop;
static bool admits, trusts;
static unsigned write_interval_s;
static struct dialect_peer last_peer;
static struct dialect_call *held;

static json_t *run_echo(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	return json_incref(arguments);
}

static json_t *run_hold(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	held = call;
	return NULL;
}

static json_t *run_big(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	g_autofree char *text = g_strnfill(DIALECT_REPLY_MAX - 100, 'x');

	return json_string(text);
}

static const struct dialect_command commands[] = {
	{ "echo", DIALECT_READ, dialect_any_arguments, run_echo, "" },
	{ "hold", DIALECT_READ, NULL, run_hold, "" },
	{ "big", DIALECT_READ, NULL, run_big, "" },
	{ "write", DIALECT_WRITE, NULL, run_echo, "" },
	{ NULL },
};
static const struct dialect_command *const tables[] = { commands };

static bool admit(void *user, const struct dialect_peer *peer, struct dialect_terms *ret)
{
	last_peer = *peer;
	*ret = (struct dialect_terms){ .access = write_interval_s ? DIALECT_WRITE : DIALECT_READ,
		.write_interval_s = write_interval_s,
		.trusted = trusts };
	return admits;
}

static void setup(void)
{
	struct dialect_server_config config = { .admit = admit, .stall_timeout_ms = 200 };

	folder = g_dir_make_tmp("agent-client-XXXXXX", NULL);
	path = g_build_filename(folder, "socket", NULL);
	config.dialect = dialect = dialect_new(tables, 1, NULL);
	server = dialect_server_new(&config);
	ck_assert(dialect_server_listen_unix(server, path, 0600, NULL));
	loop = g_main_loop_new(NULL, FALSE);
	admits = true;
}

static void teardown(void)
{
	dialect_server_free(server);
	dialect_free(dialect);
	ck_assert(!g_file_test(path, G_FILE_TEST_EXISTS));
	g_main_loop_unref(loop);
	g_rmdir(folder);
	g_free(folder);
	g_free(path);
}

/* --- asking without waiting --- */

struct outcome {
	json_t *reply;
	GError *error;
	unsigned n;
};

static void on_done(void *user, json_t *reply, const GError *error)
{
	struct outcome *outcome = user;

	outcome->reply = reply;
	outcome->error = error ? g_error_copy(error) : NULL;
	outcome->n++;
	g_main_loop_quit(loop);
}

static struct outcome ask(const char *command, json_t *arguments, unsigned timeout_ms)
{
	struct outcome outcome = { 0 };

	dialect_ask_async(path, command, arguments, timeout_ms, on_done, &outcome);
	ck_assert_uint_eq(outcome.n, 0);
	g_main_loop_run(loop);
	ck_assert_uint_eq(outcome.n, 1);
	return outcome;
}

static void assert_error(struct outcome *outcome, enum dialect_client_error code, const char *word)
{
	ck_assert_ptr_null(outcome->reply);
	ck_assert(g_error_matches(outcome->error, DIALECT_CLIENT_ERROR, (int)code));
	ck_assert_msg(strstr(outcome->error->message, word), "%s", outcome->error->message);
	g_clear_error(&outcome->error);
}

START_TEST(arguments_and_answer_come_through)
{
	json_t *arguments = json_pack("{s:i}", "n", 5);
	struct outcome outcome = ask("echo", arguments, LONG_MS);

	ck_assert(json_equal(outcome.reply, arguments));
	json_decref(outcome.reply);
	json_decref(arguments);
}
END_TEST

START_TEST(a_big_answer_comes_through)
{
	struct outcome outcome = ask("big", NULL, LONG_MS);

	ck_assert_uint_eq(json_string_length(outcome.reply), DIALECT_REPLY_MAX - 100);
	json_decref(outcome.reply);
}
END_TEST

START_TEST(errors_of_the_server_keep_their_class)
{
	struct outcome missing = ask("nope", NULL, LONG_MS), disabled = ask("write", NULL, LONG_MS);

	ck_assert_str_eq(dialect_client_error_class(missing.error), DIALECT_COMMAND_NOT_FOUND);
	ck_assert_str_eq(dialect_client_error_class(disabled.error), DIALECT_COMMAND_DISABLED);
	assert_error(&missing, DIALECT_CLIENT_ERROR_NOT_FOUND, "nope");
	assert_error(&disabled, DIALECT_CLIENT_ERROR_DISABLED, "write");
}
END_TEST

START_TEST(who_is_not_admitted_is_told)
{
	struct outcome outcome;

	admits = false;
	outcome = ask("echo", NULL, LONG_MS);
	assert_error(&outcome, DIALECT_CLIENT_ERROR_GENERIC, "permission denied");
	ck_assert_int_eq(last_peer.family, AF_UNIX);
	ck_assert_uint_eq(last_peer.uid, geteuid());
	ck_assert_uint_eq(dialect_server_clients(server), 0);
}
END_TEST

static void finish_held(void)
{
	dialect_call_finish(held, json_null(), NULL);
	held = NULL;
}

START_TEST(an_answer_that_does_not_come_ends_in_time)
{
	struct outcome outcome = ask("hold", NULL, SHORT_MS);

	assert_error(&outcome, DIALECT_CLIENT_ERROR_TIMED_OUT, "in time");
	finish_held();
}
END_TEST

START_TEST(a_question_may_be_withdrawn)
{
	struct outcome outcome = { 0 }, other;
	struct dialect_question *question =
		dialect_ask_async(path, "echo", NULL, LONG_MS, on_done, &outcome);

	dialect_question_cancel(question);
	other = ask("echo", NULL, LONG_MS);
	json_decref(other.reply);
	ck_assert_uint_eq(outcome.n, 0);
}
END_TEST

START_TEST(nobody_there_is_an_error_that_comes_later)
{
	struct outcome outcome;

	dialect_server_free(server);
	server = NULL;
	outcome = ask("echo", NULL, LONG_MS);
	assert_error(&outcome, DIALECT_CLIENT_ERROR_UNREACHABLE, path);
}
END_TEST

/* --- asking and waiting: the server is on another thread --- */

static void *serve(void *user)
{
	g_main_loop_run(loop);
	return NULL;
}

static gboolean quit(void *user)
{
	g_main_loop_quit(loop);
	return G_SOURCE_REMOVE;
}

START_TEST(waiting_for_an_answer)
{
	g_autoptr(GError) missing = NULL, late = NULL;
	GThread *thread = g_thread_new("server", serve, NULL);
	json_t *reply = dialect_ask(path, "big", NULL, LONG_MS, NULL);

	ck_assert(json_is_string(reply));
	json_decref(reply);
	ck_assert_ptr_null(dialect_ask(path, "nope", NULL, LONG_MS, &missing));
	ck_assert(g_error_matches(missing, DIALECT_CLIENT_ERROR, DIALECT_CLIENT_ERROR_NOT_FOUND));
	ck_assert_ptr_null(dialect_ask(path, "hold", NULL, SHORT_MS, &late));
	ck_assert(g_error_matches(late, DIALECT_CLIENT_ERROR, DIALECT_CLIENT_ERROR_TIMED_OUT));
	g_idle_add(quit, NULL);
	g_thread_join(thread);
	finish_held();
}
END_TEST

static const struct {
	const char *bytes;
	enum dialect_client_error code;
} strange[] = {
	{ "", DIALECT_CLIENT_ERROR_CLOSED },
	{ "{\"return\": {}}", DIALECT_CLIENT_ERROR_CLOSED },
	{ "{\"return\": {}\n", DIALECT_CLIENT_ERROR_NONSENSE },
	{ "{}\n", DIALECT_CLIENT_ERROR_NONSENSE },
	{ "[]\n", DIALECT_CLIENT_ERROR_NONSENSE },
	{ "\n", DIALECT_CLIENT_ERROR_NONSENSE },
	{ "\xff\n", DIALECT_CLIENT_ERROR_NONSENSE },
	{ "{\"error\": {\"class\": \"GenericError\"}}\n", DIALECT_CLIENT_ERROR_NONSENSE },
	{ "{\"error\": {\"class\": \"Other\", \"desc\": \"d\"}}\n", DIALECT_CLIENT_ERROR_GENERIC },
};

static int connect_raw(const char *to, bool listening)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(address.sun_path, to, sizeof(address.sun_path));
	if (listening) {
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
		ck_assert_int_eq(listen(fd, 1), 0);
	} else {
		ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	}
	return fd;
}

START_TEST(strange_answers_are_told_apart)
{
	g_autofree char *other = g_build_filename(folder, "other", NULL);
	int listener = connect_raw(other, true);

	for (size_t i = 0; i < N_ELEMENTS(strange); i++) {
		struct outcome outcome = { 0 };
		int fd;

		dialect_ask_async(other, "echo", NULL, LONG_MS, on_done, &outcome);
		fd = accept(listener, NULL, NULL);
		ck_assert_int_eq(send(fd, strange[i].bytes, strlen(strange[i].bytes), 0),
			(ssize_t)strlen(strange[i].bytes));
		shutdown(fd, SHUT_WR);
		g_main_loop_run(loop);
		assert_error(&outcome, strange[i].code, "");
		close(fd);
	}
	close(listener);
	g_unlink(other);
}
END_TEST

START_TEST(an_answer_without_end_is_refused)
{
	g_autofree char *other = g_build_filename(folder, "other", NULL);
	g_autofree char *text = g_strnfill(DIALECT_REPLY_MAX * 2, 'x');
	int listener = connect_raw(other, true), fd;
	struct outcome outcome = { 0 };

	dialect_ask_async(other, "echo", NULL, LONG_MS, on_done, &outcome);
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	for (size_t sent = 0; outcome.n == 0; g_main_context_iteration(NULL, FALSE)) {
		ssize_t n = send(fd, text, DIALECT_REPLY_MAX * 2 - sent, MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		ck_assert_uint_lt(sent, DIALECT_REPLY_MAX * 2);
	}
	assert_error(&outcome, DIALECT_CLIENT_ERROR_NONSENSE, "more than");
	close(fd);
	close(listener);
	g_unlink(other);
}
END_TEST

/* --- clients that misbehave --- */

static void run_until_clients(unsigned n)
{
	while (dialect_server_clients(server) != n)
		g_main_context_iteration(NULL, TRUE);
}

START_TEST(a_request_that_does_not_end_ends_the_client)
{
	int fd = connect_raw(path, false);

	ck_assert_int_eq(send(fd, "{", 1, 0), 1);
	run_until_clients(1);
	run_until_clients(0);
	close(fd);
}
END_TEST

START_TEST(a_reply_that_is_not_taken_ends_the_client)
{
	const char *request = "{\"execute\":\"big\"}";
	int fd = connect_raw(path, false);

	ck_assert_int_gt(send(fd, request, strlen(request), 0), 0);
	run_until_clients(1);
	run_until_clients(0);
	close(fd);
}
END_TEST

/* A connection that stays when there is a place for it. */
static int assert_place(unsigned n_clients, bool wanted)
{
	int fd = connect_raw(path, false);
	char line[256] = "";

	if (wanted) {
		run_until_clients(n_clients + 1);
		return fd;
	}
	while (recv(fd, line, sizeof(line) - 1, MSG_DONTWAIT) < 0)
		g_main_context_iteration(NULL, TRUE);
	ck_assert_msg(strstr(line, "too many clients"), "%s", line);
	ck_assert_uint_eq(dialect_server_clients(server), n_clients);
	close(fd);
	return -1;
}

START_TEST(nobody_takes_all_places_but_who_is_trusted)
{
	int fds[DIALECT_CLIENTS_MAX];

	for (unsigned i = 0; i < DIALECT_CLIENTS_OF_ONE; i++)
		fds[i] = assert_place(i, true);
	assert_place(DIALECT_CLIENTS_OF_ONE, false);
	trusts = true;
	for (unsigned i = DIALECT_CLIENTS_OF_ONE; i < DIALECT_CLIENTS_MAX; i++)
		fds[i] = assert_place(i, true);
	assert_place(DIALECT_CLIENTS_MAX, false);
	close(fds[0]);
	run_until_clients(DIALECT_CLIENTS_MAX - 1);
	fds[0] = assert_place(DIALECT_CLIENTS_MAX - 1, true);
	for (unsigned i = 0; i < DIALECT_CLIENTS_MAX; i++)
		close(fds[i]);
	run_until_clients(0);
	trusts = false;
}
END_TEST

START_TEST(limits_are_those_of_who_asks_not_of_a_connection)
{
	write_interval_s = 10000;
	for (unsigned i = 0; i < DIALECT_WRITE_BURST; i++) {
		struct outcome outcome = ask("write", NULL, LONG_MS);

		ck_assert_ptr_nonnull(outcome.reply);
		json_decref(outcome.reply);
	}
	struct outcome last = ask("write", NULL, LONG_MS);
	assert_error(&last, DIALECT_CLIENT_ERROR_GENERIC, "too many writes");
	write_interval_s = 0;
}
END_TEST

START_TEST(a_call_may_be_answered_when_its_client_has_gone)
{
	const char *request = "{\"execute\":\"hold\"}";
	int fd = connect_raw(path, false);

	ck_assert_int_gt(send(fd, request, strlen(request), 0), 0);
	while (!held)
		g_main_context_iteration(NULL, TRUE);
	close(fd);
	run_until_clients(0);
	finish_held();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		arguments_and_answer_come_through,
		a_big_answer_comes_through,
		errors_of_the_server_keep_their_class,
		who_is_not_admitted_is_told,
		an_answer_that_does_not_come_ends_in_time,
		a_question_may_be_withdrawn,
		nobody_there_is_an_error_that_comes_later,
		waiting_for_an_answer,
		strange_answers_are_told_apart,
		an_answer_without_end_is_refused,
		a_request_that_does_not_end_ends_the_client,
		a_reply_that_is_not_taken_ends_the_client,
		nobody_takes_all_places_but_who_is_trusted,
		limits_are_those_of_who_asks_not_of_a_connection,
		a_call_may_be_answered_when_its_client_has_gone,
		NULL,
	};

	return suite_run_with("agent-client", tests, setup, teardown);
}

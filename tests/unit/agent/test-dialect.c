/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dialect/dialect.h"
#include "suite.h"

static struct dialect *dialect;
static struct dialect_client *client;
static GString *sent;
static int64_t now_ms;
static GPtrArray *deferred; /* of struct dialect_call */
static unsigned n_writes;

static json_t *run_echo(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	return json_incref(arguments);
}

static json_t *run_fail(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	return dialect_fail(error, "no %s", "luck");
}

static json_t *run_later(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	g_ptr_array_add(deferred, call);
	return NULL;
}

static json_t *run_write(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	n_writes++;
	return json_true();
}

static json_t *run_huge(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	g_autofree char *text = g_strnfill(DIALECT_REPLY_MAX, 'x');

	return json_string(text);
}

static const struct dialect_argument echo_arguments[] = {
	{ "number", DIALECT_INTEGER, true, "" },
	{ "text", DIALECT_STRING, false, "" },
	{ "flag", DIALECT_BOOLEAN, true, "" },
	{ "list", DIALECT_STRINGS, true, "" },
	{ NULL },
};

static const struct dialect_command commands[] = {
	{ "echo", DIALECT_READ, echo_arguments, run_echo, "" },
	{ "any", DIALECT_READ, dialect_any_arguments, run_echo, "" },
	{ "fail", DIALECT_READ, NULL, run_fail, "" },
	{ "later", DIALECT_READ, NULL, run_later, "" },
	{ "huge", DIALECT_READ, NULL, run_huge, "" },
	{ NULL },
};
static const struct dialect_command more_commands[] = {
	{ "write", DIALECT_WRITE, NULL, run_write, "" },
	{ NULL },
};
static const struct dialect_command *const tables[] = { commands, more_commands };

static void on_send(void *user, const char *data, size_t size)
{
	g_string_append_len(sent, data, (gssize)size);
}

static int64_t get_now_ms(void *user)
{
	return now_ms;
}

static void connect_as(enum dialect_access access, unsigned rate, unsigned interval)
{
	const struct dialect_client_config config = {
		.access = access,
		.send = on_send,
		.requests_per_s = rate,
		.write_interval_s = interval,
		.now_ms = get_now_ms,
	};

	dialect_client_free(client);
	client = dialect_client_new(dialect, &config);
}

static void setup(void)
{
	dialect = dialect_new(tables, N_ELEMENTS(tables), NULL);
	sent = g_string_new(NULL);
	deferred = g_ptr_array_new();
	now_ms = 1000;
	n_writes = 0;
	connect_as(DIALECT_READ, 0, 0);
}

static void teardown(void)
{
	dialect_client_free(client);
	client = NULL;
	dialect_free(dialect);
	g_string_free(sent, TRUE);
	g_ptr_array_unref(deferred);
}

static void feed(const char *text)
{
	dialect_client_feed(client, text, strlen(text));
}

/* Since the last time. */
static void assert_sent(const char *wanted)
{
	ck_assert_str_eq(sent->str, wanted);
	g_string_truncate(sent, 0);
}

#define GENERIC(desc)  "{\"error\": {\"class\": \"GenericError\", \"desc\": \"" desc "\"}}\n"
#define MISSING(desc)  "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"" desc "\"}}\n"
#define DISABLED(desc) "{\"error\": {\"class\": \"CommandDisabled\", \"desc\": \"" desc "\"}}\n"
#define PONG           "{\"return\": {}}\n"
#define PING           "{\"execute\":\"guest-ping\"}"
#define BROKEN         "JSON parse error, "

/* The first twelve are what qemu-ga 7.2.22 was seen to answer; the words too, but for those of
 * commands that were disabled there. */
static const struct {
	const char *request, *reply;
} transcript[] = {
	{ PING, PONG },
	{ "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1234}}", "{\"return\": 1234}\n" },
	{ "\xff{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":77}}",
		GENERIC(BROKEN "stray '\\uFFFD'") "\xff{\"return\": 77}\n" },
	{ "{\"execute\":\"guest-ping\",\"id\":\"abc\"}", "{\"return\": {}, \"id\": \"abc\"}\n" },
	{ "{\"execute\":\"nope\"}", MISSING("The command nope has not been found") },
	{ "{\"execute\":\"guest-ping\",\"arguments\":{\"x\":1}}",
		GENERIC("Parameter 'x' is unexpected") },
	{ "{\"execute\":\"guest-sync\"}", GENERIC("Parameter 'id' is missing") },
	{ "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":\"str\"}}",
		GENERIC("Invalid parameter type for 'id', expected: integer") },
	{ "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"/x\"}}",
		MISSING("The command guest-file-open has not been found") },
	{ "garbage\n", GENERIC(BROKEN "invalid keyword 'garbage'") },
	{ "{\"exec-oob\":\"guest-ping\"}", GENERIC("QMP input member 'exec-oob' is unexpected") },
	{ PING "{\"execute\":\"guest-ping\",\"id\":2}", PONG "{\"return\": {}, \"id\": 2}\n" },

	{ "", "" },
	{ " \t\r\n" PING " \r\n", PONG },
	{ "{ \"execute\" :\n\"guest-ping\"\n}\n", PONG },
	{ "\xff", GENERIC(BROKEN "stray '\\uFFFD'") },
	{ "\xff\xff\xfe\xff" PING, GENERIC(BROKEN "stray '\\uFFFD'") PONG },
	{ "{\"execute\":\"guest-\xff" PING, GENERIC(BROKEN "stray '\\uFFFD'") PONG },
	{ "{\"execute\":\"guest-ping\n" PING,
		GENERIC(BROKEN "control character in a string") PONG },
	{ "garbage" PING, GENERIC(BROKEN "invalid keyword 'garbage'") PONG },
	{ "a b c\n" PING, GENERIC(BROKEN "invalid keyword 'a b c'") PONG },
	{ "}" PING, GENERIC(BROKEN "invalid keyword '}'") PONG },
	{ "[" PING "]", GENERIC("QMP input must be a JSON object") },
	{ "\"{}\"", GENERIC("QMP input must be a JSON object") },
	{ "5\n", GENERIC(BROKEN "invalid keyword '5'") },
	{ "{}", GENERIC("QMP input lacks member 'execute'") },
	{ "{\"execute\":1}", GENERIC("QMP input member 'execute' must be a string") },
	{ "{\"execute\":\"guest-ping\",\"arguments\":[]}",
		GENERIC("QMP input member 'arguments' must be an object") },
	{ "{\"execute\":\"guest-ping\",\"x\":1}", GENERIC("QMP input member 'x' is unexpected") },
	{ "{\"execute\":\"guest-ping\",\"arguments\":{}}", PONG },
	{ "{\"execute\":\"qmp_capabilities\"}",
		MISSING("The command qmp_capabilities has not been found") },
	{ "{\"execute\":\"fail\",\"id\":null}",
		"{\"error\": {\"class\": \"GenericError\", \"desc\": \"no luck\"}, \"id\": null}\n" },
	{ "{\"execute\":\"nope\",\"id\":{\"a\":[1]}}",
		"{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command nope has not "
		"been found\"}, \"id\": {\"a\": [1]}}\n" },
	{ "{\"execute\":\"guest-sync-delimited\"}", GENERIC("Parameter 'id' is missing") },
	{ "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":9223372036854775807}}",
		"{\"return\": 9223372036854775807}\n" },
	{ "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":-9223372036854775808},\"id\":"
	  "1700000000001}",
		"{\"return\": -9223372036854775808, \"id\": 1700000000001}\n" },
	{ "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":9223372036854775808}}",
		GENERIC(BROKEN "too big integer near '9223372036854775808'") },
	{ "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1.5}}",
		GENERIC("Invalid parameter type for 'id', expected: integer") },
	{ "{\"execute\":\"guest-ping\",\"execute\":\"guest-ping\"}",
		GENERIC(BROKEN "duplicate object key near '\\\"execute\\\"'") },
	{ "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1,\"id\":2}}",
		GENERIC(BROKEN "duplicate object key near '\\\"id\\\"'") },
	{ "{\"a\":[},{\"execute\":\"write\"}]", GENERIC(BROKEN "unexpected token near '}'") },
	{ "{\"execute\":\"write\"}",
		DISABLED("Command write has been disabled: this client may only read") },

	{ "{\"execute\":\"echo\",\"arguments\":{\"text\":\"\\u00e9}{\\\"\\\\\"}}",
		"{\"return\": {\"text\": \"\\u00E9}{\\\"\\\\\"}}\n" },
	{ "{\"execute\":\"echo\",\"arguments\":{\"text\":\"\",\"flag\":true,\"list\":[\"a\"],"
	  "\"number\":0}}",
		"{\"return\": {\"text\": \"\", \"flag\": true, \"list\": [\"a\"], \"number\": "
		"0}}\n" },
	{ "{\"execute\":\"echo\",\"arguments\":{\"text\":null}}",
		GENERIC("Invalid parameter type for 'text', expected: string") },
	{ "{\"execute\":\"echo\",\"arguments\":{\"text\":\"\",\"flag\":0}}",
		GENERIC("Invalid parameter type for 'flag', expected: boolean") },
	{ "{\"execute\":\"echo\",\"arguments\":{\"text\":\"\",\"list\":\"a\"}}",
		GENERIC("Invalid parameter type for 'list', expected: array") },
	{ "{\"execute\":\"echo\",\"arguments\":{\"text\":\"\",\"list\":[\"a\",1]}}",
		GENERIC("Invalid parameter type for 'list[1]', expected: string") },
	{ "{\"execute\":\"any\",\"arguments\":{\"what\":1}}", "{\"return\": {\"what\": 1}}\n" },
};

START_TEST(answers_as_the_guest_agent_of_qemu_does)
{
	for (size_t i = 0; i < N_ELEMENTS(transcript); i++) {
		connect_as(DIALECT_READ, 0, 0);
		feed(transcript[i].request);
		ck_assert_msg(!dialect_client_pending(client), "%s", transcript[i].request);
		assert_sent(transcript[i].reply);
	}
}
END_TEST

START_TEST(a_stream_means_the_same_however_it_is_cut)
{
	for (size_t i = 0; i < N_ELEMENTS(transcript); i++) {
		const char *request = transcript[i].request;

		for (size_t cut = 0; cut <= strlen(request); cut++) {
			connect_as(DIALECT_READ, 0, 0);
			dialect_client_feed(client, request, cut);
			feed(request + cut);
			assert_sent(transcript[i].reply);
		}
		connect_as(DIALECT_READ, 0, 0);
		for (const char *byte = request; *byte; byte++)
			dialect_client_feed(client, byte, 1);
		assert_sent(transcript[i].reply);
	}
}
END_TEST

START_TEST(the_beginning_of_a_request_is_not_answered)
{
	const char *request = "{\"execute\":\"guest-ping\",\"id\":\"}\\\"\"}";

	for (size_t size = 1; size < strlen(request); size++) {
		connect_as(DIALECT_READ, 0, 0);
		dialect_client_feed(client, request, size);
		ck_assert(dialect_client_pending(client));
		assert_sent("");
	}
}
END_TEST

/* A ping of that many bytes. */
static char *padded_ping(size_t size)
{
	g_autofree char *padding = g_strnfill(size - strlen(PING), ' ');

	return g_strconcat("{", padding, PING + 1, NULL);
}

START_TEST(a_request_of_the_greatest_size_is_answered)
{
	g_autofree char *request = padded_ping(DIALECT_MESSAGE_MAX);

	feed(request);
	assert_sent(PONG);
}
END_TEST

START_TEST(a_longer_one_is_refused_when_the_limit_is_met_and_skipped)
{
	g_autofree char *request = padded_ping(DIALECT_MESSAGE_MAX + 1000);
	const char *error = GENERIC(BROKEN "longer than 65536 bytes");

	dialect_client_feed(client, request, DIALECT_MESSAGE_MAX);
	assert_sent("");
	dialect_client_feed(client, request + DIALECT_MESSAGE_MAX, 1);
	assert_sent(error);
	feed(request + DIALECT_MESSAGE_MAX + 1);
	feed(PING);
	assert_sent(PONG);
}
END_TEST

START_TEST(one_byte_too_many_is_refused)
{
	g_autofree char *request = padded_ping(DIALECT_MESSAGE_MAX + 1);

	feed(request);
	feed(PING);
	assert_sent(GENERIC(BROKEN "longer than 65536 bytes") PONG);
}
END_TEST

START_TEST(a_reset_ends_skipping)
{
	g_autofree char *request = padded_ping(DIALECT_MESSAGE_MAX + 1000);

	dialect_client_feed(client, request, DIALECT_MESSAGE_MAX + 10);
	feed("\xff" PING);
	assert_sent(
		GENERIC(BROKEN "longer than 65536 bytes") GENERIC(BROKEN "stray '\\uFFFD'") PONG);
}
END_TEST

START_TEST(depth_has_a_limit)
{
	for (unsigned depth = DIALECT_DEPTH_MAX - 1; depth <= DIALECT_DEPTH_MAX + 1; depth++) {
		unsigned inner = depth - 2; /* in the request, in its arguments */
		g_autofree char *open = g_strnfill(inner, '['), *close = g_strnfill(inner, ']');
		g_autofree char *request = g_strdup_printf(
			"{\"execute\":\"any\",\"arguments\":{\"a\":%s%s}}", open, close);
		g_autofree char *reply =
			g_strdup_printf("{\"return\": {\"a\": %s%s}}\n", open, close);

		feed(request);
		assert_sent(depth <= DIALECT_DEPTH_MAX ? reply
						       : GENERIC(BROKEN "nested deeper than 16"));
		feed(PING);
		assert_sent(PONG);
	}
}
END_TEST

START_TEST(a_reply_has_a_limit)
{
	feed("{\"execute\":\"huge\"}");
	assert_sent(GENERIC("the reply is longer than 1048576 bytes"));
}
END_TEST

static void finish(unsigned number, json_t *reply)
{
	struct dialect_error error = { 0 };

	if (!reply)
		dialect_fail(&error, "failed");
	dialect_call_finish(g_ptr_array_index(deferred, number), reply, &error);
}

START_TEST(deferred_calls_are_answered_in_the_order_of_requests)
{
	feed("{\"execute\":\"later\",\"id\":1}{\"execute\":\"guest-ping\",\"id\":2}"
	     "{\"execute\":\"later\",\"id\":3}{\"execute\":\"guest-ping\",\"id\":4}");
	assert_sent("");
	ck_assert(dialect_client_busy(client));
	finish(1, NULL);
	assert_sent("");
	finish(0, json_integer(10));
	assert_sent("{\"return\": 10, \"id\": 1}\n{\"return\": {}, \"id\": 2}\n"
		    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"failed\"}, \"id\": 3}\n"
		    "{\"return\": {}, \"id\": 4}\n");
	ck_assert(!dialect_client_busy(client));
}
END_TEST

START_TEST(a_call_may_outlive_its_client)
{
	feed("{\"execute\":\"later\"}{\"execute\":\"later\"}" PING);
	ck_assert_str_eq(dialect_call_command(g_ptr_array_index(deferred, 0))->name, "later");
	dialect_client_free(client);
	client = NULL;
	finish(0, json_object());
	finish(1, NULL);
	assert_sent("");
}
END_TEST

START_TEST(writing_is_for_those_who_may)
{
	feed("{\"execute\":\"write\"}");
	ck_assert_uint_eq(n_writes, 0);
	connect_as(DIALECT_WRITE, 0, 0);
	feed("{\"execute\":\"write\"}");
	ck_assert_uint_eq(n_writes, 1);
}
END_TEST

static unsigned count(const char *word)
{
	unsigned n = 0;

	for (const char *at = sent->str; (at = strstr(at, word)); at++)
		n++;
	g_string_truncate(sent, 0);
	return n;
}

START_TEST(requests_beyond_the_rate_are_refused_until_time_has_passed)
{
	connect_as(DIALECT_READ, 10, 0);
	for (unsigned i = 0; i < 50; i++)
		feed(PING);
	ck_assert_uint_eq(count("return"), 10 * DIALECT_BURST_S);
	feed("{\"execute\":\"guest-ping\",\"id\":5}");
	assert_sent("{\"error\": {\"class\": \"GenericError\", \"desc\": \"too many requests: 10 a "
		    "second\"}, \"id\": 5}\n");
	now_ms += 300;
	for (unsigned i = 0; i < 50; i++)
		feed(PING);
	ck_assert_uint_eq(count("return"), 3);
}
END_TEST

START_TEST(garbage_beyond_the_rate_is_not_answered)
{
	connect_as(DIALECT_READ, 10, 0);
	for (unsigned i = 0; i < 50; i++)
		feed("x\n");
	ck_assert_uint_eq(count("\n"), 10 * DIALECT_BURST_S);
}
END_TEST

START_TEST(writes_have_a_rate_of_their_own)
{
	connect_as(DIALECT_WRITE, 0, 10);
	for (unsigned i = 0; i < 10; i++)
		feed("{\"execute\":\"write\"}");
	ck_assert_uint_eq(n_writes, DIALECT_WRITE_BURST);
	ck_assert_uint_eq(count("too many writes"), 10 - DIALECT_WRITE_BURST);
	now_ms += 10000;
	feed("{\"execute\":\"write\"}{\"execute\":\"write\"}");
	ck_assert_uint_eq(n_writes, DIALECT_WRITE_BURST + 1);
}
END_TEST

static bool is_enabled(json_t *info, const char *name)
{
	json_t *command;
	size_t i;

	json_array_foreach(json_object_get(info, "supported_commands"), i, command)
	{
		ck_assert(json_is_true(json_object_get(command, "success-response")));
		if (!strcmp(json_string_value(json_object_get(command, "name")), name))
			return json_is_true(json_object_get(command, "enabled"));
	}
	ck_abort_msg("guest-info has no %s", name);
	return false;
}

START_TEST(guest_info_lists_what_this_client_may_use)
{
	for (enum dialect_access access = DIALECT_READ; access <= DIALECT_WRITE; access++) {
		json_t *line, *info;

		connect_as(access, 0, 0);
		feed("{\"execute\":\"guest-info\"}");
		line = json_loads(sent->str, 0, NULL);
		info = json_object_get(line, "return");
		ck_assert_str_eq(
			json_string_value(json_object_get(info, "version")), PACKAGE_VERSION);
		ck_assert_int_eq(json_integer_value(json_object_get(info, "profile-api")), 1);
		ck_assert(is_enabled(info, "guest-sync-delimited"));
		ck_assert(is_enabled(info, "echo"));
		ck_assert_int_eq(is_enabled(info, "write"), access == DIALECT_WRITE);
		json_decref(line);
		g_string_truncate(sent, 0);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		answers_as_the_guest_agent_of_qemu_does,
		a_stream_means_the_same_however_it_is_cut,
		the_beginning_of_a_request_is_not_answered,
		a_request_of_the_greatest_size_is_answered,
		a_longer_one_is_refused_when_the_limit_is_met_and_skipped,
		one_byte_too_many_is_refused,
		a_reset_ends_skipping,
		depth_has_a_limit,
		a_reply_has_a_limit,
		deferred_calls_are_answered_in_the_order_of_requests,
		a_call_may_outlive_its_client,
		writing_is_for_those_who_may,
		requests_beyond_the_rate_are_refused_until_time_has_passed,
		garbage_beyond_the_rate_is_not_answered,
		writes_have_a_rate_of_their_own,
		guest_info_lists_what_this_client_may_use,
		NULL,
	};

	return suite_run_with("agent-dialect", tests, setup, teardown);
}

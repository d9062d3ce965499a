/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The input is what a client sends, cut into pieces as its first byte says. Every line that comes
 * back must be a reply, and the pieces must not matter.
 */

#include "dialect/dialect.h"
#include "fuzz-target.h"

#include <string.h>

static GPtrArray *deferred;

static json_t *run_echo(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	return json_incref(arguments);
}

static json_t *run_later(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	g_ptr_array_add(deferred, call);
	return NULL;
}

static json_t *run_never(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	PROMISE(!"a command that is not allowed was run");
	return NULL;
}

static const struct dialect_argument echo_arguments[] = {
	{ "text", DIALECT_STRING, false, "" },
	{ "number", DIALECT_INTEGER, true, "" },
	{ "flag", DIALECT_BOOLEAN, true, "" },
	{ "list", DIALECT_STRINGS, true, "" },
	{ NULL },
};

static const struct dialect_command commands[] = {
	{ "echo", DIALECT_READ, echo_arguments, run_echo, "" },
	{ "any", DIALECT_READ, dialect_any_arguments, run_echo, "" },
	{ "later", DIALECT_READ, NULL, run_later, "" },
	{ "write", DIALECT_WRITE, dialect_any_arguments, run_never, "" },
	{ NULL },
};
static const struct dialect_command *const tables[] = { commands };

static void on_send(void *user, const char *data, size_t size)
{
	g_string_append_len(user, data, (gssize)size);
}

static void finish_deferred(void)
{
	for (guint i = deferred->len; i > 0; i--) {
		struct dialect_error error = { 0 };

		if (i % 2)
			dialect_fail(&error, "odd");
		dialect_call_finish(
			g_ptr_array_index(deferred, i - 1), i % 2 ? NULL : json_object(), &error);
	}
	g_ptr_array_set_size(deferred, 0);
}

static GString *replies(const uint8_t *data, size_t size, size_t piece)
{
	GString *out = g_string_new(NULL);
	const struct dialect_client_config config = {
		.access = DIALECT_READ,
		.send = on_send,
		.user = out,
	};
	struct dialect *dialect = dialect_new(tables, 1, NULL);
	struct dialect_client *client = dialect_client_new(dialect, &config);

	for (size_t at = 0; at < size; at += piece)
		dialect_client_feed(client, (const char *)data + at, MIN(piece, size - at));
	finish_deferred();
	PROMISE(!dialect_client_busy(client));
	dialect_client_free(client);
	dialect_free(dialect);
	return out;
}

static void check_line(const char *line, size_t size)
{
	size_t skip = size > 0 && (unsigned char)*line == DIALECT_DELIMITER;
	json_t *reply = json_loadb(line + skip, size - skip, JSON_REJECT_DUPLICATES, NULL);
	json_t *error = json_object_get(reply, "error");

	PROMISE(json_is_object(reply));
	PROMISE(!!error != !!json_object_get(reply, "return"));
	PROMISE(json_object_size(reply) == (json_object_get(reply, "id") ? 2 : 1));
	PROMISE(!error || json_is_string(json_object_get(error, "desc")));
	PROMISE(!error || !skip);
	json_decref(reply);
}

static void check_lines(const GString *out)
{
	const char *line = out->str, *end;

	while ((end = memchr(line, '\n', (size_t)(out->str + out->len - line)))) {
		check_line(line, (size_t)(end - line));
		line = end + 1;
	}
	PROMISE(line == out->str + out->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GString *whole, *cut;

	if (size == 0)
		return 0;
	json_object_seed(1);
	deferred = g_ptr_array_new();
	whole = replies(data + 1, size - 1, size);
	cut = replies(data + 1, size - 1, (size_t)data[0] + 1);
	check_lines(whole);
	PROMISE(g_string_equal(whole, cut));
	g_string_free(whole, TRUE);
	g_string_free(cut, TRUE);
	g_ptr_array_unref(deferred);
	return 0;
}

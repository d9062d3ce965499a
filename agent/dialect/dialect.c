/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dialect.h"

#include "arguments.h"
#include "framing.h"

#include <string.h>

#define PROFILE_API 1 /* of guest-info: revision of the helix-* commands */

struct dialect {
	const struct dialect_command *const *tables;
	unsigned n_tables;
	void *user;
};

struct dialect_client {
	struct dialect *dialect;
	struct dialect_client_config config;
	struct framing framing;
	struct dialect_limits own, *limits;
	GQueue calls; /* of struct dialect_call, oldest first; those in front are not answered yet */
};

struct dialect_call {
	struct dialect_client *client; /* NULL: it has left */
	const struct dialect_command *command;
	json_t *id; /* NULL: none */
	bool delimited;
	char *reply; /* NULL: not answered yet */
};

/* --- errors --- */

static void set_error(struct dialect_error *error, const char *class, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void set_error(struct dialect_error *error, const char *class, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	error->class = class;
	error->desc = g_strdup_vprintf(format, args);
	va_end(args);
}

json_t *dialect_fail(struct dialect_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	error->class = DIALECT_GENERIC_ERROR;
	error->desc = g_strdup_vprintf(format, args);
	va_end(args);
	return NULL;
}

/* --- limits --- */

static int64_t client_now_ms(const struct dialect_client *client)
{
	return client->config.now_ms ? client->config.now_ms(client->config.user)
				     : g_get_monotonic_time() / 1000;
}

static void bucket_init(
	struct dialect_bucket *bucket, int64_t cost_ms, int64_t capacity_ms, int64_t now_ms)
{
	*bucket = (struct dialect_bucket){ capacity_ms, capacity_ms, cost_ms, now_ms };
}

void dialect_limits_init(struct dialect_limits *limits, unsigned requests_per_s,
	unsigned write_interval_s, int64_t now_ms)
{
	int64_t write_ms = (int64_t)write_interval_s * 1000;

	bucket_init(&limits->requests, requests_per_s ? MAX(1000 / requests_per_s, 1) : 0,
		DIALECT_BURST_S * 1000, now_ms);
	bucket_init(&limits->writes, write_ms, write_ms * DIALECT_WRITE_BURST, now_ms);
}

static bool bucket_take(struct dialect_bucket *bucket, int64_t now_ms)
{
	bucket->level_ms =
		MIN(bucket->capacity_ms, bucket->level_ms + MAX(now_ms - bucket->at_ms, 0));
	bucket->at_ms = now_ms;
	if (bucket->level_ms < bucket->cost_ms)
		return false;
	bucket->level_ms -= bucket->cost_ms;
	return true;
}

/* --- commands that every server has --- */

static json_t *run_ping(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	return json_object();
}

static json_t *run_sync(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	return json_incref(json_object_get(arguments, "id"));
}

static json_t *run_sync_delimited(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	call->delimited = true;
	return run_sync(user, arguments, call, error);
}

static json_t *run_info(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error);

static const struct dialect_argument sync_arguments[] = {
	{ "id", DIALECT_INTEGER, false, "any number, to tell this reply from an older one" },
	{ NULL },
};

static const struct dialect_command builtin[] = {
	{ "guest-sync", DIALECT_READ, sync_arguments, run_sync, "returns id" },
	{ "guest-sync-delimited", DIALECT_READ, sync_arguments, run_sync_delimited,
		"returns id, behind a byte 0xff" },
	{ "guest-ping", DIALECT_READ, NULL, run_ping, "returns an empty object" },
	{ "guest-info", DIALECT_READ, NULL, run_info, "version and commands" },
	{ NULL },
};

static bool allows(const struct dialect_client *client, const struct dialect_command *command)
{
	return command->access == DIALECT_READ || client->config.access == DIALECT_WRITE;
}

static void list_commands(
	const struct dialect_client *client, const struct dialect_command *table, json_t *commands)
{
	for (; table->name; table++)
		json_array_append_new(
			commands, json_pack("{s:s,s:b,s:b}", "name", table->name, "enabled",
					  allows(client, table), "success-response", true));
}

static json_t *run_info(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	const struct dialect *dialect = call->client->dialect;
	json_t *commands = json_array();

	list_commands(call->client, builtin, commands);
	for (unsigned i = 0; i < dialect->n_tables; i++)
		list_commands(call->client, dialect->tables[i], commands);
	return json_pack("{s:s,s:o,s:i}", "version", PACKAGE_VERSION, "supported_commands",
		commands, "profile-api", PROFILE_API);
}

static const struct dialect_command *find_in(const struct dialect_command *table, const char *name)
{
	for (; table->name; table++)
		if (!strcmp(table->name, name))
			return table;
	return NULL;
}

static const struct dialect_command *find(const struct dialect *dialect, const char *name)
{
	const struct dialect_command *found = find_in(builtin, name);

	for (unsigned i = 0; !found && i < dialect->n_tables; i++)
		found = find_in(dialect->tables[i], name);
	return found;
}

struct dialect *dialect_new(
	const struct dialect_command *const *tables, unsigned n_tables, void *user)
{
	struct dialect *dialect = g_new0(struct dialect, 1);

	*dialect = (struct dialect){ tables, n_tables, user };
	return dialect;
}

void dialect_free(struct dialect *dialect)
{
	g_free(dialect);
}

/* --- replies --- */

static void call_free(struct dialect_call *call)
{
	json_decref(call->id);
	g_free(call->reply);
	g_free(call);
}

static json_t *error_object(struct dialect_error *error)
{
	g_autofree char *desc = g_utf8_make_valid(error->desc, -1);

	g_clear_pointer(&error->desc, g_free);
	return json_pack("{s:s,s:s}", "class", error->class, "desc", desc);
}

static char *dump_line(json_t *line, bool delimited)
{
	g_autofree char *text = json_dumps(line, JSON_ENSURE_ASCII);
	const char delimiter[] = { (char)DIALECT_DELIMITER, '\0' };

	if (!text || strlen(text) > DIALECT_REPLY_MAX)
		return NULL;
	return g_strconcat(delimited ? delimiter : "", text, "\n", NULL);
}

static void call_set_reply(struct dialect_call *call, json_t *reply, struct dialect_error *error)
{
	json_t *line = json_object();

	json_object_set_new(line, reply ? "return" : "error", reply ? reply : error_object(error));
	if (call->id)
		json_object_set(line, "id", call->id);
	call->reply = dump_line(line, call->delimited);
	json_decref(line);
	if (call->reply)
		return;
	struct dialect_error too_long = { 0 };
	json_decref(call->id);
	call->id = NULL;
	call_set_reply(call,
		dialect_fail(&too_long, "the reply is longer than %zu bytes", DIALECT_REPLY_MAX),
		&too_long);
}

/* Sends the replies that have none missing in front of them. */
static void flush_replies(struct dialect_client *client)
{
	struct dialect_call *call;

	while ((call = g_queue_peek_head(&client->calls)) && call->reply) {
		g_queue_pop_head(&client->calls);
		client->config.send(client->config.user, call->reply, strlen(call->reply));
		call_free(call);
	}
}

void dialect_call_finish(struct dialect_call *call, json_t *reply, struct dialect_error *error)
{
	if (!call->client) {
		json_decref(reply);
		if (!reply)
			g_clear_pointer(&error->desc, g_free);
		call_free(call);
		return;
	}
	call_set_reply(call, reply, error);
	flush_replies(call->client);
}

const struct dialect_command *dialect_call_command(const struct dialect_call *call)
{
	return call->command;
}

/* --- requests --- */

static bool check_members(json_t *request, struct dialect_error *error)
{
	const char *key;
	json_t *value;

	json_object_foreach(request, key, value)
	{
		if (!strcmp(key, "execute") && !json_is_string(value))
			dialect_fail(error, "QMP input member 'execute' must be a string");
		else if (!strcmp(key, "arguments") && !json_is_object(value))
			dialect_fail(error, "QMP input member 'arguments' must be an object");
		else if (strcmp(key, "execute") != 0 && strcmp(key, "arguments") != 0 &&
			 strcmp(key, "id") != 0)
			dialect_fail(error, "QMP input member '%s' is unexpected", key);
		if (error->class)
			return false;
	}
	if (!json_object_get(request, "execute"))
		dialect_fail(error, "QMP input lacks member 'execute'");
	return !error->class;
}

static bool check_allowed(struct dialect_client *client, const struct dialect_command *command,
	struct dialect_error *error)
{
	if (!allows(client, command))
		set_error(error, DIALECT_COMMAND_DISABLED,
			"Command %s has been disabled: this client may only read", command->name);
	else if (command->access == DIALECT_WRITE &&
		 !bucket_take(&client->limits->writes, client_now_ms(client)))
		dialect_fail(
			error, "too many writes: one every %u s", client->config.write_interval_s);
	return !error->class;
}

/* Returns the reply, or NULL and *error, or NULL alone when it is deferred. */
static json_t *run_request(struct dialect_call *call, json_t *request, struct dialect_error *error)
{
	struct dialect_client *client = call->client;
	json_t *arguments = json_object_get(request, "arguments");
	json_t *empty = arguments ? NULL : json_object();
	json_t *reply = NULL;
	const char *name;

	if (!check_members(request, error))
		goto end;
	name = json_string_value(json_object_get(request, "execute"));
	call->command = find(client->dialect, name);
	if (!call->command)
		set_error(error, DIALECT_COMMAND_NOT_FOUND, "The command %s has not been found",
			name);
	else if (arguments_check(call->command->arguments, arguments ? arguments : empty, error) &&
		 check_allowed(client, call->command, error))
		reply = call->command->run(
			client->dialect->user, arguments ? arguments : empty, call, error);
end:
	json_decref(empty);
	return reply;
}

static json_t *parse(const GString *text, struct dialect_error *error)
{
	json_error_t at;
	json_t *request =
		json_loadb(text->str, text->len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &at);

	if (!request)
		return dialect_fail(error, "JSON parse error, %s", at.text);
	if (json_is_object(request))
		return request;
	json_decref(request);
	return dialect_fail(error, "QMP input must be a JSON object");
}

static json_t *take_request(struct dialect_call *call, struct dialect_error *error)
{
	struct dialect_client *client = call->client;
	json_t *request = parse(client->framing.text, error), *reply = NULL;

	if (!request)
		return NULL;
	call->id = json_incref(json_object_get(request, "id"));
	if (bucket_take(&client->limits->requests, client_now_ms(client)))
		reply = run_request(call, request, error);
	else
		dialect_fail(
			error, "too many requests: %u a second", client->config.requests_per_s);
	json_decref(request);
	return reply;
}

static void set_framing_error(
	const struct framing *framing, enum framing_event event, struct dialect_error *error)
{
	if (event == FRAMING_GARBAGE)
		dialect_fail(error, "JSON parse error, invalid keyword '%s'", framing->text->str);
	else if (event == FRAMING_STRAY)
		dialect_fail(error, "JSON parse error, stray '\xef\xbf\xbd'");
	else if (event == FRAMING_BROKEN)
		dialect_fail(error, "JSON parse error, control character in a string");
	else if (event == FRAMING_TOO_LONG)
		dialect_fail(error, "JSON parse error, longer than %u bytes", DIALECT_MESSAGE_MAX);
	else
		dialect_fail(error, "JSON parse error, nested deeper than %u", DIALECT_DEPTH_MAX);
}

static void take(struct dialect_client *client, enum framing_event event)
{
	struct dialect_error error = { 0 };
	struct dialect_call *call;
	json_t *reply = NULL;

	if (event != FRAMING_MESSAGE &&
		!bucket_take(&client->limits->requests, client_now_ms(client)))
		return;
	call = g_new0(struct dialect_call, 1);
	call->client = client;
	g_queue_push_tail(&client->calls, call);
	if (event == FRAMING_MESSAGE)
		reply = take_request(call, &error);
	else
		set_framing_error(&client->framing, event, &error);
	if (reply || error.class)
		dialect_call_finish(call, reply, &error);
}

struct dialect_client *dialect_client_new(
	struct dialect *dialect, const struct dialect_client_config *config)
{
	struct dialect_client *client = g_new0(struct dialect_client, 1);

	client->dialect = dialect;
	client->config = *config;
	framing_init(&client->framing);
	dialect_limits_init(&client->own, config->requests_per_s, config->write_interval_s,
		client_now_ms(client));
	client->limits = config->limits ? config->limits : &client->own;
	return client;
}

void dialect_client_free(struct dialect_client *client)
{
	struct dialect_call *call;

	if (!client)
		return;
	while ((call = g_queue_pop_head(&client->calls))) {
		if (call->reply)
			call_free(call);
		else
			call->client = NULL;
	}
	framing_finish(&client->framing);
	g_free(client);
}

void dialect_client_feed(struct dialect_client *client, const char *data, size_t size)
{
	enum framing_event event;

	while ((event = framing_next(&client->framing, &data, &size)) != FRAMING_NONE)
		take(client, event);
}

bool dialect_client_pending(const struct dialect_client *client)
{
	return framing_pending(&client->framing);
}

bool dialect_client_busy(const struct dialect_client *client)
{
	return !g_queue_is_empty((GQueue *)&client->calls);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The dialect of the QEMU guest agent (QMP-style JSON), sans I/O: bytes of a client in, bytes for
 * it out. No greeting, no capabilities, no events; one object in, one line out, in order;
 * requests need no newline between them. qga/qapi-schema.json of QEMU, docs/agent-protocol.md.
 */

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define DIALECT_MESSAGE_MAX 65536u                /* bytes of a request */
#define DIALECT_DEPTH_MAX   16u                   /* nested objects and arrays */
#define DIALECT_REPLY_MAX   ((size_t)1024 * 1024) /* bytes of a reply */
#define DIALECT_DELIMITER   0xffu /* in front of the reply to guest-sync-delimited */

/* What a command needs of who calls it. */
enum dialect_access {
	DIALECT_READ,
	DIALECT_WRITE, /* changes the machine */
};

enum dialect_type {
	DIALECT_INTEGER, /* 64 bit */
	DIALECT_STRING,
	DIALECT_BOOLEAN,
	DIALECT_STRINGS, /* array of strings */
};

struct dialect_argument {
	const char *name; /* NULL ends the list */
	enum dialect_type type;
	bool optional;
	const char *help; /* one line, for guest-info and the documentation */
};

#define DIALECT_GENERIC_ERROR     "GenericError"
#define DIALECT_COMMAND_NOT_FOUND "CommandNotFound"
#define DIALECT_COMMAND_DISABLED  "CommandDisabled" /* exists, but not for this client */

struct dialect_error {
	const char *class; /* one of the above; static storage; NULL: no error */
	char *desc;        /* owned, g_free() */
};
/* Fills an error of the class GenericError. Returns NULL, for handlers to return. */
json_t *dialect_fail(struct dialect_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* As the only table of arguments of a command: any go, unchecked. */
extern const struct dialect_argument dialect_any_arguments[];

/* Sends the reply of a request that was answered later (deferred): takes `reply` (NULL: error, whose
 * desc it takes). */
struct dialect_call;
void dialect_call_finish(struct dialect_call *call, json_t *reply, struct dialect_error *error);
/* What was asked for; valid until the call is finished. */
const struct dialect_command *dialect_call_command(const struct dialect_call *call);

struct dialect_command {
	const char *name;
	enum dialect_access access;
	const struct dialect_argument *arguments; /* NULL: none. Checked before the handler runs. */
	/*
	 * arguments: an object, borrowed, never NULL. Returns the value of "return" (a new
	 * reference), or NULL and *error. A handler that cannot answer at once keeps `call`, returns
	 * NULL and leaves *error untouched; it calls dialect_call_finish() once, on the same thread,
	 * at any later time, also when the client has left. `arguments` lives until run() returns.
	 */
	json_t *(*run)(void *user, json_t *arguments, struct dialect_call *call,
		struct dialect_error *error);
	const char *help; /* one line */
};

/* Commands of a server: built-in ones (guest-sync, guest-sync-delimited, guest-ping, guest-info)
 * and those of the tables. Tables end with a NULL name and outlive it. */
struct dialect;
struct dialect *dialect_new(
	const struct dialect_command *const *tables, unsigned n_tables, void *user);
void dialect_free(struct dialect *dialect);

/* Token buckets; a cost of 0: no limit. DIALECT_BURST_S seconds' worth of requests, and
 * DIALECT_WRITE_BURST writes, may come at once. Garbage beyond the limit is not answered. */
#define DIALECT_BURST_S     2u
#define DIALECT_WRITE_BURST 4u
struct dialect_bucket {
	int64_t level_ms, capacity_ms, cost_ms; /* time saved up */
	int64_t at_ms;
};
struct dialect_limits {
	struct dialect_bucket requests, writes;
};
/* Full ones; 0: no limit. */
void dialect_limits_init(struct dialect_limits *limits, unsigned requests_per_s,
	unsigned write_interval_s, int64_t now_ms);

/* A client. */
struct dialect_client_config {
	enum dialect_access access; /* the most it may ask for */
	/* Sends bytes to the client; borrowed for the call. */
	void (*send)(void *user, const char *data, size_t size);
	void *user;
	unsigned requests_per_s, write_interval_s; /* 0: no limit */
	/* Of these, shared with other clients of the same one; borrowed; NULL: its own. */
	struct dialect_limits *limits;
	int64_t (*now_ms)(void *user); /* for the limits; NULL: the monotonic clock */
};

struct dialect_client;
struct dialect_client *dialect_client_new(
	struct dialect *dialect, const struct dialect_client_config *config);
/* Calls under way are finished without a reply. Not from within send(). */
void dialect_client_free(struct dialect_client *client);
/* Any bytes. Replies go to send(), in order. A message too long, too deep or with duplicate keys is
 * answered by an error, and reading goes on behind it. */
void dialect_client_feed(struct dialect_client *client, const char *data, size_t size);
/* Is it in the middle of a request? */
bool dialect_client_pending(const struct dialect_client *client);
/* Does it wait for a deferred call? Who feeds it should wait too, else replies pile up. */
bool dialect_client_busy(const struct dialect_client *client);

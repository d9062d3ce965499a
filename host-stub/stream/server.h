/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Listens, and gives every client a session. One thread runs it, any thread (or signal handler)
 * stops it. */

#include "session.h"

#include <hxfr/endpoint.h>

#define SERVER_LISTENERS_MAX 16u
#define SERVER_CLIENTS_MAX   64u
#define SERVER_FAULTS_MAX    16u
#define SERVER_ENCODERS_MAX  64u                          /* beyond the first of every client */
#define SERVER_PIXELS_MAX    ((size_t)1024 * 1024 * 1024) /* bytes of frames in encoders */

struct server_config {
	struct encoder_choice encoder;
	struct fault faults[SERVER_FAULTS_MAX]; /* one a SPEC, as fault_parse() left it */
	unsigned n_faults;
	uint32_t console_width, console_height; /* of scanout 0, where it is a test picture */
	struct mirror *mirror;                  /* as session_config.mirror; outlives the server */
	bool refuse_ids;                        /* as session_config.refuse_ids */
	/* 0: SESSION_STALL_TIMEOUT_MS. Also how long a client may owe a message
	 * (session_owing_since_us) before its place is given to another one, when all are taken. */
	unsigned stall_timeout_ms;
	const struct log_sink *log; /* may be NULL; outlives the server */
};

struct server;

/* -ENOMEM, -EMFILE. */
int server_new(const struct server_config *config, struct server **ret);
/* Closes listeners, removes the files of Unix sockets, ends all sessions. NULL is fine. */
void server_destroy(struct server *server);

/* -ENOSPC: SERVER_LISTENERS_MAX reached; else as hxfr_socket_listen(). *ret_bound (may be NULL): with the real
 * port. */
int server_listen(struct server *server, const struct hxfr_endpoint *endpoint,
	struct hxfr_endpoint *ret_bound);
/* What to do about an error of server_listen(), for a person; static storage. NULL: nothing beyond
 * strerror(3). */
const char *server_listen_advice(const struct hxfr_endpoint *endpoint, int error);

/* Serves until server_stop(). 0, or the -errno of poll(2). */
int server_run(struct server *server);
/* Async-signal-safe. */
void server_stop(struct server *server);

/* Closes listeners and removes the files of Unix sockets; for when server_run() has returned. */
void server_stop_listening(struct server *server);
/* Ends all sessions at once; likewise. What they left undone is then counted. -ETIMEDOUT: some do
 * not end in time (an encoder that does not stop), and server_destroy() would wait for them. */
int server_stop_sessions(struct server *server, unsigned timeout_ms);
void server_get_stats(struct server *server, struct stats *ret);

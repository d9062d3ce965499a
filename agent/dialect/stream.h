/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One client of a dialect on a descriptor, on the default main context. It reads no further while a
 * reply is owed or not taken, so that a client cannot make replies pile up.
 */

#include "dialect.h"

#define DIALECT_OUT_MAX  (4 * DIALECT_REPLY_MAX) /* bytes of replies that wait to be taken */
#define DIALECT_POLL_MS  100u                    /* how often a port without a host is looked at */
#define DIALECT_STALL_MS 5000u                   /* to end a request begun, to take a reply */

/* What a client is granted. */
struct dialect_terms {
	enum dialect_access access;
	unsigned requests_per_s, write_interval_s; /* as in dialect_client_config */
	bool trusted; /* places of a server are kept for it (dialect/server.h) */
};

struct dialect_stream;
struct dialect_stream_config {
	struct dialect *dialect;
	struct dialect_terms terms;
	struct dialect_limits *limits; /* as in dialect_client_config */
	unsigned stall_timeout_ms;     /* 0: DIALECT_STALL_MS */
	unsigned idle_timeout_ms;      /* without a request; 0: none */
	/* A virtio-serial port, whose end of file means that nobody has it open on the host: what was
	 * begun is dropped, and it goes on. */
	bool persistent;
	/* It is over (never for a persistent one, but for errors of the port): to be freed. */
	void (*closed)(void *user, struct dialect_stream *stream);
	void *user;
};

/* Takes fd, which is non-blocking. */
struct dialect_stream *dialect_stream_new(int fd, const struct dialect_stream_config *config);
void dialect_stream_free(struct dialect_stream *stream);

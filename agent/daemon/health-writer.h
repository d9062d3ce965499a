/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Puts health into a file, for hosts that look at a shared folder and for textfile collectors. The
 * share may hang for ever (9p, virtiofs, NFS): the file is written by a thread, and while that
 * hangs only the newest text waits behind it. Except for that thread, everything on the thread of
 * the default main context.
 */

#include "../health.h"

struct health_writer_config {
	const char *path; /* copied */
	/* What is in it; transfer full. */
	char *(*format)(struct health *health);
	unsigned late_ms; /* when a write counts as failed; it goes on */
	/* Replaces the file atomically. NULL: the real one. On a thread. */
	bool (*replace)(const char *path, const char *text, GError **error);
	/* Writing begins to fail: once until it has worked again. May be NULL. */
	void (*failed)(void *user, const char *why);
	void *user;
};

struct health_writer;
struct health_writer *health_writer_new(const struct health_writer_config *config);
/* A thread that hangs is left behind. NULL is fine. */
void health_writer_free(struct health_writer *writer);
/* Takes what health is now; never waits. */
void health_writer_write(struct health_writer *writer, struct health *health);
/* Is a thread at it? */
bool health_writer_is_busy(const struct health_writer *writer);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Commands whose answer has to be waited for: a bus, a program, a file system may take its time, or
 * for ever. Each is run on a thread, a few at a time. Who asked is told in time; a thread that hangs
 * is left to itself, with a machine (struct env) of its own.
 */

#include "../dialect/dialect.h"
#include "../env.h"

#define ERRANDS_AT_ONCE  4u /* those that hang aside; others wait for their turn */
#define ERRANDS_LATE_MAX 8u /* that may hang before every other is refused */

struct errand_kind {
	/* On a thread: completes reply, or fills error and returns false. */
	bool (*run)(const struct env *env, json_t *reply, struct dialect_error *error);
	unsigned late_ms; /* from when it was begun */
	const char *late; /* what is told then */
};

struct errands;

/* env is copied. */
struct errands *errands_new(const struct env *env);
/* Answers what is not answered with an error, at once: no thread is waited for. */
void errands_free(struct errands *errands);
/* For the handler of a command, which returns NULL afterwards: finishes the call later. Takes reply,
 * an object or array that kind->run() completes. `kind` is static. */
void errands_run(struct errands *errands, const struct errand_kind *kind, struct dialect_call *call,
	json_t *reply);

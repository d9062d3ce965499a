/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Commands that helix-applyd answers: handed on as they are, few at a time, never waited for. The
 * socket takes connections before helix-applyd runs, and at its start it may have to take back what a
 * crash left half done: a guest-ping goes first, with a time of its own, so that a slow start is
 * no slow answer.
 */

#define FORWARD_AT_ONCE 2u /* leaves helix-applyd room for other clients (DIALECT_CLIENTS_MAX) */

struct forward_times {
	unsigned start_ms; /* until helix-applyd answers at all */
	unsigned read_ms, latency_ms, write_ms;
};
extern const struct forward_times forward_times;

struct forward;
/* path: helix-applyd's socket; copied. times is borrowed. */
struct forward *forward_new(const char *path, const struct forward_times *times);
/* What is under way is not answered any more: after the clients are gone. */
void forward_free(struct forward *forward);

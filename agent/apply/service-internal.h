/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the service share. */

#include "../setting/transaction.h"
#include "service.h"

struct service_latency;

struct service {
	const struct env *env;
	char **profile_dirs;
	struct transactions *transactions;
	guint deadline; /* source that takes back what nobody confirmed; 0: nothing waits */
	struct service_latency *latency; /* a measurement under way */
	gint64 latency_ended_us;         /* g_get_monotonic_time(); 0: none was */
	unsigned n_recovered;
};

json_t *service_verify(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error);
json_t *service_checkpoints(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error);
json_t *service_journal(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error);
json_t *service_latency(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error);
/* Waits for a measurement under way, and does not answer. */
void service_latency_finish(struct service *service);

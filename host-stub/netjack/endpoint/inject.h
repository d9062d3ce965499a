/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A bad network on purpose: datagrams that are lost, held back or overtaken, by a fixed pseudo-random
 * sequence, so that a run can be repeated. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INJECT_QUEUE_MAX   256u    /* datagrams that are held back; more are lost */
#define INJECT_OVERTAKE_NS 5000000 /* the longest that one waits for the next to overtake it */

struct inject_config {
	double loss;       /* share of datagrams, 0..1 */
	double cycle_loss; /* share of whole periods */
	double reorder;    /* share of datagrams that the next one overtakes */
	int64_t delay_ns;  /* all are held back so long */
	int64_t jitter_ns; /* and up to so much more */
	uint64_t after;    /* periods that are left alone at the start */
	uint64_t seed;
	bool on_send, on_return; /* master to slave, slave to master */
};

struct inject_counters {
	uint64_t lost, delayed, reordered;
};

struct inject;

/* What comes out: the datagram's bytes, in the order in which it is now. stamp_ns: later than what was
 * pushed by as long as the datagram was held back. Must not call back into the inject. */
typedef void (*inject_sink)(void *user, const uint8_t *data, size_t size, int64_t stamp_ns);

/* Does the configuration do anything at all? */
bool inject_wants(const struct inject_config *config);
/* config is copied; on_send and on_return are for who calls. -ENOMEM. */
int inject_new(
	const struct inject_config *config, inject_sink sink, void *user, struct inject **ret);
/* What is held back is lost. NULL is fine. */
void inject_destroy(struct inject *inject);
/* A datagram of period `tick`: goes to the sink at once, later or never. size <= NETJACK_PACKET_MAX. */
void inject_push(struct inject *inject, uint64_t tick, const uint8_t *data, size_t size,
	int64_t stamp_ns, int64_t now_ns);
/* Passes on what is due. */
void inject_run(struct inject *inject, int64_t now_ns);
/* When something is due; INT64_MAX: nothing waits. */
int64_t inject_next_ns(const struct inject *inject);
const struct inject_counters *inject_counters(const struct inject *inject);

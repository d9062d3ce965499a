/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The periods that are on their way: what was sent, what of it came back, and when. Pure: packets and
 * times in, verdicts out.
 *
 * A slave in sync mode echoes the number of the cycle it answers. One in async mode has a counter of
 * its own, PipeWire's says 0 always: see anchor.h.
 *
 * jackd, when a part of period c does not reach it, answers c - 1 once more when c + 1 comes, with
 * what it played then, and never c: the first answer to a period is the one that counts.
 */

#include "audio.h"

#define RETURNS_SLOTS 64u /* periods; more than NETJACK_LATENCY_MAX, a power of two */

struct returns; /* for one slave */

/* Counted since the session began; written by the process thread alone. */
struct returns_counters {
	uint64_t verdicts[N_VERDICTS]; /* what returns_take() said, one a period */
	uint64_t packets;              /* of periods that are on their way */
	/* What became of the periods that were LATE or LOST when they were due, RETURNS_SLOTS periods
	 * later at most. */
	uint64_t lost;       /* never came back, or not all of it */
	uint64_t late;       /* came back after their time */
	uint64_t duplicated; /* packets that were there already */
	uint64_t reordered;  /* packets behind one that was sent after them */
	uint64_t stale;      /* packets of no period that is on its way */
	uint64_t malformed;  /* packets that could not be what the session has */
	uint64_t
		slave_xruns; /* periods that the slave answered once more later, for a missing one */
	uint64_t reanchored; /* times the numbering had to be found again */
};

/* session: agreed on, no count of channels is -1. -ENOMEM. */
int returns_new(const struct netjack_session *session, struct returns **ret);
/* NULL is fine. */
void returns_destroy(struct returns *returns);

/* Period `tick` goes out at sent_ns (CLOCK_MONOTONIC), as cycle tick + 1, which may wrap. Ticks are in
 * order. */
void returns_expect(struct returns *returns, uint64_t tick, int64_t sent_ns);
/* A datagram came at received_ns (by the kernel's stamp; CLOCK_MONOTONIC). Nothing in it is trusted.
 * True: it was a sync packet, *ret_ports: the send ports that the slave wants. */
bool returns_packet(struct returns *returns, const uint8_t *data, size_t size, int64_t received_ns,
	netjack_ports *ret_ports);
/* Did the last packet complete a period, in time or late? Then, once, *ret_rtt_ns: from when it was
 * sent to that packet. */
bool returns_arrived(struct returns *returns, int64_t *ret_rtt_ns);
/* Has all of the period that is due at `tick` come? */
bool returns_ready(const struct returns *returns, uint64_t tick);
/* What is due at `tick`, once for each; *ret_sent: its tick, 0 when EARLY. LATE: it is not there, LOST:
 * and something younger is. Only when OK: *ret_channels, borrowed until the next call, silence where a
 * port was not sent; *ret_rtt_ns, from sent_ns to its last packet. */
enum verdict returns_take(struct returns *returns, uint64_t tick, uint64_t *ret_sent,
	const float *const **ret_channels, int64_t *ret_rtt_ns);

const struct returns_counters *returns_counters(const struct returns *returns);

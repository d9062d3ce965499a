/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The periods that are on their way: what was sent, what of it came back, and when. Pure: packets and
 * times in, verdicts out.
 *
 * A slave in sync mode echoes the number of the cycle it answers. One in async mode has a counter of
 * its own, PipeWire's says 0 always: such returns are placed by order and re-anchored by time, so that
 * a lost one shifts nothing for long.
 */

#include "audio.h"

#define RETURNS_SLOTS 64u /* periods; more than NETJACK_LATENCY_MAX, a power of two */

struct returns; /* for one slave */

/* Counted since the session began; written by the process thread alone. */
struct returns_counters {
	uint64_t verdicts[N_VERDICTS]; /* one a period */
	uint64_t packets;              /* understood */
	uint64_t lost;        /* periods that never came back (found when their slot is needed) */
	uint64_t late;        /* periods that came back after their time */
	uint64_t duplicated;  /* packets that were there already */
	uint64_t reordered;   /* packets behind one that was sent after them */
	uint64_t stale;       /* packets of no period that is on its way */
	uint64_t malformed;   /* packets that could not be what the session has */
	uint64_t slave_xruns; /* periods that the slave skipped or answered twice */
	uint64_t reanchored;  /* times the numbering had to be found again */
};

/* stream: of the returns. latency: N, periods (0: a return is due in the cycle it answers).
 * -ENOMEM. */
int returns_new(const struct netjack_stream *stream, uint32_t latency, uint32_t rate, bool sync,
	struct returns **ret);
void returns_destroy(struct returns *returns);

/* Period `tick` went out at sent_ns (CLOCK_REALTIME as the kernel stamps packets). wanted: the return
 * ports that were asked for. Ticks are in order. */
void returns_expect(struct returns *returns, uint64_t tick, int64_t sent_ns, netjack_ports wanted);
/* A datagram came at received_ns (the kernel's stamp). Nothing in it is trusted. *ret_ports: the
 * send ports that the slave wants, where the packet says so (true). */
bool returns_packet(struct returns *returns, const uint8_t *data, size_t size, int64_t received_ns,
	netjack_ports *ret_ports);
/* Has all of the period that is due at `tick` come? */
bool returns_ready(const struct returns *returns, uint64_t tick);
/* What is due at `tick`; *ret_sent its tick, *ret_channels borrowed until the next call,
 * silence where a port was not sent; *ret_rtt_ns from sent_ns to its last packet when OK. */
enum verdict returns_take(struct returns *returns, uint64_t tick, uint64_t *ret_sent,
	const float *const **ret_channels, int64_t *ret_rtt_ns);

const struct returns_counters *returns_counters(const struct returns *returns);

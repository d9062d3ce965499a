/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Verdicts on audio. Limits follow the rate and period that are wanted. */

#include "audio.h"
#include "probe.h"

void audio_server_judge(const struct audio_server *server, const struct probe_wanted *wanted,
	struct probe_result *ret);

/* Highest real-time priorities among the threads of the server; 0: none. */
struct audio_threads {
	unsigned fifo, rr;
};
struct audio_threads audio_threads_of(const struct process_thread *threads, unsigned n);
void audio_rt_judge(const char *server, const struct audio_threads *threads,
	const struct probe_wanted *wanted, struct probe_result *ret);

/* min_frames: what PipeWire does not go below; 0: not known, or not PipeWire. */
void audio_quantum_judge(unsigned frames, unsigned rate_hz, unsigned min_frames,
	const struct probe_wanted *wanted, struct probe_result *ret);
/* The same when the server cannot be asked, only its configuration read. */
void audio_min_quantum_judge(
	unsigned min_frames, const struct probe_wanted *wanted, struct probe_result *ret);

/* The loop in frames: what goes into the guest comes back so much later. */
struct audio_loop {
	unsigned frames; /* B, of one period */
	unsigned rate_hz;
	double periods; /* N + A over NETJACK; periods of the sound card; 2 */
	bool assumed;   /* frames and rate are those that are wanted, not measured */
};
/* NETJACK: N periods on the network and one more when the slave runs without -S. */
double audio_loop_periods(const struct audio_server *server);
void audio_latency_judge(
	const struct audio_loop *loop, const struct probe_wanted *wanted, struct probe_result *ret);

void audio_xruns_judge(double per_min, struct probe_result *ret);
/* Sum of the column ERR of `pw-top -b -n 2`, of its last round. False: there is no such column. */
bool pw_top_errors(const char *text, uint64_t *ret);

struct netjack_facts {
	struct netjack_socket slave, netone;
	uint64_t drops_before;
	bool wanted_slave; /* a jackd runs with -d net or -d netone */
	unsigned port;     /* that was looked at */
	bool restarted;    /* within the last hour another process took the place of that jackd */
};
void audio_netjack_judge(const struct netjack_facts *facts, struct probe_result *ret);

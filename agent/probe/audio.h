/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is known of audio servers from outside: arguments, threads, settings, sockets. */

#include "probe.h"
#include "process.h"

/* Arguments of jackd (jackd(1)). Numbers that were not given are jackd's defaults; rate_hz and
 * period_frames are 0 where the driver learns them from its master. */
struct jackd {
	char driver[16]; /* "alsa", "net", "netone", "dummy"; "" when none was given */
	bool realtime, sync;
	unsigned priority;
	unsigned rate_hz, period_frames, periods;
	unsigned latency; /* -l of the net driver: periods on the network */
	unsigned port;    /* UDP port of the net driver; 0: of another driver */
};
void jackd_parse(const char *const *arguments, struct jackd *ret);

/* What `pw-metadata -n settings` prints. False when neither quantum nor rate is in it. */
struct quantum {
	unsigned frames, min_frames, max_frames, forced_frames; /* 0: not told, not forced */
	unsigned rate_hz, forced_rate_hz;
};
bool quantum_parse(const char *text, struct quantum *ret);
/* Frames that a graph gets when nobody asks for less. */
unsigned quantum_effective(const struct quantum *quantum);

/* default.clock.min-quantum that a file of /etc/pipewire sets for virtual machines: within
 * vm.overrides or context.properties.rules. False when it sets none. */
bool pipewire_vm_quantum_parse(const char *text, unsigned *ret);

/* Sockets of NETJACK in /proc/net/udp. */
#define NETJACK2_PORT 19000u
#define NETONE_PORT   3000u
struct netjack_socket {
	bool bound, connected; /* connected: the slave knows its master */
	uint64_t drops;        /* datagrams that were lost for want of buffer */
};
/* Which sockets those are. With a master on its own machine a slave takes any local port: where its
 * sockets are not known, one of its user counts that is connected to its own address. */
struct netjack_owner {
	unsigned port; /* local */
	const char *const
		*inodes; /* sockets of the slave (process_sockets()); empty or NULL: not known */
	int64_t uid;     /* of the slave; -1: not known */
};
void netjack_socket_parse(
	const char *udp, const struct netjack_owner *owner, struct netjack_socket *ret);

enum audio_kind {
	AUDIO_NONE,
	AUDIO_JACK,
	AUDIO_PIPEWIRE,
};
struct audio_server {
	enum audio_kind kind;
	struct process process; /* valid unless AUDIO_NONE; name owned */
	unsigned n;             /* of its kind; process is the first */
	int64_t uid;            /* -1: not known */
	struct jackd jackd;     /* of AUDIO_JACK */
};
/* The JACK server if there is one, else PipeWire. */
void audio_server_find(const struct env *env, struct audio_server *ret);
void audio_server_finish(struct audio_server *server);
/* Is it of this user, or of one whom this process may ask? */
bool audio_server_reachable(const struct audio_server *server);
/* Runs pw-metadata on a PipeWire that may be asked. */
bool audio_quantum(const struct env *env, const struct audio_server *server, struct quantum *ret);
/* Period and rate of any server that tells, by whatever way. */
bool audio_period(const struct env *env, const struct audio_server *server, unsigned *ret_frames,
	unsigned *ret_rate_hz);

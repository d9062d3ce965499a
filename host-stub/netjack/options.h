/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line of `helix-host-stub netjack`. */

#include "bridge/bridge.h"
#include "sound/wav.h"

#define NETJACK_DEFAULT_RATE     96000
#define NETJACK_DEFAULT_PERIOD   128
#define NETJACK_DEFAULT_PRIORITY 70 /* above the slave's own threads, below the kernel's */
#define NETJACK_DEFAULT_WARM_UP  1  /* s */
#define NETJACK_DEFAULT_WAIT     30 /* s, of a run that is to end */
#define NETJACK_DEFAULT_TARGET   2  /* ms, of the loop */

struct netjack_options {
	uint32_t rate, period;                           /* 0 with --jack: the graph's */
	int32_t send_audio, return_audio, midi, latency; /* -1: the slave's */

	struct in_addr address, group;
	uint16_t port;
	char *host;   /* the master's name */
	char **names; /* NULL: any slave */

	bool measure;
	double warm_up, target_ms;
	bool require_target; /* a target that is missed is a failure */
	char *play, *record;
	bool loop;
	enum wav_format format;

	bool jack, jack_physical;
	char *jack_server, *jack_client;
	char **jack_connections;
	enum bridge_clock clock;
	double margin_ms, wait_share; /* 0: the default */
	char *status_path;

	double seconds; /* 0: until it is stopped */
	double wait;    /* for a slave and its returns, s; 0: for ever */
	bool json;
	char *histogram;

	struct inject_config inject;
	bool injects;
	double skew_ppm;

	int rt_priority; /* 0: leave it as it is */
	enum log_level log_level;
};

/* 0 and *ret, which netjack_options_finish() releases; 1: help was asked for and printed; -EINVAL:
 * nonsense, said on stderr. */
int netjack_options_parse(int argc, char **argv, struct netjack_options *ret);
void netjack_options_finish(struct netjack_options *options);
/* Borrows from options. */
void netjack_options_door(
	const struct netjack_options *options, const struct log_sink *log, struct door_config *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line as GOption leaves it. */

#include "options.h"

#include "../command.h"

#define NETJACK_NOT_GIVEN G_MININT /* of rate, period and target */

struct raw_options {
	gint rate, period, channels, send, returned, midi, latency, port, priority;
	char *address, *interface, *group, *host, **names;
	gboolean measure, loop, jack, physical, json, no_realtime;
	char *play, *record, *format, *histogram;
	char *server, *client, **connections, *clock, *status;
	double seconds, wait, warm_up, target, margin, share;
	double loss, cycle_loss, reorder, delay, jitter, skew;
	char *direction;
	gint64 seed;
	struct command_log log;
};

/* As command_parse(). raw_options_finish() afterwards, always. */
int raw_options_parse(int argc, char **argv, struct raw_options *raw);
void raw_options_finish(struct raw_options *raw);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run.h"

#include "../command.h"
#include "advice.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>

static struct bridge *running; /* for the signal handler */

static void on_signal(int signal_number)
{
	(void)signal_number;
	bridge_stop(running);
}

/* A second signal finds the default action, and kills. */
static void catch_signals(struct bridge *bridge)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	running = bridge;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int netjack_run_bridge(const struct netjack_options *options)
{
	struct log_sink log = { .level = options->log_level, .write = command_write_log };
	struct bridge_config config = {
		.client = options->jack_client,
		.server = options->jack_server,
		.clock = options->clock,
		.connections = (const char *const *)options->jack_connections,
		.connect_physical = options->jack_physical,
		.wait_share = options->wait_share,
		.margin_ms = options->margin_ms,
		.skew_ppm = options->skew_ppm,
		.rt_priority = options->rt_priority,
		.status_path = options->status_path,
		.log = &log,
	};
	g_autofree char *status = options->status_path ? NULL : bridge_status_path_made();
	struct bridge *bridge;

	if (status)
		config.status_path = status;
	netjack_options_door(options, &log, &config.door);
	int r = bridge_new(&config, &bridge);
	if (r < 0) {
		g_printerr("helix-host-stub: %s\n", g_strerror(-r));
		return EXIT_RUNTIME;
	}
	catch_signals(bridge);
	r = bridge_run(bridge);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	bridge_destroy(bridge);
	if (r == -EADDRINUSE || r == -EADDRNOTAVAIL) {
		g_autofree char *advice = advice_listen(options, r);

		g_printerr("helix-host-stub: %s\n", advice);
	}
	return r < 0 ? EXIT_RUNTIME : EXIT_OK;
}

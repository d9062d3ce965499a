/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../command.h"

#include "run.h"

#include <string.h>

static int run(int argc, char **argv)
{
	struct netjack_options options;

	if (argc > 1 && strcmp(argv[1], "status") == 0)
		return bridge_status_command(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "restart") == 0)
		return bridge_restart_command(argc - 1, argv + 1);
	if (argc > 1 && argv[1][0] != '-') {
		g_printerr("helix-host-stub: netjack %s: there is 'netjack status', 'netjack "
			   "restart' and 'netjack' with options; see --help\n",
			argv[1]);
		return EXIT_USAGE;
	}
	int r = netjack_options_parse(argc, argv, &options);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : EXIT_OK;
	int status = options.jack ? netjack_run_bridge(&options) : netjack_run(&options);
	netjack_options_finish(&options);
	return status;
}

const struct command netjack_command = {
	.name = "netjack",
	.summary = "NETJACK2 master: audio to a DSP guest and back, measured; bridge to JACK",
	.run = run,
};

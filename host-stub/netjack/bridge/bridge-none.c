/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bridge.h"

#include "../../command.h"

#include <errno.h>

/* Built without JACK. */

bool bridge_is_available(void)
{
	return false;
}

int bridge_new(const struct bridge_config *config, struct bridge **ret)
{
	(void)ret;
	log_write(config->log, LOG_LEVEL_ERROR,
		"built without JACK: build with libjack-jackd2-dev, libsamplerate0-dev and "
		"libjansson-dev (meson -Djack=enabled)");
	return -ENOTSUP;
}

void bridge_destroy(struct bridge *bridge)
{
	(void)bridge;
}

int bridge_run(struct bridge *bridge)
{
	(void)bridge;
	return -ENOTSUP;
}

void bridge_stop(struct bridge *bridge)
{
	(void)bridge;
}

char *bridge_status_path(void)
{
	return NULL;
}

char *bridge_status_path_made(void)
{
	return NULL;
}

static int refuse(void)
{
	g_printerr("helix-host-stub: built without JACK: there is no bridge\n");
	return EXIT_RUNTIME;
}

int bridge_status_command(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return refuse();
}

int bridge_restart_command(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return refuse();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bridge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Where JACK is not. */

bool bridge_is_available(void)
{
	return false;
}

const char *bridge_connection_problem(const char *text)
{
	const char *equals = strchr(text, '=');

	return equals && equals != text && equals[1] ? NULL : "write FROM=TO";
}

int bridge_new(const struct bridge_config *config, struct bridge **ret)
{
	return -ENOTSUP;
}

void bridge_destroy(struct bridge *bridge)
{
}

int bridge_run(struct bridge *bridge)
{
	return -ENOTSUP;
}

void bridge_stop(struct bridge *bridge)
{
}

static int refuse(void)
{
	fputs("helix-host-stub: built without JACK: there is no bridge\n", stderr);
	return 3;
}

int bridge_status_command(int argc, char **argv)
{
	return refuse();
}

int bridge_restart_command(int argc, char **argv)
{
	return refuse();
}

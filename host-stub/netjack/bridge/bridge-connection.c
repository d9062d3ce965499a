/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bridge.h"

#include <string.h>

const char *bridge_connection_problem(const char *text)
{
	const char *middle = strchr(text, '=');

	if (!middle)
		return "write FROM=TO, two names of ports";
	if (strchr(middle + 1, '='))
		return "one '=' only";
	if (middle == text || middle[1] == '\0')
		return "a name of a port is missing";
	if (strlen(text) >= BRIDGE_PORT_NAME_SIZE / 2)
		return "names are too long";
	return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wav.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

int wav_format_parse(const char *text, enum wav_format *ret)
{
	if (strcmp(text, "float") == 0)
		*ret = WAV_FLOAT;
	else if (strcmp(text, "24") == 0)
		*ret = WAV_24_BIT;
	else
		return -EINVAL;
	return 0;
}

char *wav_recording_path(const char *path, unsigned n)
{
	const char *name = strrchr(path, '/'), *dot = strrchr(name ? name : path, '.');

	if (n <= 1)
		return g_strdup(path);
	if (!dot || dot == path || dot[-1] == '/')
		return g_strdup_printf("%s-%u", path, n);
	return g_strdup_printf("%.*s-%u%s", (int)(dot - path), path, n, dot);
}

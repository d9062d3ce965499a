/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Changes of the file system that are complete or did not happen, whenever the machine stops. Paths
 * are those of the machine (env_path() is applied here). Errors of G_FILE_ERROR.
 */

#include "../env.h"

#include <sys/types.h>

/* Tells host->step(), where there is one. */
void durable_step(const struct env *env, const char *name);

/* A knob of the kernel: one write(2) of the whole text. */
bool durable_poke(const struct env *env, const char *path, const char *text, GError **error);

struct durable_file {
	mode_t mode;
	uid_t uid; /* (uid_t)-1: as it comes */
	gid_t gid;
	const char *text;
};
/* Makes its folder where it is missing. A file of that name is replaced, a link is not followed. */
bool durable_replace(
	const struct env *env, const char *path, const struct durable_file *file, GError **error);
bool durable_link(const struct env *env, const char *path, const char *target, GError **error);
/* A file or a link, and what an interrupted durable_replace() left beside it. */
bool durable_remove(const struct env *env, const char *path, GError **error);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Another program, to its end. Found in folders of the system only, whatever PATH says here. It leads
 * a process group: when its time is up, or it prints more than ENV_FILE_MAX bytes, those that it
 * started end with it. Who of them outlives it otherwise is not waited for. Any thread.
 */

#include "env.h"

/* env->run of the real machine; its contract. What is printed has to be UTF-8 without NUL bytes
 * (G_IO_ERROR_INVALID_DATA), and not too long (G_IO_ERROR_MESSAGE_TOO_LARGE). */
bool run_program(const struct env *env, const char *const *argv, unsigned timeout_ms,
	char **ret_out, GError **error);

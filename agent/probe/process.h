/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Other processes, as /proc shows them to anybody. */

#include "../env.h"

struct process {
	int pid;
	char *name; /* comm: at most 15 bytes */
};

/* Processes with one of these names (NULL-terminated), by number. Free with g_ptr_array_unref(). */
GPtrArray *process_find(const struct env *env, const char *const *names);
/* Its first arguments (those within PROCESS_ARGUMENTS_MAX bytes: a process chooses how many it has),
 * NULL-terminated; empty when it is gone. Transfer full. */
#define PROCESS_ARGUMENTS_MAX 4096u
char **process_arguments(const struct env *env, const struct process *process);
/* The user it runs as, from /proc/PID/status; false when it is gone. */
bool process_uid(const struct env *env, const struct process *process, int64_t *ret);

/* Inodes of its sockets, "12345" each, NULL-terminated; empty when they may not be seen: they are those of
 * root and of its own user. Transfer full. */
char **process_sockets(const struct env *env, const struct process *process);

struct process_thread {
	char name[16];
	unsigned policy;   /* SCHED_*, <sched.h> */
	unsigned priority; /* real-time priority; 0: none */
};
/* /proc/PID/task/TID/stat, proc(5): fields 2, 40 and 41. False for nonsense. */
bool process_thread_parse(const char *stat, struct process_thread *ret);
/* Its threads, struct process_thread each. Transfer full. */
GArray *process_threads(const struct env *env, const struct process *process);

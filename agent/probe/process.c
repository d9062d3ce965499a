/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "process.h"

#include "facts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STAT_PRIORITY 40 /* fields of /proc/PID/stat, counted from 1 */
#define STAT_POLICY   41
#define SOCKET        "socket:[" /* what a link of /proc/PID/fd says */

static void process_free(void *data)
{
	struct process *process = data;

	g_free(process->name);
	g_free(process);
}

static int compare_pids(const void *a, const void *b)
{
	const struct process *const *one = a, *const *other = b;

	return (*one)->pid - (*other)->pid;
}

GPtrArray *process_find(const struct env *env, const char *const *names)
{
	GPtrArray *found = g_ptr_array_new_with_free_func(process_free);
	g_auto(GStrv) pids = env_list(env, "/proc");

	for (char **pid = pids; *pid; pid++) {
		g_autofree char *path = NULL, *name = NULL;
		struct process *process;

		if (!g_ascii_isdigit(**pid))
			continue;
		path = g_strconcat("/proc/", *pid, "/comm", NULL);
		if (!env_read_line(env, path, &name, NULL) || !g_strv_contains(names, name))
			continue;
		process = g_new0(struct process, 1);
		process->pid = atoi(*pid);
		process->name = g_steal_pointer(&name);
		g_ptr_array_add(found, process);
	}
	g_ptr_array_sort(found, compare_pids);
	return found;
}

char **process_arguments(const struct env *env, const struct process *process)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", process->pid);
	g_autofree char *full = env_path(env, path);
	GPtrArray *arguments = g_ptr_array_new();
	char text[PROCESS_ARGUMENTS_MAX + 1];
	int fd = open(full, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t size = fd >= 0 ? read(fd, text, PROCESS_ARGUMENTS_MAX) : -1;

	if (fd >= 0)
		close(fd);
	text[MAX(size, 0)] = '\0';
	/* Arguments end with NUL bytes. */
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(text + at) + 1)
		g_ptr_array_add(arguments, g_strdup(text + at));
	g_ptr_array_add(arguments, NULL);
	return (char **)g_ptr_array_free(arguments, FALSE);
}

bool process_uid(const struct env *env, const struct process *process, int64_t *ret)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/status", process->pid), *text = NULL;

	return env_read(env, path, &text, NULL) && facts_number(text, "Uid", ret);
}

char **process_sockets(const struct env *env, const struct process *process)
{
	g_autofree char *folder = g_strdup_printf("/proc/%d/fd", process->pid);
	GPtrArray *inodes = g_ptr_array_new();
	g_auto(GStrv) fds = env_list(env, folder);

	for (char **fd = fds; *fd; fd++) {
		g_autofree char *path = g_strconcat(folder, "/", *fd, NULL);
		g_autofree char *full = env_path(env, path);
		g_autofree char *to = g_file_read_link(full, NULL);

		if (to && g_str_has_prefix(to, SOCKET) && g_str_has_suffix(to, "]"))
			g_ptr_array_add(inodes,
				g_strndup(to + strlen(SOCKET), strlen(to + strlen(SOCKET)) - 1));
	}
	g_ptr_array_add(inodes, NULL);
	return (char **)g_ptr_array_free(inodes, FALSE);
}

bool process_thread_parse(const char *stat, struct process_thread *ret)
{
	const char *open = strchr(stat, '('), *close = strrchr(stat, ')');
	struct process_thread thread = { 0 };
	g_auto(GStrv) fields = NULL;
	guint64 priority, policy;

	if (!open || !close || close < open || close[1] != ' ')
		return false;
	/* Behind the name, which may hold anything, is field 3. */
	fields = g_strsplit(close + 2, " ", -1);
	if (g_strv_length(fields) <= STAT_POLICY - 3 ||
		!g_ascii_string_to_unsigned(
			fields[STAT_PRIORITY - 3], 10, 0, 99, &priority, NULL) ||
		!g_ascii_string_to_unsigned(fields[STAT_POLICY - 3], 10, 0, 99, &policy, NULL))
		return false;
	memcpy(thread.name, open + 1, MIN((size_t)(close - open - 1), sizeof(thread.name) - 1));
	thread.priority = (unsigned)priority;
	thread.policy = (unsigned)policy;
	*ret = thread;
	return true;
}

GArray *process_threads(const struct env *env, const struct process *process)
{
	GArray *threads = g_array_new(FALSE, FALSE, sizeof(struct process_thread));
	g_autofree char *folder = g_strdup_printf("/proc/%d/task", process->pid);
	g_auto(GStrv) tids = env_list(env, folder);

	for (char **tid = tids; *tid; tid++) {
		g_autofree char *path = g_strconcat(folder, "/", *tid, "/stat", NULL);
		g_autofree char *stat = NULL;
		struct process_thread thread;

		if (env_read_line(env, path, &stat, NULL) && process_thread_parse(stat, &thread))
			g_array_append_val(threads, thread);
	}
	return threads;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEARCH_PATH "/usr/sbin:/usr/bin:/sbin:/bin"
#define REAP_MS     1000 /* for what was killed to end */

struct run {
	const char *name;
	GPid pid;
	int out_fd, pid_fd;
	int64_t end_us;
	GString *out;
};

/* Between fork() and exec(). */
static void lead_group(void *user)
{
	setpgid(0, 0);
}

static bool run_begin(struct run *run, const char *const *argv, GError **error)
{
	char **environment = g_environ_setenv(g_get_environ(), "PATH", SEARCH_PATH, TRUE);
	bool begun;

	environment = g_environ_setenv(environment, "LC_ALL", "C.UTF-8", TRUE);
	begun = g_spawn_async_with_pipes(NULL, (char **)argv, environment,
		G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH_FROM_ENVP |
			G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_CLOEXEC_PIPES,
		lead_group, NULL, &run->pid, NULL, &run->out_fd, NULL, error);
	g_strfreev(environment);
	if (!begun)
		return false;
	g_unix_set_fd_nonblocking(run->out_fd, TRUE, NULL);
	run->pid_fd = (int)syscall(SYS_pidfd_open, run->pid, 0);
	run->out = g_string_new(NULL);
	return true;
}

/* poll(2) until run->end_us. False: the time is up. */
static bool wait_for(const struct run *run, struct pollfd *fds, unsigned n)
{
	int64_t left_us = run->end_us - g_get_monotonic_time();
	int ready;

	do {
		ready = left_us > 0 ? poll(fds, n, (int)(left_us / 1000) + 1) : 0;
		left_us = run->end_us - g_get_monotonic_time();
	} while (ready < 0 && errno == EINTR);
	return ready > 0;
}

/* What there is of its output; *ret_end: there will be no more. False: too long. */
static bool take_output(struct run *run, bool *ret_end)
{
	char piece[4096];
	ssize_t n;

	while ((n = read(run->out_fd, piece, sizeof(piece))) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0)
			g_string_append_len(run->out, piece, n);
		if (run->out->len > ENV_FILE_MAX)
			return false;
	}
	*ret_end = n == 0 || errno != EAGAIN;
	return true;
}

static bool run_watch(struct run *run, unsigned timeout_ms, GError **error)
{
	struct pollfd fds[] = { { run->out_fd, POLLIN, 0 }, { run->pid_fd, POLLIN, 0 } };
	bool ended = false, silent = false, has_pid_fd = run->pid_fd >= 0;

	run->end_us = g_get_monotonic_time() + (int64_t)MIN(timeout_ms, ENV_RUN_MAX_MS) * 1000;
	while (!ended) {
		if (!wait_for(run, fds, G_N_ELEMENTS(fds))) {
			g_set_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
				"%s did not end within %u ms", run->name, timeout_ms);
			return false;
		}
		/* Asked before its output is taken, so that nothing is left there. */
		ended = has_pid_fd && fds[1].revents;
		if (!silent && !take_output(run, &silent)) {
			g_set_error(error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
				"%s printed more than %zu bytes", run->name, ENV_FILE_MAX);
			return false;
		}
		if (silent)
			fds[0].fd = -1;
		/* Before Linux 5.3, by the end of its output. */
		ended |= silent && !has_pid_fd;
	}
	return true;
}

static void ended_late(GPid pid, int status, void *user)
{
}

static void run_kill(struct run *run)
{
	struct pollfd fd = { run->pid_fd, POLLIN, 0 };

	kill(-run->pid, SIGKILL);
	kill(run->pid, SIGKILL);
	run->end_us = g_get_monotonic_time() + REAP_MS * 1000;
	wait_for(run, &fd, 1);
	/* Another user's it may not even be killed by: it is reaped whenever it ends. */
	if (waitpid(run->pid, NULL, WNOHANG) == 0)
		g_child_watch_add(run->pid, ended_late, NULL);
}

static bool run_reap(const struct run *run, GError **error)
{
	int status = 0;

	while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
		;
	return g_spawn_check_wait_status(status, error);
}

static void run_finish(struct run *run)
{
	close(run->out_fd);
	if (run->pid_fd >= 0)
		close(run->pid_fd);
	g_string_free(run->out, TRUE);
}

static bool run_check(const struct run *run, GError **error)
{
	if (g_utf8_validate_len(run->out->str, run->out->len, NULL))
		return true;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
		"%s printed something else than text", run->name);
	return false;
}

bool run_program(const struct env *env, const char *const *argv, unsigned timeout_ms,
	char **ret_out, GError **error)
{
	struct run run = { .name = argv[0] };
	bool done;

	if (!run_begin(&run, argv, error))
		return false;
	done = run_watch(&run, timeout_ms, error);
	if (!done)
		run_kill(&run);
	else
		done = run_reap(&run, error) && run_check(&run, error);
	if (done)
		*ret_out = g_strdup(run.out->str);
	run_finish(&run);
	return done;
}

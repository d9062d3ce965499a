/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../command.h"

#include "options.h"
#include "vsock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Each device is a process of its own, so that none takes another one down with it: a guest whose
 * GPU device is gone has to be restarted. This process only waits for them.
 */

#define READY_TIMEOUT_MS 10000

struct device_process {
	const char *name;
	bool (*wanted)(const struct virtio_options *options);
	/* Serves until loop_stop(). ready_fd is to be written when all sockets are there. */
	int (*serve)(const struct virtio_options *options, struct loop *loop,
		const struct log_sink *log, int ready_fd);
	const char *sockets[3]; /* said when they are there; NULL-terminated */
};

static struct loop *running; /* for the signal handler */

static void on_signal(int signal_number)
{
	(void)signal_number;
	loop_stop(running);
}

static int complain(const struct virtio_options *options, const char *name, int error)
{
	fprintf(stderr, "helix-host-stub: cannot listen on %s/%s: %s\n", options->dir, name,
		error == -EADDRINUSE
			? "another process serves it; stop that, or choose another --dir"
			: strerror(-error));
	return error;
}

static int serve(struct loop *loop, int ready_fd)
{
	if (write(ready_fd, "+", 1) != 1)
		return -errno;
	close(ready_fd);
	return loop_run(loop);
}

/* --- the devices --- */

static bool wants_gpu(const struct virtio_options *options)
{
	return options->gpu;
}

static int listen_gpu(const struct virtio_options *options, struct gpu *gpu)
{
	char path[VIRTIO_PATH_MAX];

	virtio_path(options, VIRTIO_GPU_SOCKET, path);
	int r = device_listen(gpu_device(gpu), path);
	if (r < 0)
		return complain(options, VIRTIO_GPU_SOCKET, r);
	virtio_path(options, VIRTIO_RESOURCES_SOCKET, path);
	r = publisher_listen(gpu_publisher(gpu), path);
	return r < 0 ? complain(options, VIRTIO_RESOURCES_SOCKET, r) : 0;
}

static int serve_gpu(const struct virtio_options *options, struct loop *loop,
	const struct log_sink *log, int ready_fd)
{
	const struct gpu_config config = {
		.n_scanouts = options->n_scanouts,
		.width = options->width,
		.height = options->height,
		.refresh_hz = options->refresh_hz,
		.log = log,
	};
	struct gpu *gpu;

	int r = gpu_new(&config, loop, &gpu);
	if (r < 0) {
		fprintf(stderr, "helix-host-stub: no screen of %ux%u at %u Hz: %s\n",
			options->width, options->height, options->refresh_hz,
			r == -EINVAL ? "an EDID cannot say that; lower --console or --refresh"
				     : strerror(-r));
		return r;
	}
	r = listen_gpu(options, gpu);
	if (r == 0)
		r = serve(loop, ready_fd);
	gpu_destroy(gpu);
	return r;
}

static bool wants_vsock(const struct virtio_options *options)
{
	return options->vsock;
}

static int serve_vsock(const struct virtio_options *options, struct loop *loop,
	const struct log_sink *log, int ready_fd)
{
	char uds_path[VIRTIO_PATH_MAX], path[VIRTIO_PATH_MAX];
	struct vsock_config config = {
		.guest_cid = options->cid,
		.uds_path = uds_path,
		.log = log,
	};
	struct vsock *vsock;

	virtio_path(options, VIRTIO_UDS, uds_path);
	int r = vsock_new(&config, loop, &vsock);
	if (r < 0)
		return complain(options, VIRTIO_UDS, r);
	virtio_path(options, VIRTIO_VSOCK_SOCKET, path);
	r = device_listen(vsock_device(vsock), path);
	if (r < 0)
		complain(options, VIRTIO_VSOCK_SOCKET, r);
	else
		r = serve(loop, ready_fd);
	vsock_destroy(vsock);
	return r;
}

static const struct device_process processes[] = {
	{ "gpu", wants_gpu, serve_gpu, { VIRTIO_GPU_SOCKET, VIRTIO_RESOURCES_SOCKET } },
	{ "vsock", wants_vsock, serve_vsock, { VIRTIO_VSOCK_SOCKET, VIRTIO_UDS } },
};
#define N_PROCESSES (sizeof processes / sizeof processes[0])

/* --- a device's process --- */

/* A connection of the guest is a descriptor. Nothing here uses select(2). */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int run_device(
	const struct device_process *process, const struct virtio_options *options, int ready_fd)
{
	struct log_sink log = { .level = options->log_level, .write = command_write_log };
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t none;

	raise_descriptor_limit();
	int r = loop_new(&running);
	if (r < 0)
		return r;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	r = process->serve(options, running, &log, ready_fd);
	loop_destroy(running);
	return r;
}

/* 0 when the device's sockets are there. */
static int wait_ready(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char byte;

	if (poll(&poll_fd, 1, READY_TIMEOUT_MS) != 1)
		return -ETIMEDOUT;
	return read(fd, &byte, 1) == 1 ? 0 : -ECHILD;
}

static int start(
	const struct device_process *process, const struct virtio_options *options, pid_t *ret)
{
	pid_t parent = getpid();
	int ready[2];

	if (pipe(ready) < 0)
		return -errno;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		close(ready[0]);
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(EXIT_RUNTIME);
		_exit(run_device(process, options, ready[1]) < 0 ? EXIT_RUNTIME : EXIT_OK);
	}
	int r = pid < 0 ? -errno : 0;
	close(ready[1]);
	if (r == 0)
		r = wait_ready(ready[0]);
	close(ready[0]);
	if (pid > 0)
		*ret = pid;
	return r;
}

/* --- waiting for them --- */

static void say_listening(const struct virtio_options *options)
{
	for (size_t i = 0; i < N_PROCESSES; i++)
		for (const char *const *name = processes[i].sockets;
			processes[i].wanted(options) && *name; name++)
			printf("listening on unix:%s/%s\n", options->dir, *name);
	fflush(stdout);
}

static void stop_all(const pid_t pids[N_PROCESSES])
{
	for (size_t i = 0; i < N_PROCESSES; i++)
		if (pids[i] > 0)
			kill(pids[i], SIGTERM);
}

/* The other devices serve on: their guest may be able to. */
static bool reap(pid_t pids[N_PROCESSES], bool stopping)
{
	bool failed = false;
	int status;

	for (size_t i = 0; i < N_PROCESSES; i++) {
		if (pids[i] <= 0 || waitpid(pids[i], &status, WNOHANG) != pids[i])
			continue;
		pids[i] = 0;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && stopping)
			continue;
		failed = true;
		fprintf(stderr,
			"helix-host-stub: the %s device ended%s; restart this program, then its "
			"QEMU\n",
			processes[i].name, WIFSIGNALED(status) ? " by a signal" : "");
	}
	return failed;
}

static bool any_left(const pid_t pids[N_PROCESSES])
{
	for (size_t i = 0; i < N_PROCESSES; i++)
		if (pids[i] > 0)
			return true;
	return false;
}

static int wait_for_all(pid_t pids[N_PROCESSES], const sigset_t *signals)
{
	bool stopping = false, failed = false;

	while (any_left(pids)) {
		int signal_number;

		if (sigwait(signals, &signal_number) != 0)
			continue;
		if (signal_number != SIGCHLD) {
			stopping = true;
			stop_all(pids);
		}
		failed |= reap(pids, stopping);
	}
	return failed ? EXIT_RUNTIME : EXIT_OK;
}

static int start_all(const struct virtio_options *options, pid_t pids[N_PROCESSES])
{
	for (size_t i = 0; i < N_PROCESSES; i++) {
		if (!processes[i].wanted(options))
			continue;
		int r = start(&processes[i], options, &pids[i]);
		if (r < 0) {
			fprintf(stderr, "helix-host-stub: the %s device does not start\n",
				processes[i].name);
			return r;
		}
	}
	return 0;
}

static int make_dir(const char *dir)
{
	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return 0;
	fprintf(stderr, "helix-host-stub: cannot make the folder %s: %s\n", dir, strerror(errno));
	return -errno;
}

static int run(int argc, char **argv)
{
	struct virtio_options options;
	pid_t pids[N_PROCESSES] = { 0 };
	sigset_t signals;

	int r = virtio_options_parse("virtio", argc, argv, &options);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : EXIT_OK;
	if (make_dir(options.dir) < 0)
		return EXIT_RUNTIME;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	r = start_all(&options, pids);
	if (r < 0) {
		stop_all(pids);
		while (wait(NULL) > 0)
			;
		return EXIT_RUNTIME;
	}
	say_listening(&options);
	return wait_for_all(pids, &signals);
}

const struct command virtio_command = {
	.name = "virtio",
	.summary = "the guest's GPU and vsock, as vhost-user devices for stock QEMU",
	.run = run,
};

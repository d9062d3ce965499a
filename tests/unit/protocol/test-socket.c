/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SHORT_MS 100

static mode_t mode_before_chmod;

static char dir[] = "/tmp/hxfr-test-XXXXXX";
static char path[64];
static char unix_text[80];

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(unix_text, sizeof(unix_text), "unix:%s", path);
}

static void teardown(void)
{
	unlink(path);
	rmdir(dir);
}

/* Definitions of the program win over those of libc: this one sees what bind(2) alone made of a
 * socket's mode. */
int fchmodat(int folder, const char *file, mode_t mode, int flags)
{
	struct stat st;

	ck_assert_int_eq(lstat(file, &st), 0);
	mode_before_chmod = st.st_mode & 07777;
	ck_assert_int_eq(flags, AT_SYMLINK_NOFOLLOW);
	return chmod(file, mode);
}

static void assert_nonblocking_cloexec(int fd)
{
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static int accept_one(int listen_fd)
{
	int fd;

	net_wait(listen_fd, POLLIN);
	ck_assert_int_eq(hxfr_socket_accept(listen_fd, &fd), 0);
	return fd;
}

static void assert_round_trip(int listen_fd, const struct hxfr_endpoint *e)
{
	int client, server;
	char byte;

	ck_assert_int_eq(hxfr_socket_connect(e, NET_TIMEOUT_MS, -1, &client), 0);
	server = accept_one(listen_fd);
	assert_nonblocking_cloexec(listen_fd);
	assert_nonblocking_cloexec(client);
	assert_nonblocking_cloexec(server);
	ck_assert_int_eq(write(client, "x", 1), 1);
	net_wait(server, POLLIN);
	ck_assert_int_eq(read(server, &byte, 1), 1);
	close(client);
	close(server);
}

START_TEST(unix_path_connects)
{
	struct hxfr_endpoint bound;
	int fd = net_listen(unix_text, &bound);

	assert_round_trip(fd, &bound);
	close(fd);
}
END_TEST

START_TEST(unix_abstract_name_connects_and_makes_no_file)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(dir));
	struct hxfr_endpoint bound;
	int fd, other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[80];

	snprintf(text, sizeof(text), "unix:@%s", dir);
	fd = net_listen(text, &bound);
	assert_round_trip(fd, &bound);
	/* The name is these bytes and none behind them: what other programs will ask for. */
	memcpy(un.sun_path + 1, dir, strlen(dir));
	ck_assert_int_eq(connect(other, (const struct sockaddr *)&un, size), 0);
	close(other);
	close(fd);
	ck_assert_int_ne(access(text + strlen("unix:"), F_OK), 0);
}
END_TEST

static bool has_nodelay(int fd)
{
	socklen_t size = sizeof(int);
	int on = 0;

	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
	return on;
}

START_TEST(tcp_connects_without_delay_to_the_port_it_was_given)
{
	struct hxfr_endpoint bound;
	int fd = net_listen("tcp:127.0.0.1:0", &bound), client, server;

	ck_assert_uint_ne(bound.tcp.port, 0);
	assert_round_trip(fd, &bound);
	ck_assert_int_eq(hxfr_socket_connect(&bound, NET_TIMEOUT_MS, -1, &client), 0);
	server = accept_one(fd);
	ck_assert(has_nodelay(client));
	ck_assert(has_nodelay(server));
	close(client);
	close(server);
	close(fd);
}
END_TEST

START_TEST(tcp_over_ipv6_connects)
{
	struct hxfr_endpoint e = net_endpoint("tcp:[::1]:0"), bound;
	int fd, r;

	r = hxfr_socket_listen(&e, &fd, &bound);
	if (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT) {
		fprintf(stderr, "skipped: this machine has no IPv6 loopback\n");
		return;
	}
	ck_assert_int_eq(r, 0);
	assert_round_trip(fd, &bound);
	close(fd);
}
END_TEST

START_TEST(vsock_connects_or_says_why_within_the_deadline)
{
	struct hxfr_endpoint e = net_endpoint("vsock:any:4294967295"), bound;
	int64_t start = net_now_ms();
	int listener = -1, fd, r;

	r = hxfr_socket_listen(&e, &listener, &bound);
	if (r < 0)
		bound = net_endpoint("vsock:local:5000");
	bound.vsock.cid = 1;
	r = hxfr_socket_connect(&bound, SHORT_MS, -1, &fd);
	if (r < 0)
		fprintf(stderr, "no vsock loopback here: %s\n", strerror(-r));
	else
		close(fd);
	ck_assert_int_lt(net_now_ms() - start, NET_TIMEOUT_MS);
	close(listener);
}
END_TEST

START_TEST(connect_says_what_is_wrong)
{
	struct hxfr_endpoint unix_e = net_endpoint(unix_text), tcp;
	int fd;

	poison(&fd);
	ck_assert_int_eq(hxfr_socket_connect(&unix_e, NET_TIMEOUT_MS, -1, &fd), -ENOENT);
	close(net_listen(unix_text, NULL));
	ck_assert_int_eq(hxfr_socket_connect(&unix_e, NET_TIMEOUT_MS, -1, &fd), -ECONNREFUSED);
	close(net_listen("tcp:127.0.0.1:0", &tcp));
	ck_assert_int_eq(hxfr_socket_connect(&tcp, NET_TIMEOUT_MS, -1, &fd), -ECONNREFUSED);
	assert_poisoned(&fd);
}
END_TEST

static void assert_times_out(const struct hxfr_endpoint *e)
{
	int64_t start = net_now_ms(), elapsed;
	int fd;

	poison(&fd);
	ck_assert_int_eq(hxfr_socket_connect(e, SHORT_MS, -1, &fd), -ETIMEDOUT);
	elapsed = net_now_ms() - start;
	ck_assert_int_ge(elapsed, SHORT_MS - 1);
	ck_assert_int_lt(elapsed, NET_TIMEOUT_MS);
	assert_poisoned(&fd);
}

START_TEST(connect_ends_at_its_deadline_when_the_backlog_is_full)
{
	struct hxfr_endpoint unix_e, tcp;
	int unix_fd = net_listen(unix_text, &unix_e), tcp_fd = net_listen("tcp:127.0.0.1:0", &tcp);

	net_fill_backlog(unix_fd);
	assert_times_out(&unix_e);
	net_fill_backlog(tcp_fd);
	assert_times_out(&tcp);
}
END_TEST

static void *connect_to(void *endpoint)
{
	int fd, r;

	r = hxfr_socket_connect(endpoint, NET_TIMEOUT_MS, -1, &fd);
	if (r == 0)
		close(fd);
	return (void *)(intptr_t)r;
}

START_TEST(unix_connect_gets_in_when_a_full_backlog_drains)
{
	struct hxfr_endpoint e;
	int fd = net_listen(unix_text, &e);
	pthread_t thread;
	void *result;

	net_fill_backlog(fd);
	ck_assert_int_eq(pthread_create(&thread, NULL, connect_to, &e), 0);
	/* The listening socket is readable as long as somebody waits: those who filled it, then the
	 * thread. */
	for (int i = 0; i < 2; i++)
		close(accept_one(fd));
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_int_eq((int)(intptr_t)result, 0);
	close(fd);
}
END_TEST

static void *wake(void *fd)
{
	eventfd_write(*(int *)fd, 1);
	return NULL;
}

START_TEST(connect_is_cancelled_by_the_wake_fd_which_is_not_read)
{
	struct hxfr_endpoint unix_e, tcp;
	int unix_fd = net_listen(unix_text, &unix_e), tcp_fd = net_listen("tcp:127.0.0.1:0", &tcp);
	int wake_fd = eventfd(0, EFD_CLOEXEC), fd;
	int64_t start = net_now_ms();
	pthread_t thread;

	net_fill_backlog(unix_fd);
	net_fill_backlog(tcp_fd);
	poison(&fd);
	ck_assert_int_eq(pthread_create(&thread, NULL, wake, &wake_fd), 0);
	ck_assert_int_eq(hxfr_socket_connect(&unix_e, NET_TIMEOUT_MS, wake_fd, &fd), -ECANCELED);
	ck_assert_int_eq(hxfr_socket_connect(&tcp, NET_TIMEOUT_MS, wake_fd, &fd), -ECANCELED);
	ck_assert_int_lt(net_now_ms() - start, NET_TIMEOUT_MS);
	assert_poisoned(&fd);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(unix_listen_replaces_a_stale_socket)
{
	struct hxfr_endpoint bound;
	int fd;

	close(net_listen(unix_text, NULL));
	ck_assert_int_eq(access(path, F_OK), 0);
	fd = net_listen(unix_text, &bound);
	assert_round_trip(fd, &bound);
	close(fd);
}
END_TEST

START_TEST(unix_listen_leaves_a_live_socket_alone)
{
	struct hxfr_endpoint bound;
	int first = net_listen(unix_text, &bound), second;

	poison(&second);
	ck_assert_int_eq(hxfr_socket_listen(&bound, &second, NULL), -EADDRINUSE);
	close(accept_one(first)); /* the probe */
	assert_round_trip(first, &bound);
	net_fill_backlog(first);
	ck_assert_int_eq(hxfr_socket_listen(&bound, &second, NULL), -EADDRINUSE);
	assert_poisoned(&second);
	ck_assert_int_eq(access(path, F_OK), 0);
	close(first);
}
END_TEST

START_TEST(unix_listen_leaves_other_files_alone)
{
	struct hxfr_endpoint e = net_endpoint(unix_text);
	int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600), fd;
	struct stat st;

	ck_assert_int_ge(file, 0);
	close(file);
	ck_assert_int_eq(hxfr_socket_listen(&e, &fd, NULL), -EADDRINUSE);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert(S_ISREG(st.st_mode));
}
END_TEST

START_TEST(unix_socket_is_for_its_owner_under_any_umask)
{
	static const mode_t umasks[] = { 0, 022, 0177, 0777 };
	struct stat st;

	for (size_t i = 0; i < N_ELEMENTS(umasks); i++) {
		mode_t before = umask(umasks[i]);

		close(net_listen(unix_text, NULL));
		ck_assert_uint_eq(umask(before), umasks[i]);
		ck_assert_uint_eq(mode_before_chmod, 0600 & ~umasks[i]);
		ck_assert_int_eq(lstat(path, &st), 0);
		ck_assert_uint_eq(st.st_mode & 07777, 0600);
	}
}
END_TEST

START_TEST(accept_says_so_when_none_waits)
{
	int listener = net_listen(unix_text, NULL), fd;

	poison(&fd);
	ck_assert_int_eq(hxfr_socket_accept(listener, &fd), -EAGAIN);
	assert_poisoned(&fd);
	close(listener);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		unix_path_connects,
		unix_abstract_name_connects_and_makes_no_file,
		tcp_connects_without_delay_to_the_port_it_was_given,
		tcp_over_ipv6_connects,
		vsock_connects_or_says_why_within_the_deadline,
		connect_says_what_is_wrong,
		connect_ends_at_its_deadline_when_the_backlog_is_full,
		unix_connect_gets_in_when_a_full_backlog_drains,
		connect_is_cancelled_by_the_wake_fd_which_is_not_read,
		unix_listen_replaces_a_stale_socket,
		unix_listen_leaves_a_live_socket_alone,
		unix_listen_leaves_other_files_alone,
		unix_socket_is_for_its_owner_under_any_umask,
		accept_says_so_when_none_waits,
		NULL,
	};

	return suite_run_with("socket", tests, setup, teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <hxfr/socket.h>

#include "resolve.h"
#include "wait.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define UNIX_RETRY_MS 5

struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_storage storage;
		struct sockaddr_un un;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_vm vm;
	};
	socklen_t size;
};

static int open_socket(const struct address *a, int *ret)
{
	int one = 1, fd;

	fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (a->sa.sa_family == AF_INET || a->sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*ret = fd;
	return 0;
}

static void unix_address(const struct hxfr_endpoint *e, struct address *ret)
{
	size_t size = strlen(e->unix_path);

	memset(ret, 0, sizeof(*ret));
	ret->un.sun_family = AF_UNIX;
	memcpy(ret->un.sun_path, e->unix_path, size + 1);
	ret->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1);
	if (ret->un.sun_path[0] == '@') {
		/* The name of an abstract socket starts with a NUL and is as long as the address
		 * says, unix(7). */
		ret->un.sun_path[0] = '\0';
		ret->size--;
	}
}

static void vsock_address(const struct hxfr_endpoint *e, struct address *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->vm.svm_family = AF_VSOCK;
	ret->vm.svm_cid = e->vsock.cid;
	ret->vm.svm_port = e->vsock.port;
	ret->size = sizeof(ret->vm);
}

static void inet_address(const struct addrinfo *ai, struct address *ret)
{
	memset(ret, 0, sizeof(*ret));
	memcpy(&ret->sa, ai->ai_addr, ai->ai_addrlen);
	ret->size = ai->ai_addrlen;
}

static int finish_connect(int fd, const struct hxfr_wait *w)
{
	socklen_t size = sizeof(int);
	int error = 0, r;

	r = hxfr_wait_for(w, fd, POLLOUT);
	if (r < 0)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return -error;
}

/* connect(2) of a Unix socket whose listener has a full backlog says EAGAIN and offers nothing to
 * poll for: trying again is all there is. */
static int pause_and_retry(const struct hxfr_wait *w)
{
	struct hxfr_wait nap = { .deadline_ms = hxfr_now_ms() + UNIX_RETRY_MS,
		.wake_fd = w->wake_fd };
	int r;

	if (nap.deadline_ms >= w->deadline_ms)
		return hxfr_wait_for(w, -1, 0);
	r = hxfr_wait_for(&nap, -1, 0);
	return r == -ETIMEDOUT ? 0 : r;
}

/* AF_VSOCK gives up by itself after two seconds; our deadline is to decide. */
static void leave_deadline_to_us(int fd, const struct hxfr_wait *w)
{
	struct timeval tv = { .tv_sec = (w->deadline_ms - hxfr_now_ms()) / 1000 + 1 };

	setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &tv, sizeof(tv));
}

static int connect_fd(int fd, const struct address *a, const struct hxfr_wait *w)
{
	int r;

	for (;;) {
		if (connect(fd, &a->sa, a->size) == 0)
			return 0;
		if (errno == EINPROGRESS || errno == EINTR)
			return finish_connect(fd, w);
		if (errno != EAGAIN || a->sa.sa_family != AF_UNIX)
			return -errno;
		r = pause_and_retry(w);
		if (r < 0)
			return r;
	}
}

static int connect_address(const struct address *a, const struct hxfr_wait *w, int *ret)
{
	int fd = -1, r;

	r = open_socket(a, &fd);
	if (r < 0)
		return r;
	if (a->sa.sa_family == AF_VSOCK)
		leave_deadline_to_us(fd, w);
	r = connect_fd(fd, a, w);
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret = fd;
	return 0;
}

static int connect_unix(const struct hxfr_endpoint *e, const struct hxfr_wait *w, int *ret)
{
	struct address a;

	unix_address(e, &a);
	return connect_address(&a, w, ret);
}

static int connect_vsock(const struct hxfr_endpoint *e, const struct hxfr_wait *w, int *ret)
{
	struct address a;

	vsock_address(e, &a);
	return connect_address(&a, w, ret);
}

/* An address that swallows packets must not eat the time of those behind it: each gets its share of
 * what is left. */
static int connect_tcp(const struct hxfr_endpoint *e, const struct hxfr_wait *w, int *ret)
{
	struct addrinfo *list, *ai;
	struct hxfr_wait share = *w;
	struct address a;
	int64_t n = 0;
	int r;

	r = hxfr_resolve(e->tcp.host, e->tcp.port, w, &list);
	if (r < 0)
		return r;
	for (ai = list; ai; ai = ai->ai_next)
		n++;
	r = -EHOSTUNREACH;
	for (ai = list; ai; ai = ai->ai_next, n--) {
		share.deadline_ms = hxfr_now_ms() + (w->deadline_ms - hxfr_now_ms()) / n;
		inet_address(ai, &a);
		r = connect_address(&a, &share, ret);
		if (r == 0 || r == -ECANCELED)
			break;
	}
	freeaddrinfo(list);
	return r;
}

static int bind_fd(int fd, const struct address *a)
{
	return bind(fd, &a->sa, a->size) < 0 ? -errno : 0;
}

static int listen_fd_on(int fd)
{
	return listen(fd, SOMAXCONN) < 0 ? -errno : 0;
}

/* Only a socket that refuses is stale: a plain file refuses too and must stay, and a full backlog
 * is somebody's. */
static bool is_stale(const char *path, const struct address *a)
{
	struct stat st;
	bool stale;
	int fd = -1;

	if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode) || open_socket(a, &fd) < 0)
		return false;
	stale = connect(fd, &a->sa, a->size) < 0 && errno == ECONNREFUSED;
	close(fd);
	return stale;
}

/*
 * bind(2) makes the file with the mode of the socket less the umask. So fchmod() before it keeps
 * others out from the first moment, without touching the umask, which belongs to every thread; and
 * chmod() behind it gives the owner back what a strict umask took.
 */
static int bind_path(int fd, const char *path, const struct address *a)
{
	int r;

	if (fchmod(fd, 0600) < 0)
		return -errno;
	r = bind_fd(fd, a);
	if (r == -EADDRINUSE && is_stale(path, a)) {
		if (unlink(path) < 0 && errno != ENOENT)
			return -errno;
		r = bind_fd(fd, a);
	}
	if (r < 0)
		return r;
	return fchmodat(AT_FDCWD, path, 0600, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int listen_unix(struct hxfr_endpoint *e, int *ret)
{
	struct address a;
	int fd = -1, r;

	unix_address(e, &a);
	r = open_socket(&a, &fd);
	if (r < 0)
		return r;
	r = e->unix_path[0] == '@' ? bind_fd(fd, &a) : bind_path(fd, e->unix_path, &a);
	if (r == 0)
		r = listen_fd_on(fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret = fd;
	return 0;
}

/* a becomes what the kernel made of it: the port where none was asked for. */
static int listen_address(struct address *a, int *ret)
{
	int one = 1, fd = -1, r;

	r = open_socket(a, &fd);
	if (r < 0)
		return r;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	r = bind_fd(fd, a);
	if (r == 0)
		r = listen_fd_on(fd);
	if (r == 0 && getsockname(fd, &a->sa, &a->size) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret = fd;
	return 0;
}

static int listen_vsock(struct hxfr_endpoint *e, int *ret)
{
	struct address a;
	int r;

	vsock_address(e, &a);
	r = listen_address(&a, ret);
	if (r == 0)
		e->vsock.port = a.vm.svm_port;
	return r;
}

static uint16_t inet_port(const struct address *a)
{
	return ntohs(a->sa.sa_family == AF_INET ? a->in.sin_port : a->in6.sin6_port);
}

static int listen_tcp(struct hxfr_endpoint *e, int *ret)
{
	struct address a;
	struct addrinfo *list;
	int r;

	r = hxfr_resolve_passive(e->tcp.host, e->tcp.port, &list);
	if (r < 0)
		return r;
	r = -EHOSTUNREACH;
	for (struct addrinfo *ai = list; ai && r < 0; ai = ai->ai_next) {
		inet_address(ai, &a);
		r = listen_address(&a, ret);
	}
	freeaddrinfo(list);
	if (r == 0)
		e->tcp.port = inet_port(&a);
	return r;
}

static const struct transport {
	int (*connect)(const struct hxfr_endpoint *e, const struct hxfr_wait *w, int *ret);
	/* Writes the port really bound into e. */
	int (*listen)(struct hxfr_endpoint *e, int *ret);
} transports[] = {
	[HXFR_TRANSPORT_VSOCK] = { connect_vsock, listen_vsock },
	[HXFR_TRANSPORT_UNIX] = { connect_unix, listen_unix },
	[HXFR_TRANSPORT_TCP] = { connect_tcp, listen_tcp },
};

int hxfr_socket_connect(
	const struct hxfr_endpoint *endpoint, unsigned timeout_ms, int wake_fd, int *ret_fd)
{
	struct hxfr_wait w = { .deadline_ms = hxfr_now_ms() + timeout_ms, .wake_fd = wake_fd };

	return transports[endpoint->transport].connect(endpoint, &w, ret_fd);
}

int hxfr_socket_listen(
	const struct hxfr_endpoint *endpoint, int *ret_fd, struct hxfr_endpoint *ret_bound)
{
	struct hxfr_endpoint e = *endpoint;
	int r;

	r = transports[e.transport].listen(&e, ret_fd);
	if (r == 0 && ret_bound)
		*ret_bound = e;
	return r;
}

/* accept(2) hands on errors of the connection it would have returned; they say nothing about the
 * listener. */
static bool is_dead_connection(int error)
{
	static const int errors[] = { EINTR, ECONNABORTED, EPROTO, ENOPROTOOPT, ENETDOWN,
		ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENONET };

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i] == error)
			return true;
	}
	return false;
}

int hxfr_socket_accept(int listen_fd, int *ret_fd)
{
	int one = 1, fd;

	do {
		fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (fd < 0 && is_dead_connection(errno));
	if (fd < 0)
		return -errno;
	/* Sockets that are not TCP refuse this, and need it not. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*ret_fd = fd;
	return 0;
}

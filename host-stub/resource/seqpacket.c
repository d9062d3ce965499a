/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "seqpacket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int make_address(const char *path, struct sockaddr_un *ret, socklen_t *ret_size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(path);

	if (length == 0 || length >= sizeof address.sun_path)
		return -EMSGSIZE;
	memcpy(address.sun_path, path, length + 1);
	*ret_size = sizeof address;
	if (path[0] == '@') {
		address.sun_path[0] = '\0';
		*ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	}
	*ret = address;
	return 0;
}

static int open_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* Nothing but a socket that refuses may be removed. */
static bool is_stale(const char *path, const struct sockaddr_un *address, socklen_t size)
{
	struct stat st;
	bool stale;
	int fd;

	if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = open_socket();
	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)address, size) < 0 && errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static int bind_path(int fd, const char *path, const struct sockaddr_un *address, socklen_t size)
{
	const struct sockaddr *sa = (const struct sockaddr *)address;

	/* bind(2) makes the file with the mode of the socket: nobody else gets in between. */
	if (fchmod(fd, 0600) < 0)
		return -errno;
	if (bind(fd, sa, size) == 0)
		return 0;
	if (errno != EADDRINUSE || path[0] == '@' || !is_stale(path, address, size))
		return -errno;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	return bind(fd, sa, size) < 0 ? -errno : 0;
}

int seqpacket_listen(const char *path, int *ret_fd)
{
	struct sockaddr_un address;
	socklen_t size;
	int fd, r = make_address(path, &address, &size);

	if (r < 0)
		return r;
	fd = open_socket();
	if (fd < 0)
		return fd;
	r = bind_path(fd, path, &address, size);
	if (r == 0 && listen(fd, SOMAXCONN) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int seqpacket_accept(int listen_fd, int *ret_fd)
{
	int fd;

	do {
		fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int seqpacket_connect(const char *path, int *ret_fd)
{
	struct sockaddr_un address;
	socklen_t size;
	int fd, r = make_address(path, &address, &size);

	if (r < 0)
		return r;
	fd = open_socket();
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&address, size) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

_Static_assert(CMSG_SPACE(RESOURCE_REGIONS_MAX * sizeof(int)) ==
		       CMSG_LEN(RESOURCE_REGIONS_MAX * sizeof(int)),
	"no padding in which the kernel would deliver one more");

static void collect_fds(struct msghdr *message, struct seqpacket *ret)
{
	struct cmsghdr *rights = CMSG_FIRSTHDR(message);

	ret->n_fds = 0;
	if (!rights || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS)
		return;
	ret->n_fds = (unsigned)((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(ret->fds, CMSG_DATA(rights), ret->n_fds * sizeof(int));
}

static void close_fds(struct seqpacket *packet)
{
	while (packet->n_fds > 0)
		close(packet->fds[--packet->n_fds]);
}

int seqpacket_receive(int fd, struct seqpacket *ret)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(RESOURCE_REGIONS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = ret->data, .iov_len = sizeof ret->data };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes,
	};
	ssize_t n;

	do {
		n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -ENOTCONN : -errno;
	collect_fds(&message, ret);
	if (n > 0 && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		ret->size = (size_t)n;
		return 0;
	}
	close_fds(ret);
	return n == 0 ? -ENOTCONN : -EBADMSG;
}

int seqpacket_send(int fd, const void *data, size_t size, const int *fds, unsigned n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(RESOURCE_REGIONS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (n_fds > RESOURCE_REGIONS_MAX)
		return -EINVAL;
	if (n_fds > 0) {
		struct cmsghdr *rights;

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		rights = CMSG_FIRSTHDR(&message);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(rights), fds, n_fds * sizeof(int));
	}
	do {
		n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

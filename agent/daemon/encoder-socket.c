/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "encoder-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MODE 0622 /* to write is to send */

struct encoder_socket {
	const struct env *env;
	struct encoder_log *log;
	char *path;
	int fd;
	guint source; /* the watch, or the pause */
};

static bool fail(GError **error, int code, const char *path)
{
	g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "%s: %s", path,
		g_strerror(code));
	return false;
}

static bool address_of(const char *path, struct sockaddr_un *ret, GError **error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path))
		return fail(error, ENAMETOOLONG, path);
	*ret = address;
	return true;
}

/* Left behind by one that is gone? */
static void remove_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
		errno == ECONNREFUSED)
		unlink(address->sun_path);
	close(fd);
}

static bool open_socket(const char *path, int *ret_fd, GError **error)
{
	struct sockaddr_un address;
	int on = 1;
	int fd;

	if (!address_of(path, &address, error))
		return false;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(error, errno, path);
	remove_stale(&address);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		fchmodat(AT_FDCWD, path, MODE, AT_SYMLINK_NOFOLLOW) < 0) {
		fail(error, errno, path);
		close(fd);
		return false;
	}
	*ret_fd = fd;
	return true;
}

static bool sender_of(struct msghdr *message, struct encoder_sender *ret)
{
	const struct cmsghdr *control = CMSG_FIRSTHDR(message);
	struct ucred credentials;

	if (!control || control->cmsg_level != SOL_SOCKET ||
		control->cmsg_type != SCM_CREDENTIALS ||
		control->cmsg_len < CMSG_LEN(sizeof(credentials)))
		return false;
	memcpy(&credentials, CMSG_DATA(control), sizeof(credentials));
	*ret = (struct encoder_sender){ credentials.pid, credentials.uid };
	return true;
}

/* False: nothing more waits. */
static bool take_one(struct encoder_socket *self)
{
	uint8_t bytes[HXFR_REPORT_MAX];
	/* Room for credentials alone: the kernel closes descriptors that come along. */
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec piece = { bytes, sizeof(bytes) };
	struct msghdr message = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct encoder_sender sender;
	struct hxfr_report report;
	ssize_t n = recvmsg(self->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EINTR;
	if (!(message.msg_flags & MSG_TRUNC) && sender_of(&message, &sender) &&
		hxfr_report_decode(bytes, (size_t)n, &report) == 0)
		encoder_log_report(self->log, &sender, &report, self->env->now_ns(self->env));
	return true;
}

static gboolean on_readable(int fd, GIOCondition condition, void *user);

static gboolean on_pause_over(void *user)
{
	struct encoder_socket *self = user;

	self->source = g_unix_fd_add(self->fd, G_IO_IN, on_readable, self);
	return G_SOURCE_REMOVE;
}

static gboolean on_readable(int fd, GIOCondition condition, void *user)
{
	struct encoder_socket *self = user;

	for (unsigned i = 0; i < ENCODER_SOCKET_BATCH && take_one(self); i++)
		;
	self->source = g_timeout_add(ENCODER_SOCKET_PAUSE_MS, on_pause_over, self);
	return G_SOURCE_REMOVE;
}

struct encoder_socket *encoder_socket_new(
	const char *path, const struct env *env, struct encoder_log *log, GError **error)
{
	struct encoder_socket *self;
	int fd;

	if (!open_socket(path, &fd, error))
		return NULL;
	self = g_new0(struct encoder_socket, 1);
	self->env = env;
	self->log = encoder_log_ref(log);
	self->path = g_strdup(path);
	self->fd = fd;
	on_pause_over(self);
	return self;
}

void encoder_socket_free(struct encoder_socket *self)
{
	if (!self)
		return;
	g_source_remove(self->source);
	close(self->fd);
	unlink(self->path);
	encoder_log_unref(self->log);
	g_free(self->path);
	g_free(self);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void channel_init(struct channel *channel)
{
	*channel = (struct channel){ .fd = -1 };
}

static void begin_message(struct channel *channel)
{
	channel->size = 0;
	channel->wanted = VHOST_HEADER_SIZE;
	channel->n_fds = 0;
}

void channel_open(struct channel *channel, int fd)
{
	channel->fd = fd;
	begin_message(channel);
}

void channel_close(struct channel *channel)
{
	for (unsigned i = 0; i < channel->n_fds; i++)
		close(channel->fds[i]);
	if (channel->fd >= 0)
		close(channel->fd);
	channel_init(channel);
}

static int keep_fds(struct channel *channel, const struct cmsghdr *cmsg)
{
	size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int fd, r = 0;

	if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
		return 0;
	for (size_t i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
		if (channel->n_fds < VHOST_FDS_MAX) {
			channel->fds[channel->n_fds++] = fd;
		} else {
			close(fd);
			r = -EBADMSG;
		}
	}
	return r;
}

static int receive_some(struct channel *channel)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(VHOST_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { channel->data + channel->size, channel->wanted - channel->size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(channel->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int r = 0;

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	/* All of them: those that had no room were closed by the kernel, the others were not. */
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		int kept = keep_fds(channel, c);
		if (kept < 0)
			r = kept;
	}
	if (msg.msg_flags & MSG_CTRUNC)
		return -EBADMSG;
	if (n == 0)
		return -ECONNRESET;
	channel->size += (size_t)n;
	return r;
}

/* Reads no further than the message, so that descriptors belong to it. */
static int receive_wanted(struct channel *channel)
{
	int r = 0;

	while (r == 0 && channel->size < channel->wanted)
		r = receive_some(channel);
	return r;
}

int channel_receive(
	struct channel *channel, struct vhost_message *ret, int *ret_fds, unsigned *ret_n_fds)
{
	uint32_t payload_size;
	int r = receive_wanted(channel);

	if (r == 0 && channel->wanted == VHOST_HEADER_SIZE) {
		r = vhost_message_payload_size(channel->data, &payload_size);
		if (r < 0)
			return r;
		channel->wanted += payload_size;
		r = receive_wanted(channel);
	}
	if (r < 0)
		return r == -EAGAIN ? 0 : r;
	r = vhost_message_decode(channel->data, channel->size, ret);
	if (r < 0)
		return r;
	memcpy(ret_fds, channel->fds, channel->n_fds * sizeof(int));
	*ret_n_fds = channel->n_fds;
	begin_message(channel);
	return 1;
}

int channel_send(struct channel *channel, const void *data, size_t size)
{
	ssize_t n = send(channel->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN ? -ENOBUFS : -errno;
	return (size_t)n == size ? 0 : -ENOBUFS;
}

bool channel_is_dead(const struct channel *channel)
{
	struct pollfd peer = { .fd = channel->fd };

	return poll(&peer, 1, 0) == 1 && (peer.revents & (POLLHUP | POLLERR));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inlet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a recvmsg(2) brought. */
struct parcel {
	uint8_t data[RESOURCE_PACKET_MAX];
	size_t size;
	int fds[RESOURCE_REGIONS_MAX];
	unsigned n_fds;
};

int inlet_address_parse(const char *path, struct inlet_address *ret)
{
	struct inlet_address address = { .un.sun_family = AF_UNIX };
	size_t length = strlen(path);

	if (length == 0 || length >= sizeof address.un.sun_path)
		return -EMSGSIZE;
	memcpy(address.un.sun_path, path, length);
	address.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
	if (path[0] == '@') {
		address.un.sun_path[0] = '\0';
		address.size--; /* every byte of an abstract name counts */
	}
	snprintf(address.text, sizeof address.text, "%s", path);
	*ret = address;
	return 0;
}

int inlet_connect(const struct inlet_address *address, int *ret_fd)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address->un, address->size) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static void close_fds(struct parcel *parcel)
{
	while (parcel->n_fds > 0)
		close(parcel->fds[--parcel->n_fds]);
}

static void collect_fds(struct msghdr *header, struct parcel *parcel)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (parcel->n_fds < RESOURCE_REGIONS_MAX)
				parcel->fds[parcel->n_fds++] = fd;
			else
				close(fd);
		}
	}
}

static int receive_parcel(int fd, struct parcel *parcel)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(RESOURCE_REGIONS_MAX * sizeof(int))];
	} control;
	struct iovec body = { parcel->data, sizeof parcel->data };
	struct msghdr header = {
		.msg_iov = &body,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes,
	};
	ssize_t n;

	do
		n = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -ENOTCONN : -errno;
	collect_fds(&header, parcel);
	parcel->size = (size_t)n;
	if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EBADMSG;
	return n == 0 ? -ENOTCONN : 0;
}

int inlet_receive(int fd, struct resource_packet *ret, struct regions **ret_regions)
{
	struct parcel parcel;
	struct regions *regions = NULL;

	parcel.n_fds = 0;
	int r = receive_parcel(fd, &parcel);
	if (r == 0)
		r = resource_packet_decode(parcel.data, parcel.size, ret);
	unsigned n_wanted = r == 0 && ret->type == RESOURCE_MEMORY ? ret->memory.n_regions : 0;
	if (r == 0 && parcel.n_fds != n_wanted)
		r = -EBADMSG;
	if (r < 0) {
		close_fds(&parcel);
		return r;
	}
	if (ret->type == RESOURCE_MEMORY)
		r = regions_new(parcel.fds, parcel.n_fds, &regions);
	if (r == 0)
		*ret_regions = regions;
	return r;
}

int inlet_send(int fd, const struct resource_packet *packet)
{
	uint8_t data[RESOURCE_PACKET_MAX];
	size_t size = resource_packet_encode(packet, data);
	ssize_t n;

	do
		n = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	return errno == EAGAIN ? -EAGAIN : -ENOTCONN;
}

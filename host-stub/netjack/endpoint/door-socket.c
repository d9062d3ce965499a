/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "door-socket.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_SIZE   (1 << 20)
#define TOS_EXPEDITED 0xb8 /* DSCP EF, 46 << 2: as jack2 */
#define SOCKET_FLAGS  (SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value);
}

static int bind_to(int fd, struct in_addr address, uint16_t port)
{
	struct sockaddr_in name = {
		.sin_family = AF_INET, .sin_addr = address, .sin_port = htons(port)
	};

	return bind(fd, (const struct sockaddr *)&name, sizeof name);
}

static int listen_at(struct in_addr address, uint16_t port, int shared, int *ret)
{
	int fd = socket(AF_INET, SOCKET_FLAGS, 0), r;

	if (fd < 0)
		return -errno;
	/* SO_REUSEADDR would let two masters share a port, of which one then gets nothing. */
	set(fd, SOL_SOCKET, SO_REUSEADDR, shared);
	set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	if (bind_to(fd, address, port) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	*ret = fd;
	return 0;
}

int door_socket_listen(struct in_addr address, uint16_t port, int *ret)
{
	return listen_at(address, port, 0, ret);
}

int door_socket_listen_group(struct in_addr group, uint16_t port, int *ret)
{
	return listen_at(group, port, 1, ret);
}

static int join(int fd, struct ip_mreqn *request)
{
	if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, request, sizeof(*request)) == 0 ||
		errno == EADDRINUSE)
		return 0;
	return -errno;
}

static int join_all(int fd, struct in_addr group)
{
	struct ifaddrs *addresses;
	int n = 0, r = -ENODEV;

	if (getifaddrs(&addresses) < 0)
		return -errno;
	for (const struct ifaddrs *a = addresses; a; a = a->ifa_next) {
		struct ip_mreqn request = { .imr_multiaddr = group };
		int joined;

		if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET ||
			!(a->ifa_flags & IFF_MULTICAST) || !(a->ifa_flags & IFF_UP))
			continue;
		request.imr_ifindex = (int)if_nametoindex(a->ifa_name);
		joined = join(fd, &request);
		if (joined < 0)
			r = joined;
		else
			n++;
	}
	freeifaddrs(addresses);
	return n > 0 ? n : r;
}

int door_socket_join(int fd, struct in_addr group, struct in_addr address)
{
	struct ip_mreqn request = { .imr_multiaddr = group, .imr_address = address };
	int r;

	if (address.s_addr == htonl(INADDR_ANY))
		return join_all(fd, group);
	r = join(fd, &request);
	return r < 0 ? r : 1;
}

int door_socket_connect(struct in_addr address, const struct sockaddr_in *peer, int *ret)
{
	int fd = socket(AF_INET, SOCKET_FLAGS, 0), r;

	if (fd < 0)
		return -errno;
	set(fd, IPPROTO_IP, IP_TOS, TOS_EXPEDITED);
	set(fd, SOL_SOCKET, SO_SNDBUF, BUFFER_SIZE);
	/* The limit of net.core.rmem_max is not for root. */
	if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_SIZE) < 0)
		set(fd, SOL_SOCKET, SO_RCVBUF, BUFFER_SIZE);
	if (set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1) < 0 || bind_to(fd, address, 0) < 0 ||
		connect(fd, (const struct sockaddr *)peer, sizeof(*peer)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	*ret = fd;
	return 0;
}

uint16_t door_socket_port(int fd)
{
	struct sockaddr_in name = { .sin_family = AF_INET };
	socklen_t size = sizeof name;

	getsockname(fd, (struct sockaddr *)&name, &size);
	return ntohs(name.sin_port);
}

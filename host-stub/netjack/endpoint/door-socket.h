/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The sockets of a door: UDP over IPv4, non-blocking. */

#include <netinet/in.h>

/* Where AVAILABLE comes in. port 0: any. -EADDRINUSE, -EADDRNOTAVAIL, ... */
int door_socket_listen(struct in_addr address, uint16_t port, int *ret);
/* The same for a multicast group, beside other masters of other interfaces. */
int door_socket_listen_group(struct in_addr group, uint16_t port, int *ret);
/* Joins the group on the interface with the address, INADDR_ANY: on all that can. What is joined
 * already stays so. The number of interfaces on which it is a member, or -errno: there is none. */
int door_socket_join(int fd, struct in_addr group, struct in_addr address);
/* A socket for one slave, from the address (INADDR_ANY: as the route has it): expedited forwarding
 * (DSCP EF), large buffers, times of arrival from the kernel. -errno. */
int door_socket_connect(struct in_addr address, const struct sockaddr_in *peer, int *ret);
uint16_t door_socket_port(int fd);

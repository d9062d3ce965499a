/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The socket a client of a device process has: whole packets with their descriptors. */

#include "backing.h"

#include <sys/socket.h>
#include <sys/un.h>

struct inlet_address {
	struct sockaddr_un un;
	socklen_t size;
	char text[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
};

/* "/path" or "@name" (abstract). -EMSGSIZE: too long or empty. */
int inlet_address_parse(const char *path, struct inlet_address *ret);
/* A non-blocking socket, owned by the caller. As socket(2) and connect(2). */
int inlet_connect(const struct inlet_address *address, int *ret_fd);

/*
 * The next packet. *ret_regions: a reference for the caller to what came with a MEMORY, else NULL.
 * -EAGAIN: none is there; -ENOTCONN: the device process closed; -EBADMSG: no packet, or other
 * descriptors than it should have, which are closed; -ENOMEM. Written also on failure: *ret.
 */
int inlet_receive(int fd, struct resource_packet *ret, struct regions **ret_regions);
/* Waits for nothing. -EAGAIN: the device process does not read; -ENOTCONN. */
int inlet_send(int fd, const struct resource_packet *packet);

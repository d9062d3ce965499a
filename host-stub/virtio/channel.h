/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The socket to a front end: whole messages with their descriptors, none of which is lost. */

#include "message.h"

struct channel {
	int fd; /* owned; -1: none */
	uint8_t data[VHOST_HEADER_SIZE +
		     VHOST_PAYLOAD_MAX]; /* of a message that is not whole yet */
	size_t size, wanted;
	int fds[VHOST_FDS_MAX]; /* owned; came with it */
	unsigned n_fds;
};

void channel_init(struct channel *channel);
/* Takes fd over. */
void channel_open(struct channel *channel, int fd);
/* Closes also the descriptors of a message that never got whole. */
void channel_close(struct channel *channel);

/*
 * The next message; never blocks. 1: *ret and its descriptors, `ret_fds` with room for
 * VHOST_FDS_MAX, which are now the caller's; 0: not whole yet; -ECONNRESET: the front end left;
 * -EBADMSG, -EMSGSIZE: it broke the protocol (also by more than VHOST_FDS_MAX descriptors); else as
 * recvmsg(2).
 */
int channel_receive(
	struct channel *channel, struct vhost_message *ret, int *ret_fds, unsigned *ret_n_fds);
/* All of it at once, or -ENOBUFS: a front end that waits for replies reads them; else as send(2). */
int channel_send(struct channel *channel, const void *data, size_t size);
/* Did the peer close, whether or not there is still something to read? */
bool channel_is_dead(const struct channel *channel);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Packets that wait for a SOCK_SEQPACKET socket, with their descriptors. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queued_packet;

struct packet_queue {
	struct queued_packet *head, **tail;
	size_t size; /* bytes, what manages them included */
};

void packet_queue_init(struct packet_queue *queue);
/* Frees what waits, and closes its descriptors. */
void packet_queue_finish(struct packet_queue *queue);
/* Descriptors are duplicated. lasting: no other packet makes it void. -ENOMEM; -EMFILE. */
int packet_queue_push(struct packet_queue *queue, bool lasting, const void *data, size_t size,
	const int *fds, unsigned n_fds);
/* The last packet makes all others void: it comes first, and of those only what is lasting stays. */
void packet_queue_supersede(struct packet_queue *queue);
/* Sends what the socket takes. 0: all of it; -EAGAIN: some is left; else as sendmsg(2). */
int packet_queue_send(struct packet_queue *queue, int fd);

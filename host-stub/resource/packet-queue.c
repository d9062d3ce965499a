/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packet-queue.h"
#include "seqpacket.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct queued_packet {
	struct queued_packet *next;
	int fds[RESOURCE_REGIONS_MAX]; /* owned */
	unsigned n_fds;
	bool lasting;
	size_t size;
	uint8_t data[];
};

void packet_queue_init(struct packet_queue *queue)
{
	*queue = (struct packet_queue){ .tail = &queue->head };
}

static void free_packet(struct queued_packet *packet)
{
	for (unsigned i = 0; i < packet->n_fds; i++)
		close(packet->fds[i]);
	free(packet);
}

static void append(struct packet_queue *queue, struct queued_packet *packet)
{
	packet->next = NULL;
	*queue->tail = packet;
	queue->tail = &packet->next;
	queue->size += sizeof *packet + packet->size;
}

static void pop(struct packet_queue *queue)
{
	struct queued_packet *packet = queue->head;

	queue->head = packet->next;
	if (!queue->head)
		queue->tail = &queue->head;
	queue->size -= sizeof *packet + packet->size;
	free_packet(packet);
}

void packet_queue_finish(struct packet_queue *queue)
{
	while (queue->head)
		pop(queue);
}

static int duplicate(struct queued_packet *packet, const int *fds, unsigned n_fds)
{
	for (; packet->n_fds < n_fds; packet->n_fds++) {
		int fd = fcntl(fds[packet->n_fds], F_DUPFD_CLOEXEC, 0);

		if (fd < 0)
			return -errno;
		packet->fds[packet->n_fds] = fd;
	}
	return 0;
}

int packet_queue_push(struct packet_queue *queue, bool lasting, const void *data, size_t size,
	const int *fds, unsigned n_fds)
{
	struct queued_packet *packet = malloc(sizeof *packet + size);
	int r;

	if (!packet)
		return -ENOMEM;
	packet->n_fds = 0;
	packet->lasting = lasting;
	packet->size = size;
	memcpy(packet->data, data, size);
	r = duplicate(packet, fds, n_fds);
	if (r < 0) {
		free_packet(packet);
		return r;
	}
	append(queue, packet);
	return 0;
}

void packet_queue_supersede(struct packet_queue *queue)
{
	struct queued_packet *packet = queue->head, *last = packet, *next;

	while (last->next)
		last = last->next;
	packet_queue_init(queue);
	append(queue, last);
	for (; packet != last; packet = next) {
		next = packet->next;
		if (packet->lasting)
			append(queue, packet);
		else
			free_packet(packet);
	}
}

int packet_queue_send(struct packet_queue *queue, int fd)
{
	while (queue->head) {
		const struct queued_packet *packet = queue->head;
		int r = seqpacket_send(fd, packet->data, packet->size, packet->fds, packet->n_fds);

		if (r < 0)
			return r;
		pop(queue);
	}
	return 0;
}

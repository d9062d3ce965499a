/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vsock.h"

#include "device.h"
#include "vsock-hub.h"

#include <errno.h>
#include <hxfr/wire.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define QUEUE_RX 0u
#define QUEUE_TX 1u
#define N_QUEUES 2u /* the front end keeps the event queue */

#define ROUND_PACKETS 32u /* of a direction, before other descriptors have their turn */

struct vsock {
	struct device *device;
	struct loop *loop;
	struct vsock_hub hub;
	struct loop_source again; /* eventfd: a round was cut short */
	struct ring_chain chain;
};

/* Returns true if there may be more. */
static bool receive_packets(struct vsock *vsock)
{
	struct ring *ring = device_ring(vsock->device, QUEUE_TX);
	struct ring_chain *chain = &vsock->chain;
	unsigned n = 0;

	ring_want_kicks(ring, false);
	for (; n < ROUND_PACKETS && vsock_hub_can_receive(&vsock->hub); n++) {
		if (ring_pop(ring, chain) != 1 &&
			(!ring_want_kicks(ring, true) || ring_pop(ring, chain) != 1))
			return false;
		vsock_hub_receive(&vsock->hub, chain->out, chain->n_out, chain->out_size);
		ring_push(ring, chain->head, 0);
	}
	return n == ROUND_PACKETS;
}

/* The same for the guest's empty buffers. */
static bool send_packets(struct vsock *vsock)
{
	struct ring *ring = device_ring(vsock->device, QUEUE_RX);
	struct ring_chain *chain = &vsock->chain;

	for (unsigned n = 0; n < ROUND_PACKETS; n++) {
		size_t size = 0;

		if (!vsock_hub_has_packets(&vsock->hub)) {
			ring_want_kicks(ring, false);
			return false;
		}
		if (ring_pop(ring, chain) != 1 &&
			(!ring_want_kicks(ring, true) || ring_pop(ring, chain) != 1)) {
			vsock_hub_pause(&vsock->hub);
			return false;
		}
		/* A buffer without room for a byte is given back as it is, lest it block the rest. */
		if (chain->in_size > VSOCK_HEADER_SIZE) {
			size = vsock_hub_send(&vsock->hub, chain->in, chain->n_in, chain->in_size);
			if (size == 0) {
				ring_unpop(ring);
				return false;
			}
		}
		ring_push(ring, chain->head, (uint32_t)size);
	}
	return true;
}

static void serve(struct vsock *vsock)
{
	bool could_receive, more;

	do {
		more = receive_packets(vsock);
		could_receive = vsock_hub_can_receive(&vsock->hub);
		more |= send_packets(vsock);
	} while (!could_receive && vsock_hub_can_receive(&vsock->hub) && !more);
	ring_notify(device_ring(vsock->device, QUEUE_TX));
	ring_notify(device_ring(vsock->device, QUEUE_RX));
	if (more)
		eventfd_write(vsock->again.fd, 1);
}

static void serve_again(struct loop_source *source, uint32_t events)
{
	eventfd_t n;

	eventfd_read(source->fd, &n);
	serve(loop_owner(source, struct vsock, again));
}

static void kicked(void *self, unsigned queue)
{
	serve(self);
}

static void hub_pending(void *user)
{
	struct vsock *vsock = user;

	if (send_packets(vsock))
		eventfd_write(vsock->again.fd, 1);
	ring_notify(device_ring(vsock->device, QUEUE_RX));
}

static void get_config(void *self, uint8_t *ret, size_t size)
{
	const struct vsock *vsock = self;
	struct hxfr_writer w;

	hxfr_writer_init(&w, ret, size);
	hxfr_writer_u64(&w, vsock->hub.guest_cid);
}

static void reset(void *self)
{
	struct vsock *vsock = self;

	vsock_hub_reset(&vsock->hub);
}

static const struct device_impl impl = {
	.name = "vsock",
	/* No VIRTIO_VSOCK_F_*: without any, streams are what there is (virtio 1.2, 5.10.3). */
	.n_queues = N_QUEUES,
	.get_config = get_config,
	.kicked = kicked,
	.reset = reset,
};

static int open_again(struct vsock *vsock)
{
	int r;

	vsock->again = (struct loop_source){
		.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		.ready = serve_again,
	};
	if (vsock->again.fd < 0)
		return -errno;
	r = loop_add(vsock->loop, &vsock->again, EPOLLIN);
	if (r < 0)
		close(vsock->again.fd);
	return r;
}

int vsock_new(const struct vsock_config *config, struct loop *loop, struct vsock **ret)
{
	struct vsock *vsock = calloc(1, sizeof *vsock);
	int r;

	if (!vsock)
		return -ENOMEM;
	vsock->loop = loop;
	r = open_again(vsock);
	if (r < 0)
		goto free_vsock;
	r = vsock_hub_init(&vsock->hub, config, loop);
	if (r < 0)
		goto close_again;
	vsock->hub.pending = hub_pending;
	vsock->hub.user = vsock;
	r = device_new(&impl, vsock, loop, config->log, &vsock->device);
	if (r < 0)
		goto finish_hub;
	*ret = vsock;
	return 0;
finish_hub:
	vsock_hub_finish(&vsock->hub);
close_again:
	loop_remove(loop, &vsock->again);
	close(vsock->again.fd);
free_vsock:
	free(vsock);
	return r;
}

void vsock_destroy(struct vsock *vsock)
{
	if (!vsock)
		return;
	device_destroy(vsock->device);
	vsock_hub_finish(&vsock->hub);
	loop_remove(vsock->loop, &vsock->again);
	close(vsock->again.fd);
	free(vsock);
}

struct device *vsock_device(struct vsock *vsock)
{
	return vsock->device;
}

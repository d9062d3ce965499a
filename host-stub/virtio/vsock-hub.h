/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * All connections of a vsock device, without its rings: packets of the guest in, packets for the
 * guest out on demand. One thread, that of its loop.
 */

#include "../log.h"
#include "../quota.h"
#include "loop.h"
#include "vsock-packet.h"
#include "vsock.h"

#include <hxfr/endpoint.h>

#include <sys/queue.h>
#include <sys/uio.h>

#define VSOCK_BUFFERED_MAX       (64u * 1024 * 1024) /* bytes held for slow Unix sockets, in all */
/* Bytes that left us until the guest is told: it may send as many in the meantime. */
#define VSOCK_CREDIT_STEP        (VSOCK_BUFFER_SIZE / 2)
#define VSOCK_REFUSALS_MAX       256u  /* refusals that wait for room on the guest's receive ring */
#define VSOCK_BUCKETS            1024u /* a power of two */
#define VSOCK_TURN_PACKETS       16u   /* in a row to the guest, before it is another one's turn */
#define VSOCK_HOST_PORT_MIN      0x40000000u /* of connections that the host began ... */
#define VSOCK_HOST_PORT_MAX      0x7fffffffu /* ... as Firecracker numbers them */
#define VSOCK_CLOSE_TIMEOUT_MS   8000u /* for the last bytes or the last word of a peer; as Linux */
#define VSOCK_CREDIT_PATIENCE_MS 20u   /* for word of new room, until the guest is asked */
#define VSOCK_RETRY_MS           5u    /* until a listener with a full queue is tried again */
#define VSOCK_ACCEPT_PAUSE_MS    100u  /* when the process has no descriptor left */

struct vsock_connection;
TAILQ_HEAD(vsock_queue, vsock_connection);
LIST_HEAD(vsock_bucket, vsock_connection);

/* A packet that no connection stands behind is answered by a reset of its own type. */
struct vsock_refusal {
	uint32_t host_port, guest_port;
	uint16_t type;
};

struct vsock_hub {
	uint64_t guest_cid;
	struct hxfr_endpoint listen_at; /* unix */
	struct loop *loop;
	const struct log_sink *log;
	/* A socket or a timer left something for the guest. Not called within the functions below.
	 * May be NULL. */
	void (*pending)(void *user);
	void *user;

	/* VSOCK_CONNECT_TIMEOUT_MS, VSOCK_CLOSE_TIMEOUT_MS; a test may be less patient. */
	unsigned connect_timeout_ms, close_timeout_ms;

	struct loop_source listener, timer;
	struct vsock_queue all;
	struct vsock_queue queue; /* those that may have a packet for the guest */
	struct vsock_bucket buckets[VSOCK_BUCKETS];
	unsigned n_connections;
	bool full; /* said so */
	struct quota buffered;
	uint32_t next_port;
	int64_t wake_ms;   /* when the timer fires; 0: it does not */
	int64_t accept_ms; /* when to accept again; 0: the listener is in the loop */

	struct vsock_refusal refusals[VSOCK_REFUSALS_MAX];
	unsigned first_refusal, n_refusals;
};

/* Also listens at config->uds_path. As vsock_new(). The hub stays in place. */
int vsock_hub_init(struct vsock_hub *hub, const struct vsock_config *config, struct loop *loop);
void vsock_hub_finish(struct vsock_hub *hub);
/* The guest began anew: closes every connection it knew of. */
void vsock_hub_reset(struct vsock_hub *hub);

/* Is there room for the answer to another packet? */
bool vsock_hub_can_receive(const struct vsock_hub *hub);
/* A packet of the guest, which may say anything. The vector has `size` bytes. */
void vsock_hub_receive(struct vsock_hub *hub, const struct iovec *iov, unsigned n, size_t size);

/* Is there, perhaps, something to send to the guest? */
bool vsock_hub_has_packets(const struct vsock_hub *hub);
/* Writes the next packet for the guest into a vector of `size` > VSOCK_HEADER_SIZE bytes. Returns
 * its size, 0 if there is none. */
size_t vsock_hub_send(struct vsock_hub *hub, const struct iovec *iov, unsigned n, size_t size);
/* By its ports; NULL: none. */
struct vsock_connection *vsock_hub_find(
	struct vsock_hub *hub, uint32_t host_port, uint32_t guest_port);
/* The guest gives no room to send: stop listening to sockets whose bytes would have to wait. */
void vsock_hub_pause(struct vsock_hub *hub);

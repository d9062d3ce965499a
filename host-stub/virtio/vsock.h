/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A virtio-vsock device (virtio 1.2, 5.10) as vhost-user-vsock back end: stream connections between
 * the guest and Unix sockets of the host, with credit flow control. QEMU keeps the event queue.
 *
 * As with other VMMs (Firecracker, rust-vmm's vhost-device-vsock), `uds_path` names them all: a
 * guest that connects to CID 2, port P reaches a listener at "<uds_path>_P", else is reset; a host
 * program reaches port P of the guest by connecting to <uds_path> and sending "CONNECT P\n", which
 * is answered by "OK <port>\n" or a hang-up. A listener whose queue is full is waited for.
 *
 * Half-closed streams stay half-open. Nothing the guest does blocks, or holds more memory than
 * VSOCK_BUFFER_SIZE for a connection and VSOCK_BUFFERED_MAX (vsock-hub.h) for all. A connection
 * costs a descriptor; without one left, it is refused.
 */

#include "device.h"

#define VSOCK_CONNECTIONS_MAX    1024u
#define VSOCK_BUFFER_SIZE        (256u * 1024) /* buf_alloc: bytes held for a slow Unix socket */
#define VSOCK_CONNECT_LINE_MAX   32u
#define VSOCK_CONNECT_TIMEOUT_MS 2000u /* for the CONNECT line, and for the other side's answer */

struct vsock_config {
	uint64_t guest_cid;         /* 3 to 0xfffffffe */
	const char *uds_path;       /* borrowed; room for "_4294967295" behind it in sun_path */
	const struct log_sink *log; /* may be NULL */
};

struct vsock;

/* Also listens at uds_path for host programs. loop and log outlive it. -EINVAL, -EMSGSIZE (path),
 * -ENOMEM, else as hxfr_socket_listen(). */
int vsock_new(const struct vsock_config *config, struct loop *loop, struct vsock **ret);
void vsock_destroy(struct vsock *vsock);
/* Borrowed: to listen with. */
struct device *vsock_device(struct vsock *vsock);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bytes of the guest that a Unix socket did not take yet: a queue that takes memory as it fills and
 * gives all of it back when it is empty. */

#include "../quota.h"

#include <stddef.h>
#include <sys/uio.h>

struct vsock_buffer {
	char *data; /* NULL: empty */
	size_t capacity, begin, size;
};

/* Appends `size` > 0 bytes of a vector from `offset` on; the vector has them. All or nothing:
 * -EDQUOT (the quota is of the memory of all buffers together), -ENOMEM. */
int vsock_buffer_append(struct vsock_buffer *buffer, struct quota *quota, const struct iovec *iov,
	unsigned n, size_t offset, size_t size);
/* All it holds, in order, in up to two parts; returns how many. Valid until the next call. */
unsigned vsock_buffer_peek(const struct vsock_buffer *buffer, struct iovec ret[2]);
/* Drops the first `size` bytes; it holds as many. */
void vsock_buffer_drop(struct vsock_buffer *buffer, struct quota *quota, size_t size);

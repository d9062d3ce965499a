/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vsock-buffer.h"

#include "memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 4096u

static int grow(struct vsock_buffer *buffer, struct quota *quota, size_t size)
{
	size_t capacity = buffer->capacity ? buffer->capacity : CAPACITY_MIN;
	struct iovec parts[2];
	char *data, *end;

	while (capacity < size)
		capacity *= 2;
	int r = quota_take(quota, capacity - buffer->capacity);
	if (r < 0)
		return r;
	end = data = malloc(capacity);
	if (!data) {
		quota_give(quota, capacity - buffer->capacity);
		return -ENOMEM;
	}
	unsigned n = vsock_buffer_peek(buffer, parts);
	for (unsigned i = 0; i < n; i++)
		end = mempcpy(end, parts[i].iov_base, parts[i].iov_len);
	free(buffer->data);
	*buffer = (struct vsock_buffer){ .data = data, .capacity = capacity, .size = buffer->size };
	return 0;
}

int vsock_buffer_append(struct vsock_buffer *buffer, struct quota *quota, const struct iovec *iov,
	unsigned n, size_t offset, size_t size)
{
	if (size > buffer->capacity - buffer->size) {
		int r = grow(buffer, quota, buffer->size + size);
		if (r < 0)
			return r;
	}
	size_t end = (buffer->begin + buffer->size) % buffer->capacity;
	size_t first = size < buffer->capacity - end ? size : buffer->capacity - end;
	iov_read(iov, n, offset, buffer->data + end, first);
	iov_read(iov, n, offset + first, buffer->data, size - first);
	buffer->size += size;
	return 0;
}

unsigned vsock_buffer_peek(const struct vsock_buffer *buffer, struct iovec ret[2])
{
	size_t to_end = buffer->capacity - buffer->begin;

	if (buffer->size == 0)
		return 0;
	ret[0].iov_base = buffer->data + buffer->begin;
	ret[0].iov_len = buffer->size < to_end ? buffer->size : to_end;
	ret[1].iov_base = buffer->data;
	ret[1].iov_len = buffer->size - ret[0].iov_len;
	return ret[1].iov_len > 0 ? 2 : 1;
}

void vsock_buffer_drop(struct vsock_buffer *buffer, struct quota *quota, size_t size)
{
	buffer->size -= size;
	if (buffer->size > 0) {
		buffer->begin = (buffer->begin + size) % buffer->capacity;
		return;
	}
	quota_give(quota, buffer->capacity);
	free(buffer->data);
	*buffer = (struct vsock_buffer){ 0 };
}

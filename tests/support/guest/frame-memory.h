/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The ways in which a Linux guest can allocate memory for frames that it hands to others by a
 * descriptor:
 *
 *   virtio    a 2D resource of the virtio-gpu, made on its render node; the host knows it by an id
 *   dumb      a dumb buffer of the virtio-gpu's card node: such a resource too, made as KMS clients do
 *   vgem      a dumb buffer of the vgem driver: a DMA-BUF that the virtio-gpu knows nothing of
 *   heap      the same from /dev/dma_heap/system
 *   udmabuf   the same from the pages of a memfd, /dev/udmabuf
 *   memfd     shared memory, no DMA-BUF
 *
 * Buffers are rows of 32-bit words, because that is what every way can do: an NV12 frame of width w
 * and height h fits w / 4 words and h + h / 2 rows.
 */

#include <stddef.h>
#include <stdint.h>

#define FRAME_MEMORY_NAMES "virtio, dumb, vgem, heap, udmabuf, memfd"

struct frame_memory;

struct frame_buffer {
	int fd;          /* DMA-BUF or memfd */
	uint8_t *pixels; /* mapped for reading and writing */
	uint32_t words;  /* of 32 bits in a row */
	uint32_t rows;
	uint32_t stride; /* bytes: words * 4 in every way there is */
	size_t size;     /* bytes: stride * rows */
	uint32_t id;     /* virtio-gpu resource; 0: none */
	uint32_t handle; /* GEM handle; 0: none */
};

/* The names one after the other: 0, 1, ...; NULL behind the last. */
const char *frame_memory_name(unsigned index);

/* Opens what the way needs. 0 and *ret; -EINVAL for an unknown name; -ENODEV, -ENOENT when the
 * guest has no such device; other -errno. */
int frame_memory_open(const char *name, struct frame_memory **ret);
/* Buffers must be gone. NULL is fine. */
void frame_memory_close(struct frame_memory *memory);

/* 0 and *ret, zeroed pixels; -errno. */
int frame_memory_allocate(
	struct frame_memory *memory, uint32_t words, uint32_t rows, struct frame_buffer *ret);
void frame_memory_free(struct frame_memory *memory, struct frame_buffer *buffer);

/* Around every change of the pixels. end() also tells the host, where it knows the buffer: one that
 * does not see the guest's pages has the old pixels until then. 0 or -errno. */
int frame_memory_begin(struct frame_memory *memory, const struct frame_buffer *buffer);
int frame_memory_end(struct frame_memory *memory, const struct frame_buffer *buffer);

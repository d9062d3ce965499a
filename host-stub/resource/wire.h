/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the virtio-gpu device process tells encoders of the guest's resources, over a SOCK_SEQPACKET
 * Unix socket, as pure codec: one packet a message, little-endian. The device is the server; it
 * trusts no client, and clients check what it says.
 *
 * A new client gets MEMORY, every RESOURCE, every SCANOUT and CURSOR, then whatever changes. After another
 * MEMORY everything before it is void, and comes again. The only thing a client sends is SYNC: the device
 * first does all that the guest had queued, tells of it, and answers SYNCED. An id that is unknown after that
 * does not exist, unless another MEMORY came since SYNC: what the device told of before may then be on its
 * way again, behind SYNCED, and the client asks once more.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESOURCE_PACKET_MAX   16384u /* bytes of a packet */
#define RESOURCE_REGIONS_MAX  8u     /* as GUEST_REGIONS_MAX */
#define RESOURCE_RUNS_PACKET  512u   /* runs in one packet; a resource with more comes in several */
#define RESOURCE_RUNS_MAX     65536u /* runs of a resource: 256 MiB in single pages */
#define RESOURCE_RUN_ALIGN    4096u  /* bytes; of offset and size of a run */
#define RESOURCE_END_MAX      ((uint64_t)INT64_MAX) /* of a run: off_t */
#define RESOURCE_SCANOUTS_MAX 16u /* VIRTIO_GPU_MAX_SCANOUTS, virtio 1.2, 5.7.6.8 */

enum resource_packet_type {
	RESOURCE_MEMORY = 1,
	RESOURCE_ADD, /* or a part of one: first_run > 0 goes on with the one before */
	RESOURCE_REMOVE,
	RESOURCE_SCANOUT,
	RESOURCE_FLUSH, /* pixels of a resource changed; when a client is slow, SCANOUT comes instead */
	RESOURCE_CURSOR,
	RESOURCE_SYNC,
	RESOURCE_SYNCED,
};

/* A run of bytes of a region's descriptor. */
struct resource_run {
	uint32_t region; /* index into MEMORY */
	uint64_t offset; /* bytes into the descriptor, a multiple of RESOURCE_RUN_ALIGN */
	uint64_t size;   /* bytes, likewise, not 0; offset + size <= RESOURCE_END_MAX */
};

struct resource_packet {
	enum resource_packet_type type;
	union {
		/* As many descriptors as regions come with it. */
		struct {
			uint32_t n_regions;
		} memory;
		struct {
			uint32_t id;                /* never 0 */
			uint32_t width, height;     /* pixels, as the guest created it */
			uint32_t format;            /* virtio_gpu_formats, virtio 1.2, 5.7.6.8 */
			uint32_t n_runs;            /* of the whole resource; 0: no backing */
			uint32_t first_run, n_here; /* n_here is 0 only if n_runs is */
			struct resource_run runs[RESOURCE_RUNS_PACKET];
		} add;
		struct {
			uint32_t id;
		} remove;
		struct {
			uint32_t scanout;
			uint32_t id;                  /* 0: off */
			uint32_t x, y, width, height; /* the part of the resource that is shown */
		} scanout;
		struct {
			uint32_t id;
			uint32_t x, y, width, height; /* what changed */
		} flush;
		struct {
			uint32_t scanout;
			uint32_t id;           /* 0: hidden. 64x64, virtio 1.2, 5.7.6.10 */
			uint32_t hot_x, hot_y; /* within the picture */
			/* Of the picture's top left corner, on the scanout: what drivers send in
			 * virtio_gpu_cursor_pos, in two's complement. */
			int32_t x, y;
		} cursor;
		struct {
			uint32_t cookie;
		} sync; /* and synced */
	};
};

/* Returns the bytes written to `ret`, of RESOURCE_PACKET_MAX. The fields of the packet keep to the
 * limits of this header. */
size_t resource_packet_encode(const struct resource_packet *packet, uint8_t *ret);
/* -EBADMSG: not one of the above, or its fields break the limits of this header. */
int resource_packet_decode(const void *data, size_t size, struct resource_packet *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The commands of virtio-gpu and their answers (virtio 1.2, 5.7.6.7 and 5.7.6.8), as pure codec.
 * Numbers and layouts are the specification's.
 */

#include <stddef.h>
#include <stdint.h>

#define GPU_HEADER_SIZE       24u
#define GPU_COMMAND_MAX       56u /* the longest one, less the entries of ATTACH_BACKING */
#define GPU_ATTACH_SIZE       32u /* ATTACH_BACKING, its entries behind it */
#define GPU_ENTRY_SIZE        16u
#define GPU_EDID_MAX          1024u
#define GPU_DISPLAYS          16u /* VIRTIO_GPU_MAX_SCANOUTS */
#define GPU_DISPLAY_INFO_SIZE (GPU_HEADER_SIZE + GPU_DISPLAYS * 24u)
#define GPU_EDID_SIZE         (GPU_HEADER_SIZE + 8u + GPU_EDID_MAX)
#define GPU_RESPONSE_MAX      GPU_EDID_SIZE
#define GPU_CONFIG_SIZE       16u

#define GPU_F_EDID     1  /* feature bit */
#define GPU_FLAG_FENCE 1u /* of gpu_header.flags */

enum gpu_command_type {
	GPU_GET_DISPLAY_INFO = 0x0100,
	GPU_RESOURCE_CREATE_2D = 0x0101,
	GPU_RESOURCE_UNREF = 0x0102,
	GPU_SET_SCANOUT = 0x0103,
	GPU_RESOURCE_FLUSH = 0x0104,
	GPU_TRANSFER_TO_HOST_2D = 0x0105,
	GPU_RESOURCE_ATTACH_BACKING = 0x0106,
	GPU_RESOURCE_DETACH_BACKING = 0x0107,
	GPU_GET_CAPSET_INFO = 0x0108,
	GPU_GET_EDID = 0x010a,
	GPU_UPDATE_CURSOR = 0x0300,
	GPU_MOVE_CURSOR = 0x0301,
};

enum gpu_response_type {
	GPU_OK_NODATA = 0x1100,
	GPU_OK_DISPLAY_INFO = 0x1101,
	GPU_OK_EDID = 0x1104,
	GPU_ERR_UNSPEC = 0x1200,
	GPU_ERR_OUT_OF_MEMORY = 0x1201,
	GPU_ERR_INVALID_SCANOUT_ID = 0x1202,
	GPU_ERR_INVALID_RESOURCE_ID = 0x1203,
	GPU_ERR_INVALID_PARAMETER = 0x1205,
};

struct gpu_header {
	uint32_t type; /* enum gpu_command_type, or one we do not know */
	uint32_t flags;
	uint64_t fence_id;
	uint32_t ctx_id;
};

struct gpu_rect {
	uint32_t x, y, width, height;
};

struct gpu_command {
	struct gpu_header header;
	union {
		struct {
			uint32_t id, format, width, height;
		} create;
		struct {
			uint32_t id;
		} resource; /* UNREF, DETACH_BACKING */
		struct {
			uint32_t id, n_entries;
		} attach;
		struct {
			struct gpu_rect rect;
			uint64_t offset;
			uint32_t id;
		} transfer;
		struct {
			struct gpu_rect rect;
			uint32_t scanout, id;
		} set_scanout;
		struct {
			struct gpu_rect rect;
			uint32_t id;
		} flush;
		struct {
			uint32_t scanout;
		} edid;
		struct {
			uint32_t scanout, x, y;
			uint32_t id, hot_x, hot_y; /* MOVE_CURSOR: of no meaning */
		} cursor;
	};
};

/* struct virtio_gpu_mem_entry */
struct gpu_entry {
	uint64_t addr;
	uint32_t length;
};

/* -EBADMSG: shorter than a header. */
int gpu_header_decode(const void *data, size_t size, struct gpu_header *ret);
/* One command; bytes behind it are not looked at. One that we do not know is decoded as a header.
 * -EBADMSG: shorter than its type says. */
int gpu_command_decode(const void *data, size_t size, struct gpu_command *ret);
void gpu_entry_decode(const uint8_t data[GPU_ENTRY_SIZE], struct gpu_entry *ret);
/* For the log; "?" for what we do not know. */
const char *gpu_command_name(uint32_t type);

/* Answers; they return their size. The header of the command says which fence goes back. */
size_t gpu_response_encode(
	const struct gpu_header *to, uint32_t type, uint8_t ret[GPU_HEADER_SIZE]);
/* n_displays of the same size, side by side, all enabled. */
size_t gpu_display_info_encode(const struct gpu_header *to, unsigned n_displays, uint32_t width,
	uint32_t height, uint8_t ret[GPU_DISPLAY_INFO_SIZE]);
/* edid_size up to GPU_EDID_MAX. */
size_t gpu_edid_encode(const struct gpu_header *to, const uint8_t *edid, uint32_t edid_size,
	uint8_t ret[GPU_EDID_SIZE]);
/* struct virtio_gpu_config, 5.7.4 */
void gpu_config_encode(uint32_t n_scanouts, uint8_t ret[GPU_CONFIG_SIZE]);

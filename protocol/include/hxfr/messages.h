/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The messages of HXFR: one struct, one encoder and one decoder each, and a dump as text. Section
 * numbers are those of docs/protocol.md, the normative specification. No I/O, no allocation.
 *
 * A message is a 12-byte header and payload_size bytes of payload. Two messages end in bulk data
 * that is megabytes long: the pixels of a FRAME_REQUEST and the access unit of a FRAME_RESPONSE.
 * Encoders write everything in front of the bulk (the "head", at most HXFR_HEAD_MAX bytes) and
 * announce its size in the header; the caller sends head and bulk with one gathering write
 * (hxfr_connection_send). Decoders borrow: pointers in a decoded message point into the payload
 * they were given.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HXFR_MAGIC        0x52465848u /* "HXFR" as bytes 48 58 46 52 */
#define HXFR_HEADER_SIZE  12u
#define HXFR_SESSION_MAIN 1u /* session_id where there is one stream */

/* Fixed payload sizes in bytes (section 3). */
#define HXFR_FRAME_REQUEST_SIZE  44u /* pixels may follow */
#define HXFR_FRAME_RESPONSE_SIZE 24u /* nal_count blobs follow */
#define HXFR_CONFIG_SIZE         28u
#define HXFR_ENABLE_SCANOUT_SIZE 16u
#define HXFR_SCANOUT_RESP_SIZE   72u
#define HXFR_SUBSCRIBE_RESP_SIZE 8u
#define HXFR_SCANOUT_ID_SIZE     4u /* DISABLE_SCANOUT, SUBSCRIBE */
#define HXFR_ERROR_SIZE          260u
#define HXFR_ERROR_TEXT_SIZE     256u
#define HXFR_CONNECTOR_SIZE      64u
#define HXFR_HELLO_SIZE          8u /* HELLO, HELLO_RESP: at least; may grow at the end */

/* Limits. A peer that goes beyond one is cut off before memory is spent on it. The first is what
 * hosts in the field read at most, the others are ours. */
#define HXFR_PIXELS_MAX      (64u * 1024 * 1024) /* bytes after the fixed part of a FRAME_REQUEST */
#define HXFR_ACCESS_UNIT_MAX (32u * 1024 * 1024) /* ... and of a FRAME_RESPONSE */
#define HXFR_NAL_COUNT_MAX   4096u               /* blobs in a FRAME_RESPONSE; field hosts send 1 */
#define HXFR_EXTENSION_MAX   4096u /* HELLO, HELLO_RESP, CONFIG_RESP of a later version */

/* Buffers that always suffice. */
#define HXFR_HEAD_MAX  (HXFR_HEADER_SIZE + HXFR_ERROR_SIZE) /* hxfr_message_encode() */
#define HXFR_DUMP_SIZE 512u                                 /* hxfr_message_dump(), NUL included */

enum hxfr_type {
	HXFR_FRAME_REQUEST = 0x01,
	HXFR_FRAME_RESPONSE = 0x02,
	HXFR_KEYFRAME_REQ = 0x03,
	HXFR_CONFIG_REQ = 0x04,
	HXFR_CONFIG_RESP = 0x05, /* extended peers only (section 8) */
	HXFR_PING = 0x10,
	HXFR_PONG = 0x11,
	HXFR_ENABLE_SCANOUT = 0x20,
	HXFR_DISABLE_SCANOUT = 0x21,
	HXFR_SCANOUT_RESP = 0x22,
	HXFR_SUBSCRIBE = 0x30,
	HXFR_SUBSCRIBE_RESP = 0x31,
	HXFR_HELLO = 0x40,      /* extension (section 8) */
	HXFR_HELLO_RESP = 0x41, /* extension (section 8) */
	HXFR_ERROR = 0xff,
};

#define HXFR_FLAG_PIXELS 0x01u /* FRAME_REQUEST: raw pixels follow its fixed part */

/* Pixel formats: DRM fourcc codes, <drm_fourcc.h> (section 4). */
enum hxfr_format {
	HXFR_FORMAT_AR24 = 0x34325241, /* DRM_FORMAT_ARGB8888: bytes B,G,R,A or B,G,R,x */
	HXFR_FORMAT_AB24 = 0x34324241, /* DRM_FORMAT_ABGR8888: bytes R,G,B,A or R,G,B,x */
	HXFR_FORMAT_NV12 =
		0x3231564e, /* DRM_FORMAT_NV12: Y plane, then interleaved CbCr, same stride */
};

enum hxfr_profile { /* profile_idc of ITU-T H.264 annex A.2 */
	HXFR_PROFILE_BASELINE = 66,
	HXFR_PROFILE_MAIN = 77,
	HXFR_PROFILE_HIGH = 100,
};

struct hxfr_header {
	uint8_t type; /* enum hxfr_type, or a value that this version does not know */
	uint8_t flags;
	uint16_t session_id;
	uint32_t payload_size; /* bytes after the header */
};

struct hxfr_frame_request {
	/* virtio-gpu resource; 0 with pixels: none; 0 without: scanout 0 as shown now */
	uint32_t resource_id;
	uint32_t width, height; /* pixels */
	uint32_t format;        /* enum hxfr_format */
	uint32_t stride;        /* bytes per row of plane 0 (and, for NV12, of plane 1) */
	int64_t pts, duration;  /* ns; pts comes back in the response */
	bool force_keyframe;
	/* Decoder: borrowed, NULL without HXFR_FLAG_PIXELS. Encoder: ignored. */
	const uint8_t *pixels;
	/* Bytes. Encoder: announced, and HXFR_FLAG_PIXELS set, when not 0. */
	size_t pixels_size;
};

struct hxfr_frame_response {
	int64_t pts; /* ns, the request's */
	int64_t dts; /* ns; hosts may send 0 or garbage */
	bool is_keyframe;
	uint32_t nal_count;
	/* Decoder: nal_count x {u32 size, bytes}, checked to be exactly that; hxfr_nal_next() walks
	 * it. Encoder: ignored. */
	const uint8_t *nals;
	size_t nals_size; /* bytes, the sizes included */
};

/* CONFIG_REQ, and CONFIG_RESP: the configuration in force */
struct hxfr_config {
	uint32_t width, height; /* pixels; 0: keep */
	uint32_t bitrate;       /* bit/s */
	uint32_t framerate_num, framerate_den;
	uint8_t profile;  /* enum hxfr_profile */
	uint8_t level;    /* level_idc: level * 10, 40 is level 4.0 */
	uint8_t realtime; /* 1: low latency */
};

struct hxfr_enable_scanout {
	uint32_t scanout_id; /* 1 to 15; 0 is the console of the VM */
	uint32_t width, height;
	uint32_t refresh_hz;
};

struct hxfr_scanout_resp {
	uint32_t scanout_id;
	bool success;
	/* DRM connector name, NUL-terminated by the decoder */
	char connector[HXFR_CONNECTOR_SIZE + 1];
};

struct hxfr_subscribe_resp {
	uint32_t scanout_id;
	bool success;
};

struct hxfr_hello {
	uint32_t version;  /* 2 is the first extended version */
	uint32_t features; /* bit set, none defined yet */
};

struct hxfr_error {
	int32_t code; /* enum hxfr_code, or anything: it is the peer's */
	/* NUL-terminated by the decoder, whatever the peer sent */
	char message[HXFR_ERROR_TEXT_SIZE + 1];
};

/* One decoded message. The member that header.type names is valid. */
struct hxfr_message {
	struct hxfr_header header;
	union {
		struct hxfr_frame_request frame_request;
		struct hxfr_frame_response frame_response;
		struct hxfr_config config; /* CONFIG_REQ, CONFIG_RESP */
		struct hxfr_enable_scanout enable_scanout;
		uint32_t scanout_id; /* DISABLE_SCANOUT, SUBSCRIBE */
		struct hxfr_scanout_resp scanout_resp;
		struct hxfr_subscribe_resp subscribe_resp;
		struct hxfr_hello hello; /* HELLO, HELLO_RESP */
		struct hxfr_error error;
	};
};

/* Header. Decode: -EBADMSG for a wrong magic. */
void hxfr_header_encode(const struct hxfr_header *header, uint8_t ret[HXFR_HEADER_SIZE]);
int hxfr_header_decode(const uint8_t data[HXFR_HEADER_SIZE], struct hxfr_header *ret);

/* Is the type one that this version knows? Others are skipped (section 2). */
bool hxfr_type_known(uint8_t type);
/* Largest payload of a known type in bytes; 0 for types without payload and for unknown types. A
 * payload beyond it is -EMSGSIZE for framer and decoder alike. */
uint32_t hxfr_type_payload_max(uint8_t type);
/* "FRAME_REQUEST"; "UNKNOWN" for others. Static storage. */
const char *hxfr_type_name(uint8_t type);

/*
 * The dispatch: decodes the payload of a message of any known type.
 *
 * Returns 0; -EBADMSG for a payload that is shorter than its type says or contradicts itself;
 * -EMSGSIZE for one beyond hxfr_type_payload_max() or with more than HXFR_NAL_COUNT_MAX blobs;
 * -EOPNOTSUPP for an unknown type (skip it). Lengths are checked before anything is read, the time
 * spent is linear in header->payload_size. *ret borrows from payload, which holds
 * header->payload_size bytes.
 */
int hxfr_message_decode(
	const struct hxfr_header *header, const void *payload, struct hxfr_message *ret);

/*
 * Encodes header and head of m into data; header.payload_size of m is ignored and computed (bulk
 * included), header.flags likewise. For a FRAME_RESPONSE with nal_count == 1 the head ends with the
 * size of the one blob, nals_size - 4 bytes of which the caller sends behind it; with any other
 * count the head ends before the blobs and all nals_size bytes follow.
 *
 * Returns 0 and the bytes written in *ret_size, -ENOSPC when size is too small (HXFR_HEAD_MAX
 * always suffices), -EMSGSIZE for bulk beyond its limit, -EINVAL for a nals_size that cannot hold
 * nal_count blobs, -EOPNOTSUPP for an unknown type.
 */
int hxfr_message_encode(const struct hxfr_message *m, uint8_t *data, size_t size, size_t *ret_size);

/* One line of text without newline, NUL-terminated and truncated to size (HXFR_DUMP_SIZE always
 * suffices). Bytes of the peer's texts that are not printable ASCII are shown as '?'. */
void hxfr_message_dump(const struct hxfr_message *m, char *ret, size_t size);

/*
 * Walks the blobs of a decoded FRAME_RESPONSE: starts with *pos = 0, returns true and the next blob
 * (borrowed; may be empty) until all were seen.
 */
bool hxfr_nal_next(const struct hxfr_frame_response *m, size_t *pos, const uint8_t **ret_data,
	size_t *ret_size);

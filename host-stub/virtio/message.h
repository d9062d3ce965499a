/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The vhost-user messages that a back end of QEMU 10 gets and sends (docs/interop/vhost-user.rst of
 * QEMU, "Message Specification"), as pure codec. Numbers are of the specification.
 */

#include "memory.h"

#define VHOST_HEADER_SIZE 12u
#define VHOST_PAYLOAD_MAX 4096u
#define VHOST_REPLY_MAX   (VHOST_HEADER_SIZE + 12u + VHOST_CONFIG_MAX)
#define VHOST_FDS_MAX     GUEST_REGIONS_MAX
#define VHOST_CONFIG_MAX  256u /* VHOST_USER_MAX_CONFIG_SIZE */

enum vhost_request {
	VHOST_GET_FEATURES = 1,
	VHOST_SET_FEATURES = 2,
	VHOST_SET_OWNER = 3,
	VHOST_RESET_OWNER = 4,
	VHOST_SET_MEM_TABLE = 5,
	VHOST_SET_VRING_NUM = 8,
	VHOST_SET_VRING_ADDR = 9,
	VHOST_SET_VRING_BASE = 10,
	VHOST_GET_VRING_BASE = 11,
	VHOST_SET_VRING_KICK = 12,
	VHOST_SET_VRING_CALL = 13,
	VHOST_SET_VRING_ERR = 14,
	VHOST_GET_PROTOCOL_FEATURES = 15,
	VHOST_SET_PROTOCOL_FEATURES = 16,
	VHOST_GET_QUEUE_NUM = 17,
	VHOST_SET_VRING_ENABLE = 18,
	VHOST_GET_CONFIG = 24,
	VHOST_SET_CONFIG = 25,
	VHOST_GPU_SET_SOCKET = 33,
	VHOST_RESET_DEVICE = 34,
};

#define VHOST_F_PROTOCOL_FEATURES     30 /* bit of the feature word */
#define VHOST_PROTOCOL_F_MQ           0
#define VHOST_PROTOCOL_F_REPLY_ACK    3
#define VHOST_PROTOCOL_F_CONFIG       9
#define VHOST_PROTOCOL_F_RESET_DEVICE 13

struct vhost_message {
	uint32_t request; /* enum vhost_request, or one we do not know */
	bool needs_reply; /* the front end waits for a u64 that is 0 on success (REPLY_ACK) */
	union {
		uint64_t u64; /* features, and index | no-descriptor flag of KICK, CALL, ERR */
		struct {
			uint32_t index, num;
		} state;
		struct {
			uint32_t index, flags;
			uint64_t desc, used, avail, log; /* user addresses */
		} addr;
		struct {
			uint32_t n;
			struct guest_region regions[GUEST_REGIONS_MAX]; /* without fd and map */
		} memory;
		struct {
			uint32_t offset, size, flags;
			uint8_t data[VHOST_CONFIG_MAX];
		} config;
	};
};

/* The size of the payload behind a header. -EBADMSG: not version 1, or a reply; -EMSGSIZE: more
 * than VHOST_PAYLOAD_MAX. */
int vhost_message_payload_size(const uint8_t header[VHOST_HEADER_SIZE], uint32_t *ret);
/* A whole message. -EBADMSG: a payload that does not fit its request. A request we do not know is
 * decoded without payload. */
int vhost_message_decode(const void *data, size_t size, struct vhost_message *ret);
/* Replies, with header. Return their size, at most VHOST_REPLY_MAX, which `ret` has room for. A
 * config reply of size 0 has no payload, which says that there is no such config. */
size_t vhost_reply_u64(const struct vhost_message *to, uint64_t value, uint8_t *ret);
size_t vhost_reply_state(const struct vhost_message *to, uint32_t num, uint8_t *ret);
size_t vhost_reply_config(const struct vhost_message *to, uint8_t *ret);

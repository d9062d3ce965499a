/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bytes in, whole messages out. No I/O: the caller reads from its socket straight into the space
 * that hxfr_framer_reserve() lends and says with hxfr_framer_commit() how much arrived.
 *
 * Memory: one buffer that grows with the bytes that really arrived (doubling), never with what a
 * header promises, and never beyond payload_max + HXFR_HEADER_SIZE rounded up to the read size.
 * It keeps its size until finish, so that a steady stream neither allocates nor moves bytes.
 * Payloads of unknown types are skipped as they stream through, whatever their size, and never
 * buffered.
 */

#include <hxfr/messages.h>

#define HXFR_READ_SIZE                                                                             \
	(64u * 1024) /* lent between messages: many small ones arrive in one recv(2) */

struct hxfr_framer {
	uint8_t *data;
	size_t capacity; /* bytes at data */
	size_t start;    /* first byte not yet handed out */
	size_t end;      /* behind the last byte received */
	uint32_t payload_max;
	uint32_t skip; /* bytes of an unknown payload still to drop */
	uint64_t skipped_messages;
	int error; /* latched */
};

/* payload_max bounds every payload in addition to the limit of its type: HXFR_FRAME_REQUEST_SIZE +
 * HXFR_PIXELS_MAX serves a host, HXFR_FRAME_RESPONSE_SIZE + HXFR_ACCESS_UNIT_MAX a guest. */
void hxfr_framer_init(struct hxfr_framer *f, uint32_t payload_max);
void hxfr_framer_finish(struct hxfr_framer *f);

/* Lends space to receive into, at least one byte. Pointers handed out by hxfr_framer_next() die
 * here. -ENOMEM; -ENOBUFS when the buffer is full of messages that nobody took with
 * hxfr_framer_next(). */
int hxfr_framer_reserve(struct hxfr_framer *f, void **ret_data, size_t *ret_size);
/* n bytes of the space lent last were filled; n <= its size. */
void hxfr_framer_commit(struct hxfr_framer *f, size_t n);

/*
 * The next whole message: 1 and *ret_header, *ret_payload (header->payload_size bytes, valid until
 * the next reserve); 0 when more bytes are needed; -EBADMSG for a wrong magic; -EMSGSIZE for a
 * payload beyond the limit, as soon as its header is complete. Errors latch. Only known types are
 * returned.
 */
int hxfr_framer_next(
	struct hxfr_framer *f, struct hxfr_header *ret_header, const uint8_t **ret_payload);

/* Is a message partly received (header or payload incomplete, or a skip under way)? */
bool hxfr_framer_in_message(const struct hxfr_framer *f);

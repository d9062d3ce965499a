/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Errors of libhxfr.
 *
 * Every function that can fail returns 0 (or a documented positive value) on success and a negative
 * errno on failure. Outputs named ret* are untouched on failure. The values that have one meaning
 * everywhere in the library:
 *
 *   -EBADMSG     bytes that are no valid message: wrong magic, a payload shorter than its
 *                type says, counts and sizes that contradict each other, text that is no endpoint.
 *                The peer is broken or hostile; for a stream, close it: there is no resync.
 *   -EMSGSIZE    a length beyond the limit named next to the type (messages.h); nothing was
 *                allocated
 *   -ENOBUFS     the bounded send queue is full: the peer does not read
 *   -ENOMEM      memory
 *   -ETIMEDOUT   the deadline passed
 *   -ECANCELED   the wake-up descriptor became readable first
 *   -ENOTCONN    the peer closed the connection in an orderly way, between two messages
 *   -ECONNRESET  the peer went away, or closed in the middle of a message
 */

#include <stdint.h>

/* Codes of the ERROR message (docs/protocol.md, section 5). */
enum hxfr_code {
	HXFR_CODE_OK = 0,
	HXFR_CODE_INVALID_MESSAGE = -1,
	HXFR_CODE_RESOURCE_NOT_FOUND = -2,
	HXFR_CODE_RESOURCE_UNUSABLE = -3,
	HXFR_CODE_NO_SURFACE = -4,
	HXFR_CODE_ENCODE_FAILED = -5,
	HXFR_CODE_NOT_CONFIGURED = -6,
	HXFR_CODE_INTERNAL = -99,
};

/* A short English name ("resource not found"); "unknown error" for codes that are not in the table.
 * Never NULL, static storage. */
const char *hxfr_code_name(int32_t code);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What an encoder in the guest tells the guest's agent about its stream: one datagram, at most once
 * a second. Not a part of HXFR, nothing of it reaches the host; here because both sides need it.
 * docs/agent-protocol.md, section 9, is the specification.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HXFR_REPORT_PATH  "/run/helix-agent/encoder.sock" /* Unix socket, SOCK_DGRAM */
#define HXFR_REPORT_MAGIC 0x52455848u                     /* "HXER" as bytes 48 58 45 52 */
#define HXFR_REPORT_SIZE  48u
#define HXFR_REPORT_MAX   512u /* bytes of a datagram; a later version may append */

#define HXFR_REPORT_ENDED 0x01u /* flag: the last report of this stream */

struct hxfr_report {
	uint64_t stream; /* a number that no other stream of the same process has */
	bool ended;
	/* Frames since its start, in the order of the datagram. */
	uint64_t by_id;     /* the host was sent the id of a virtio-gpu resource */
	uint64_t uploaded;  /* of those: copied into it first */
	uint64_t by_pixels; /* the host was sent pixels */
	uint64_t dropped;   /* never came back */
};

void hxfr_report_encode(const struct hxfr_report *report, uint8_t ret[HXFR_REPORT_SIZE]);
/* 0; -EBADMSG for less than HXFR_REPORT_SIZE bytes, another magic, or more frames uploaded than by
 * id; -EMSGSIZE beyond HXFR_REPORT_MAX. What is behind the known part is ignored. */
int hxfr_report_decode(const void *data, size_t size, struct hxfr_report *ret);

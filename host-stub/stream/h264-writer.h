/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writes the few H.264 units the null encoder needs (ITU-T H.264 sections 7.3.2, 7.3.3 and annex
 * D). Pictures are grey: I_16x16 macroblocks predicted from nothing, then skipped ones. No I/O.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h264_stream {
	uint32_t width, height; /* pixels, even */
	uint32_t framerate_num, framerate_den;
	uint8_t profile; /* profile_idc: 66, 77, 100 */
	uint8_t level;   /* level_idc; 0: the lowest that carries size and rate */
	bool bt709;      /* colour description, else BT.601 */
};

/* Bytes that grow; error latches -ENOMEM. */
struct h264_buffer {
	uint8_t *data;
	size_t size, capacity;
	int error;
};

void h264_buffer_finish(struct h264_buffer *buffer);

/* Each appends a NAL unit with its start code. */
void h264_write_sps(struct h264_buffer *buffer, const struct h264_stream *stream);
void h264_write_pps(struct h264_buffer *buffer);
/* uuid: 16 bytes. */
void h264_write_sei_text(struct h264_buffer *buffer, const char *uuid, const char *text);
/* idr_id must differ between neighbouring IDRs. */
void h264_write_idr(struct h264_buffer *buffer, const struct h264_stream *stream, unsigned idr_id);
/* frame_num: frames since the IDR. */
void h264_write_skipped(
	struct h264_buffer *buffer, const struct h264_stream *stream, unsigned frame_num);

/* Does an access unit carry an IDR: is its first slice one (7.3.1, nal_unit_type 5)? */
bool h264_unit_is_idr(const uint8_t *data, size_t size);

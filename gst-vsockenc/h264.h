/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The H.264 side: what an access unit of the host contains, the caps that follow from its SPS, and
 * what the host is asked for in CONFIG_REQ. "Table" and "annex" numbers are those of ITU-T H.264.
 */

#include <gst/codecparsers/gsth264parser.h>
#include <gst/video/video.h>
#include <hxfr/messages.h>
#include <stdbool.h>
#include <stdint.h>

#define H264_SPS_MAX 512u /* bytes of an SPS that is remembered; real ones are 10 to 100 */

/* What the SPS says, and its bytes to tell a new one by. */
struct h264_sps {
	uint8_t data[H264_SPS_MAX]; /* NAL unit, header first, emulation prevention included */
	size_t size;                /* 0: none yet */
	guint width, height;        /* after cropping */
	bool has_colour;            /* the VUI describes it */
	GstVideoColorimetry colour;
};

/* One stream, as far as it was seen. */
struct h264_stream {
	GstH264NalParser *parser;
	struct h264_sps sps;
};

void h264_stream_init(struct h264_stream *stream);
void h264_stream_finish(struct h264_stream *stream);

struct h264_unit {
	bool is_idr;
	bool new_sps; /* the stream's SPS was changed by this unit */
};

/*
 * Looks at one access unit, or a part of it, up to its first slice; an SPS that differs from the
 * one of the stream replaces it. Start codes (Annex B) are what the caps promise; 4-byte lengths
 * (AVCC) are what some hosts send all the same. 0 and *ret; -EBADMSG when it is neither, or its SPS
 * is broken (the stream keeps the old one).
 */
int h264_inspect(
	struct h264_stream *stream, const uint8_t *data, size_t size, struct h264_unit *ret);

/* Rewrites an access unit, or a part of it, into Annex B, in place, if it is AVCC: both use four
 * bytes. */
void h264_make_annex_b(uint8_t *data, size_t size);

/*
 * Caps of the stream with profile and level of the SPS. Where allowed (may be ANY) does not take
 * that profile but one of which it is a subset, that one is named. Transfer full.
 */
GstCaps *h264_caps(const struct h264_sps *sps, GstCaps *allowed);

/* profile_idc and level_idc to ask the host for: what allowed says first; else High, and the lowest
 * level of table A-1 that fits size, rate and bitrate of config. */
void h264_choose(GstCaps *allowed, struct hxfr_config *config);

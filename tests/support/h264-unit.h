/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * H.264 access units made by hand: valid SPS and PPS for the frame size, and one slice whose
 * payload is not picture data but the pts of the request it answers, so that a test can see whose
 * unit it got. A parser accepts them, a decoder does not.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define H264_UNIT_PROLOGUE_MAX 128u /* SPS, PPS and slice header with their start codes */
#define H264_UNIT_SIZE_MIN     256u
#define H264_UNIT_NALS_MAX     3u

struct h264_unit {
	unsigned width, height; /* even, in pixels */
	uint8_t profile_idc;    /* 66 (constrained baseline), 77, 100 */
	uint8_t level_idc;      /* level * 10 */
	bool keyframe;          /* IDR slice */
	bool parameter_sets;    /* SPS and PPS in front */
	bool avcc;              /* lengths (u32, big-endian) in place of start codes */
	int64_t pts;            /* ns, spelled in the slice */
	size_t size;            /* bytes of the whole unit, at least H264_UNIT_SIZE_MIN */
};

struct h264_nal {
	size_t offset, size; /* prefix (start code or length) included */
};

/* Writes u->size bytes to data and where the NAL units lie to nals; returns how many there are. */
unsigned h264_unit_build(
	const struct h264_unit *u, uint8_t *data, struct h264_nal nals[H264_UNIT_NALS_MAX]);

/* Rewrites the pts of a unit built before, whose last NAL unit starts at slice. */
void h264_unit_set_pts(uint8_t *data, size_t slice, int64_t pts);

/* The nal_unit_type of NAL unit number n of an Annex B unit, or -1 when there are fewer. */
int h264_unit_nal_type(const uint8_t *data, size_t size, unsigned n);
/* Finds the slice of an Annex B unit and reads the pts back. False when there is none. */
bool h264_unit_read_pts(const uint8_t *data, size_t size, int64_t *ret);

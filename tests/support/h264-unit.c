/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "h264-unit.h"

#include <assert.h>
#include <string.h>

#define PREFIX_SIZE  4u
#define NAL_SPS      7
#define NAL_PPS      8
#define NAL_SLICE    1
#define NAL_IDR      5
#define SLICE_HEADER 3u /* bytes: NAL header and the first bits of the slice header */
#define PTS_DIGITS   16u

struct bits {
	uint8_t *data;
	size_t n; /* bits written */
};

static void put(struct bits *b, unsigned count, uint32_t value)
{
	for (unsigned i = count; i-- > 0; b->n++)
		if (value >> i & 1)
			b->data[b->n / 8] |= (uint8_t)(0x80 >> b->n % 8);
}

/* ue(v), ITU-T H.264 9.1 */
static void put_ue(struct bits *b, uint32_t value)
{
	unsigned length = 0;

	while ((value + 1) >> (length + 1))
		length++;
	put(b, length, 0);
	put(b, length + 1, value + 1);
}

static void put_trailing(struct bits *b)
{
	put(b, 1, 1);
	b->n = (b->n + 7) / 8 * 8;
}

static void put_cropping(struct bits *b, const struct h264_unit *u)
{
	unsigned right = (16 - u->width % 16) % 16 / 2, bottom = (16 - u->height % 16) % 16 / 2;

	put(b, 1, right || bottom);
	if (right || bottom) {
		put_ue(b, 0);
		put_ue(b, right);
		put_ue(b, 0);
		put_ue(b, bottom);
	}
}

/* 7.3.2.1.1 */
static size_t build_sps(const struct h264_unit *u, uint8_t *data)
{
	struct bits b = { data, 0 };

	put(&b, 8, 0x60 | NAL_SPS);
	put(&b, 8, u->profile_idc);
	put(&b, 8, u->profile_idc == 66 ? 0xc0 : 0); /* constraint_set0 and 1 */
	put(&b, 8, u->level_idc);
	put_ue(&b, 0); /* seq_parameter_set_id */
	if (u->profile_idc >= 100) {
		put_ue(&b, 1); /* chroma_format_idc: 4:2:0 */
		put_ue(&b, 0);
		put_ue(&b, 0);
		put(&b, 2, 0);
	}
	put_ue(&b, 4); /* log2_max_frame_num_minus4 */
	put_ue(&b, 2); /* pic_order_cnt_type: output order is decoding order */
	put_ue(&b, 1); /* max_num_ref_frames */
	put(&b, 1, 0);
	put_ue(&b, (u->width + 15) / 16 - 1);
	put_ue(&b, (u->height + 15) / 16 - 1);
	put(&b, 1, 1); /* frame_mbs_only_flag */
	put(&b, 1, 1); /* direct_8x8_inference_flag */
	put_cropping(&b, u);
	put(&b, 1, 0); /* vui_parameters_present_flag */
	put_trailing(&b);
	return b.n / 8;
}

/* 7.3.2.2 */
static size_t build_pps(const struct h264_unit *u, uint8_t *data)
{
	struct bits b = { data, 0 };

	put(&b, 8, 0x60 | NAL_PPS);
	put_ue(&b, 0);
	put_ue(&b, 0);
	put(&b, 2, 0); /* CAVLC */
	put_ue(&b, 0);
	put_ue(&b, 0);
	put_ue(&b, 0);
	put(&b, 3, 0);
	put_ue(&b, 0); /* pic_init_qp_minus26 and the two after it: 0 as se(v) is 0 as ue(v) */
	put_ue(&b, 0);
	put_ue(&b, 0);
	put(&b, 3, 4); /* deblocking_filter_control_present_flag */
	put_trailing(&b);
	return b.n / 8;
}

static size_t escape(const uint8_t *from, size_t size, uint8_t *to)
{
	unsigned zeros = 0;
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		if (zeros >= 2 && from[i] <= 3) {
			to[n++] = 3;
			zeros = 0;
		}
		zeros = from[i] ? 0 : zeros + 1;
		to[n++] = from[i];
	}
	return n;
}

static void build_slice(const struct h264_unit *u, uint8_t *data, size_t size)
{
	/* first_mb_in_slice 0, slice_type all I (7) or all P (5), pic_parameter_set_id 0 */
	static const uint8_t idr[SLICE_HEADER] = { 0x60 | NAL_IDR, 0x88, 0x84 };
	static const uint8_t other[SLICE_HEADER] = { 0x40 | NAL_SLICE, 0x9a, 0x84 };

	memcpy(data, u->keyframe ? idr : other, SLICE_HEADER);
	memset(data + SLICE_HEADER, 0xaa, size - SLICE_HEADER - 1);
	data[size - 1] = 0x80;
}

static void put_prefix(const struct h264_unit *u, uint8_t *data, size_t size)
{
	const uint8_t start_code[PREFIX_SIZE] = { 0, 0, 0, 1 };
	const uint8_t length[PREFIX_SIZE] = { (uint8_t)(size >> 24), (uint8_t)(size >> 16),
		(uint8_t)(size >> 8), (uint8_t)size };

	memcpy(data, u->avcc ? length : start_code, PREFIX_SIZE);
}

static size_t add_nal(const struct h264_unit *u, const uint8_t *raw, size_t raw_size, uint8_t *data,
	size_t at, struct h264_nal *nal)
{
	size_t size = escape(raw, raw_size, data + at + PREFIX_SIZE);

	put_prefix(u, data + at, size);
	*nal = (struct h264_nal){ at, size + PREFIX_SIZE };
	return at + nal->size;
}

void h264_unit_set_pts(uint8_t *data, size_t slice, int64_t pts)
{
	uint8_t *digits = data + slice + PREFIX_SIZE + SLICE_HEADER;

	/* One digit a byte, never zero: a pts must not look like a start code. */
	for (unsigned i = 0; i < PTS_DIGITS; i++)
		digits[i] = 0x10 | ((uint64_t)pts >> (60 - 4 * i) & 0xf);
}

unsigned h264_unit_build(
	const struct h264_unit *u, uint8_t *data, struct h264_nal nals[H264_UNIT_NALS_MAX])
{
	uint8_t sps[64] = { 0 }, pps[16] = { 0 };
	unsigned n = 0;
	size_t at = 0;

	assert(u->size >= H264_UNIT_SIZE_MIN);
	if (u->parameter_sets) {
		at = add_nal(u, sps, build_sps(u, sps), data, at, &nals[n++]);
		at = add_nal(u, pps, build_pps(u, pps), data, at, &nals[n++]);
	}
	assert(at <= H264_UNIT_PROLOGUE_MAX);
	nals[n++] = (struct h264_nal){ at, u->size - at };
	put_prefix(u, data + at, u->size - at - PREFIX_SIZE);
	build_slice(u, data + at + PREFIX_SIZE, u->size - at - PREFIX_SIZE);
	h264_unit_set_pts(data, at, u->pts);
	return n;
}

/* The byte behind start code number n, or size. */
static size_t find_nal(const uint8_t *data, size_t size, unsigned n)
{
	for (size_t i = 0; i + 3 < size; i++)
		if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1 && n-- == 0)
			return i + 3;
	return size;
}

int h264_unit_nal_type(const uint8_t *data, size_t size, unsigned n)
{
	size_t at = find_nal(data, size, n);

	return at < size ? data[at] & 0x1f : -1;
}

bool h264_unit_read_pts(const uint8_t *data, size_t size, int64_t *ret)
{
	uint64_t pts = 0;

	for (unsigned n = 0;; n++) {
		size_t at = find_nal(data, size, n);
		int type = h264_unit_nal_type(data, size, n);

		if (type < 0 || at + SLICE_HEADER + PTS_DIGITS > size)
			return false;
		if (type != NAL_SLICE && type != NAL_IDR)
			continue;
		for (unsigned i = 0; i < PTS_DIGITS; i++)
			pts = pts << 4 | (data[at + SLICE_HEADER + i] & 0xf);
		*ret = (int64_t)pts;
		return true;
	}
}

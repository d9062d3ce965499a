/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "h264-writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG2_MAX_FRAME_NUM 8u
#define MACROBLOCK         16u
#define GREY_MACROBLOCK    0x27u /* ue(3) I_16x16_2_0_0, ue(0), se(0), coeff_token "no coefficients" */
#define COLOUR_BT709       1u    /* table E-3 to E-5 */
#define COLOUR_SMPTE170M   6u

enum {
	NAL_SLICE = 1,
	NAL_IDR = 5,
	NAL_SEI = 6,
	NAL_SPS = 7,
	NAL_PPS = 8,
};

/* Bits of one NAL unit on their way into the buffer, emulation prevention (7.4.1) included. */
struct bits {
	struct h264_buffer *out;
	uint32_t pending; /* the low n_pending bits are not written yet */
	unsigned n_pending;
	unsigned zeros; /* zero bytes written last */
};

/* Table A-1, the columns that depend on the size. */
static const struct {
	uint8_t level;
	uint32_t max_mbs_per_second, max_mbs;
} levels[] = {
	{ 10, 1485, 99 },
	{ 11, 3000, 396 },
	{ 12, 6000, 396 },
	{ 13, 11880, 396 },
	{ 21, 19800, 792 },
	{ 22, 20250, 1620 },
	{ 30, 40500, 1620 },
	{ 31, 108000, 3600 },
	{ 32, 216000, 5120 },
	{ 40, 245760, 8192 },
	{ 42, 522240, 8704 },
	{ 50, 589824, 22080 },
	{ 51, 983040, 36864 },
	{ 52, 2073600, 36864 },
	{ 60, 4177920, 139264 },
	{ 61, 8355840, 139264 },
};

#define LEVEL_HIGHEST 62u

void h264_buffer_finish(struct h264_buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct h264_buffer){ 0 };
}

static void append(struct h264_buffer *buffer, uint8_t byte)
{
	if (buffer->error)
		return;
	if (buffer->size == buffer->capacity) {
		size_t capacity = buffer->capacity ? buffer->capacity * 2 : 256;
		uint8_t *data = realloc(buffer->data, capacity);
		if (!data) {
			buffer->error = -ENOMEM;
			return;
		}
		buffer->data = data;
		buffer->capacity = capacity;
	}
	buffer->data[buffer->size++] = byte;
}

static void put_byte(struct bits *b, uint8_t byte)
{
	if (b->zeros >= 2 && byte <= 3) {
		append(b->out, 3);
		b->zeros = 0;
	}
	append(b->out, byte);
	b->zeros = byte == 0 ? b->zeros + 1 : 0;
}

static void put(struct bits *b, uint32_t value, unsigned n)
{
	while (n--) {
		b->pending = b->pending << 1 | (value >> n & 1);
		if (++b->n_pending == 8) {
			put_byte(b, (uint8_t)b->pending);
			b->n_pending = 0;
			b->pending = 0;
		}
	}
}

static void put_ue(struct bits *b, uint32_t value)
{
	unsigned length = 32u - (unsigned)__builtin_clz(value + 1);
	put(b, 0, length - 1);
	put(b, value + 1, length);
}

static struct bits begin(struct h264_buffer *buffer, unsigned ref_idc, unsigned type)
{
	struct bits b = { .out = buffer };
	static const uint8_t start_code[] = { 0, 0, 0, 1 };

	for (size_t i = 0; i < sizeof start_code; i++)
		append(buffer, start_code[i]);
	put_byte(&b, (uint8_t)(ref_idc << 5 | type));
	return b;
}

static void put_trailing(struct bits *b)
{
	put(b, 1, 1);
	if (b->n_pending)
		put(b, 0, 8 - b->n_pending);
}

static uint32_t mbs(uint32_t pixels)
{
	return (pixels + MACROBLOCK - 1) / MACROBLOCK;
}

static uint32_t count_mbs(const struct h264_stream *s)
{
	return mbs(s->width) * mbs(s->height);
}

static uint8_t find_level(const struct h264_stream *s)
{
	uint64_t rate = (uint64_t)count_mbs(s) * s->framerate_num / s->framerate_den;

	if (s->level)
		return s->level;
	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
		if (count_mbs(s) <= levels[i].max_mbs && rate <= levels[i].max_mbs_per_second)
			return levels[i].level;
	return LEVEL_HIGHEST;
}

static void put_vui(struct bits *b, bool bt709)
{
	uint32_t colour = bt709 ? COLOUR_BT709 : COLOUR_SMPTE170M;

	put(b, 0, 1);      /* aspect_ratio_info_present_flag */
	put(b, 0, 1);      /* overscan_info_present_flag */
	put(b, 1, 1);      /* video_signal_type_present_flag */
	put(b, 5, 3);      /* video_format: unspecified */
	put(b, 0, 1);      /* video_full_range_flag */
	put(b, 1, 1);      /* colour_description_present_flag */
	put(b, colour, 8); /* colour_primaries */
	put(b, colour, 8); /* transfer_characteristics */
	put(b, colour, 8); /* matrix_coefficients */
	put(b, 0, 1);      /* chroma_loc_info_present_flag */
	put(b, 0, 1);      /* timing_info_present_flag */
	put(b, 0, 1);      /* nal_hrd_parameters_present_flag */
	put(b, 0, 1);      /* vcl_hrd_parameters_present_flag */
	put(b, 0, 1);      /* pic_struct_present_flag */
	put(b, 1, 1);      /* bitstream_restriction_flag */
	put(b, 1, 1);      /* motion_vectors_over_pic_boundaries_flag */
	put_ue(b, 0);      /* max_bytes_per_pic_denom */
	put_ue(b, 0);      /* max_bits_per_mb_denom */
	put_ue(b, 10);     /* log2_max_mv_length_horizontal */
	put_ue(b, 10);     /* log2_max_mv_length_vertical */
	put_ue(b, 0);      /* max_num_reorder_frames: decoders need not wait */
	put_ue(b, 1);      /* max_dec_frame_buffering */
}

static void put_crop(struct bits *b, const struct h264_stream *s)
{
	uint32_t right = (mbs(s->width) * MACROBLOCK - s->width) / 2;
	uint32_t bottom = (mbs(s->height) * MACROBLOCK - s->height) / 2;

	put(b, right || bottom, 1);
	if (!right && !bottom)
		return;
	put_ue(b, 0);
	put_ue(b, right);
	put_ue(b, 0);
	put_ue(b, bottom);
}

void h264_write_sps(struct h264_buffer *buffer, const struct h264_stream *s)
{
	struct bits b = begin(buffer, 3, NAL_SPS);

	put(&b, s->profile, 8);
	put(&b, s->profile == 66 ? 0xc0 : 0, 8); /* constrained baseline */
	put(&b, find_level(s), 8);
	put_ue(&b, 0); /* seq_parameter_set_id */
	if (s->profile == 100) {
		put_ue(&b, 1); /* chroma_format_idc: 4:2:0 */
		put_ue(&b, 0); /* bit_depth_luma_minus8 */
		put_ue(&b, 0); /* bit_depth_chroma_minus8 */
		put(&b, 0, 1); /* qpprime_y_zero_transform_bypass_flag */
		put(&b, 0, 1); /* seq_scaling_matrix_present_flag */
	}
	put_ue(&b, LOG2_MAX_FRAME_NUM - 4);
	put_ue(&b, 2); /* pic_order_cnt_type: output order is decoding order */
	put_ue(&b, 1); /* max_num_ref_frames */
	put(&b, 0, 1); /* gaps_in_frame_num_value_allowed_flag */
	put_ue(&b, mbs(s->width) - 1);
	put_ue(&b, mbs(s->height) - 1);
	put(&b, 1, 1); /* frame_mbs_only_flag */
	put(&b, 1, 1); /* direct_8x8_inference_flag */
	put_crop(&b, s);
	put(&b, 1, 1); /* vui_parameters_present_flag */
	put_vui(&b, s->bt709);
	put_trailing(&b);
}

void h264_write_pps(struct h264_buffer *buffer)
{
	struct bits b = begin(buffer, 3, NAL_PPS);

	put_ue(&b, 0); /* pic_parameter_set_id */
	put_ue(&b, 0); /* seq_parameter_set_id */
	put(&b, 0, 1); /* entropy_coding_mode_flag: CAVLC */
	put(&b, 0, 1); /* bottom_field_pic_order_in_frame_present_flag */
	put_ue(&b, 0); /* num_slice_groups_minus1 */
	put_ue(&b, 0); /* num_ref_idx_l0_default_active_minus1 */
	put_ue(&b, 0); /* num_ref_idx_l1_default_active_minus1 */
	put(&b, 0, 1); /* weighted_pred_flag */
	put(&b, 0, 2); /* weighted_bipred_idc */
	put_ue(&b, 0); /* se(0) pic_init_qp_minus26 */
	put_ue(&b, 0); /* se(0) pic_init_qs_minus26 */
	put_ue(&b, 0); /* se(0) chroma_qp_index_offset */
	put(&b, 0, 1); /* deblocking_filter_control_present_flag */
	put(&b, 0, 1); /* constrained_intra_pred_flag */
	put(&b, 0, 1); /* redundant_pic_cnt_present_flag */
	put_trailing(&b);
}

void h264_write_sei_text(struct h264_buffer *buffer, const char *uuid, const char *text)
{
	struct bits b = begin(buffer, 0, NAL_SEI);
	size_t length = strlen(text), size = 16 + length;

	put(&b, 5, 8); /* user_data_unregistered */
	for (; size >= 255; size -= 255)
		put(&b, 255, 8);
	put(&b, (uint32_t)size, 8);
	for (size_t i = 0; i < 16; i++)
		put(&b, (uint8_t)uuid[i], 8);
	for (size_t i = 0; i < length; i++)
		put(&b, (uint8_t)text[i], 8);
	put_trailing(&b);
}

void h264_write_idr(struct h264_buffer *buffer, const struct h264_stream *s, unsigned idr_id)
{
	struct bits b = begin(buffer, 3, NAL_IDR);

	put_ue(&b, 0);                  /* first_mb_in_slice */
	put_ue(&b, 7);                  /* slice_type: I, like all others of the picture */
	put_ue(&b, 0);                  /* pic_parameter_set_id */
	put(&b, 0, LOG2_MAX_FRAME_NUM); /* frame_num */
	put_ue(&b, idr_id);             /* idr_pic_id */
	put(&b, 0, 1);                  /* no_output_of_prior_pics_flag */
	put(&b, 0, 1);                  /* long_term_reference_flag */
	put_ue(&b, 0);                  /* se(0) slice_qp_delta */
	for (uint32_t i = count_mbs(s); i > 0; i--)
		put(&b, GREY_MACROBLOCK, 8);
	put_trailing(&b);
}

void h264_write_skipped(struct h264_buffer *buffer, const struct h264_stream *s, unsigned frame_num)
{
	struct bits b = begin(buffer, 2, NAL_SLICE);

	put_ue(&b, 0); /* first_mb_in_slice */
	put_ue(&b, 5); /* slice_type: P, like all others of the picture */
	put_ue(&b, 0); /* pic_parameter_set_id */
	put(&b, frame_num % (1u << LOG2_MAX_FRAME_NUM), LOG2_MAX_FRAME_NUM);
	put(&b, 0, 1);            /* num_ref_idx_active_override_flag */
	put(&b, 0, 1);            /* ref_pic_list_modification_flag_l0 */
	put(&b, 0, 1);            /* adaptive_ref_pic_marking_mode_flag */
	put_ue(&b, 0);            /* se(0) slice_qp_delta */
	put_ue(&b, count_mbs(s)); /* mb_skip_run */
	put_trailing(&b);
}

bool h264_unit_is_idr(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 3 < size; i++) {
		if (data[i] != 0 || data[i + 1] != 0 || data[i + 2] != 1)
			continue;
		unsigned type = data[i + 3] & 0x1f;
		if (type >= NAL_SLICE && type <= NAL_IDR)
			return type == NAL_IDR;
	}
	return false;
}

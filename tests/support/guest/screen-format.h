/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a screen offers to whoever watches it, in the words of PipeWire: its formats, and how the buffers of
 * the one that was chosen have to be. No I/O. */

#include <spa/param/video/format-utils.h>
#include <spa/pod/builder.h>
#include <stdbool.h>
#include <stdint.h>

struct screen_format {
	uint32_t width, height; /* pixels, even; NV12: width a multiple of 4 */
	uint32_t rate;          /* frames a second */
	enum spa_video_format format;
	uint64_t modifier;
	bool has_modifier;
};

/* "BGRx", "BGRA" or "NV12": the DRM formats XR24, AR24 and NV12. 0 and *ret; -EINVAL. */
int screen_format_parse(const char *name, enum spa_video_format *ret);
/* "linear", "invalid" (the layout is implied, DRM_FORMAT_MOD_INVALID) or a number. 0 and *ret; -EINVAL. */
int screen_modifier_parse(const char *text, uint64_t *ret);

/* Words of 32 bits in a row, and rows of all planes one below the other: see frame-memory.h. */
uint32_t screen_format_words(const struct screen_format *f);
uint32_t screen_format_rows(const struct screen_format *f);

/* One EnumFormat parameter. With a modifier the format is for DMA-BUFs. The pod lives in the builder's memory. */
struct spa_pod *screen_format_offer(struct spa_pod_builder *b, const struct screen_format *f);

/* The Buffers parameter: the type is one of enum spa_data_type. */
struct spa_pod *screen_format_buffers(
	struct spa_pod_builder *b, const struct screen_format *f, uint32_t data_type);
/* The Meta parameter: every buffer has a header with a sequence number and a time. */
struct spa_pod *screen_format_meta(struct spa_pod_builder *b);

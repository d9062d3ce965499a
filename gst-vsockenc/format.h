/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Raw video: the caps that vsockenc takes, and what HXFR calls their formats (docs/protocol.md,
 * section 4). */

#include <gst/video/video.h>
#include <stdbool.h>
#include <stdint.h>

/* Caps of the sink pad, best first: DMABuf by DRM format (GStreamer >= 1.24), DMABuf by video
 * format, system memory. */
GstCaps *format_sink_caps(void);
/* Fixed caps to the layout they stand for: DMA_DRM ones, plain ones, and those that have both a
 * drm-format and a plain format. false when they are none of ours, interlaced, or of a modifier
 * that is neither linear nor unknown (MOD_INVALID). */
bool format_from_caps(const GstCaps *caps, GstVideoInfo *ret);
/* enum hxfr_format; 0 for a format that is not ours. */
uint32_t format_fourcc(GstVideoFormat format);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pictures as GStreamer sees them. Odd sides become even, because 4:2:0 has no others: the last
 * column and row are repeated. */

#include "encoder.h"

#include <gst/video/video.h>

/* What an encoder of that configuration is fed. */
void encoder_raw_info(const struct encoder_config *config, GstVideoInfo *ret);
/* What stands between conversion and encoder: 4:2:0 of a colour that is said. Owned by the
 * caller. */
GstCaps *encoder_raw_converted_caps(const struct encoder_config *config);
/* Copies the pixels into a buffer of encoder_raw_info(). -ENOMEM when it cannot be mapped. */
int encoder_raw_copy(const struct picture *picture, const GstVideoInfo *info, GstBuffer *buffer);

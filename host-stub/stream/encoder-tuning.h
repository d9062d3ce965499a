/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What has to be said to the H.264 encoders of GStreamer to make them fast, without look-ahead and
 * B-frames. */

#include "encoder.h"

#include <gst/gst.h>

/*
 * Sets the properties of `element` (of that factory name) that are fixed while it runs. Elements
 * that are not in the table get what they have of the common names; a property that this version of
 * an element lacks is passed over.
 */
void encoder_tune(GstElement *element, const char *name, const struct encoder_config *config);

/* Sets the bit rate in the element's unit. False when the element cannot (or, `live`, cannot while
 * it runs). */
bool encoder_tune_bitrate(GstElement *element, const char *name, uint32_t bitrate, bool live);

/* Caps behind the encoder: profile, and level where the element takes one. Owned by the caller. */
GstCaps *encoder_tune_caps(const char *name, const struct encoder_config *config);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What one run measures: the encoder as it is compared, and the frames it gets. */

#include <gst/video/video.h>

#define FRAMES 24u /* preloaded: more than any window, so that none is pushed while it is in use */

struct bench_case {
	char *encoder;      /* "vsockenc", "x264enc", "openh264enc", "none" */
	gboolean dmabuf;    /* vsockenc only */
	const char *format; /* "NV12", "BGRx" */
	gint width, height;
	gint pace; /* frames a second; 0: as fast as it goes */
	gint frames, warmup;
	char *endpoint;     /* vsockenc only */
	gboolean no_upload; /* vsockenc only */
	gint max_in_flight;
};

/* Caps of the frames. */
GstCaps *case_caps(const struct bench_case *c);
/* A pipeline in state NULL and the ends to push into and to take from; videoconvert is in front
 * where the encoder does not take the format. NULL, said on stderr, when an element is missing. */
GstElement *case_make_encoder(const struct bench_case *c, GstPad **ret_sink, GstPad **ret_src);
/* Makes the frames. False, said on stderr. */
gboolean case_make_frames(const struct bench_case *c, GstBuffer *ret[FRAMES]);

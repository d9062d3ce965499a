/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Looks at the test pictures that arrive in an appsink. */

#include "judge.h"

#include <gst/app/gstappsink.h>

struct picture_seen {
	uint64_t time_ns; /* running time */
	uint64_t number;  /* JUDGE_UNREADABLE: none */
	double psnr;      /* dB; 0 when unreadable */
};

/* In the streaming thread of the sink. */
typedef void (*picture_seen_fn)(void *owner, const struct picture_seen *picture);

/* From now on every picture of the sink goes to seen(owner), as fast as they come (sync=false).
 * 4:2:0 only, which is what decoders of H.264 put out: others are unreadable. */
void picture_sink_watch(GstAppSink *sink, picture_seen_fn seen, void *owner);

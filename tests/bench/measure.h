/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "case.h"

struct measurement {
	double fps;
	double cpu_ms; /* of this process, per frame */
	double p50_ms, p99_ms;
	double rss_mb, rss_frames_mb; /* 2^20 bytes */
	guint pushed, received;       /* warm-up included */
};

/* False, said on stderr, when the encoder fails. */
gboolean measure(const struct bench_case *c, struct measurement *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What encoders of this machine tell of their streams (hxfr/report.h): a socket's reader writes it
 * down, a probe reads it on another thread. Whoever reports is believed about their own streams
 * only: numbers of a stream are found by who sent them, and nobody can fill the table for others.
 * Any thread.
 */

#include <glib.h>
#include <hxfr/report.h>
#include <stdbool.h>
#include <sys/types.h>

#define ENCODER_LOG_STREAMS 16u /* the one that was silent for longest makes room */
#define ENCODER_LOG_OF_USER 4u  /* of those, of one user; likewise */
#define ENCODER_LOG_STALE_S 60u /* a stream that says nothing for that long is none */

struct encoder_sender { /* as the kernel says, SCM_CREDENTIALS */
	pid_t pid;
	uid_t uid;
};

struct encoder_share {
	unsigned streams; /* that there are */
	/* Of the stream with the least: its frames since it was last looked at, or when there were
	 * none, those that were seen then. */
	struct encoder_sender sender;
	double by_id_percent, uploaded_percent; /* of its frames */
};

struct encoder_log;
struct encoder_log *encoder_log_new(void);
struct encoder_log *encoder_log_ref(struct encoder_log *log);
/* NULL is fine. */
void encoder_log_unref(struct encoder_log *log);

/* Times are now_ns() of env. */
void encoder_log_report(struct encoder_log *log, const struct encoder_sender *sender,
	const struct hxfr_report *report, int64_t now_ns);
/* False: no stream has frames. */
bool encoder_log_look(struct encoder_log *log, int64_t now_ns, struct encoder_share *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What was seen of the host's encoder lately: a probe writes it down on its thread, helix-link-status
 * reads it on another. Any thread. */

#include "latency.h"

#include <hxfr/messages.h>

#define LINK_LOG_PINGS 256u /* that are remembered; older ones are forgotten */

/* What the encoder said of itself when it was last asked. */
struct link_peer {
	bool known;                /* it answered a PING; else nothing below is valid */
	unsigned version;          /* 1 without HELLO_RESP, docs/protocol.md section 8 */
	uint32_t features;         /* of HELLO_RESP; 0 with version 1 */
	bool has_config;           /* by CONFIG_RESP, hence of version 2 and later only */
	struct hxfr_config config; /* what a session gets that asks for nothing */
};

struct link_summary {
	unsigned sent, answered; /* PINGs, of the last LINK_LOG_PINGS */
	struct latency rtt;      /* of those answered; n is 0 when there are none */
	char *error;             /* the last failure, a sentence; owned; NULL: never */
	int64_t error_ns;        /* when that was, now_ns() of env */
	struct link_peer peer;
};
void link_summary_finish(struct link_summary *summary);

struct link_log;
struct link_log *link_log_new(void);
struct link_log *link_log_ref(struct link_log *log);
/* NULL is fine. */
void link_log_unref(struct link_log *log);

/* rtt_us < 0: nobody answered. A connection that could not be made counts as one PING of that kind. */
void link_log_ping(struct link_log *log, double rtt_us);
/* error is copied. */
void link_log_fail(struct link_log *log, int64_t now_ns, const char *error);
void link_log_peer(struct link_log *log, const struct link_peer *peer);
/* link_summary_finish() it. */
void link_log_summarise(struct link_log *log, struct link_summary *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Asks the host's encoder whether it lives and what it is, on a connection of its own. */

#include "link-log.h"

#include <hxfr/endpoint.h>

#define LINK_PINGS      3u
#define LINK_CONNECT_MS 1000u
#define LINK_PONG_MS    2000u
/* The longest that link_ask() takes: it may be hung up on in the middle of its first attempt. */
#define LINK_ASK_MAX_MS (2 * LINK_CONNECT_MS + (LINK_PINGS + 1) * LINK_PONG_MS)

struct link_answer {
	int connect_error;         /* -errno of the connect; 0 */
	unsigned pings, pongs;     /* the first PING that is not answered is the last one sent */
	double rtt_us[LINK_PINGS]; /* of the PONGs */
	char *error;               /* why a PONG did not come, or an ERROR message; owned; NULL */
	struct link_peer peer;
};
void link_answer_finish(struct link_answer *answer);

/* Waits for it. Sends HELLO and PINGs; PINGs alone, on a second connection, to a host that hangs up
 * on HELLO. CONFIG_REQ, with nothing wanted in it, only goes to a host that answers HELLO: hosts in the
 * field may apply it to somebody's stream. */
void link_ask(const struct hxfr_endpoint *endpoint, struct link_answer *ret);

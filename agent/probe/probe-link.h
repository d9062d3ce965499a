/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Verdicts on the way to the encoder. */

#include "probe.h"

struct link_facts {
	const char *endpoint;
	int connect_error; /* -errno of the connect; 0 */
	unsigned pings, pongs;
	double worst_ms; /* round trip */
	bool tcp;
};
/* A connection alone proves nothing: proxies accept without a host behind them. TCP that may not be
 * used at all is the sandbox of the unit. */
void link_encoder_judge(const struct link_facts *facts, struct probe_result *ret);

/* error: errno of opening /dev/vsock or of the ioctl; 0: cid is valid. */
void link_host_cid_judge(int error, uint32_t cid, struct probe_result *ret);

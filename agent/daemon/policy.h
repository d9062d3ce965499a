/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who may talk to helix-agentd, and what it may ask for. */

#include "../dialect/server.h"

struct policy {
	uid_t own_uid;
	bool has_group;
	gid_t group;      /* that may read */
	uint32_t own_cid; /* of this machine; VMADDR_CID_ANY: unknown */
	bool allow_host_write, host_privileged_port;
	unsigned requests_per_s, write_interval_s;
};

/* False: it may not talk. Unix: root and the daemon's own user write, the group reads. vsock: the
 * host alone; any user of this machine can connect through the loopback (CID 1) or its own CID. */
bool policy_admit(
	const struct policy *policy, const struct dialect_peer *peer, struct dialect_terms *ret);
/* The terms of who holds the other end of the virtio-serial port. */
struct dialect_terms policy_host_terms(const struct policy *policy);

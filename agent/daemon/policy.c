/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy.h"

#include <hxfr/endpoint.h>
#include <sys/socket.h>

#define PRIVILEGED_PORTS 1024u /* those below need CAP_NET_BIND_SERVICE, net/vmw_vsock/af_vsock.c */

static struct dialect_terms limited(const struct policy *policy, enum dialect_access access)
{
	return (struct dialect_terms){ access, policy->requests_per_s, policy->write_interval_s,
		false };
}

struct dialect_terms policy_host_terms(const struct policy *policy)
{
	return limited(policy, policy->allow_host_write ? DIALECT_WRITE : DIALECT_READ);
}

static bool admit_user(
	const struct policy *policy, const struct dialect_peer *peer, struct dialect_terms *ret)
{
	if (peer->uid == 0 || peer->uid == policy->own_uid)
		*ret = (struct dialect_terms){ .access = DIALECT_WRITE, .trusted = true };
	else if (policy->has_group && dialect_peer_in_group(peer, policy->group))
		*ret = limited(policy, DIALECT_READ);
	else
		return false;
	return true;
}

bool policy_admit(
	const struct policy *policy, const struct dialect_peer *peer, struct dialect_terms *ret)
{
	if (peer->family == AF_UNIX)
		return admit_user(policy, peer, ret);
	if (peer->family != AF_VSOCK || peer->cid != HXFR_VSOCK_CID_HOST ||
		peer->cid == policy->own_cid)
		return false;
	if (policy->host_privileged_port && peer->port >= PRIVILEGED_PORTS)
		return false;
	*ret = policy_host_terms(policy);
	return true;
}

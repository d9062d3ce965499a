/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/policy.h"
#include "suite.h"

#include <sys/socket.h>

#include <linux/vm_sockets.h>

enum verdict {
	REFUSED,
	READS,
	WRITES,
};

static const struct {
	const char *what;
	struct dialect_peer peer;
	bool allow_host_write, host_privileged_port;
	enum verdict verdict;
	bool limited;
} cases[] = {
	{ "root", { AF_UNIX, .uid = 0, .gid = 0 }, false, false, WRITES, false },
	{ "the daemon's user", { AF_UNIX, .uid = 990, .gid = 990 }, false, false, WRITES, false },
	{ "a user", { AF_UNIX, .uid = 1000, .gid = 1000 }, true, false, REFUSED, false },
	{ "a user of the group", { AF_UNIX, .uid = 1000, .gid = 50 }, true, false, READS, true },
	{ "a user of the group, among others",
		{ AF_UNIX, .uid = 1000, .gid = 1000, .groups = { 4, 50 }, .n_groups = 2 }, false,
		false, READS, true },
	{ "a user of other groups",
		{ AF_UNIX, .uid = 1000, .gid = 1000, .groups = { 4, 50 }, .n_groups = 1 }, false,
		false, REFUSED, false },
	{ "the host", { AF_VSOCK, .cid = 2, .port = 40000 }, false, false, READS, true },
	{ "the host that may", { AF_VSOCK, .cid = 2, .port = 40000 }, true, false, WRITES, true },
	{ "the host's user", { AF_VSOCK, .cid = 2, .port = 1024 }, true, true, REFUSED, false },
	{ "the host's root", { AF_VSOCK, .cid = 2, .port = 1023 }, true, true, WRITES, true },
	{ "loopback", { AF_VSOCK, .cid = 1, .port = 1000 }, true, false, REFUSED, false },
	{ "this machine", { AF_VSOCK, .cid = 3, .port = 1000 }, true, false, REFUSED, false },
	{ "another guest", { AF_VSOCK, .cid = 4, .port = 1000 }, true, false, REFUSED, false },
	{ "an IP address", { AF_INET, .cid = 2 }, true, false, REFUSED, false },
};

static struct policy base(void)
{
	return (struct policy){
		.own_uid = 990,
		.has_group = true,
		.group = 50,
		.own_cid = 3,
		.requests_per_s = 10,
		.write_interval_s = 20,
	};
}

START_TEST(who_may_talk_and_what_it_may_ask_for)
{
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct policy policy = base();
		struct dialect_terms terms;

		poison(&terms);
		policy.allow_host_write = cases[i].allow_host_write;
		policy.host_privileged_port = cases[i].host_privileged_port;
		bool admitted = policy_admit(&policy, &cases[i].peer, &terms);
		ck_assert_msg(admitted == (cases[i].verdict != REFUSED), "%s", cases[i].what);
		if (!admitted) {
			assert_poisoned(&terms);
			continue;
		}
		ck_assert_msg((terms.access == DIALECT_WRITE) == (cases[i].verdict == WRITES), "%s",
			cases[i].what);
		ck_assert_uint_eq(terms.requests_per_s, cases[i].limited ? 10 : 0);
		ck_assert(terms.trusted == !cases[i].limited);
		ck_assert_uint_eq(terms.write_interval_s, cases[i].limited ? 20 : 0);
	}
}
END_TEST

START_TEST(a_machine_that_is_the_host_does_not_admit_itself)
{
	const struct dialect_peer self = { AF_VSOCK, .cid = VMADDR_CID_HOST, .port = 1000 };
	struct policy policy = base();
	struct dialect_terms terms;

	policy.own_cid = VMADDR_CID_HOST;
	ck_assert(!policy_admit(&policy, &self, &terms));
	policy.own_cid = VMADDR_CID_ANY;
	ck_assert(policy_admit(&policy, &self, &terms));
}
END_TEST

START_TEST(without_the_group_only_root_reads)
{
	const struct dialect_peer peer = { AF_UNIX, .uid = 1000, .gid = 0 };
	struct policy policy = base();
	struct dialect_terms terms;

	policy.has_group = false;
	policy.group = 0;
	ck_assert(!policy_admit(&policy, &peer, &terms));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		who_may_talk_and_what_it_may_ask_for,
		a_machine_that_is_the_host_does_not_admit_itself,
		without_the_group_only_root_reads,
		NULL,
	};

	return suite_run("agent-policy", tests);
}

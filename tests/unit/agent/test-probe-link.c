/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-peer.h"
#include "probe-fixture.h"
#include "probe/probe-link.h"

#include <errno.h>
#include <hxfr/messages.h>

static const struct {
	struct link_facts facts;
	enum probe_status status;
} links[] = {
	{ { "e", 0, 3, 3, 0.4 }, PROBE_OK },
	{ { "e", 0, 3, 3, 2.0 }, PROBE_OK },
	{ { "e", 0, 3, 3, 2.1 }, PROBE_WARN },
	{ { "e", 0, 3, 3, 20.1 }, PROBE_FAIL },
	{ { "e", 0, 3, 2, 0.4 }, PROBE_WARN },
	{ { "e", 0, 1, 0, 0 }, PROBE_FAIL },
	{ { "e", -ECONNREFUSED, 0, 0, 0 }, PROBE_FAIL },
};

START_TEST(only_a_pong_counts)
{
	for (size_t i = 0; i < N_ELEMENTS(links); i++) {
		struct probe_result result = { 0 };

		link_encoder_judge(&links[i].facts, &result);
		assert_result(&result, links[i].status, NULL);
	}
}
END_TEST

static const struct {
	int error;
	uint32_t cid;
	enum probe_status status;
} cids[] = {
	{ 0, 3, PROBE_OK },
	{ 0, 2, PROBE_FAIL },
	{ 0, 1, PROBE_FAIL },
	{ 0, 0xffffffff, PROBE_FAIL },
	{ ENOENT, 0, PROBE_FAIL },
	{ EACCES, 0, PROBE_UNKNOWN },
};

START_TEST(a_guest_has_a_cid_of_its_own)
{
	for (size_t i = 0; i < N_ELEMENTS(cids); i++) {
		struct probe_result result = { 0 };

		link_host_cid_judge(cids[i].error, cids[i].cid, &result);
		assert_result(&result, cids[i].status, NULL);
	}
	assert_probe("link.host_cid", PROBE_NA, "not reached over vsock");
	wanted.encoder = (char *)"vsock:2:5000";
	assert_probe("link.host_cid", PROBE_FAIL, "/dev/vsock");
	machine_put(&machine, "/dev/vsock", "");
	assert_probe("link.host_cid", PROBE_FAIL, "/dev/vsock");
}
END_TEST

static char *pong(const char *received, unsigned size, unsigned *ret_size)
{
	struct hxfr_header header;
	uint8_t *answer = g_malloc(2 * HXFR_HEADER_SIZE);

	ck_assert_uint_eq(size, HXFR_HEADER_SIZE);
	ck_assert_int_eq(hxfr_header_decode((const uint8_t *)received, &header), 0);
	ck_assert_uint_eq(header.type, HXFR_PING);
	/* A message that nobody asked for comes first. */
	header.type = HXFR_KEYFRAME_REQ;
	hxfr_header_encode(&header, answer);
	header.type = HXFR_PONG;
	hxfr_header_encode(&header, answer + HXFR_HEADER_SIZE);
	*ret_size = 2 * HXFR_HEADER_SIZE;
	return (char *)answer;
}

static char *garbage(const char *received, unsigned size, unsigned *ret_size)
{
	*ret_size = 16;
	return g_strdup("HTTP/1.1 400 Bad");
}

static char *chatter(const char *received, unsigned size, unsigned *ret_size)
{
	const struct hxfr_header header = { .type = HXFR_KEYFRAME_REQ };
	uint8_t *answer = g_malloc(HXFR_HEADER_SIZE);

	hxfr_header_encode(&header, answer);
	*ret_size = HXFR_HEADER_SIZE;
	return (char *)answer;
}

static char *silence(const char *received, unsigned size, unsigned *ret_size)
{
	return NULL;
}

static const struct {
	char *(*answer)(const char *received, unsigned size, unsigned *ret_size);
	bool answers;
} peers[] = {
	{ pong, true },
	{ garbage, false },
	{ chatter, false },
	{ silence, false },
};

START_TEST(a_host_that_connects_but_says_nothing_fails)
{
	g_autofree char *path = env_path(&machine.env, "/encoder");
	g_autofree char *endpoint = g_strconcat("unix:", path, NULL);

	assert_probe("link.encoder", PROBE_NA, NULL);
	wanted.encoder = (char *)"carrier pigeon";
	assert_probe("link.encoder", PROBE_UNKNOWN, "no endpoint");
	wanted.encoder = endpoint;
	assert_probe("link.encoder", PROBE_FAIL, "No such file");
	for (size_t i = 0; i < N_ELEMENTS(peers); i++) {
		struct fake_peer *peer = fake_peer_new(path, peers[i].answer);
		struct probe_result result;

		probe_ask("link.encoder", &result);
		fake_peer_free(peer);
		/* How fast it answers is this machine's load. */
		ck_assert_msg(strstr(result.message, peers[i].answers ? "3 of 3" : "nobody"), "%s",
			result.message);
		ck_assert(result.has_value == peers[i].answers);
		probe_result_finish(&result);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		only_a_pong_counts,
		a_guest_has_a_cid_of_its_own,
		a_host_that_connects_but_says_nothing_fails,
		NULL,
	};

	return suite_run_with(
		"agent-probe-link", tests, probe_fixture_setup, probe_fixture_teardown);
}

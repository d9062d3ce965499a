/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-peer.h"
#include "probe-fixture.h"
#include "probe/link-ask.h"
#include "probe/probe-link.h"

#include <errno.h>
#include <glib/gstdio.h>

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
	{ { "e", -EPERM, 0, 0, 0 }, PROBE_FAIL },
	{ { "e", -EPERM, 0, 0, 0, .tcp = true }, PROBE_UNKNOWN },
	{ { "e", -EAFNOSUPPORT, 0, 0, 0, .tcp = true }, PROBE_UNKNOWN },
	{ { "e", -ECONNREFUSED, 0, 0, 0, .tcp = true }, PROBE_FAIL },
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

static void append(GByteArray *answer, struct hxfr_message message)
{
	uint8_t head[HXFR_HEAD_MAX];
	size_t size;

	ck_assert_int_eq(hxfr_message_encode(&message, head, sizeof(head), &size), 0);
	g_byte_array_append(answer, head, (guint)size);
}

#define HXFR(t) .header = { .type = HXFR_##t, .session_id = HXFR_SESSION_MAIN }

/* Answers message by message; version 1 skips what it does not know. */
static char *answer_as(const char *received, unsigned size, unsigned *ret_size, unsigned version)
{
	g_autoptr(GByteArray) answer = g_byte_array_new();
	struct hxfr_header header;
	gsize answer_size;
	char *bytes;

	for (unsigned at = 0; at < size; at += HXFR_HEADER_SIZE + header.payload_size) {
		ck_assert_int_eq(hxfr_header_decode((const uint8_t *)received + at, &header), 0);
		/* A message that nobody asked for comes first. */
		if (header.type == HXFR_PING) {
			append(answer, (struct hxfr_message){ HXFR(KEYFRAME_REQ) });
			append(answer, (struct hxfr_message){ HXFR(PONG) });
		} else if (version == 1) {
			ck_assert_uint_eq(header.type, HXFR_HELLO);
		} else if (header.type == HXFR_HELLO) {
			append(answer,
				(struct hxfr_message){ HXFR(HELLO_RESP), .hello = { version, 5 } });
		} else {
			ck_assert_uint_eq(header.type, HXFR_CONFIG_REQ);
			append(answer, (struct hxfr_message){ HXFR(CONFIG_RESP),
					       .config = { .bitrate = 6000000, .profile = 77 } });
		}
	}
	bytes = (char *)g_byte_array_steal(answer, &answer_size);
	*ret_size = (unsigned)answer_size;
	return bytes;
}

static char *pong(const char *received, unsigned size, unsigned *ret_size)
{
	return answer_as(received, size, ret_size, 1);
}

static char *extended(const char *received, unsigned size, unsigned *ret_size)
{
	return answer_as(received, size, ret_size, 7);
}

/* A host that is stricter than it should be. */
static char *hangs_up_on_hello(const char *received, unsigned size, unsigned *ret_size)
{
	if ((uint8_t)received[4] == HXFR_HELLO) {
		*ret_size = 0;
		return g_strdup("");
	}
	return answer_as(received, size, ret_size, 1);
}

static char *hangs_up(const char *received, unsigned size, unsigned *ret_size)
{
	*ret_size = 0;
	return g_strdup("");
}

static char *refusal(const char *received, unsigned size, unsigned *ret_size)
{
	g_autoptr(GByteArray) answer = g_byte_array_new();
	gsize answer_size;
	char *bytes;

	append(answer, (struct hxfr_message){ HXFR(ERROR), .error = { -99, "on fire" } });
	bytes = (char *)g_byte_array_steal(answer, &answer_size);
	*ret_size = (unsigned)answer_size;
	return bytes;
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
	{ hangs_up_on_hello, true },
	{ hangs_up, false },
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

static void ask_peer(char *(*answer)(const char *received, unsigned size, unsigned *ret_size),
	struct link_summary *ret)
{
	g_autofree char *path = env_path(&machine.env, "/encoder");
	g_autofree char *endpoint = g_strconcat("unix:", path, NULL);
	struct fake_peer *peer = answer ? fake_peer_new(path, answer) : NULL;
	struct probe_result result;

	wanted.encoder = endpoint;
	probe_ask("link.encoder", &result);
	probe_result_finish(&result);
	if (peer)
		fake_peer_free(peer);
	g_unlink(path);
	link_log_summarise(wanted.link_log, ret);
}

START_TEST(what_the_encoder_says_of_itself_is_kept)
{
	struct link_summary link;

	wanted.link_log = link_log_new();
	link_log_summarise(wanted.link_log, &link);
	ck_assert_uint_eq(link.sent, 0);
	ck_assert(!link.peer.known && !link.error);
	ask_peer(pong, &link);
	ck_assert_uint_eq(link.sent, LINK_PINGS);
	ck_assert_uint_eq(link.answered, LINK_PINGS);
	ck_assert(link.peer.known && link.peer.version == 1 && !link.peer.has_config);
	ck_assert(link.rtt.p50_us > 0 && link.rtt.max_us >= link.rtt.p99_us);
	ck_assert_ptr_null(link.error);
	ask_peer(extended, &link);
	ck_assert_uint_eq(link.peer.version, 2);
	ck_assert_uint_eq(link.peer.features, 5);
	ck_assert(link.peer.has_config);
	ck_assert_uint_eq(link.peer.config.bitrate, 6000000);
	link_log_unref(wanted.link_log);
}
END_TEST

START_TEST(what_goes_wrong_is_kept)
{
	struct link_summary link;

	wanted.link_log = link_log_new();
	machine.now_ns = 17;
	ask_peer(NULL, &link);
	ck_assert_uint_eq(link.sent, 1);
	ck_assert_uint_eq(link.answered, 0);
	ck_assert_str_eq(link.error, g_strerror(ENOENT));
	ck_assert_int_eq(link.error_ns, 17);
	link_summary_finish(&link);
	ask_peer(garbage, &link);
	ck_assert_str_eq(link.error, "what it says is no HXFR");
	ck_assert(!link.peer.known);
	link_summary_finish(&link);
	ask_peer(refusal, &link);
	ck_assert_str_eq(link.error, "the host says: on fire (internal error)");
	link_summary_finish(&link);
	ask_peer(pong, &link);
	ck_assert_uint_eq(link.sent, 3 + LINK_PINGS);
	ck_assert_uint_eq(link.answered, LINK_PINGS);
	ck_assert_ptr_nonnull(link.error); /* of the past, as its time says */
	link_summary_finish(&link);
	link_log_unref(wanted.link_log);
}
END_TEST

START_TEST(old_pings_are_forgotten)
{
	struct link_log *log = link_log_new();
	struct link_summary link;

	for (unsigned i = 0; i < LINK_LOG_PINGS; i++)
		link_log_ping(log, i % 4 ? 100 : -1);
	link_log_summarise(log, &link);
	ck_assert_uint_eq(link.sent, LINK_LOG_PINGS);
	ck_assert_uint_eq(link.answered, LINK_LOG_PINGS * 3 / 4);
	ck_assert_uint_eq(link.rtt.histogram[6], LINK_LOG_PINGS * 3 / 4);
	ck_assert_double_eq(link.rtt.max_us, 100);
	for (unsigned i = 0; i < LINK_LOG_PINGS; i++)
		link_log_ping(log, i ? 50 : 1e9);
	link_log_summarise(log, &link);
	ck_assert_uint_eq(link.answered, LINK_LOG_PINGS);
	ck_assert_double_eq(link.rtt.p50_us, 50);
	ck_assert_double_gt(link.rtt.max_us, 4e6); /* the longest that it can tell */
	link_log_unref(log);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		only_a_pong_counts,
		a_guest_has_a_cid_of_its_own,
		a_host_that_connects_but_says_nothing_fails,
		what_the_encoder_says_of_itself_is_kept,
		what_goes_wrong_is_kept,
		old_pings_are_forgotten,
		NULL,
	};

	return suite_run_with(
		"agent-probe-link", tests, probe_fixture_setup, probe_fixture_teardown);
}

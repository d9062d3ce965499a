/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "suite.h"

#include <hxfr/endpoint.h>

#include <errno.h>
#include <stdio.h>

#define REPEAT_10(text)  text text text text text text text text text text
#define REPEAT_100(text) REPEAT_10(REPEAT_10(text))
#define NAME_253         REPEAT_100("ab") REPEAT_10("abcde") "abc"
#define PATH_107         "/" REPEAT_100("p") "123456"

START_TEST(endpoint_parses_vsock)
{
	static const struct {
		const char *text;
		uint32_t cid, port;
	} cases[] = {
		{ "vsock:2:5000", 2, 5000 },
		{ "vsock:host:5000", 2, 5000 },
		{ "vsock:local:1", 1, 1 },
		{ "vsock:hypervisor:0", 0, 0 },
		{ "vsock:any:4294967295", UINT32_MAX, UINT32_MAX },
		{ "vsock:4294967295:0", UINT32_MAX, 0 },
	};
	struct hxfr_endpoint e;

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		ck_assert_int_eq(hxfr_endpoint_parse(cases[i].text, &e), 0);
		ck_assert_int_eq(e.transport, HXFR_TRANSPORT_VSOCK);
		ck_assert_uint_eq(e.vsock.cid, cases[i].cid);
		ck_assert_uint_eq(e.vsock.port, cases[i].port);
	}
}
END_TEST

START_TEST(endpoint_parses_tcp)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
	} cases[] = {
		{ "tcp:10.0.2.2:15937", "10.0.2.2", 15937 },
		{ "tcp:[::1]:65535", "::1", 65535 },
		{ "tcp:[fe80::1%eth0]:1", "fe80::1%eth0", 1 },
		{ "tcp:[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", 1 },
		{ "tcp:host.example_1.org:0", "host.example_1.org", 0 },
		{ "tcp:" NAME_253 ":1", NAME_253, 1 },
	};
	struct hxfr_endpoint e;

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		ck_assert_int_eq(hxfr_endpoint_parse(cases[i].text, &e), 0);
		ck_assert_int_eq(e.transport, HXFR_TRANSPORT_TCP);
		ck_assert_str_eq(e.tcp.host, cases[i].host);
		ck_assert_uint_eq(e.tcp.port, cases[i].port);
	}
}
END_TEST

START_TEST(endpoint_parses_unix)
{
	static const char *const paths[] = { "/run/x", "relative", "a:b c", "@abstract", PATH_107 };
	char text[HXFR_ENDPOINT_MAX];
	struct hxfr_endpoint e;

	for (size_t i = 0; i < N_ELEMENTS(paths); i++) {
		snprintf(text, sizeof(text), "unix:%s", paths[i]);
		ck_assert_int_eq(hxfr_endpoint_parse(text, &e), 0);
		ck_assert_int_eq(e.transport, HXFR_TRANSPORT_UNIX);
		ck_assert_str_eq(e.unix_path, paths[i]);
	}
}
END_TEST

START_TEST(endpoint_refuses_what_is_no_address)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{ "", -EBADMSG },
		{ "vsock", -EBADMSG },
		{ "vsock:", -EBADMSG },
		{ "vsock:2", -EBADMSG },
		{ "vsock:2:", -EBADMSG },
		{ "vsock::5000", -EBADMSG },
		{ "vsock:2:5000:", -EBADMSG },
		{ "vsock:2:5000 ", -EBADMSG },
		{ "vsock: 2:5000", -EBADMSG },
		{ "vsock:+2:5000", -EBADMSG },
		{ "vsock:-1:5000", -EBADMSG },
		{ "vsock:0x2:5000", -EBADMSG },
		{ "vsock:02:5000", -EBADMSG },
		{ "vsock:2:00", -EBADMSG },
		{ "vsock:hosts:5000", -EBADMSG },
		{ "vsock:hos:5000", -EBADMSG },
		{ "VSOCK:2:5000", -EBADMSG },
		{ "vsock:4294967296:1", -ERANGE },
		{ "vsock:2:4294967296", -ERANGE },
		{ "vsock:2:99999999999999999999999", -ERANGE },
		{ "unix:", -EBADMSG },
		{ "unix:@", -EBADMSG },
		{ "unix:" PATH_107 "x", -EMSGSIZE },
		{ "tcp:", -EBADMSG },
		{ "tcp:host", -EBADMSG },
		{ "tcp:host:", -EBADMSG },
		{ "tcp::1", -EBADMSG },
		{ "tcp:::1:1", -EBADMSG },
		{ "tcp:[::1]", -EBADMSG },
		{ "tcp:[::1:1", -EBADMSG },
		{ "tcp:[]:1", -EBADMSG },
		{ "tcp:[:1", -EBADMSG },
		{ "tcp:[host]:1", -EBADMSG },
		{ "tcp:[127.0.0.1]:1", -EBADMSG },
		{ "tcp:[::1%]:1", -EBADMSG },
		{ "tcp:[::1%a b]:1", -EBADMSG },
		{ "tcp:[::1]x:1", -EBADMSG },
		{ "tcp:ho st:1", -EBADMSG },
		{ "tcp:-host:1", -EBADMSG },
		{ "tcp:host:1x", -EBADMSG },
		{ "tcp:host:65536", -ERANGE },
		{ "tcp:" NAME_253 "x:1", -EMSGSIZE },
		{ "udp:host:1", -EBADMSG },
	};
	struct hxfr_endpoint e;

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		int r;

		poison(&e);
		r = hxfr_endpoint_parse(cases[i].text, &e);
		ck_assert_msg(r == cases[i].error, "\"%s\": %d", cases[i].text, r);
		assert_poisoned(&e);
	}
}
END_TEST

START_TEST(endpoint_formats_to_text_that_parses_back)
{
	static const char *const texts[] = { "vsock:2:5000", "vsock:any:4294967295", "unix:/run/x",
		"unix:@abstract", "unix:" PATH_107, "tcp:10.0.2.2:15937", "tcp:[fe80::1%eth0]:1",
		"tcp:" NAME_253 ":65535" };
	struct hxfr_endpoint e;
	char text[HXFR_ENDPOINT_MAX];

	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		ck_assert_int_eq(hxfr_endpoint_parse(texts[i], &e), 0);
		ck_assert_int_eq(hxfr_endpoint_format(&e, text, sizeof(text)), 0);
		ck_assert_str_eq(text, texts[i]);
	}
}
END_TEST

START_TEST(endpoint_format_refuses_small_buffers_untouched)
{
	const char *text = "tcp:[::1]:80";
	struct hxfr_endpoint e;
	char buffer[32];

	ck_assert_int_eq(hxfr_endpoint_parse(text, &e), 0);
	for (size_t size = 0; size <= strlen(text); size++) {
		poison(&buffer);
		ck_assert_int_eq(hxfr_endpoint_format(&e, buffer, size), -ENOSPC);
		assert_poisoned(&buffer);
	}
	ck_assert_int_eq(hxfr_endpoint_format(&e, buffer, strlen(text) + 1), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		endpoint_parses_vsock,
		endpoint_parses_tcp,
		endpoint_parses_unix,
		endpoint_refuses_what_is_no_address,
		endpoint_formats_to_text_that_parses_back,
		endpoint_format_refuses_small_buffers_untouched,
		NULL,
	};

	return suite_run("endpoint", tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings.h"
#include "suite.h"

static struct settings base(void)
{
	return (struct settings){ .cid = 2, .port = 5000, .tcp_port = 15937 };
}

static void assert_address(const struct settings *s, const char *expected)
{
	char *text = settings_endpoint_text(s);

	ck_assert_str_eq(text, expected);
	g_free(text);
}

START_TEST(the_host_is_on_vsock_unless_something_else_is_set)
{
	struct settings s = base();

	assert_address(&s, "vsock:2:5000");
}
END_TEST

START_TEST(endpoint_beats_socket_path_beats_tcp_host_beats_cid)
{
	struct settings s = base();

	s.tcp_host = (char *)"localhost";
	assert_address(&s, "tcp:localhost:15937");
	s.socket_path = (char *)"/run/host.sock";
	assert_address(&s, "unix:/run/host.sock");
	s.endpoint = (char *)"vsock:3:1";
	assert_address(&s, "vsock:3:1");
}
END_TEST

START_TEST(a_bare_ipv6_address_gets_its_brackets)
{
	struct settings s = base();

	s.tcp_host = (char *)"::1";
	assert_address(&s, "tcp:[::1]:15937");
	s.tcp_host = (char *)"[::1]";
	assert_address(&s, "tcp:[::1]:15937");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_host_is_on_vsock_unless_something_else_is_set,
		endpoint_beats_socket_path_beats_tcp_host_beats_cid,
		a_bare_ipv6_address_gets_its_brackets,
		NULL,
	};

	return suite_run("settings", tests);
}

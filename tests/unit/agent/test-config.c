/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/config.h"
#include "suite.h"

#include <glib/gstdio.h>

static char *path; /* of a configuration file */

static void setup(void)
{
	int fd = g_file_open_tmp("agent-config-XXXXXX", &path, NULL);

	ck_assert_int_ge(fd, 0);
	ck_assert(g_close(fd, NULL));
}

static void teardown(void)
{
	g_unlink(path);
	g_clear_pointer(&path, g_free);
}

static void put(const char *text)
{
	ck_assert(g_file_set_contents(path, text, -1, NULL));
}

/* With --config path and up to two more arguments. */
static bool load(const char *one, const char *two, struct config *ret, GError **error)
{
	const char *argv[] = { "helix-agentd", "--config", path, one, two };
	int argc = 3 + !!one + !!two;

	return config_load(argc, (char *const *)argv, ret, error);
}

START_TEST(defaults_are_those_of_a_package)
{
	struct config config;

	ck_assert(load(NULL, NULL, &config, NULL));
	ck_assert_str_eq(config.socket, "/run/helix-agent/agent.sock");
	ck_assert_str_eq(config.apply_socket, "/run/helix-agent/apply.sock");
	ck_assert_uint_eq(config.vsock_port, 5001);
	ck_assert_uint_eq(config.socket_mode, 0666);
	ck_assert(!config.allow_host_write);
	config_finish(&config);
}
END_TEST

START_TEST(the_command_line_beats_the_file_beats_the_default)
{
	struct config config;

	put("[listen]\nvsock-port=7\nidle-timeout-s=8\n[host]\nallow-host-write=yes\n");
	ck_assert(load("--vsock-port=9", NULL, &config, NULL));
	ck_assert_uint_eq(config.vsock_port, 9);
	ck_assert_uint_eq(config.idle_timeout_s, 8);
	ck_assert(config.allow_host_write);
	ck_assert_uint_eq(config.requests_per_s, 10);
	config_finish(&config);
}
END_TEST

START_TEST(a_value_may_be_an_argument_of_its_own)
{
	struct config config;

	ck_assert(load("--role", "dsp", &config, NULL));
	ck_assert_str_eq(config.role, "dsp");
	config_finish(&config);
}
END_TEST

START_TEST(the_dump_loads_to_the_same)
{
	struct config config;
	g_autofree char *first = NULL, *second = NULL;

	ck_assert(load("--encoder=vsock:2:5000", "--dump-conf", &config, NULL));
	ck_assert(config.dump);
	first = config_dump(&config);
	config_finish(&config);
	put(first);
	ck_assert(load(NULL, NULL, &config, NULL));
	ck_assert(!config.dump);
	second = config_dump(&config);
	config_finish(&config);
	ck_assert_str_eq(first, second);
	ck_assert_ptr_nonnull(strstr(first, "encoder=vsock:2:5000\n"));
}
END_TEST

static const struct {
	const char *file, *argument, *message; /* a part of it */
} mistakes[] = {
	{ "[listen]\nvsock-prt=1\n", NULL, "[listen] has no key 'vsock-prt'" },
	{ "[host]\nvsock-port=1\n", NULL, "[host] has no key 'vsock-port'" },
	{ "[listen]\nvsock-port=-1\n", NULL, "vsock-port: '-1'" },
	{ "[listen]\nsocket-mode=668\n", NULL, "socket-mode: '668'" },
	{ "[host]\nallow-host-write=maybe\n", NULL, "allow-host-write: 'maybe'" },
	{ "vsock-port=1\n", NULL, "group" },
	{ "", "--vsock-port=x", "vsock-port: 'x'" },
	{ "", "--vsock-port", "--vsock-port needs a value" },
	{ "", "--nonsense", "'--nonsense' is no option" },
	{ "", "vsock-port=1", "'vsock-port=1' is no option" },
	{ "", "--role=server", "role: 'server' is neither" },
	{ "", "--rate=0", "rate and period" },
	{ "", "--encoder=foo", "encoder: 'foo' is no vsock:CID:PORT, unix:PATH or tcp:HOST:PORT" },
};

START_TEST(mistakes_are_named)
{
	for (size_t i = 0; i < N_ELEMENTS(mistakes); i++) {
		g_autoptr(GError) error = NULL;
		struct config config;

		poison(&config);
		put(mistakes[i].file);
		ck_assert(!load(mistakes[i].argument, NULL, &config, &error));
		ck_assert_msg(strstr(error->message, mistakes[i].message), "%s", error->message);
		assert_poisoned(&config);
	}
}
END_TEST

START_TEST(only_the_file_that_was_named_must_be_there)
{
	g_autoptr(GError) error = NULL;
	const char *argv[] = { "helix-agentd", "--root", path }; /* no folder */
	struct config config;

	g_unlink(path);
	ck_assert(!load(NULL, NULL, &config, &error));
	ck_assert(config_load(N_ELEMENTS(argv), (char *const *)argv, &config, NULL));
	ck_assert_str_eq(config.root, path);
	config_finish(&config);
}
END_TEST

START_TEST(probes_are_told_of_the_role)
{
	struct probe_wanted wanted;
	struct config config;

	ck_assert(load("--role=dsp", "--rate=48000", &config, NULL));
	config_wanted(&config, &wanted);
	ck_assert_int_eq(wanted.role, PROBE_ROLE_DSP);
	ck_assert_uint_eq(wanted.rate_hz, 48000);
	ck_assert_ptr_null(wanted.encoder);
	config_finish(&config);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		defaults_are_those_of_a_package,
		the_command_line_beats_the_file_beats_the_default,
		a_value_may_be_an_argument_of_its_own,
		the_dump_loads_to_the_same,
		mistakes_are_named,
		only_the_file_that_was_named_must_be_there,
		probes_are_told_of_the_role,
		NULL,
	};

	return suite_run_with("agent-config", tests, setup, teardown);
}

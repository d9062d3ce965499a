/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How long helix-applyd is waited for. */

#include "daemon/agentd.h"
#include "daemon/forward.h"
#include "fake-peer.h"
#include "machine.h"
#include "suite.h"

#define NEVER_MS 60000u /* longer than a test may take */

static struct machine machine;
static char *path, *answer;
static int pings; /* atomic */

static void setup(void)
{
	machine_init(&machine);
	path = env_path(&machine.env, "/apply.sock");
	answer = NULL;
	g_atomic_int_set(&pings, 0);
}

static void teardown(void)
{
	g_free(answer);
	g_free(path);
	machine_finish(&machine);
}

static char *say(const char *text, unsigned *ret_size)
{
	*ret_size = (unsigned)strlen(text);
	return g_strdup(text);
}

/* Takes a while to start, then answers. */
static char *slow_start(const char *received, unsigned size, unsigned *ret_size)
{
	if (strstr(received, "guest-ping")) {
		g_atomic_int_inc(&pings);
		g_usleep(1500 * G_TIME_SPAN_MILLISECOND);
		return say("{\"return\": {}}\n", ret_size);
	}
	return say("{\"return\": [1]}\n", ret_size);
}

static char *starts_and_hangs(const char *received, unsigned size, unsigned *ret_size)
{
	return strstr(received, "guest-ping") ? say("{\"return\": {}}\n", ret_size) : NULL;
}

static char *never_starts(const char *received, unsigned size, unsigned *ret_size)
{
	return NULL;
}

static void on_send(void *user, const char *data, size_t size)
{
	answer = g_strndup(data, size);
}

static void ask(const char *command, const struct forward_times *times,
	char *(*peer_answer)(const char *received, unsigned size, unsigned *ret_size))
{
	struct agentd agentd = { .forward = forward_new(path, times) };
	const struct dialect_command *const tables[] = { forward_commands };
	struct dialect *dialect = dialect_new(tables, 1, &agentd);
	const struct dialect_client_config config = { .access = DIALECT_WRITE, .send = on_send };
	struct dialect_client *client = dialect_client_new(dialect, &config);
	g_autofree char *request = g_strdup_printf("{\"execute\":\"%s\"}", command);
	struct fake_peer *peer = fake_peer_new(path, peer_answer);

	dialect_client_feed(client, request, strlen(request));
	while (!answer)
		g_main_context_iteration(NULL, TRUE);
	fake_peer_free(peer);
	dialect_client_free(client);
	forward_free(agentd.forward);
	dialect_free(dialect);
}

START_TEST(a_slow_start_is_no_slow_answer)
{
	static const struct forward_times times = { NEVER_MS, 1000, 1000, 1000 };

	ask("helix-profile-list", &times, slow_start);
	ck_assert_str_eq(answer, "{\"return\": [1]}\n");
	ck_assert_int_eq(g_atomic_int_get(&pings), 1);
}
END_TEST

START_TEST(each_has_a_time_of_its_own)
{
	static const struct {
		const char *command;
		struct forward_times times;
	} commands[] = {
		{ "helix-profile-list", { NEVER_MS, 50, NEVER_MS, NEVER_MS } },
		{ "helix-latency-run", { NEVER_MS, NEVER_MS, 50, NEVER_MS } },
		{ "helix-profile-apply", { NEVER_MS, NEVER_MS, NEVER_MS, 50 } },
	};

	for (size_t i = 0; i < N_ELEMENTS(commands); i++) {
		ask(commands[i].command, &commands[i].times, starts_and_hangs);
		ck_assert_msg(strstr(answer, "does not answer in time"), "%s", answer);
		g_clear_pointer(&answer, g_free);
	}
}
END_TEST

START_TEST(what_never_starts_is_called_so)
{
	static const struct forward_times times = { 50, NEVER_MS, NEVER_MS, NEVER_MS };

	ask("helix-profile-list", &times, never_starts);
	ck_assert_msg(strstr(answer, "does not start"), "%s", answer);
	ck_assert_msg(strstr(answer, "journalctl -u helix-applyd"), "%s", answer);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_slow_start_is_no_slow_answer,
		each_has_a_time_of_its_own,
		what_never_starts_is_called_so,
		NULL,
	};

	return suite_run_with("agent-forward", tests, setup, teardown);
}

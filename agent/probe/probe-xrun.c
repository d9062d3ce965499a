/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "facts.h"
#include "probe-audio.h"
#include "probe-list.h"

#include <string.h>

#define TOOL_MS     5000u
#define RECENTLY_NS (3600 * G_GINT64_CONSTANT(1000000000))

/* --- audio.xruns --- */

void audio_xruns_judge(double per_min, struct probe_result *ret)
{
	enum probe_status status = probe_measure(ret, per_min, "0", "5");

	probe_say(ret, status, "see sched.latency.rt and cpu.steal; a longer period (-p) hides it",
		"%.3g xruns a minute", per_min);
}

static bool add_errors(char **words, unsigned column, uint64_t *sum)
{
	unsigned at = 0;
	guint64 errors;

	for (char **word = words; *word; word++) {
		if (!**word || at++ != column)
			continue;
		if (!g_ascii_string_to_unsigned(*word, 10, 0, G_MAXUINT64, &errors, NULL))
			return false;
		*sum += errors;
		return true;
	}
	return false;
}

bool pw_top_errors(const char *text, uint64_t *ret)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	unsigned column = 0;
	uint64_t sum = 0;

	/* S ID QUANT RATE WAIT BUSY W/Q B/Q ERR FORMAT NAME; each round has its heading. */
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) words = g_strsplit_set(*line, " \t", -1);
		unsigned at = 0, heading = 0;

		for (char **word = words; *word; word++) {
			if (!**word)
				continue;
			if (g_str_equal(*word, "ERR"))
				heading = at;
			at++;
		}
		if (heading) {
			column = heading;
			sum = 0;
		} else if (column) {
			add_errors(words, column, &sum);
		}
	}
	if (!column)
		return false;
	*ret = sum;
	return true;
}

struct xrun_state {
	uint64_t errors;
	int64_t at_ns; /* 0: there was no last time */
};

static void pipewire_xruns(const struct env *env, const struct audio_server *server,
	struct xrun_state *last, struct probe_result *ret)
{
	g_autofree char *remote =
		g_strdup_printf("PIPEWIRE_REMOTE=/run/user/%d/pipewire-0", (int)server->uid);
	const char *const argv[] = { "env", remote, "pw-top", "-b", "-n", "2", NULL };
	struct xrun_state now = { .at_ns = env->now_ns(env) };
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;

	if (!env->run(env, argv, TOOL_MS, &text, &error)) {
		probe_say_unreadable(ret, error);
		return;
	}
	if (!pw_top_errors(text, &now.errors)) {
		probe_say(ret, PROBE_NA, NULL, "pw-top is too old to be asked");
		return;
	}
	/* Counters of clients: since when is not known the first time. */
	audio_xruns_judge(last->at_ns > 0 && now.at_ns > last->at_ns && now.errors > last->errors
				  ? (double)(now.errors - last->errors) * 60e9 /
					    (double)(now.at_ns - last->at_ns)
				  : 0,
		ret);
	*last = now;
}

static void jack_xruns(const struct env *env, struct probe_result *ret)
{
	const char *const argv[] = { "journalctl", "--quiet", "--no-pager", "--output=cat",
		"--since=-60s", "_COMM=jackd", "+", "_COMM=jackdbus", NULL };
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	unsigned n = 0;

	if (!facts_journal_readable(env)) {
		probe_say(ret, PROBE_NA, NULL, "what jackd logs is not known: %s",
			facts_journal_why_not(env));
		return;
	}
	if (!env->run(env, argv, TOOL_MS, &text, &error)) {
		probe_say_unreadable(ret, error);
		return;
	}
	for (const char *hit = text; (hit = strstr(hit, "XRun")); hit++)
		n++;
	audio_xruns_judge(n, ret);
}

static void xruns_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	struct audio_server server;

	audio_server_find(env, &server);
	if (server.kind == AUDIO_NONE)
		probe_say(ret, PROBE_NA, NULL, "no audio server runs");
	else if (server.kind == AUDIO_JACK)
		jack_xruns(env, ret);
	else if (audio_server_reachable(&server))
		pipewire_xruns(env, &server, state, ret);
	else
		probe_say(ret, PROBE_NA, NULL, "PipeWire is another user's and does not tell");
	audio_server_finish(&server);
}

const struct probe probe_audio_xruns = {
	.id = "audio.xruns",
	.group = PROBE_GROUP_AUDIO,
	.title = "xruns",
	.unit = "1/min",
	.period_s = 60,
	.rest_s = 10,
	.timeout_ms = TOOL_MS + 1000,
	.state_size = sizeof(struct xrun_state),
	.run = xruns_run,
};

/* --- audio.netjack --- */

void audio_netjack_judge(const struct netjack_facts *facts, struct probe_result *ret)
{
	const struct netjack_socket *slave = &facts->slave;
	uint64_t drops = slave->drops + facts->netone.drops;

	if (!slave->bound && !facts->netone.bound && !facts->wanted_slave)
		probe_say(ret, PROBE_NA, NULL, "no NETJACK slave runs");
	else if (!slave->bound && !facts->netone.bound)
		probe_say(ret, PROBE_FAIL,
			"does its master run (helix-host-stub netjack)? journalctl -u jackd; is the "
			"port somebody else's? ss -uanp",
			"jackd runs with a network driver, but has no socket on UDP port %u",
			facts->port);
	else if (slave->bound && !slave->connected)
		probe_say(ret, PROBE_FAIL,
			"on the host: helix-host-stub netjack (or jack_load netmanager); -a HOST in "
			"the guest, or a route for 225.3.19.154; UDP port open in the host's "
			"firewall",
			"the slave waits for a master, UDP port %u", facts->port);
	else if (drops > facts->drops_before)
		probe_say(ret, PROBE_WARN, "sysctl net.core.rmem_max=4194304; see sched.latency.rt",
			"connected, but %" G_GUINT64_FORMAT
			" packets were dropped since the last look",
			drops - facts->drops_before);
	else if (facts->restarted)
		probe_say(ret, PROBE_WARN, "why did it end? journalctl -b _COMM=jackd",
			"connected, but jackd began anew within the last hour");
	else
		probe_say(ret, PROBE_OK, NULL,
			slave->bound ? "the slave is connected to its master"
				     : "netone listens on port 3000");
}

struct netjack_state {
	uint64_t drops;
	int pid;              /* of the jackd that was a slave; 0: none yet */
	int64_t restarted_ns; /* 0: never */
};

static bool has_restarted(
	const struct audio_server *server, struct netjack_state *last, int64_t now_ns)
{
	if (last->pid && server->process.pid != last->pid)
		last->restarted_ns = now_ns;
	last->pid = server->process.pid;
	return last->restarted_ns && now_ns - last->restarted_ns <= RECENTLY_NS;
}

static void find_sockets(const struct env *env, const struct audio_server *server, const char *udp,
	struct netjack_facts *facts)
{
	struct netjack_owner slave = { .port = NETJACK2_PORT, .uid = -1 };
	const struct netjack_owner netone = { .port = NETONE_PORT, .uid = -1 };
	g_auto(GStrv) inodes = NULL;

	if (server->jackd.port) {
		inodes = process_sockets(env, &server->process);
		slave = (struct netjack_owner){ server->jackd.port, (const char *const *)inodes,
			server->uid };
	}
	facts->port = slave.port;
	netjack_socket_parse(udp, &slave, &facts->slave);
	netjack_socket_parse(udp, &netone, &facts->netone);
}

static void netjack_run(const struct env *env, const struct probe_wanted *wanted, void *state,
	struct probe_result *ret)
{
	struct netjack_facts facts = { 0 };
	g_autoptr(GError) error = NULL;
	struct audio_server server;
	g_autofree char *udp = NULL;
	struct netjack_state *last = state;

	if (!env_read(env, "/proc/net/udp", &udp, &error)) {
		probe_say_unreadable(ret, error);
		return;
	}
	audio_server_find(env, &server);
	facts.wanted_slave = g_str_has_prefix(server.jackd.driver, "net");
	facts.drops_before = last->drops;
	facts.restarted = facts.wanted_slave && has_restarted(&server, last, env->now_ns(env));
	find_sockets(env, &server, udp, &facts);
	audio_netjack_judge(&facts, ret);
	last->drops = facts.slave.drops + facts.netone.drops;
	audio_server_finish(&server);
}

const struct probe probe_audio_netjack = {
	.id = "audio.netjack",
	.group = PROBE_GROUP_NETJACK,
	.title = "NETJACK slave",
	.period_s = 15,
	.rest_s = 1,
	.timeout_ms = 2000,
	.state_size = sizeof(struct netjack_state),
	.run = netjack_run,
};

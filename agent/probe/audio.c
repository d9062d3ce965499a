/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audio.h"

#include <string.h>
#include <unistd.h>

#define TOOL_MS 3000u

/* --- arguments of jackd --- */

/* The value of an option that is -x VALUE, -xVALUE, --long VALUE or --long=VALUE; NULL for another
 * one. *at moves to the last argument that was used. */
static const char *option_value(
	const char *const *arguments, unsigned *at, const char *letter, const char *name)
{
	const char *argument = arguments[*at];
	size_t length = strlen(name);

	if (g_str_has_prefix(argument, "--")) {
		if (strncmp(argument + 2, name, length) != 0)
			return NULL;
		argument += 2 + length;
		if (*argument == '=')
			return argument + 1;
		if (*argument)
			return NULL;
	} else if (g_str_has_prefix(argument, "-") && argument[1] == *letter) {
		if (argument[2])
			return argument + 2;
	} else {
		return NULL;
	}
	return arguments[*at + 1] ? arguments[++*at] : NULL;
}

static bool option_number(const char *const *arguments, unsigned *at, const char *letter,
	const char *name, unsigned *ret)
{
	const char *text = option_value(arguments, at, letter, name);
	guint64 number;

	if (!text || !g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT, &number, NULL))
		return false;
	*ret = (unsigned)number;
	return true;
}

static void driver_defaults(struct jackd *jackd)
{
	bool follows = g_str_has_prefix(jackd->driver, "net");

	jackd->rate_hz = follows ? 0 : 48000;
	jackd->period_frames = follows ? 0 : 1024;
	jackd->periods = 2;
	jackd->latency = 5;
	jackd->port = g_str_equal(jackd->driver, "net") ? NETJACK2_PORT : 0;
}

static void server_option(const char *const *arguments, unsigned *at, struct jackd *jackd)
{
	const char *argument = arguments[*at], *driver;

	if (option_number(arguments, at, "P", "realtime-priority", &jackd->priority))
		return;
	if ((driver = option_value(arguments, at, "d", "driver"))) {
		g_strlcpy(jackd->driver, driver, sizeof(jackd->driver));
		driver_defaults(jackd);
	} else if (g_str_equal(argument, "-S") || g_str_equal(argument, "--sync")) {
		jackd->sync = true;
	} else if (g_str_equal(argument, "-r") || g_str_equal(argument, "--no-realtime")) {
		jackd->realtime = false;
	}
}

static void driver_option(const char *const *arguments, unsigned *at, struct jackd *jackd)
{
	if (g_str_has_prefix(jackd->driver, "net")) {
		if (!jackd->port ||
			!option_number(arguments, at, "p", "udp-net-port", &jackd->port))
			option_number(arguments, at, "l", "latency", &jackd->latency);
		return;
	}
	if (option_number(arguments, at, "r", "rate", &jackd->rate_hz) ||
		option_number(arguments, at, "p", "period", &jackd->period_frames))
		return;
	option_number(arguments, at, "n", "nperiods", &jackd->periods);
}

void jackd_parse(const char *const *arguments, struct jackd *ret)
{
	struct jackd jackd = { .realtime = true, .priority = 10 };

	for (unsigned at = *arguments ? 1 : 0; arguments[at]; at++) {
		if (*jackd.driver)
			driver_option(arguments, &at, &jackd);
		else
			server_option(arguments, &at, &jackd);
	}
	*ret = jackd;
}

/* --- settings of PipeWire --- */

static void quantum_of_key(const char *key, const char *text, struct quantum *quantum)
{
	const struct {
		const char *key;
		unsigned *value;
	} known[] = {
		{ "clock.quantum", &quantum->frames },
		{ "clock.min-quantum", &quantum->min_frames },
		{ "clock.max-quantum", &quantum->max_frames },
		{ "clock.force-quantum", &quantum->forced_frames },
		{ "clock.rate", &quantum->rate_hz },
		{ "clock.force-rate", &quantum->forced_rate_hz },
	};
	guint64 number;

	for (unsigned i = 0; i < G_N_ELEMENTS(known); i++)
		if (g_str_equal(key, known[i].key) &&
			g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT, &number, NULL))
			*known[i].value = (unsigned)number;
}

bool quantum_parse(const char *text, struct quantum *ret)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	struct quantum quantum = { 0 };

	/* update: id:0 key:'clock.rate' value:'48000' type:'' */
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) quoted = g_strsplit(*line, "'", 5);

		if (g_strv_length(quoted) == 5 && g_str_has_suffix(quoted[0], "key:"))
			quantum_of_key(quoted[1], quoted[3], &quantum);
	}
	if (!quantum.frames || !quantum.rate_hz)
		return false;
	*ret = quantum;
	return true;
}

unsigned quantum_effective(const struct quantum *quantum)
{
	unsigned frames = quantum->frames;

	if (quantum->forced_frames)
		return quantum->forced_frames;
	if (quantum->max_frames)
		frames = MIN(frames, quantum->max_frames);
	return MAX(frames, quantum->min_frames);
}

/* Words of the file; brackets are words of their own, comments and separators are none. */
static char **conf_words(const char *text)
{
	g_autoptr(GString) words = g_string_new(NULL);

	for (; *text; text++) {
		if (*text == '#')
			while (text[1] && text[1] != '\n')
				text++;
		else if (strchr("{}[]", *text))
			g_string_append_printf(words, " %c ", *text);
		else
			g_string_append_c(words, strchr("=:,\"\t\r\n", *text) ? ' ' : *text);
	}
	return g_strsplit(words->str, " ", -1);
}

bool pipewire_vm_quantum_parse(const char *text, unsigned *ret)
{
	g_auto(GStrv) words = conf_words(text);
	int depth = 0, block = -1; /* depth at which a block for virtual machines began */
	bool found = false, is_value = false;
	guint64 number;

	for (char **word = words; *word; word++) {
		if (!**word)
			continue;
		if (**word == '{' || **word == '[') {
			depth++;
		} else if (**word == '}' || **word == ']') {
			if (--depth <= block)
				block = -1;
		} else if (is_value && block >= 0 &&
			   g_ascii_string_to_unsigned(*word, 10, 1, G_MAXINT, &number, NULL)) {
			*ret = (unsigned)number;
			found = true;
		} else if (block < 0 && (g_str_equal(*word, "vm.overrides") ||
						g_str_equal(*word, "context.properties.rules"))) {
			block = depth;
		}
		is_value = g_str_equal(*word, "default.clock.min-quantum");
	}
	return found;
}

/* --- sockets of NETJACK --- */

/* sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode ref pointer drops */
enum udp_field {
	UDP_LOCAL = 1,
	UDP_REMOTE = 2,
	UDP_UID = 7,
	UDP_INODE = 9,
	UDP_DROPS = 12,
	UDP_FIELDS,
};

static char **fields_of(const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	GPtrArray *fields = g_ptr_array_new();

	for (char **word = words; *word; word++)
		if (**word)
			g_ptr_array_add(fields, g_strdup(*word));
	g_ptr_array_add(fields, NULL);
	return (char **)g_ptr_array_free(fields, FALSE);
}

static bool is_connected(char **fields)
{
	return !g_str_has_suffix(fields[UDP_REMOTE], ":0000");
}

static bool is_owned(char **fields, const struct netjack_owner *owner)
{
	g_autofree char *port = g_strdup_printf(":%04X", owner->port);
	g_autofree char *uid = g_strdup_printf("%" G_GINT64_FORMAT, owner->uid);
	const char *local = fields[UDP_LOCAL], *remote = fields[UDP_REMOTE];

	if (owner->inodes && *owner->inodes)
		return g_strv_contains(owner->inodes, fields[UDP_INODE]);
	if (g_str_has_suffix(local, port))
		return true;
	return g_str_equal(fields[UDP_UID], uid) && is_connected(fields) &&
	       strcspn(local, ":") == strcspn(remote, ":") &&
	       strncmp(local, remote, strcspn(local, ":")) == 0;
}

void netjack_socket_parse(
	const char *udp, const struct netjack_owner *owner, struct netjack_socket *ret)
{
	g_auto(GStrv) lines = g_strsplit(udp, "\n", -1);
	struct netjack_socket found = { 0 };

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) fields = fields_of(*line);

		if (g_strv_length(fields) < UDP_FIELDS || !is_owned(fields, owner))
			continue;
		found.bound = true;
		found.connected |= is_connected(fields);
		found.drops += g_ascii_strtoull(fields[UDP_DROPS], NULL, 10);
	}
	*ret = found;
}

/* --- servers --- */

static const struct process *first_of(GPtrArray *processes, const char *prefix, unsigned *ret_n)
{
	const struct process *first = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < processes->len; i++) {
		const struct process *process = processes->pdata[i];

		if (!g_str_has_prefix(process->name, prefix))
			continue;
		first = first ? first : process;
		n++;
	}
	*ret_n = n;
	return first;
}

void audio_server_find(const struct env *env, struct audio_server *ret)
{
	static const char *const names[] = { "jackd", "jackdbus", "pipewire", NULL };
	g_autoptr(GPtrArray) processes = process_find(env, names);
	struct audio_server server = { .kind = AUDIO_JACK, .uid = -1 };
	const struct process *process = first_of(processes, "jackd", &server.n);

	if (!process) {
		process = first_of(processes, "pipewire", &server.n);
		server.kind = process ? AUDIO_PIPEWIRE : AUDIO_NONE;
	}
	if (process) {
		g_auto(GStrv) arguments = process_arguments(env, process);

		server.process.pid = process->pid;
		server.process.name = g_strdup(process->name);
		process_uid(env, process, &server.uid);
		if (server.kind == AUDIO_JACK)
			jackd_parse((const char *const *)arguments, &server.jackd);
	}
	*ret = server;
}

void audio_server_finish(struct audio_server *server)
{
	g_clear_pointer(&server->process.name, g_free);
}

bool audio_server_reachable(const struct audio_server *server)
{
	return server->kind != AUDIO_NONE && (geteuid() == 0 || server->uid == geteuid());
}

bool audio_quantum(const struct env *env, const struct audio_server *server, struct quantum *ret)
{
	g_autofree char *remote = NULL, *text = NULL;

	if (server->kind != AUDIO_PIPEWIRE || !audio_server_reachable(server))
		return false;
	remote = g_strdup_printf("/run/user/%d/pipewire-0", (int)server->uid);

	const char *const argv[] = { "pw-metadata", "-r", remote, "-n", "settings", NULL };

	return env->run(env, argv, TOOL_MS, &text, NULL) && quantum_parse(text, ret);
}

/* "buffer size = 128  sample rate = 96000" */
static bool jack_period(const struct env *env, unsigned *ret_frames, unsigned *ret_rate_hz)
{
	/* Or else it starts a server where there is none any more. */
	const char *const argv[] = { "env", "JACK_NO_START_SERVER=1", "jack_bufsize", NULL };
	g_autofree char *text = NULL;
	const char *frames, *rate;

	if (!env->run(env, argv, TOOL_MS, &text, NULL) ||
		!(frames = strstr(text, "buffer size = ")) ||
		!(rate = strstr(text, "sample rate = ")))
		return false;
	*ret_frames = (unsigned)g_ascii_strtoull(frames + strlen("buffer size = "), NULL, 10);
	*ret_rate_hz = (unsigned)g_ascii_strtoull(rate + strlen("sample rate = "), NULL, 10);
	return *ret_frames > 0 && *ret_rate_hz > 0;
}

bool audio_period(const struct env *env, const struct audio_server *server, unsigned *ret_frames,
	unsigned *ret_rate_hz)
{
	struct quantum quantum;

	if (server->kind == AUDIO_PIPEWIRE) {
		if (!audio_quantum(env, server, &quantum))
			return false;
		*ret_frames = quantum_effective(&quantum);
		*ret_rate_hz = quantum.forced_rate_hz ? quantum.forced_rate_hz : quantum.rate_hz;
		return true;
	}
	if (audio_server_reachable(server) && jack_period(env, ret_frames, ret_rate_hz))
		return true;
	if (server->kind != AUDIO_JACK || !server->jackd.rate_hz || !server->jackd.period_frames)
		return false;
	*ret_frames = server->jackd.period_frames;
	*ret_rate_hz = server->jackd.rate_hz;
	return true;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "options-parse.h"

static const char description[] =
	"Words instead of options: 'helix-host-stub netjack status' and '... restart' look after the "
	"bridge.\n\n"
	"The guest (96 kHz and 128 come from here): jackd -R -S -d net -a HOST -l 0, or -l 1; with "
	"the default\nof jackd, -l 5 without -S, the loop is 5 to 6 periods long.\n\n"
	"Exit status: 0 it ran (--measure: and every sample that came back was the one that was "
	"sent),\n1 it did not, 2 wrong usage. docs/audio.md explains the sums, "
	"helix-host-stub-netjack(1) the rest.\n";

void raw_options_finish(struct raw_options *raw)
{
	g_free(raw->address);
	g_free(raw->interface);
	g_free(raw->group);
	g_free(raw->host);
	g_strfreev(raw->names);
	g_free(raw->play);
	g_free(raw->record);
	g_free(raw->format);
	g_free(raw->histogram);
	g_free(raw->server);
	g_free(raw->client);
	g_strfreev(raw->connections);
	g_free(raw->clock);
	g_free(raw->status);
	g_free(raw->direction);
	g_free(raw->log.level);
}

static void set_defaults(struct raw_options *raw)
{
	*raw = (struct raw_options){
		.rate = NETJACK_NOT_GIVEN,
		.period = NETJACK_NOT_GIVEN,
		.channels = -1,
		.send = -1,
		.returned = -1,
		.latency = -1,
		.port = NETJACK_PORT,
		.priority = NETJACK_DEFAULT_PRIORITY,
		.wait = -1,
		.warm_up = NETJACK_DEFAULT_WARM_UP,
		.target = NETJACK_NOT_GIVEN,
	};
}

#define ROW(name, type, member, help, value)                                                       \
	{                                                                                          \
		name, 0, 0, G_OPTION_ARG_##type, &raw->member, help, value                         \
	}

static GOptionGroup *make_group(const char *name, const char *title, const GOptionEntry *entries)
{
	GOptionGroup *group = g_option_group_new(name, title, title, NULL, NULL);

	g_option_group_add_entries(group, entries);
	return group;
}

static GOptionGroup *make_session(struct raw_options *raw)
{
	const GOptionEntry entries[] = {
		ROW("rate", INT, rate, "Sample rate (default 96000; with --jack the graph's)",
			"HZ"),
		ROW("period", INT, period,
			"Frames a period, B (default 128; with --jack the graph's)", "B"),
		ROW("channels", INT, channels,
			"Audio channels each way (default: the slave's, or 2)", "N"),
		ROW("send-channels", INT, send, "To the slave", "N"),
		ROW("return-channels", INT, returned, "From the slave", "N"),
		ROW("midi-ports", INT, midi, "MIDI ports each way, silent (default 0)", "N"),
		ROW("latency", INT, latency, "Periods on their way, N (default: the slave's -l)",
			"N"),
		G_OPTION_ENTRY_NULL,
	};
	return make_group("session", "What the slave is told:", entries);
}

static GOptionGroup *make_network(struct raw_options *raw)
{
	const GOptionEntry entries[] = {
		ROW("address", STRING, address, "Listen on this address of ours only", "ADDRESS"),
		ROW("interface", STRING, interface, "The same, by the interface's name", "NAME"),
		ROW("group", STRING, group,
			"Multicast group, or 'none' (default " NETJACK_GROUP ")", "ADDRESS"),
		ROW("port", INT, port, "UDP port (default 19000)", "PORT"),
		ROW("slave", STRING_ARRAY, names, "Only slaves of this name; may be repeated",
			"NAME"),
		ROW("host-name", STRING, host, "What slaves call us (default: this machine's name)",
			"NAME"),
		G_OPTION_ENTRY_NULL,
	};
	return make_group("network", "Where slaves come in:", entries);
}

static GOptionGroup *make_audio(struct raw_options *raw)
{
	const GOptionEntry entries[] = {
		ROW("measure", NONE, measure,
			"Send noise, find it in what returns, compare every bit", NULL),
		ROW("warm-up", DOUBLE, warm_up, "Seconds before it counts (default 1)", "SECONDS"),
		ROW("target", DOUBLE, target,
			"Fail unless loop and p99 are shorter and nothing is lost", "MS"),
		ROW("play", FILENAME, play, "Play this sound file to the slave", "FILE"),
		ROW("loop", NONE, loop, "Again and again", NULL),
		ROW("record", FILENAME, record, "Write what returns to this WAV file", "FILE"),
		ROW("record-format", STRING, format, "float (default) or 24", "FORMAT"),
		G_OPTION_ENTRY_NULL,
	};
	return make_group("audio", "What is sent (default: silence):", entries);
}

static GOptionGroup *make_jack(struct raw_options *raw)
{
	const GOptionEntry entries[] = {
		ROW("jack", NONE, jack, "Be a client of this machine's JACK graph", NULL),
		ROW("jack-server", STRING, server, "Name of its server", "NAME"),
		ROW("jack-client", STRING, client, "Our name in it (default " BRIDGE_CLIENT ")",
			"NAME"),
		ROW("jack-connect", STRING_ARRAY, connections,
			"Connect these ports; may be repeated", "FROM=TO"),
		ROW("jack-physical", NONE, physical, "Connect the first slave to the sound card",
			NULL),
		ROW("clock", STRING, clock, "auto (default), graph, or own: resample", "CLOCK"),
		ROW("jack-margin", DOUBLE, margin,
			"Own clock: what the rings hold for jitter (default 1)", "MS"),
		ROW("jack-wait", DOUBLE, share,
			"Share of a period to wait in with --latency 0 (default 50)", "PERCENT"),
		ROW("status-file", FILENAME, status, "Where 'netjack status' reads", "FILE"),
		G_OPTION_ENTRY_NULL,
	};
	return make_group("jack", "Bridge to JACK:", entries);
}

static GOptionGroup *make_report(struct raw_options *raw)
{
	const GOptionEntry entries[] = {
		ROW("seconds", DOUBLE, seconds, "End after so long (default: never)", "SECONDS"),
		ROW("wait", DOUBLE, wait, "For a slave (default 30 with --seconds, else for ever)",
			"SECONDS"),
		ROW("json", NONE, json, "Report as JSON on stdout", NULL),
		ROW("histogram", FILENAME, histogram, "Draw the round trips", "FILE.svg"),
		G_OPTION_ENTRY_NULL,
	};
	return make_group("report", "Run and report:", entries);
}

static GOptionGroup *make_faults(struct raw_options *raw)
{
	const GOptionEntry entries[] = {
		ROW("loss", DOUBLE, loss, "Lose so many datagrams", "PERCENT"),
		ROW("cycle-loss", DOUBLE, cycle_loss, "Lose so many whole periods", "PERCENT"),
		ROW("reorder", DOUBLE, reorder, "So many are overtaken by the next", "PERCENT"),
		ROW("delay", DOUBLE, delay, "Hold back all", "MS"),
		ROW("jitter", DOUBLE, jitter, "Hold back by up to so much more", "MS"),
		ROW("direction", STRING, direction, "send, return or both (default)", "DIRECTION"),
		ROW("seed", INT64, seed, "Of the pseudo-random sequence (default 0)", "N"),
		ROW("skew", DOUBLE, skew, "The clock runs so much faster", "PPM"),
		G_OPTION_ENTRY_NULL,
	};
	return make_group("faults", "A bad network on purpose:", entries);
}

int raw_options_parse(int argc, char **argv, struct raw_options *raw)
{
	const GOptionEntry entries[] = {
		ROW("rt-priority", INT, priority, "SCHED_FIFO priority (default 70)", "N"),
		ROW("no-realtime", NONE, no_realtime, "Leave scheduling and memory as they are",
			NULL),
		COMMAND_LOG_OPTIONS(&raw->log),
		G_OPTION_ENTRY_NULL,
	};
	GOptionGroup *groups[] = { make_session(raw), make_network(raw), make_audio(raw),
		make_jack(raw), make_report(raw), make_faults(raw), NULL };

	set_defaults(raw);
	return command_parse_groups("netjack", entries, groups, description, argc, argv);
}

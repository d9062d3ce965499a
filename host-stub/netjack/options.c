/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "options-parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <string.h>

struct range {
	const char *option;
	double value, min, max;
};

static int check_ranges(const struct raw_options *raw)
{
	const struct range ranges[] = {
		{ "rate", raw->rate, NETJACK_RATE_MIN, NETJACK_RATE_MAX },
		{ "period", raw->period, NETJACK_PERIOD_MIN, NETJACK_PERIOD_MAX },
		{ "channels", raw->channels, -1, NETJACK_CHANNELS_MAX },
		{ "send-channels", raw->send, -1, NETJACK_CHANNELS_MAX },
		{ "return-channels", raw->returned, -1, NETJACK_CHANNELS_MAX },
		{ "midi-ports", raw->midi, -1, NETJACK_CHANNELS_MAX },
		{ "latency", raw->latency, -1, NETJACK_LATENCY_MAX },
		{ "port", raw->port, 0, UINT16_MAX },
		{ "rt-priority", raw->priority, 1, 99 },
		{ "seconds", raw->seconds, 0, 1e9 },
		{ "wait", raw->wait, -1, 1e9 },
		{ "warm-up", raw->warm_up, 0, 3600 },
		{ "target", raw->target, 0, 10000 },
		{ "loss", raw->loss, 0, 100 },
		{ "cycle-loss", raw->cycle_loss, 0, 100 },
		{ "reorder", raw->reorder, 0, 100 },
		{ "delay", raw->delay, 0, 10000 },
		{ "jitter", raw->jitter, 0, 10000 },
		{ "jack-margin", raw->margin, 0, 1000 },
		{ "jack-wait", raw->share, 0, 90 },
		{ "skew", raw->skew, -10000, 10000 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(ranges); i++) {
		const struct range *r = &ranges[i];

		if (r->value == NETJACK_NOT_GIVEN || (r->value >= r->min && r->value <= r->max))
			continue;
		g_printerr("helix-host-stub: --%s %g: write a number from %g to %g\n", r->option,
			r->value, MAX(r->min, r->min < -1 ? r->min : 0), r->max);
		return -EINVAL;
	}
	return 0;
}

static int take_session(const struct raw_options *raw, struct netjack_options *options)
{
	if (raw->period > 0 && (raw->period & (raw->period - 1)) != 0) {
		g_printerr("helix-host-stub: --period %d: JACK takes powers of two alone, such as "
			   "64, 128 and 256\n",
			raw->period);
		return -EINVAL;
	}
	options->rate =
		raw->rate > 0 || raw->jack ? (uint32_t)MAX(raw->rate, 0) : NETJACK_DEFAULT_RATE;
	options->period = raw->period > 0 || raw->jack ? (uint32_t)MAX(raw->period, 0)
						       : NETJACK_DEFAULT_PERIOD;
	options->send_audio = raw->send >= 0 ? raw->send : raw->channels;
	options->return_audio = raw->returned >= 0 ? raw->returned : raw->channels;
	options->midi = raw->midi;
	options->latency = raw->latency;
	return 0;
}

/* The first IPv4 address of an interface. */
static int find_interface(const char *name, struct in_addr *ret)
{
	struct ifaddrs *all;
	int result = -ENODEV;

	if (getifaddrs(&all) < 0)
		return -errno;
	for (struct ifaddrs *a = all; a && result < 0; a = a->ifa_next) {
		if (strcmp(a->ifa_name, name) != 0)
			continue;
		result = -EADDRNOTAVAIL;
		if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET) {
			struct sockaddr_in address;

			memcpy(&address, a->ifa_addr, sizeof address);
			*ret = address.sin_addr;
			result = 0;
		}
	}
	freeifaddrs(all);
	return result;
}

static int take_interface(const char *name, struct in_addr *ret)
{
	int r = find_interface(name, ret);

	if (r < 0)
		g_printerr("helix-host-stub: --interface %s: %s\n", name,
			r == -ENODEV ? "there is none of that name; 'ip -br address' lists "
				       "them"
			: r == -EADDRNOTAVAIL ? "it has no IPv4 address"
					      : g_strerror(-r));
	return r < 0 ? -EINVAL : 0;
}

static int take_address(const char *option, const char *text, struct in_addr *ret)
{
	if (inet_pton(AF_INET, text, ret) == 1)
		return 0;
	g_printerr("helix-host-stub: --%s %s: write an IPv4 address; NETJACK2 has no IPv6\n",
		option, text);
	return -EINVAL;
}

static int take_group(const char *text, struct in_addr *ret)
{
	if (strcmp(text, "none") == 0) {
		ret->s_addr = htonl(INADDR_ANY);
		return 0;
	}
	int r = take_address("group", text, ret);
	if (r == 0 && !IN_MULTICAST(ntohl(ret->s_addr))) {
		g_printerr("helix-host-stub: --group %s: multicast addresses are those from "
			   "224.0.0.0 to 239.255.255.255\n",
			text);
		r = -EINVAL;
	}
	return r;
}

static int check_names(char **names)
{
	for (char **name = names; name && *name; name++)
		if (!**name) {
			g_printerr("helix-host-stub: --slave: write the name of a slave, that of "
				   "'jackd -d net -n NAME'\n");
			return -EINVAL;
		}
	return 0;
}

static int take_network(struct raw_options *raw, struct netjack_options *options)
{
	int r = check_names(raw->names);

	if (r < 0)
		return r;
	options->address.s_addr = htonl(INADDR_ANY);
	options->port = (uint16_t)raw->port;
	options->names = g_steal_pointer(&raw->names);
	options->host = raw->host ? g_steal_pointer(&raw->host) : g_strdup(g_get_host_name());
	if (raw->interface && raw->address) {
		g_printerr("helix-host-stub: --address and --interface say the same; leave one\n");
		return -EINVAL;
	}
	if (raw->interface)
		r = take_interface(raw->interface, &options->address);
	else if (raw->address)
		r = take_address("address", raw->address, &options->address);
	return r < 0 ? r : take_group(raw->group ? raw->group : NETJACK_GROUP, &options->group);
}

static int take_audio(struct raw_options *raw, struct netjack_options *options)
{
	options->measure = raw->measure;
	options->warm_up = raw->warm_up;
	options->require_target = raw->target >= 0;
	options->target_ms = raw->target >= 0 ? raw->target : NETJACK_DEFAULT_TARGET;
	options->loop = raw->loop;
	options->play = g_steal_pointer(&raw->play);
	options->record = g_steal_pointer(&raw->record);
	options->format = WAV_FLOAT;
	if (raw->format && wav_format_parse(raw->format, &options->format) < 0) {
		g_printerr("helix-host-stub: --record-format %s: write float or 24\n", raw->format);
		return -EINVAL;
	}
	return 0;
}

static int take_clock(const char *text, enum bridge_clock *ret)
{
	static const char *const names[] = {
		[BRIDGE_CLOCK_AUTO] = "auto",
		[BRIDGE_CLOCK_GRAPH] = "graph",
		[BRIDGE_CLOCK_OWN] = "own",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum bridge_clock)i;
			return 0;
		}
	g_printerr("helix-host-stub: --clock %s: write auto, graph or own\n", text);
	return -EINVAL;
}

static int check_jack(const struct raw_options *raw)
{
	const struct {
		const char *name;
		bool is_given;
	} rows[] = {
		{ "jack-server", raw->server },
		{ "jack-client", raw->client },
		{ "jack-connect", raw->connections },
		{ "jack-physical", raw->physical },
		{ "clock", raw->clock },
		{ "jack-margin", raw->margin != 0 },
		{ "jack-wait", raw->share != 0 },
		{ "status-file", raw->status },
	};

	for (size_t i = 0; !raw->jack && i < G_N_ELEMENTS(rows); i++)
		if (rows[i].is_given) {
			g_printerr("helix-host-stub: --%s needs --jack\n", rows[i].name);
			return -EINVAL;
		}
	return 0;
}

static int take_jack(struct raw_options *raw, struct netjack_options *options)
{
	int r = check_jack(raw);

	if (r < 0)
		return r;
	options->jack = raw->jack;
	options->jack_physical = raw->physical;
	options->jack_server = g_steal_pointer(&raw->server);
	options->jack_client = g_steal_pointer(&raw->client);
	options->jack_connections = g_steal_pointer(&raw->connections);
	options->status_path = g_steal_pointer(&raw->status);
	options->margin_ms = raw->margin;
	options->wait_share = raw->share / 100;
	options->clock = BRIDGE_CLOCK_AUTO;
	for (char **c = options->jack_connections; c && *c; c++) {
		const char *problem = bridge_connection_problem(*c);

		if (problem) {
			g_printerr("helix-host-stub: --jack-connect %s: %s\n", *c, problem);
			return -EINVAL;
		}
	}
	return raw->clock ? take_clock(raw->clock, &options->clock) : 0;
}

static int take_faults(const struct raw_options *raw, struct netjack_options *options)
{
	const char *direction = raw->direction ? raw->direction : "both";
	bool both = strcmp(direction, "both") == 0;

	options->inject = (struct inject_config){
		.loss = raw->loss / 100,
		.cycle_loss = raw->cycle_loss / 100,
		.reorder = raw->reorder / 100,
		.delay_ns = (int64_t)(raw->delay * 1e6),
		.jitter_ns = (int64_t)(raw->jitter * 1e6),
		/* A slave's graph is not there at once; what is lost before counts for nothing. */
		.after = raw->measure ? (uint64_t)(raw->warm_up * options->rate /
						   MAX(options->period, 1u))
				      : 0,
		.seed = (uint64_t)raw->seed,
		.on_send = both || strcmp(direction, "send") == 0,
		.on_return = both || strcmp(direction, "return") == 0,
	};
	options->injects = raw->loss > 0 || raw->cycle_loss > 0 || raw->reorder > 0 ||
			   raw->delay > 0 || raw->jitter > 0;
	options->skew_ppm = raw->skew;
	if (options->inject.on_send || options->inject.on_return)
		return 0;
	g_printerr("helix-host-stub: --direction %s: write send, return or both\n", direction);
	return -EINVAL;
}

static int check_picture(const char *path)
{
	static const char *const others[] = { ".png", ".jpg", ".jpeg", ".pdf", ".gif" };
	g_autofree char *small = path ? g_ascii_strdown(path, -1) : NULL;

	for (size_t i = 0; small && i < G_N_ELEMENTS(others); i++)
		if (g_str_has_suffix(small, others[i])) {
			int stem = (int)(strlen(path) - strlen(others[i]));

			g_printerr("helix-host-stub: --histogram %s: it is SVG: say %.*s.svg; "
				   "rsvg-convert makes a PNG of it\n",
				path, stem, path);
			return -EINVAL;
		}
	return 0;
}

static int take_run(struct raw_options *raw, struct netjack_options *options)
{
	options->seconds = raw->seconds;
	options->wait = raw->wait >= 0 ? raw->wait : raw->seconds > 0 ? NETJACK_DEFAULT_WAIT : 0;
	options->json = raw->json;
	options->histogram = g_steal_pointer(&raw->histogram);
	options->rt_priority = raw->no_realtime ? 0 : raw->priority;
	int r = check_picture(options->histogram);
	return r < 0 ? r : command_parse_log(&raw->log, &options->log_level);
}

/* Options that are of no use together. */
static int check_together(const struct netjack_options *options)
{
	const struct {
		bool wrong;
		const char *text;
	} rules[] = {
		{ options->measure && options->play,
			"--measure sends what it knows; leave --play" },
		{ options->jack && (options->measure || options->play || options->record),
			"--jack lets the graph play and record; leave --measure, --play and "
			"--record" },
		{ options->jack && (options->json || options->histogram || options->seconds > 0),
			"--jack runs until it is stopped; 'helix-host-stub netjack status --json' "
			"reports" },
		{ options->require_target && !options->measure, "--target needs --measure" },
		{ options->loop && !options->play, "--loop needs --play" },
		{ options->measure && (options->send_audio == 0 || options->return_audio == 0),
			"--measure needs a channel each way" },
		{ (options->play || options->record) && !wav_is_available(),
			"built without libsndfile: no --play and --record (install libsndfile1-dev, "
			"then build again)" },
		{ options->jack && !bridge_is_available(),
			"built without JACK: no --jack (install libjack-jackd2-dev and "
			"libsamplerate0-dev, then build again)" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
		if (rules[i].wrong) {
			g_printerr("helix-host-stub: %s\n", rules[i].text);
			return -EINVAL;
		}
	return 0;
}

static int take(struct raw_options *raw, struct netjack_options *options)
{
	static int (*const steps[])(struct raw_options *, struct netjack_options *) = {
		take_network,
		take_audio,
		take_jack,
		take_run,
	};
	int r = check_ranges(raw);

	if (r == 0)
		r = take_session(raw, options);
	for (size_t i = 0; r == 0 && i < G_N_ELEMENTS(steps); i++)
		r = steps[i](raw, options);
	if (r == 0)
		r = take_faults(raw, options);
	return r < 0 ? r : check_together(options);
}

int netjack_options_parse(int argc, char **argv, struct netjack_options *ret)
{
	struct raw_options raw;
	struct netjack_options options = { 0 };
	int r = raw_options_parse(argc, argv, &raw);

	if (r == 0)
		r = take(&raw, &options);
	raw_options_finish(&raw);
	if (r == 0)
		*ret = options;
	else
		netjack_options_finish(&options);
	return r;
}

void netjack_options_finish(struct netjack_options *options)
{
	g_free(options->host);
	g_strfreev(options->names);
	g_free(options->play);
	g_free(options->record);
	g_free(options->jack_server);
	g_free(options->jack_client);
	g_strfreev(options->jack_connections);
	g_free(options->status_path);
	g_free(options->histogram);
}

void netjack_options_door(
	const struct netjack_options *options, const struct log_sink *log, struct door_config *ret)
{
	*ret = (struct door_config){
		.address = options->address,
		.group = options->group,
		.port = options->port,
		.rate = options->rate,
		.period = options->period,
		.send_audio = options->send_audio,
		.return_audio = options->return_audio,
		.send_midi = options->midi,
		.return_midi = options->midi,
		.latency = options->latency,
		.names = (const char *const *)options->names,
		.host = options->host,
		.inject = options->injects ? &options->inject : NULL,
		.log = log,
	};
}

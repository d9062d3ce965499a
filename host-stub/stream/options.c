/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "options.h"

#include "../command.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#define DEFAULT_CONSOLE_WIDTH  1280u
#define DEFAULT_CONSOLE_HEIGHT 720u

/* As GOption leaves it. */
struct raw {
	char **listen, **fault;
	char *encoder, *resources, *console, *stats;
	gboolean refuse_ids;
	struct command_log log;
};

static void raw_finish(struct raw *raw)
{
	g_strfreev(raw->listen);
	g_strfreev(raw->fault);
	g_free(raw->encoder);
	g_free(raw->resources);
	g_free(raw->console);
	g_free(raw->stats);
	g_free(raw->log.level);
}

static void append_help(GString *text, const struct fault_rule *rule)
{
	static const char *const frames[] = {
		[FAULT_FRAMES_NONE] = "",
		[FAULT_FRAMES_ALL] = "[@F]",
		[FAULT_FRAMES_FIRST] = "@F",
		[FAULT_FRAMES_FROM] = "@F",
	};
	char *usage = g_strconcat(rule->usage, frames[rule->frames], NULL);

	g_string_append_printf(text, "  %-22s %s\n", usage, rule->help);
	g_free(usage);
}

static char *describe_faults(void)
{
	GString *text = g_string_new("Faults (SPEC = RULE[,RULE...]; F counts the frames of a "
				     "connection from 1):\n");

	for (size_t i = 0; i < FAULT_KINDS; i++)
		append_help(text, &fault_rules[i]);
	g_string_append(text,
		"\nAddresses: unix:/path, unix:@name, tcp:HOST:PORT (port 0: any), "
		"vsock:any:5000\n\nExample: helix-host-stub stream --listen unix:/tmp/hx.sock "
		"--fault delay=20,drop=100\n");
	return g_string_free(text, FALSE);
}

static int parse_raw(int argc, char **argv, struct raw *raw)
{
	const GOptionEntry entries[] = {
		{ "listen", 'l', 0, G_OPTION_ARG_STRING_ARRAY, &raw->listen,
			"Listen there; may be repeated (default " OPTIONS_DEFAULT_LISTEN ")",
			"ADDRESS" },
		{ "encoder", 'e', 0, G_OPTION_ARG_STRING, &raw->encoder,
			"A GStreamer H.264 encoder, 'null' (spells frames), or 'auto': the first of "
			"vah264enc, nvh264enc, x264enc, openh264enc that works (default)",
			"NAME" },
		{ "resources", 'r', 0, G_OPTION_ARG_STRING, &raw->resources,
			"Encode the guest's resources, which 'helix-host-stub virtio' hands "
			"over there",
			"unix:PATH" },
		{ "refuse-ids", 0, 0, G_OPTION_ARG_NONE, &raw->refuse_ids,
			"Without --resources: refuse ids, so that guests send pixels, instead of drawing a test picture for each",
			NULL },
		{ "console", 0, 0, G_OPTION_ARG_STRING, &raw->console,
			"Size of scanout 0, drawn by the pattern source (default 1280x720)",
			"WIDTHxHEIGHT" },
		{ "fault", 'f', 0, G_OPTION_ARG_STRING_ARRAY, &raw->fault,
			"Do something wrong; may be repeated", "SPEC" },
		{ "stats", 0, 0, G_OPTION_ARG_STRING, &raw->stats,
			"Print counters on stdout at the end, as one line of JSON", "json" },
		COMMAND_LOG_OPTIONS(&raw->log),
		G_OPTION_ENTRY_NULL,
	};
	g_autofree char *faults = describe_faults();

	return command_parse("stream", entries, faults, argc, argv);
}

static int parse_listen(const struct raw *raw, struct options *options)
{
	static const char *const fallback[] = { OPTIONS_DEFAULT_LISTEN, NULL };
	const char *const *address = raw->listen ? (const char *const *)raw->listen : fallback;

	for (; *address; address++) {
		if (options->n_endpoints == SERVER_LISTENERS_MAX) {
			g_printerr(
				"helix-host-stub: more than %u --listen\n", SERVER_LISTENERS_MAX);
			return -EINVAL;
		}
		if (hxfr_endpoint_parse(*address, &options->endpoints[options->n_endpoints]) < 0) {
			g_printerr("helix-host-stub: --listen %s is no address; write unix:/path, "
				   "tcp:HOST:PORT or vsock:any:PORT\n",
				*address);
			return -EINVAL;
		}
		options->n_endpoints++;
	}
	return 0;
}

static int parse_faults(const struct raw *raw, struct options *options)
{
	const char *where = "";

	for (char **spec = raw->fault; spec && *spec; spec++) {
		if (options->n_faults == SERVER_FAULTS_MAX) {
			g_printerr("helix-host-stub: more than %u --fault\n", SERVER_FAULTS_MAX);
			return -EINVAL;
		}
		if (fault_parse(*spec, &options->faults[options->n_faults], &where) < 0) {
			g_printerr(
				"helix-host-stub: --fault %s: no fault reads '%.*s'; --help lists "
				"them\n",
				*spec, (int)strcspn(where, ","), where);
			return -EINVAL;
		}
		options->n_faults++;
	}
	return 0;
}

static int parse_resources(const struct raw *raw, struct options *options)
{
	struct hxfr_endpoint endpoint;

	options->refuse_ids = raw->refuse_ids;
	if (!raw->resources)
		return 0;
	if (hxfr_endpoint_parse(raw->resources, &endpoint) < 0 ||
		endpoint.transport != HXFR_TRANSPORT_UNIX) {
		g_printerr("helix-host-stub: --resources %s is no Unix socket; write unix:/path\n",
			raw->resources);
		return -EINVAL;
	}
	options->resources = g_strdup(endpoint.unix_path);
	return 0;
}

static int parse_console(const struct raw *raw, struct options *options)
{
	options->console_width = DEFAULT_CONSOLE_WIDTH;
	options->console_height = DEFAULT_CONSOLE_HEIGHT;
	return command_parse_size("--console", raw->console, PICTURE_SIDE_MAX,
		&options->console_width, &options->console_height);
}

static int parse_words(struct raw *raw, struct options *options)
{
	if (command_parse_log(&raw->log, &options->log_level) < 0)
		return -EINVAL;
	if (raw->stats && strcmp(raw->stats, "json") != 0) {
		g_printerr("helix-host-stub: --stats %s: json is the only form\n", raw->stats);
		return -EINVAL;
	}
	options->stats_json = raw->stats != NULL;
	options->encoder = g_steal_pointer(&raw->encoder);
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret)
{
	struct raw raw = { 0 };
	struct options options = { 0 };

	int r = parse_raw(argc, argv, &raw);
	if (r == 0)
		r = parse_listen(&raw, &options);
	if (r == 0)
		r = parse_faults(&raw, &options);
	if (r == 0)
		r = parse_console(&raw, &options);
	if (r == 0)
		r = parse_words(&raw, &options);
	if (r == 0)
		r = parse_resources(&raw, &options);
	raw_finish(&raw);
	if (r == 0)
		*ret = options;
	else
		options_finish(&options);
	return r;
}

void options_finish(struct options *options)
{
	g_free(options->encoder);
	g_free(options->resources);
}

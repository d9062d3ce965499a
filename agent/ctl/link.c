/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl.h"
#include "histogram.h"

#include "../probe/probe.h"

#include <stdio.h>

static gboolean refresh;

static const GOptionEntry options[] = {
	{ "refresh", 'r', 0, G_OPTION_ARG_NONE, &refresh, "Ask the encoder now, and wait for it",
		NULL },
	{ NULL },
};

static long long number(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static void print_member(const json_t *object, const char *key, const char *before)
{
	g_autofree char *clean = print_clean(print_text(object, key));

	if (*clean)
		printf("%s%s", before, clean);
}

static void print_config(const json_t *config)
{
	long long rate_den = number(config, "framerate-den");

	if (!json_is_object(config))
		return;
	print_member(config, "codec", "Encodes: ");
	print_member(config, "profile", " ");
	print_member(config, "level", " level ");
	printf(", %.2f Mbit/s", (double)number(config, "bitrate") / 1e6);
	if (rate_den > 0)
		printf(", %.4g frames a second",
			(double)number(config, "framerate-num") / (double)rate_den);
	puts(json_is_true(json_object_get(config, "realtime")) ? ", low latency" : "");
}

static void print_peer(const json_t *peer)
{
	if (!json_is_object(peer))
		return;
	printf("Speaks:  HXFR version %lld", number(peer, "version"));
	if (number(peer, "features"))
		printf(", features %#llx", (unsigned long long)number(peer, "features"));
	putchar('\n');
	print_config(json_object_get(peer, "config"));
}

static void print_pings(const json_t *pings)
{
	static const struct {
		const char *key, *label;
	} times[] = { { "p50-us", "p50" }, { "p99-us", "p99" }, { "max-us", "max" } };
	g_autofree char *loss = print_value(json_object_get(pings, "loss-percent"), "%");

	if (number(pings, "sent") == 0)
		return;
	printf("PINGs:   %lld of %lld answered, %s lost\n", number(pings, "answered"),
		number(pings, "sent"), loss);
	for (gsize i = 0; i < G_N_ELEMENTS(times); i++) {
		g_autofree char *value = print_value(json_object_get(pings, times[i].key), "us");

		if (*value)
			printf("  %-6s %s\n", times[i].label, value);
	}
	histogram_print(json_object_get(pings, "histogram"));
}

static void print_error(const json_t *link)
{
	const json_t *error = json_object_get(link, "last-error");
	g_autofree char *clean = print_clean(print_text(error, "message"));

	if (json_is_object(error))
		printf("Last error, %lld s ago: %s\n",
			(number(link, "monotonic-ns") - number(error, "monotonic-ns")) / 1000000000,
			clean);
}

static void print_link(const struct print *print, const json_t *link)
{
	g_autofree char *endpoint = print_clean(print_text(link, "endpoint"));
	json_t *probe;
	size_t i;

	printf("Encoder: %s\n", *endpoint ? endpoint
					  : "none is configured -> encoder=vsock:2:5000 in "
					    "/etc/helix-agent/agent.conf");
	print_peer(json_object_get(link, "peer"));
	print_pings(json_object_get(link, "pings"));
	print_error(link);
	json_array_foreach(json_object_get(link, "probes"), i, probe)
	{
		print_line(print, print_text(probe, "status"), print_text(probe, "id"),
			print_text(probe, "message"), print_text(probe, "hint"));
	}
}

static int run_link(struct ctl *ctl, char **arguments)
{
	json_t *asked = refresh ? json_pack("{s:b}", "refresh", 1) : NULL;
	json_t *link = ctl_ask(ctl, "helix-link-status", asked);
	const json_t *code;
	int status;

	if (!link)
		return CTL_UNASKED;
	if (ctl->json)
		ctl_print_json(link);
	else
		print_link(&ctl->print, link);
	code = json_object_get(link, "exit");
	status = json_is_integer(code) ? (int)json_integer_value(code) : PROBE_UNKNOWN;
	json_decref(link);
	return status;
}

const struct ctl_command ctl_link_commands[] = {
	{ "link", NULL, "Is the host's encoder alive, how far is it, and what is it?", options, 0,
		0, run_link },
	{ NULL },
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../health.h"
#include "../probe/link-log.h"

#include "agentd.h"

/* A helix-link-status that waits for its probes. */
struct waiting {
	const struct agentd *agentd;
	struct dialect_call *call;
};

static const char *const link_probes[] = { "link.encoder", "link.host_cid", NULL };

/* --- what was measured --- */

static json_t *histogram_json(const struct latency *rtt)
{
	json_t *buckets = json_array();

	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		json_array_append_new(buckets,
			json_pack("{s:o, s:I}", "below-us",
				i + 1 < LATENCY_BUCKETS ? json_integer(2LL << i) : json_null(),
				"count", (json_int_t)rtt->histogram[i]));
	return buckets;
}

static json_t *pings_json(const struct link_summary *link)
{
	unsigned lost = link->sent - link->answered;
	json_t *pings = json_pack("{s:I, s:I, s:o}", "sent", (json_int_t)link->sent, "answered",
		(json_int_t)link->answered, "loss-percent",
		link->sent ? json_real(100.0 * lost / link->sent) : json_null());
	const struct {
		const char *key;
		double value_us;
	} times[] = { { "p50-us", link->rtt.p50_us }, { "p99-us", link->rtt.p99_us },
		{ "max-us", link->rtt.max_us } };

	for (gsize i = 0; i < G_N_ELEMENTS(times); i++)
		json_object_set_new(pings, times[i].key,
			link->answered ? json_real(times[i].value_us) : json_null());
	json_object_set_new(pings, "histogram", histogram_json(&link->rtt));
	return pings;
}

/* --- what it said of itself --- */

static json_t *profile_json(uint8_t profile)
{
	switch (profile) {
	case HXFR_PROFILE_BASELINE:
		return json_string("baseline");
	case HXFR_PROFILE_MAIN:
		return json_string("main");
	case HXFR_PROFILE_HIGH:
		return json_string("high");
	default: /* 0: the encoder chooses */
		return json_null();
	}
}

static json_t *level_json(uint8_t level)
{
	g_autofree char *text = g_strdup_printf("%u.%u", level / 10u, level % 10u);

	return level ? json_string(text) : json_null();
}

static json_t *config_json(const struct hxfr_config *config)
{
	return json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:b}", "codec", "h264",
		"profile", profile_json(config->profile), "level", level_json(config->level),
		"bitrate", (json_int_t)config->bitrate, "width", (json_int_t)config->width,
		"height", (json_int_t)config->height, "framerate-num",
		(json_int_t)config->framerate_num, "framerate-den",
		(json_int_t)config->framerate_den, "realtime", config->realtime != 0);
}

static json_t *peer_json(const struct link_peer *peer)
{
	if (!peer->known)
		return json_null();
	return json_pack("{s:I, s:I, s:o}", "version", (json_int_t)peer->version, "features",
		(json_int_t)peer->features, "config",
		peer->has_config ? config_json(&peer->config) : json_null());
}

static json_t *error_json(const struct link_summary *link)
{
	g_autofree char *text = link->error ? g_utf8_make_valid(link->error, -1) : NULL;

	return text ? json_pack("{s:s, s:I}", "message", text, "monotonic-ns",
			      (json_int_t)link->error_ns)
		    : json_null();
}

static json_t *status_json(const struct agentd *agentd)
{
	const char *endpoint = agentd->config->encoder;
	json_t *status = health_json(agentd->health, link_probes);
	struct link_summary link;

	link_log_summarise(agentd->link_log, &link);
	json_object_set_new(status, "endpoint", *endpoint ? json_string(endpoint) : json_null());
	json_object_set_new(status, "pings", pings_json(&link));
	json_object_set_new(status, "last-error", error_json(&link));
	json_object_set_new(status, "peer", peer_json(&link.peer));
	link_summary_finish(&link);
	return status;
}

/* --- the command --- */

static void on_refreshed(void *user)
{
	g_autofree struct waiting *waiting = user;

	dialect_call_finish(waiting->call, status_json(waiting->agentd), NULL);
}

static json_t *run_link_status(
	void *user, json_t *arguments, struct dialect_call *call, struct dialect_error *error)
{
	const struct agentd *agentd = user;
	struct waiting *waiting;

	if (!json_is_true(json_object_get(arguments, "refresh")))
		return status_json(agentd);
	waiting = g_new(struct waiting, 1);
	*waiting = (struct waiting){ agentd, call };
	health_refresh(agentd->health, link_probes, on_refreshed, waiting);
	return NULL;
}

static const struct dialect_argument link_arguments[] = {
	{ "refresh", DIALECT_BOOLEAN, true, "asks the encoder now, and waits" },
	{ NULL },
};

const struct dialect_command link_commands[] = {
	{ "helix-link-status", DIALECT_READ, link_arguments, run_link_status,
		"round trips of PINGs to the host's encoder, its last error, and what it is" },
	{ NULL },
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json.h"
#include "summary.h"

#include <arpa/inet.h>

/* The keys are described in helix-host-stub-netjack(1): more may come, none may change. */

static void write_durations(struct json *json, const char *key, const struct histogram *histogram)
{
	static const struct {
		const char *key;
		double share;
	} rows[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p99.9", 0.999 },
		{ "max", 1 } };

	json_write_open(json, key, '{');
	json_write_count(json, "n", histogram->n);
	json_write_number(json, "min", (double)histogram->min_ns / 1000, 1);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		json_write_number(json, rows[i].key,
			(double)histogram_percentile(histogram, rows[i].share) / 1000, 1);
	json_write_close(json, '}');
}

static void write_buckets(struct json *json, const char *key, const struct histogram *histogram)
{
	json_write_open(json, key, '[');
	for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++) {
		if (histogram->counts[b] == 0)
			continue;
		json_write_open(json, NULL, '[');
		json_write_number(json, NULL, (double)histogram_edge(b) / 1000, 3);
		json_write_number(json, NULL, (double)histogram_edge(b + 1) / 1000, 3);
		json_write_count(json, NULL, histogram->counts[b]);
		json_write_close(json, ']');
	}
	json_write_close(json, ']');
}

static void write_config(struct json *json, const struct summary *summary)
{
	const struct netjack_options *o = summary->options;

	json_write_open(json, "config", '{');
	json_write_count(json, "rate", o->rate);
	json_write_count(json, "period", o->period);
	json_write_number(json, "period_ms", summary_ms(summary, o->period), 4);
	json_write_bool(json, "measure", o->measure);
	json_write_number(json, "target_ms", o->target_ms, 3);
	json_write_number(json, "loss_percent", o->inject.loss * 100, 4);
	json_write_number(json, "cycle_loss_percent", o->inject.cycle_loss * 100, 4);
	json_write_number(json, "reorder_percent", o->inject.reorder * 100, 4);
	json_write_number(json, "delay_ms", (double)o->inject.delay_ns / 1e6, 3);
	json_write_number(json, "jitter_ms", (double)o->inject.jitter_ns / 1e6, 3);
	json_write_count(json, "seed", o->inject.seed);
	json_write_close(json, '}');
}

static void write_host(struct json *json, const struct summary *summary)
{
	const struct endpoint_report *e = &summary->endpoint;

	json_write_open(json, "host", '{');
	json_write_bool(json, "realtime", e->realtime);
	json_write_bool(json, "memory_locked", e->locked);
	json_write_number(json, "cpu_percent", summary->cpu_percent, 2);
	json_write_count(json, "ticks", e->ticks);
	json_write_count(json, "late_ticks", e->late_ticks);
	json_write_count(json, "connects", e->connects);
	json_write_number(json, "reconnect_ms", (double)e->reconnect_ns / 1e6, 3);
	json_write_count(json, "not_recorded", summary->dropped);
	write_durations(json, "wakeup_us", &summary->wakeup);
	write_buckets(json, "wakeup_buckets_us", &summary->wakeup);
	json_write_close(json, '}');
}

static void write_lag(
	struct json *json, const struct summary *summary, const struct summary_session *s)
{
	g_autofree char *sum = summary_sum(summary, s);

	json_write_open(json, "lag", '{');
	json_write_count(json, "samples", s->lag);
	json_write_number(json, "ms", summary_ms(summary, s->lag), 4);
	json_write_count(json, "expected_samples", s->expected);
	json_write_bool(json, "as_expected", s->added >= 0);
	if (s->added >= 0)
		json_write_integer(json, "added_periods", s->added);
	else
		json_write_null(json, "added_periods");
	json_write_string(json, "sum", sum);
	json_write_open(json, "all", '[');
	for (unsigned i = 0; i < MEASURE_LAGS && s->measure->lags[i].periods > 0; i++) {
		json_write_open(json, NULL, '{');
		json_write_count(json, "samples", s->measure->lags[i].samples);
		json_write_count(json, "periods", s->measure->lags[i].periods);
		json_write_close(json, '}');
	}
	json_write_close(json, ']');
	json_write_count(json, "other_periods", s->other_periods);
	json_write_close(json, '}');
}

static void write_channels(struct json *json, const struct measure_report *m)
{
	json_write_open(json, "channels", '[');
	for (unsigned c = 0; c < (unsigned)MAX(m->session.return_audio, 0); c++) {
		netjack_ports bit = UINT64_C(1) << c;

		json_write_open(json, NULL, '{');
		json_write_count(json, "return", c + 1);
		if (m->matched & bit)
			json_write_count(json, "carries_send", m->source[c] + 1u);
		else
			json_write_null(json, "carries_send");
		json_write_bool(json, "foreign", (m->foreign & bit) != 0);
		json_write_close(json, '}');
	}
	json_write_close(json, ']');
}

static void write_measure(
	struct json *json, const struct summary *summary, const struct summary_session *s)
{
	const struct measure_report *m = s->measure;

	if (!m) {
		json_write_null(json, "measured");
		return;
	}
	json_write_open(json, "measured", '{');
	json_write_bool(json, "exact", s->exact);
	json_write_bool(json, "meets_target", s->meets_target);
	json_write_count(json, "samples_exact", m->exact);
	json_write_count(json, "samples_wrong", m->wrong);
	json_write_count(json, "samples_silent", m->silent);
	json_write_count(json, "periods", m->periods);
	for (enum verdict v = 0; v < N_VERDICTS; v++) {
		g_autofree char *key = g_strdup_printf("periods_%s", verdict_name(v));

		json_write_count(json, key, m->verdicts[v]);
	}
	if (m->lags[0].periods > 0)
		write_lag(json, summary, s);
	else
		json_write_null(json, "lag");
	write_channels(json, m);
	json_write_close(json, '}');
}

static void write_counters(struct json *json, const struct slave_report *slave)
{
	const struct returns_counters *r = &slave->returns;
	const struct {
		const char *key;
		uint64_t value;
	} rows[] = {
		{ "sent_periods", slave->ticks },
		{ "ok_periods", r->verdicts[VERDICT_OK] },
		{ "late_periods", r->late },
		{ "lost_periods", r->lost },
		{ "packets", r->packets },
		{ "duplicated_packets", r->duplicated },
		{ "reordered_packets", r->reordered },
		{ "stale_packets", r->stale },
		{ "malformed_packets", r->malformed },
		{ "slave_xruns", r->slave_xruns },
		{ "reanchored", r->reanchored },
		{ "send_failed", slave->send_failed },
		{ "injected_lost", slave->injected.lost },
		{ "injected_delayed", slave->injected.delayed },
		{ "injected_reordered", slave->injected.reordered },
	};

	json_write_open(json, "counters", '{');
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		json_write_count(json, rows[i].key, rows[i].value);
	json_write_close(json, '}');
}

static void write_session(
	struct json *json, const struct summary *summary, const struct summary_session *s)
{
	const struct netjack_session *session = &s->slave->session;
	char address[INET_ADDRSTRLEN] = "";

	inet_ntop(AF_INET, &s->slave->peer.sin_addr, address, sizeof address);
	json_write_open(json, NULL, '{');
	json_write_string(json, "name", session->name);
	json_write_string(json, "host", session->slave_host);
	json_write_string(json, "address", address);
	json_write_count(json, "port", ntohs(s->slave->peer.sin_port));
	json_write_bool(json, "connected", s->connected);
	json_write_bool(json, "sync", session->sync);
	json_write_count(json, "latency", session->latency);
	json_write_count(json, "mtu", session->mtu);
	json_write_integer(json, "send_channels", session->send_audio);
	json_write_integer(json, "return_channels", session->return_audio);
	json_write_integer(json, "send_midi", session->send_midi);
	json_write_integer(json, "return_midi", session->return_midi);
	json_write_number(json, "handshake_ms", (double)s->slave->handshake_ns / 1e6, 3);
	write_measure(json, summary, s);
	write_counters(json, s->slave);
	write_durations(json, "rtt_us", &s->rtt);
	write_buckets(json, "rtt_buckets_us", &s->rtt);
	json_write_close(json, '}');
}

char *summary_json(const struct summary *summary)
{
	GString *text = g_string_new(NULL);
	struct json json = { .text = text, .first = true };

	json_write_open(&json, NULL, '{');
	json_write_string(&json, "version", PACKAGE_VERSION);
	json_write_string(&json, "outcome", outcome_name(summary->outcome));
	json_write_number(&json, "seconds", summary->seconds, 3);
	write_config(&json, summary);
	write_host(&json, summary);
	json_write_open(&json, "slaves", '[');
	for (unsigned i = 0; i < summary->n_sessions; i++)
		write_session(&json, summary, &summary->sessions[i]);
	json_write_close(&json, ']');
	json_write_close(&json, '}');
	return g_string_free(text, FALSE);
}

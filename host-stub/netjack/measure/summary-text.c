/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "summary.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>

/* For people: "11 520 000". */
static char *grouped(uint64_t n)
{
	char digits[24];
	int length = g_snprintf(digits, sizeof digits, "%" PRIu64, n);
	GString *text = g_string_new(NULL);

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			g_string_append_c(text, ' ');
		g_string_append_c(text, digits[i]);
	}
	return g_string_free(text, FALSE);
}

static double ms_at(const struct histogram *histogram, double share)
{
	return (double)histogram_percentile(histogram, share) / 1e6;
}

G_GNUC_PRINTF(3, 4)
static void row(GString *text, const char *title, const char *format, ...)
{
	va_list arguments;

	g_string_append_printf(text, "%-14s", title);
	va_start(arguments, format);
	g_string_append_vprintf(text, format, arguments);
	va_end(arguments);
	g_string_append_c(text, '\n');
}

static void durations(GString *text, const char *title, const struct histogram *histogram)
{
	if (histogram->n == 0)
		row(text, title, "none");
	else
		row(text, title, "p50 %.3f  p90 %.3f  p99 %.3f  p99.9 %.3f  max %.3f ms",
			ms_at(histogram, 0.5), ms_at(histogram, 0.9), ms_at(histogram, 0.99),
			ms_at(histogram, 0.999), ms_at(histogram, 1));
}

static const char *verdict_on_lag(const struct summary *summary, const struct summary_session *s)
{
	if (s->added == 0)
		return "";
	if (s->added == 1)
		return ": the slave runs async, with a client in its graph";
	return s->lag > s->expected ? ": more than B x (N + A), the rest is in the slave's graph"
				    : ": less than B x (N + A)";
}

static void write_lags(
	GString *text, const struct summary *summary, const struct summary_session *s)
{
	const struct measure_report *m = s->measure;
	g_autofree char *sum = summary_sum(summary, s);

	row(text, "  loop", "%" PRIu64 " samples = %.3f ms %s %s%s", s->lag,
		summary_ms(summary, s->lag), s->added >= 0 ? "=" : "and not", sum,
		verdict_on_lag(summary, s));
	for (unsigned i = 1; i < MEASURE_LAGS && m->lags[i].periods > 0; i++)
		row(text, i == 1 ? "  also" : "",
			"%" PRIu64 " samples = %.3f ms, periods: %" PRIu64, m->lags[i].samples,
			summary_ms(summary, m->lags[i].samples), m->lags[i].periods);
	if (m->other_lags > 0)
		row(text, "", "others, periods: %" PRIu64, m->other_lags);
}

/* How many from channel c on return nothing. */
static unsigned count_unconnected(const struct measure_report *m, unsigned c, unsigned n_channels)
{
	unsigned n = 0;

	while (c + n < n_channels && !((m->foreign | m->matched) >> (c + n) & 1))
		n++;
	return n;
}

static void write_channels(GString *text, const struct measure_report *m)
{
	unsigned n_channels = (unsigned)MAX(m->session.return_audio, 0), n;

	for (unsigned c = 0; c < n_channels; c += MAX(n, 1)) {
		n = count_unconnected(m, c, n_channels);
		if (n > 1)
			row(text, "  channels", "%u to %u return nothing", c + 1, c + n);
		else if (n == 1)
			row(text, "  channel", "%u returns nothing", c + 1);
		else if (m->foreign >> c & 1)
			row(text, "  channel", "%u returns something else than was sent", c + 1);
		else if (m->source[c] != c)
			row(text, "  channel", "%u returns what was sent on %u", c + 1,
				m->source[c] + 1u);
	}
}

static void write_target(
	GString *text, const struct summary *summary, const struct summary_session *s)
{
	const struct measure_report *m = s->measure;
	double target = summary->options->target_ms;
	bool is_judged = summary->options->require_target;
	const struct {
		bool missed;
		const char *reason;
	} rows[] = {
		{ summary_ms(summary, s->lag) >= target, "the loop is longer" },
		{ s->rtt.n == 0 || ms_at(&s->rtt, 0.99) >= target, "p99 is longer" },
		{ m->exact == 0, "nothing came back in time" },
		{ m->wrong > 0, "wrong samples" },
		{ m->foreign != 0, "something else than was sent" },
		{ m->silent > 0, "silent samples" },
		{ m->verdicts[VERDICT_LATE] > 0, "late periods" },
		{ m->verdicts[VERDICT_LOST] > 0, "lost periods" },
	};
	GString *reasons = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (rows[i].missed)
			g_string_append_printf(
				reasons, "%s%s", reasons->len > 0 ? ", " : ": ", rows[i].reason);
	row(text, "  target", "%g ms %s%s%s", target,
		s->meets_target ? "met"
		: is_judged     ? "missed"
				: "not met",
		reasons->str, s->meets_target || is_judged ? "" : " (no --target: not judged)");
	g_string_free(reasons, TRUE);
}

static void write_session_periods(GString *text, const struct slave_report *slave)
{
	row(text, "  periods",
		"%" PRIu64 " sent: %" PRIu64 " back in time, %" PRIu64 " late, %" PRIu64 " lost",
		slave->ticks, slave->returns.verdicts[VERDICT_OK], slave->returns.late,
		slave->returns.lost);
}

static void write_late(
	GString *text, const struct summary *summary, const struct summary_session *s)
{
	g_autofree char *late = summary_late(summary, s);

	if (late)
		row(text, "  late", "%s", late);
}

static void write_measure(
	GString *text, const struct summary *summary, const struct summary_session *s)
{
	const struct measure_report *m = s->measure;
	g_autofree char *exact = grouped(m->exact), *wrong = grouped(m->wrong);
	g_autofree char *silent = grouped(m->silent);

	if (!m->measuring) {
		row(text, "  loop", "%s",
			m->matched ? "the warm-up was not over"
				   : "nothing that was sent came back in time");
		write_channels(text, m);
		write_session_periods(text, s->slave);
		return;
	}
	if (m->lags[0].periods > 0)
		write_lags(text, summary, s);
	else
		row(text, "  loop", "nothing that was sent came back in time");
	row(text, "  samples", "%s exact, %s wrong, %s silent", exact, wrong, silent);
	write_channels(text, m);
	row(text, "  periods",
		"%" PRIu64 " after the warm-up: %" PRIu64 " in time, %" PRIu64 " late, %" PRIu64
		" lost",
		m->periods, m->verdicts[VERDICT_OK], m->verdicts[VERDICT_LATE],
		m->verdicts[VERDICT_LOST]);
	write_target(text, summary, s);
}

static void write_packets(GString *text, const struct slave_report *slave)
{
	const struct returns_counters *r = &slave->returns;
	const struct {
		const char *name;
		uint64_t n;
	} rows[] = {
		{ "duplicated", r->duplicated },
		{ "reordered", r->reordered },
		{ "stale", r->stale },
		{ "malformed", r->malformed },
		{ "not sent", slave->send_failed },
		{ "lost on purpose", slave->injected.lost },
		{ "reordered on purpose", slave->injected.reordered },
	};
	GString *line = g_string_new(NULL);

	g_string_append_printf(line, "%" PRIu64 " came", r->packets);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (rows[i].n > 0)
			g_string_append_printf(line, ", %" PRIu64 " %s", rows[i].n, rows[i].name);
	row(text, "  packets", "%s", line->str);
	g_string_free(line, TRUE);
	if (r->slave_xruns > 0)
		row(text, "  xruns", "%" PRIu64 " of the slave", r->slave_xruns);
	if (r->reanchored > 0)
		row(text, "  numbering", "found again %" PRIu64 " times", r->reanchored);
}

static void write_session(
	GString *text, const struct summary *summary, const struct summary_session *s)
{
	const struct netjack_session *session = &s->slave->session;
	char address[INET_ADDRSTRLEN] = "";

	inet_ntop(AF_INET, &s->slave->peer.sin_addr, address, sizeof address);
	row(text, "slave", "%s (%s, %s:%u)%s", session->name, session->slave_host, address,
		ntohs(s->slave->peer.sin_port),
		s->connected ? ", to the end" : ", gone before the end");
	row(text, "  session", "%s, -l %u, %d channels out, %d back, MTU %u; ready in %.2f ms",
		session->sync ? "sync" : "async", session->latency, session->send_audio,
		session->return_audio, session->mtu, (double)s->slave->handshake_ns / 1e6);
	if (s->measure)
		write_measure(text, summary, s);
	else
		write_session_periods(text, s->slave);
	write_late(text, summary, s);
	write_packets(text, s->slave);
	durations(text, "  round trip", &s->rtt);
}

char *summary_text(const struct summary *summary)
{
	const struct endpoint_report *e = &summary->endpoint;
	GString *text = g_string_new(NULL);

	row(text, "master", "%u Hz, %u frames = %.3f ms a period; %.1f s %s",
		summary->options->rate, summary->options->period,
		summary_ms(summary, summary->options->period), summary->seconds,
		summary->options->measure ? "after the warm-up" : "since the first slave came");
	row(text, "  threads", "%s, %s, %.1f %% of a core",
		e->realtime ? "real-time (SCHED_FIFO)" : "not real-time",
		e->locked ? "memory locked" : "memory not locked", summary->cpu_percent);
	durations(text, "  wake-ups", &summary->wakeup);
	row(text, "  ticks", "%" PRIu64 " since the first slave came, %" PRIu64 " skipped",
		e->ticks, e->late_ticks);
	if (e->connects > 1)
		row(text, "  sessions", "%" PRIu64 ", the last one %.0f ms after the one before",
			e->connects, (double)e->reconnect_ns / 1e6);
	if (summary->dropped > 0)
		row(text, "  recording",
			"%" PRIu64 " periods missing: the disk is too slow, or full",
			summary->dropped);
	for (unsigned i = 0; i < summary->n_sessions; i++)
		write_session(text, summary, &summary->sessions[i]);
	row(text, "result", "%s", outcome_name(summary->outcome));
	return g_string_free(text, FALSE);
}

static void write_loop(
	GString *text, const struct summary *summary, const struct summary_session *s)
{
	g_autofree char *sum = summary_sum(summary, s);

	g_string_append_printf(
		text, "loop %" PRIu64 " samples = %.3f ms", s->lag, summary_ms(summary, s->lag));
	if (s->added >= 0)
		g_string_append_printf(text, " = %s", sum);
	g_string_append_printf(text, " | wrong %" PRIu64 " late %" PRIu64 " lost %" PRIu64 " | ",
		s->measure->wrong, s->measure->verdicts[VERDICT_LATE],
		s->measure->verdicts[VERDICT_LOST]);
}

/* What matters most comes first: a terminal may have 80 columns. */
char *summary_line(const struct summary *summary)
{
	const struct summary_session *s = &summary->sessions[0];
	GString *text;

	if (summary->endpoint.n_slaves == 0)
		return g_strdup("waiting for a slave");
	text = g_string_new(s->slave->session.name);
	if (summary->endpoint.n_slaves > 1)
		g_string_append_printf(text, " (of %u)", summary->endpoint.n_slaves);
	g_string_append(text, ": ");
	if (s->measure && s->measure->measuring)
		write_loop(text, summary, s);
	else if (s->measure)
		g_string_append(text, s->measure->matched ? "warming up | "
				      : s->slave->returns.late > s->slave->ticks / 2
					      ? "everything comes back late | "
					      : "nothing comes back yet | ");
	else
		g_string_append_printf(text, "late %" PRIu64 " lost %" PRIu64 " | ",
			s->slave->returns.late, s->slave->returns.lost);
	g_string_append_printf(text, "round trip p50 %.3f p99 %.3f max %.3f ms",
		ms_at(&s->rtt, 0.5), ms_at(&s->rtt, 0.99), ms_at(&s->rtt, 1));
	if (s->slave->returns.slave_xruns > 0)
		g_string_append_printf(text, " | xruns %" PRIu64, s->slave->returns.slave_xruns);
	return g_string_free(text, FALSE);
}

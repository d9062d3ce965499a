/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "summary.h"

#include <math.h>

const char *outcome_name(enum outcome outcome)
{
	static const char *const names[N_OUTCOMES] = {
		[OUTCOME_OK] = "ok",
		[OUTCOME_NO_SLAVE] = "no-slave",
		[OUTCOME_NOTHING_BACK] = "nothing-back",
		[OUTCOME_LATE] = "late",
		[OUTCOME_WRONG] = "wrong-samples",
		[OUTCOME_TARGET_MISSED] = "target-missed",
		[OUTCOME_NOT_RECORDED] = "not-recorded",
	};

	return names[outcome];
}

double summary_ms(const struct summary *summary, uint64_t samples)
{
	return (double)samples * 1000 / summary->options->rate;
}

char *summary_sum(const struct summary *summary, const struct summary_session *session)
{
	return g_strdup_printf("%u x (%u + %d)", summary->options->period,
		session->slave->session.latency, MAX(session->added, 0));
}

/* Of what was sent since the warm-up; before it is over, of all. */
static bool is_mostly_late(const struct summary_session *session)
{
	const struct measure_report *m = session->measure;

	if (m && m->measuring)
		return m->verdicts[VERDICT_LATE] > m->periods / 2;
	return session->slave->returns.late > session->slave->ticks / 2;
}

char *summary_late(const struct summary *summary, const struct summary_session *session)
{
	const struct netjack_session *s = &session->slave->session;
	const char *option = summary->options->latency >= 0 ? "--latency" : "-l";
	double period_ms = summary_ms(summary, summary->options->period);
	const struct measure_report *m = session->measure;
	const uint64_t in_time = m && m->measuring ? m->verdicts[VERDICT_OK]
						   : session->slave->returns.verdicts[VERDICT_OK];
	g_autofree char *remedy = NULL;

	if (!is_mostly_late(session) || session->rtt.n == 0)
		return NULL;
	double p50_ms = (double)histogram_percentile(&session->rtt, 0.5) / 1e6;
	double p99_ms = (double)histogram_percentile(&session->rtt, 0.99) / 1e6;
	double needed = MAX(ceil(p99_ms / period_ms), s->latency + 1.0);
	if (needed <= NETJACK_LATENCY_MAX)
		remedy = g_strdup_printf("%s %.0f (or larger periods)", option, needed);
	return g_strdup_printf("%s late: round trip p50 %.1f ms, p99 %.1f ms, but %s %u leaves "
			       "%.2f ms; use %s",
		in_time == 0 ? "everything comes back" : "most periods come back", p50_ms, p99_ms,
		option, s->latency, (s->latency + 1) * period_ms,
		remedy ? remedy : "larger periods");
}

static const struct slave_report *find_slave(const struct summary *summary, uint32_t id)
{
	const struct endpoint_report *endpoint = &summary->endpoint;

	for (unsigned i = 0; i < endpoint->n_slaves + endpoint->n_left; i++)
		if (endpoint->slaves[i].session.id == id)
			return &endpoint->slaves[i];
	return NULL;
}

static const struct measure_report *find_measure(const struct summary *summary, uint32_t id)
{
	for (unsigned i = summary->n_measures; i-- > 0;)
		if (summary->measures[i].session.id == id)
			return &summary->measures[i];
	return NULL;
}

static const struct histogram *find_baseline(const struct baseline *baseline, uint32_t id)
{
	for (unsigned i = 0; i < baseline->n; i++)
		if (baseline->sessions[i].id == id)
			return &baseline->sessions[i].rtt;
	return NULL;
}

static void note_session(struct baseline *baseline, uint32_t id, const struct slave_report *slave)
{
	unsigned place = baseline->n;

	if (place == MEASURE_TRACKS) {
		place = MEASURE_TRACKS - 1;
		memmove(&baseline->sessions[0], &baseline->sessions[1],
			place * sizeof baseline->sessions[0]);
	} else {
		baseline->n++;
	}
	baseline->sessions[place].id = id;
	baseline->sessions[place].rtt = slave->rtt;
}

void baseline_update(struct baseline *baseline, const struct summary *summary)
{
	for (unsigned i = 0; i < summary->n_measures; i++) {
		const struct measure_report *measure = &summary->measures[i];
		const struct slave_report *slave = find_slave(summary, measure->session.id);

		if (!measure->measuring || !slave || find_baseline(baseline, measure->session.id))
			continue;
		note_session(baseline, measure->session.id, slave);
		if (!baseline->has_wakeup)
			baseline->wakeup = summary->endpoint.wakeup;
		baseline->has_wakeup = true;
	}
}

static void judge_lag(struct summary_session *session)
{
	const struct netjack_session *s = &session->slave->session;
	const struct measure_lag *lags = session->measure->lags;
	uint64_t least = (uint64_t)s->period * s->latency;

	session->lag = lags[0].samples;
	session->expected = least;
	session->added = -1;
	if (session->lag == least) {
		session->added = 0;
	} else if (session->lag == least + s->period && !s->sync) {
		session->added = 1;
		session->expected = session->lag;
	}
	session->other_periods = session->measure->other_lags;
	for (unsigned i = 1; i < MEASURE_LAGS; i++)
		session->other_periods += lags[i].periods;
}

static void judge_session(const struct summary *summary, struct summary_session *session)
{
	const struct measure_report *m = session->measure;
	double target_ns = summary->options->target_ms * 1e6;

	judge_lag(session);
	session->exact = m->exact > 0 && m->wrong == 0 && m->foreign == 0;
	session->meets_target = session->exact && m->silent == 0 &&
				m->verdicts[VERDICT_LOST] == 0 && m->verdicts[VERDICT_LATE] == 0 &&
				session->rtt.n > 0 &&
				summary_ms(summary, session->lag) < summary->options->target_ms &&
				(double)histogram_percentile(&session->rtt, 0.99) < target_ns;
}

static bool was_there_at_the_end(const struct summary *summary, uint32_t id)
{
	for (unsigned i = 0; i < summary->n_to_the_end; i++)
		if (summary->to_the_end[i] == id)
			return true;
	return false;
}

static void add_session(struct summary *summary, const struct baseline *baseline, unsigned i)
{
	struct summary_session *session = &summary->sessions[summary->n_sessions++];
	const struct slave_report *slave = &summary->endpoint.slaves[i];
	const struct measure_report *measure = find_measure(summary, slave->session.id);
	const struct histogram *before = find_baseline(baseline, slave->session.id);

	*session = (struct summary_session){
		.slave = slave,
		.connected = i < summary->endpoint.n_slaves ||
			     was_there_at_the_end(summary, slave->session.id),
		.measure = measure,
		.rtt = slave->rtt,
	};
	if (before)
		histogram_since(&slave->rtt, before, &session->rtt);
	if (measure && measure->measuring)
		judge_session(summary, session);
}

static enum outcome judge_measures(const struct summary *summary)
{
	uint64_t exact = summary->forgotten.exact, wrong = summary->forgotten.wrong;
	netjack_ports foreign = 0;
	bool met = true, late = false;

	for (unsigned i = 0; i < summary->n_measures; i++) {
		exact += summary->measures[i].exact;
		wrong += summary->measures[i].wrong;
		foreign |= summary->measures[i].foreign;
	}
	for (unsigned i = 0; i < summary->n_sessions; i++) {
		met = met && summary->sessions[i].meets_target;
		late = late || is_mostly_late(&summary->sessions[i]);
	}
	if (wrong > 0 || foreign != 0)
		return OUTCOME_WRONG;
	if (late)
		return OUTCOME_LATE;
	if (exact == 0)
		return OUTCOME_NOTHING_BACK;
	return met || !summary->options->require_target ? OUTCOME_OK : OUTCOME_TARGET_MISSED;
}

void summary_judge(struct summary *summary, const struct baseline *baseline)
{
	const struct endpoint_report *endpoint = &summary->endpoint;

	summary->n_sessions = 0;
	for (unsigned i = 0; i < endpoint->n_slaves + endpoint->n_left; i++)
		add_session(summary, baseline, i);
	summary->wakeup = endpoint->wakeup;
	if (baseline->has_wakeup)
		histogram_since(&endpoint->wakeup, &baseline->wakeup, &summary->wakeup);
	if (endpoint->connects == 0)
		summary->outcome = OUTCOME_NO_SLAVE;
	else
		summary->outcome = summary->options->measure ? judge_measures(summary) : OUTCOME_OK;
	if (summary->outcome == OUTCOME_OK && summary->dropped > 0)
		summary->outcome = OUTCOME_NOT_RECORDED;
}

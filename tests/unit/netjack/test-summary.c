/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netjack/measure/summary.h"

#include "suite.h"

#include <glib/gstdio.h>
#include <locale.h>
#include <math.h>

static struct netjack_options options;
static struct summary *summary;
static struct baseline *baseline;

#define PERIOD 128u
#define RATE   96000u

/* A slave with -S -l 1 whose loop is one period, as a run of a minute leaves it. */
static void set_up(void)
{
	struct slave_report *slave;
	struct measure_report *measure;

	summary = g_new0(struct summary, 1);
	baseline = g_new0(struct baseline, 1);
	options = (struct netjack_options){
		.rate = RATE,
		.period = PERIOD,
		.measure = true,
		.latency = -1,
		.target_ms = 2,
	};
	summary->options = &options;
	summary->seconds = 60;
	summary->endpoint.connects = 1;
	summary->endpoint.n_slaves = 1;
	slave = &summary->endpoint.slaves[0];
	slave->session = (struct netjack_session){
		.name = "dsp",
		.slave_host = "guest",
		.id = 7,
		.mtu = 1500,
		.send_audio = 2,
		.return_audio = 2,
		.rate = RATE,
		.period = PERIOD,
		.sync = true,
		.latency = 1,
	};
	for (unsigned i = 0; i < 1000; i++)
		histogram_add(&slave->rtt, 100000 + 300 * (int64_t)i);
	summary->n_measures = 1;
	measure = &summary->measures[0];
	measure->session = slave->session;
	measure->measuring = true;
	measure->exact = 11520000;
	measure->periods = 45000;
	measure->verdicts[VERDICT_OK] = 45000;
	measure->lags[0] = (struct measure_lag){ PERIOD, 45000 };
	measure->matched = 3;
	measure->source[1] = 1;
}

static void tear_down(void)
{
	g_free(summary);
	g_free(baseline);
}

static struct netjack_session *session(void)
{
	return &summary->endpoint.slaves[0].session;
}

static const struct summary_session *judge(void)
{
	summary_judge(summary, baseline);
	ck_assert_uint_eq(summary->n_sessions, summary->endpoint.n_slaves);
	return &summary->sessions[0];
}

START_TEST(a_loop_is_b_times_n_plus_a)
{
	static const struct {
		bool sync;
		uint32_t latency;
		uint64_t lag;
		int added;
		uint64_t expected;
	} rows[] = {
		{ true, 0, 0, 0, 0 },
		{ true, 1, 128, 0, 128 },
		{ true, 2, 256, 0, 256 },
		{ true, 1, 256, -1, 128 },
		{ true, 1, 129, -1, 128 },
		{ false, 0, 0, 0, 0 },
		{ false, 0, 128, 1, 128 },
		{ false, 1, 256, 1, 256 },
		{ false, 5, 640, 0, 640 },
		{ false, 5, 768, 1, 768 },
		{ false, 1, 384, -1, 128 },
		{ false, 1, 64, -1, 128 },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		session()->sync = rows[i].sync;
		session()->latency = rows[i].latency;
		summary->measures[0].lags[0].samples = rows[i].lag;
		ck_assert_int_eq(judge()->added, rows[i].added);
		ck_assert_uint_eq(judge()->expected, rows[i].expected);
		ck_assert_uint_eq(judge()->lag, rows[i].lag);
	}
}
END_TEST

enum {
	NOTHING,
	NO_SLAVE,
	NO_RETURN,
	WRONG,
	FOREIGN,
	SILENT,
	LATE,
	ALL_LATE,
	MOSTLY_LATE,
	LATE_BEFORE,
	LOST,
	SLOW,
	LONG,
	FORGOTTEN,
	FULL
};

static void spoil(int how)
{
	struct measure_report *m = &summary->measures[0];

	if (how == NO_SLAVE)
		summary->endpoint.connects = summary->endpoint.n_slaves = summary->n_measures = 0;
	if (how == NO_RETURN)
		*m = (struct measure_report){ .session = *session() };
	m->wrong += how == WRONG;
	m->foreign |= how == FOREIGN ? 2u : 0u;
	m->silent += how == SILENT;
	m->verdicts[VERDICT_LATE] += how == LATE;
	m->verdicts[VERDICT_LOST] += how == LOST;
	if (how == ALL_LATE) {
		m->exact = m->verdicts[VERDICT_OK] = m->lags[0].periods = 0;
		m->verdicts[VERDICT_LATE] = m->periods;
	}
	if (how == MOSTLY_LATE)
		m->verdicts[VERDICT_LATE] = m->periods - 6;
	if (how == LATE_BEFORE) {
		*m = (struct measure_report){ .session = *session() };
		summary->endpoint.slaves[0].ticks = 1000;
		summary->endpoint.slaves[0].returns.late = 996;
	}
	if (how == SLOW)
		for (unsigned i = 0; i < 100; i++)
			histogram_add(&summary->endpoint.slaves[0].rtt, 2100000);
	if (how == LONG)
		m->lags[0].samples = 192;
	summary->forgotten.wrong += how == FORGOTTEN;
	summary->dropped = how == FULL;
}

START_TEST(what_went_wrong_decides_the_outcome)
{
	static const struct {
		int how;
		enum outcome outcome, with_target;
	} rows[] = {
		{ NOTHING, OUTCOME_OK, OUTCOME_OK },
		{ NO_SLAVE, OUTCOME_NO_SLAVE, OUTCOME_NO_SLAVE },
		{ NO_RETURN, OUTCOME_NOTHING_BACK, OUTCOME_NOTHING_BACK },
		{ WRONG, OUTCOME_WRONG, OUTCOME_WRONG },
		{ FOREIGN, OUTCOME_WRONG, OUTCOME_WRONG },
		{ FORGOTTEN, OUTCOME_WRONG, OUTCOME_WRONG },
		{ SILENT, OUTCOME_OK, OUTCOME_TARGET_MISSED },
		{ LATE, OUTCOME_OK, OUTCOME_TARGET_MISSED },
		{ ALL_LATE, OUTCOME_LATE, OUTCOME_LATE },
		{ MOSTLY_LATE, OUTCOME_LATE, OUTCOME_LATE },
		{ LATE_BEFORE, OUTCOME_LATE, OUTCOME_LATE },
		{ LOST, OUTCOME_OK, OUTCOME_TARGET_MISSED },
		{ SLOW, OUTCOME_OK, OUTCOME_TARGET_MISSED },
		{ LONG, OUTCOME_OK, OUTCOME_TARGET_MISSED },
		{ FULL, OUTCOME_NOT_RECORDED, OUTCOME_NOT_RECORDED },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		spoil(rows[i].how);
		judge();
		ck_assert_str_eq(outcome_name(summary->outcome), outcome_name(rows[i].outcome));
		options.require_target = true;
		judge();
		ck_assert_str_eq(outcome_name(summary->outcome), outcome_name(rows[i].with_target));
		if (rows[i].how == WRONG || rows[i].how == FOREIGN)
			ck_assert(!summary->sessions[0].exact);
		tear_down();
		set_up();
	}
}
END_TEST

START_TEST(periods_with_another_lag_are_added_up)
{
	summary->measures[0].lags[1] = (struct measure_lag){ 256, 13 };
	summary->measures[0].lags[2] = (struct measure_lag){ 384, 4 };
	summary->measures[0].other_lags = 100;
	ck_assert_uint_eq(judge()->other_periods, 117);
}
END_TEST

START_TEST(without_measuring_a_slave_is_enough)
{
	options.measure = false;
	summary->n_measures = 0;
	judge();
	ck_assert_int_eq(summary->outcome, OUTCOME_OK);
	ck_assert_ptr_null(summary->sessions[0].measure);
}
END_TEST

START_TEST(round_trips_of_the_warm_up_do_not_count)
{
	struct histogram *rtt = &summary->endpoint.slaves[0].rtt;

	histogram_add(rtt, 50000000);
	histogram_add(&summary->endpoint.wakeup, 70000000);
	summary->measures[0].measuring = false;
	baseline_update(baseline, summary);
	ck_assert_uint_eq(judge()->rtt.n, 1001);
	summary->measures[0].measuring = true;
	baseline_update(baseline, summary);
	for (unsigned i = 0; i < 10; i++)
		histogram_add(rtt, 200000);
	histogram_add(&summary->endpoint.wakeup, 50000);
	baseline_update(baseline, summary);
	ck_assert_uint_eq(judge()->rtt.n, 10);
	ck_assert_int_lt(judge()->rtt.max_ns, 210000);
	ck_assert_uint_eq(summary->wakeup.n, 1);
}
END_TEST

static void assert_contains(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "no '%s' in:\n%.2000s", part, text);
}

START_TEST(the_text_says_the_sum)
{
	judge();
	char *text = summary_text(summary), *line = summary_line(summary);
	assert_contains(text, "128 samples = 1.333 ms = 128 x (1 + 0)");
	assert_contains(text, "11 520 000 exact, 0 wrong, 0 silent");
	assert_contains(text, "2 ms met\n");
	assert_contains(line, "dsp: loop 128 samples = 1.333 ms = 128 x (1 + 0)");
	ck_assert_ptr_null(strchr(line, '\n'));
	g_free(text);
	g_free(line);
	summary->measures[0].lags[0].samples = 200;
	summary->measures[0].lags[1] = (struct measure_lag){ 328, 13 };
	summary->measures[0].matched = 1;
	judge();
	text = summary_text(summary);
	assert_contains(text, "200 samples = 2.083 ms and not 128 x (1 + 0): more than");
	assert_contains(text, "328 samples = 3.417 ms, periods: 13");
	assert_contains(text, "channel     2 returns nothing");
	assert_contains(text, "2 ms not met: the loop is longer (no --target: not judged)\n");
	g_free(text);
}
END_TEST

START_TEST(what_is_late_says_the_latency_that_fits)
{
	static const int ways[] = { ALL_LATE, LATE_BEFORE };

	for (size_t i = 0; i < N_ELEMENTS(ways); i++) {
		tear_down();
		set_up();
		session()->latency = 0;
		summary->endpoint.slaves[0].rtt = (struct histogram){ 0 };
		for (unsigned k = 0; k < 1000; k++)
			histogram_add(&summary->endpoint.slaves[0].rtt, 4100000);
		spoil(ways[i]);
		judge();
		char *text = summary_text(summary);
		assert_contains(text, "everything comes back late: round trip p50 4.1 ms");
		assert_contains(text, "but -l 0 leaves 1.33 ms; use -l 4 (or larger periods)\n");
		assert_contains(text, "\n  periods");
		ck_assert_ptr_null(strstr(text, "wrong samples"));
		g_free(text);
		options.latency = 0;
		text = summary_text(summary);
		assert_contains(text, "; use --latency 4 (or");
		g_free(text);
	}
}
END_TEST

START_TEST(nothing_is_called_late_that_is_not)
{
	ck_assert_ptr_null(summary_late(summary, judge()));
	spoil(LATE);
	ck_assert_ptr_null(summary_late(summary, judge()));
}
END_TEST

START_TEST(who_was_there_to_the_end_is_not_gone)
{
	summary->endpoint.n_slaves = 0;
	summary->endpoint.n_left = 1;
	for (unsigned there = 0; there < 2; there++) {
		summary->n_to_the_end = there;
		summary->to_the_end[0] = session()->id;
		summary_judge(summary, baseline);
		char *text = summary_text(summary);
		assert_contains(text, there ? ", to the end\n" : ", gone before the end\n");
		g_free(text);
	}
}
END_TEST

/* The words and brackets of a text that is JSON: strings closed, brackets in pairs. */
static void assert_is_json(const char *text)
{
	char open[32];
	size_t depth = 0;
	bool quoted = false;

	for (const char *c = text; *c; c++) {
		if (quoted) {
			ck_assert_uint_ge((unsigned char)*c, 0x20);
			if (*c == '\\')
				c++;
			else if (*c == '"')
				quoted = false;
		} else if (*c == '"') {
			quoted = true;
		} else if (*c == '{' || *c == '[') {
			ck_assert_uint_lt(depth, sizeof open);
			open[depth++] = *c == '{' ? '}' : ']';
		} else if (*c == '}' || *c == ']') {
			ck_assert_uint_gt(depth, 0);
			ck_assert_int_eq(open[--depth], *c);
		}
		ck_assert(strncmp(c, ",,", 2) != 0 && strncmp(c, "{,", 2) != 0);
	}
	ck_assert_uint_eq(depth, 0);
	ck_assert(!quoted);
}

START_TEST(the_text_says_what_the_cables_are)
{
	struct measure_report *m = &summary->measures[0];

	m->session.return_audio = 8;
	m->matched = 1u | 2u | 0x10u;
	m->source[0] = 1;
	m->source[4] = 4;
	m->foreign = 0x20u;
	judge();
	char *text = summary_text(summary);
	assert_contains(text, "channel     1 returns what was sent on 2\n");
	assert_contains(text, "channels    3 to 4 return nothing\n");
	assert_contains(text, "channel     6 returns something else than was sent\n");
	assert_contains(text, "channels    7 to 8 return nothing\n");
	ck_assert_ptr_null(strstr(text, "channel     2"));
	ck_assert_ptr_null(strstr(text, "channel     5"));
	g_free(text);
	m->matched = UINT64_MAX;
	m->foreign = 0;
	m->session.return_audio = NETJACK_CHANNELS_MAX;
	for (unsigned c = 0; c < NETJACK_CHANNELS_MAX; c++)
		m->source[c] = (uint8_t)c;
	judge();
	text = summary_text(summary);
	ck_assert_ptr_null(strstr(text, "  channel"));
	g_free(text);
}
END_TEST

START_TEST(json_has_numbers_of_no_locale_and_names_of_no_danger)
{
	static const char *const parts[] = {
		"\"outcome\":\"ok\"",
		"\"samples_exact\":11520000",
		"\"lag\":{\"samples\":128,\"ms\":1.3333,\"expected_samples\":128,\"as_expected\":true",
		"\"added_periods\":0",
		"\"rtt_us\":{\"n\":1000,\"min\":100.0,",
		"\"name\":\"a\\\"b\\\\",
	};

	setlocale(LC_ALL, "de_DE.UTF-8");
	g_strlcpy(session()->name, "a\"b\\\xff\x01", sizeof session()->name);
	judge();
	char *text = summary_json(summary);
	assert_is_json(text);
	for (size_t i = 0; i < N_ELEMENTS(parts); i++)
		assert_contains(text, parts[i]);
	g_free(text);
	spoil(NO_SLAVE);
	judge();
	text = summary_json(summary);
	assert_is_json(text);
	assert_contains(text, "\"slaves\":[]");
	g_free(text);
}
END_TEST

/* HELIX_KEEP_SVG=FILE ./test-netjack-summary: to look at it. */
static void keep(const char *svg)
{
	const char *file = g_getenv("HELIX_KEEP_SVG");

	if (file)
		ck_assert(g_file_set_contents(file, svg, -1, NULL));
}

START_TEST(the_picture_marks_what_matters)
{
	static const char *const parts[] = { "p50 0.1", "p99.9 ", "max ", "milliseconds",
		"\"tick\" x=", ">1 period<", ">2 periods: late<", "prefers-color-scheme: dark",
		"128 x (1 + 0)", "a&amp;b&lt;", "</svg>" };
	GRand *random = g_rand_new_with_seed(1);

	g_strlcpy(session()->name, "a&b<", sizeof session()->name);
	for (unsigned i = 0; i < 45000; i++) {
		double tail = -log(1 - g_rand_double(random));

		histogram_add(&summary->endpoint.slaves[0].rtt,
			(int64_t)(90000 + 40000 * tail + (i % 500 == 0 ? 300000 * tail : 0)));
		histogram_add(&summary->endpoint.wakeup,
			(int64_t)(8000 + 9000 * tail + (i % 900 == 0 ? 150000 * tail : 0)));
	}
	g_rand_free(random);
	judge();
	char *svg = summary_svg(summary);
	keep(svg);
	for (size_t i = 0; i < N_ELEMENTS(parts); i++)
		assert_contains(svg, parts[i]);
	ck_assert_ptr_null(strstr(svg, "nan"));
	ck_assert_ptr_null(strstr(svg, "inf"));
	g_free(svg);
}
END_TEST

START_TEST(the_picture_of_nothing_is_a_picture)
{
	spoil(NO_SLAVE);
	judge();
	char *svg = summary_svg(summary);
	assert_contains(svg, "none");
	ck_assert_ptr_null(strstr(svg, "nan"));
	g_free(svg);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_loop_is_b_times_n_plus_a,
		what_went_wrong_decides_the_outcome,
		periods_with_another_lag_are_added_up,
		without_measuring_a_slave_is_enough,
		round_trips_of_the_warm_up_do_not_count,
		the_text_says_the_sum,
		what_is_late_says_the_latency_that_fits,
		nothing_is_called_late_that_is_not,
		who_was_there_to_the_end_is_not_gone,
		the_text_says_what_the_cables_are,
		json_has_numbers_of_no_locale_and_names_of_no_danger,
		the_picture_marks_what_matters,
		the_picture_of_nothing_is_a_picture,
		NULL,
	};

	return suite_run_with("netjack-summary", tests, set_up, tear_down);
}

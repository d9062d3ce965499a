/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "summary.h"

#include <inttypes.h>
#include <math.h>

/*
 * One panel for each slave's round trips and one for the host's wake-ups, below each other on one
 * axis of time, so that what is the host's own is seen. Both axes are logarithmic: the one sample in
 * ten thousand is what the picture is about.
 */

#define WIDTH    960.0
#define LEFT     64.0
#define RIGHT    24.0
#define HEAD     84.0
#define PANEL    190.0 /* the area of the bars */
#define GAP      100.0 /* above each, for its title and marks */
#define ROW      15.0  /* of a mark's label */
#define MARK     98.0  /* its width */
#define FOOT     62.0
#define MERGED   4u /* buckets of the histogram in a bar: 8 to a power of two */
#define BARS_MAX (HISTOGRAM_BUCKETS / MERGED)

struct axis {
	int64_t min_ns, max_ns;
};

struct panel {
	char title[NETJACK_NAME_SIZE + 160];
	const char *class;
	const struct histogram *histogram;
	double bottom;     /* y */
	unsigned patience; /* periods until a return is late; 0: nothing returns here */
};

static double x_of(const struct axis *axis, double ns)
{
	double share =
		log(ns / (double)axis->min_ns) / log((double)axis->max_ns / (double)axis->min_ns);

	return LEFT + CLAMP(share, 0, 1) * (WIDTH - LEFT - RIGHT);
}

/* Numbers in a picture have a point, whatever the locale. */
static const char *fixed(double value, int digits, char text[static G_ASCII_DTOSTR_BUF_SIZE])
{
	char format[8];

	g_snprintf(format, sizeof format, "%%.%df", digits);
	return g_ascii_formatd(text, G_ASCII_DTOSTR_BUF_SIZE, format, value);
}

static void element(GString *svg, const char *name, const char *class, double x, double y,
	double width, double height)
{
	char a[G_ASCII_DTOSTR_BUF_SIZE], b[G_ASCII_DTOSTR_BUF_SIZE], c[G_ASCII_DTOSTR_BUF_SIZE],
		d[G_ASCII_DTOSTR_BUF_SIZE];

	fixed(x, 1, a);
	fixed(y, 1, b);
	if (g_str_equal(name, "line"))
		g_string_append_printf(svg,
			"<line class=\"%s\" x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\"/>\n", class, a,
			b, fixed(x + width, 1, c), fixed(y + height, 1, d));
	else
		g_string_append_printf(svg,
			"<rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"/>\n",
			class, a, b, fixed(width, 1, c), fixed(height, 1, d));
}

static void label(GString *svg, const char *class, double x, double y, const char *text)
{
	g_autofree char *escaped = g_markup_escape_text(text, -1);
	char a[G_ASCII_DTOSTR_BUF_SIZE], b[G_ASCII_DTOSTR_BUF_SIZE];

	g_string_append_printf(svg, "<text class=\"%s\" x=\"%s\" y=\"%s\">%s</text>\n", class,
		fixed(x, 1, a), fixed(y, 1, b), escaped);
}

/* --- axes --- */

/* From a 1, 2 or 5 below the shortest to one above the longest. */
static int64_t round_down(int64_t ns)
{
	int64_t decade = 1000;

	while (decade * 10 <= ns)
		decade *= 10;
	return ns >= 5 * decade ? 5 * decade : ns >= 2 * decade ? 2 * decade : decade;
}

static int64_t round_up(int64_t ns)
{
	int64_t down = round_down(ns), first = down;

	while (first >= 10)
		first /= 10;
	return down == ns ? ns : first == 2 ? down / 2 * 5 : down * 2;
}

static void widen(struct axis *axis, const struct histogram *histogram)
{
	if (histogram->n == 0)
		return;
	axis->min_ns = MIN(axis->min_ns, round_down(MAX(histogram->min_ns, 2000)));
	axis->max_ns = MAX(axis->max_ns, round_up(histogram->max_ns + 1));
}

static void draw_time_axis(GString *svg, const struct axis *axis, double top, double bottom)
{
	static const int steps[] = { 1, 2, 5 };

	for (int64_t decade = 1000; decade <= axis->max_ns; decade *= 10)
		for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
			int64_t ns = decade * steps[i];
			double x = x_of(axis, (double)ns);
			char text[G_ASCII_DTOSTR_BUF_SIZE];

			if (ns < axis->min_ns || ns > axis->max_ns)
				continue;
			element(svg, "line", "grid", x, top, 0, bottom - top);
			g_ascii_formatd(text, sizeof text, "%g", (double)ns / 1e6);
			label(svg, "tick middle", x, bottom + 18, text);
		}
	label(svg, "tick middle", (LEFT + WIDTH - RIGHT) / 2, bottom + 40, "milliseconds");
}

/* --- panels --- */

static unsigned merge(const struct histogram *histogram, uint64_t ret[BARS_MAX])
{
	uint64_t most = 1;

	for (unsigned b = 0; b < BARS_MAX; b++) {
		ret[b] = 0;
		for (unsigned k = 0; k < MERGED; k++)
			ret[b] += histogram->counts[b * MERGED + k];
		most = MAX(most, ret[b]);
	}
	return (unsigned)ceil(log10((double)most) + 0.01);
}

/* A bar of one is a seventh of a decade high, and to be seen. */
static double height_of(uint64_t count, unsigned decades)
{
	return count == 0 ? 0 : PANEL * (log10((double)count) + 0.15) / (decades + 0.15);
}

static void draw_counts(GString *svg, const struct panel *panel, unsigned decades)
{
	unsigned step = decades > 5 ? 2 : 1;
	uint64_t count = 1;

	for (unsigned d = 0; d <= decades; d++, count *= 10) {
		double y = panel->bottom - height_of(count, decades);
		g_autofree char *text =
			g_strdup_printf(count >= 1000000 ? "%" PRIu64 "M" : "%" PRIu64,
				count >= 1000000 ? count / 1000000 : count);

		if (d % step != 0)
			continue;
		element(svg, "line", "grid", LEFT, y, WIDTH - LEFT - RIGHT, 0);
		label(svg, "tick end", LEFT - 8, y + 4, text);
	}
}

static void draw_bars(GString *svg, const struct axis *axis, const struct panel *panel)
{
	uint64_t counts[BARS_MAX];
	unsigned decades = merge(panel->histogram, counts);

	draw_counts(svg, panel, decades);
	for (unsigned b = 0; b < BARS_MAX; b++) {
		double height = height_of(counts[b], decades);
		double from = x_of(axis, (double)MAX(histogram_edge(b * MERGED), 1));
		double to = x_of(axis, (double)histogram_edge((b + 1) * MERGED));

		if (counts[b] > 0)
			element(svg, "rect", panel->class, from, panel->bottom - height,
				MAX(to - from - 0.6, 1.5), height);
	}
}

/* Labels above the panel, each at its line and in a row of its own: lines that are close do not cross. */
static void draw_marks(GString *svg, const struct axis *axis, const struct panel *panel)
{
	static const struct {
		const char *name;
		double share;
	} marks[] = { { "p50", 0.5 }, { "p99", 0.99 }, { "p99.9", 0.999 }, { "max", 1 } };
	const double top = panel->bottom - PANEL;

	for (size_t i = 0; i < G_N_ELEMENTS(marks); i++) {
		int64_t ns = histogram_percentile(panel->histogram, marks[i].share);
		double x = x_of(axis, (double)ns + 1);
		char number[G_ASCII_DTOSTR_BUF_SIZE];
		g_autofree char *text = g_strdup_printf("%s %s", marks[i].name,
			fixed((double)ns / 1e6, ns < 9999500 ? 3 : 1, number));

		size_t row = G_N_ELEMENTS(marks) - 1 - i;
		double rise = 6 + ROW * (double)row;
		bool is_left = x > WIDTH - RIGHT - MARK;

		element(svg, "line", "mark", x, top - rise - 10, 0, PANEL + rise + 10);
		label(svg, is_left ? "value end" : "value", is_left ? x - 4 : x + 4, top - rise,
			text);
	}
}

static void draw_panel(GString *svg, const struct axis *axis, const struct panel *panel)
{
	label(svg, "panel", LEFT, panel->bottom - PANEL - 76, panel->title);
	if (panel->histogram->n == 0) {
		label(svg, "value", LEFT, panel->bottom - PANEL / 2, "none");
		return;
	}
	draw_bars(svg, axis, panel);
	element(svg, "line", "axis", LEFT, panel->bottom, WIDTH - LEFT - RIGHT, 0);
	draw_marks(svg, axis, panel);
}

/* --- the picture --- */

static const char style[] =
	"<style>\n"
	"text { font: 13px system-ui, 'DejaVu Sans', sans-serif; fill: #1f2328 }\n"
	".paper { fill: #ffffff; stroke: #d0d7de }\n"
	".title { font-size: 18px; font-weight: 600 }\n"
	".panel { font-weight: 600 }\n"
	".quiet, .tick { fill: #59636e }\n"
	".tick { font-size: 12px }\n"
	".middle { text-anchor: middle }\n"
	".end { text-anchor: end }\n"
	".grid { stroke: #e2e6ea; stroke-width: 1 }\n"
	".axis { stroke: #59636e; stroke-width: 1 }\n"
	".mark { stroke: #59636e; stroke-width: 1; stroke-dasharray: 3 2 }\n"
	".late { stroke: #cf222e; stroke-width: 1.5 }\n"
	".period { stroke: #59636e; stroke-width: 1.5 }\n"
	".red { fill: #cf222e; font-size: 12px }\n"
	".rtt { fill: #2a78d6 }\n"
	".wakeup { fill: #d9822b }\n"
	"@media (prefers-color-scheme: dark) {\n"
	"text { fill: #e6edf3 }\n"
	".paper { fill: #0d1117; stroke: #30363d }\n"
	".quiet, .tick { fill: #9198a1 }\n"
	".grid { stroke: #262c36 }\n"
	".axis, .mark { stroke: #9198a1 }\n"
	".late { stroke: #ff7b72 }\n"
	".period { stroke: #9198a1 }\n"
	".red { fill: #ff7b72 }\n"
	".rtt { fill: #4b96ef }\n"
	".wakeup { fill: #e09b4d }\n"
	"}\n"
	"</style>\n";

/* ": loop of 128 samples = 128 x (1 + 0), 1.333 ms", or nothing. */
static char *describe_loop(const struct summary *summary, const struct summary_session *s)
{
	g_autofree char *sum = summary_sum(summary, s);
	char ms[G_ASCII_DTOSTR_BUF_SIZE];

	if (!s->measure || !s->measure->measuring)
		return g_strdup("");
	return g_strdup_printf(": loop of %" PRIu64 " samples%s%s, %s ms", s->lag,
		s->added >= 0 ? " = " : "", s->added >= 0 ? sum : "",
		fixed(summary_ms(summary, s->lag), 3, ms));
}

static char *describe_sums(const struct summary *summary)
{
	g_autofree char *loop = summary->n_sessions == 1
					? describe_loop(summary, &summary->sessions[0])
					: g_strdup("");

	return g_strdup_printf("NETJACK2, %u Hz, %u frames%s", summary->options->rate,
		summary->options->period, loop);
}

static void describe_session(GString *text, const struct summary_session *s)
{
	const struct netjack_session *session = &s->slave->session;
	const struct measure_report *m = s->measure;

	g_string_append_printf(text, ", %s %s -l %u, %d+%d channels", session->name,
		session->sync ? "sync" : "async", session->latency, session->send_audio,
		session->return_audio);
	if (m && m->measuring)
		g_string_append_printf(text,
			"; samples: %" PRIu64 " exact, %" PRIu64 " wrong; periods: %" PRIu64
			" late, %" PRIu64 " lost",
			m->exact, m->wrong, m->verdicts[VERDICT_LATE], m->verdicts[VERDICT_LOST]);
}

static char *describe_run(const struct summary *summary)
{
	GString *text = g_string_new(NULL);
	char seconds[G_ASCII_DTOSTR_BUF_SIZE];

	g_string_append_printf(text, "%s s", fixed(summary->seconds, 1, seconds));
	if (summary->n_sessions > 1)
		g_string_append_printf(text, ", %u sessions", summary->n_sessions);
	else if (summary->n_sessions == 1)
		describe_session(text, &summary->sessions[0]);
	g_string_append(text, summary->endpoint.realtime ? "; SCHED_FIFO" : "; not real-time");
	return g_string_free(text, FALSE);
}

static void draw_limit(GString *svg, const struct axis *axis, const struct panel *panel, double ns,
	bool is_late, const char *text)
{
	double x = x_of(axis, ns), y = panel->bottom - PANEL + (is_late ? 14 : 30);
	bool is_left = x > WIDTH - RIGHT - 110;

	if (ns < (double)axis->min_ns || ns > (double)axis->max_ns)
		return;
	element(svg, "line", is_late ? "late" : "period", x, y - 14, 0, panel->bottom - y + 14);
	label(svg,
		is_late   ? is_left ? "red end" : "red"
		: is_left ? "tick end"
			  : "tick",
		is_left ? x - 5 : x + 5, y, text);
}

/* What returns after N + 1 periods is late. */
static void draw_periods(GString *svg, const struct summary *summary, const struct axis *axis,
	const struct panel *panel)
{
	double ns = summary_ms(summary, summary->options->period) * 1e6;
	g_autofree char *late = g_strdup_printf(
		"%u period%s: late", panel->patience, panel->patience > 1 ? "s" : "");

	if (panel->patience != 1)
		draw_limit(svg, axis, panel, ns, false, "1 period");
	if (panel->patience > 0)
		draw_limit(svg, axis, panel, ns * panel->patience, true, late);
}

/* Places for all of them; returns how many. */
static unsigned lay_out(const struct summary *summary, struct panel ret[SUMMARY_SESSIONS + 1])
{
	unsigned n = 0;

	for (; n < summary->n_sessions; n++) {
		const struct summary_session *s = &summary->sessions[n];
		g_autofree char *loop =
			summary->n_sessions > 1 ? describe_loop(summary, s) : g_strdup("");

		ret[n] = (struct panel){
			.class = "rtt",
			.histogram = &s->rtt,
			.patience = s->slave->session.latency + 1,
		};
		g_snprintf(ret[n].title, sizeof ret[n].title,
			"Round trip of %s, by the kernel's time stamps (periods)%s",
			s->slave->session.name, loop);
	}
	ret[n] = (struct panel){
		.title = "This machine's own wake-ups: how late (ticks)",
		.class = "wakeup",
		.histogram = &summary->wakeup,
	};
	for (unsigned i = 0; i <= n; i++)
		ret[i].bottom = HEAD + (i + 1) * (GAP + PANEL);
	return n + 1;
}

char *summary_svg(const struct summary *summary)
{
	struct axis axis = { .min_ns = 20000, .max_ns = 2000000 };
	struct panel panels[SUMMARY_SESSIONS + 1];
	g_autofree char *title = describe_sums(summary), *run = describe_run(summary);
	unsigned n = lay_out(summary, panels);
	double bottom = panels[n - 1].bottom;
	GString *svg = g_string_new(NULL);

	for (unsigned i = 0; i < n; i++)
		widen(&axis, panels[i].histogram);
	g_string_append_printf(svg,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
		"role=\"img\">\n<title>%s</title>\n%s",
		(int)WIDTH, (int)(bottom + FOOT), (int)WIDTH, title, style);
	element(svg, "rect", "paper", 0.5, 0.5, WIDTH - 1, bottom + FOOT - 1);
	label(svg, "title", LEFT, 38, title);
	label(svg, "quiet", LEFT, 62, run);
	draw_time_axis(svg, &axis, HEAD + GAP, bottom);
	for (unsigned i = 0; i < n; i++) {
		draw_panel(svg, &axis, &panels[i]);
		draw_periods(svg, summary, &axis, &panels[i]);
	}
	g_string_append(svg, "</svg>\n");
	return g_string_free(svg, FALSE);
}

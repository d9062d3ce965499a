/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a run came to: judged here, and told as text, as JSON and as a picture. Pure. */

#include "../endpoint/endpoint.h"
#include "../options.h"
#include "measure.h"

#include <glib.h>

enum outcome {
	OUTCOME_OK,
	OUTCOME_NO_SLAVE,
	OUTCOME_NOTHING_BACK,  /* of what was sent, from any slave */
	OUTCOME_LATE,          /* most periods came back too late, or all */
	OUTCOME_WRONG,         /* samples that came back changed */
	OUTCOME_TARGET_MISSED, /* where that is a failure */
	OUTCOME_NOT_RECORDED,  /* all of what was to be; the rest is well */
	N_OUTCOMES
};
/* "ok", "no-slave", "nothing-back", "late", "wrong-samples", "target-missed",
 * "not-recorded". */
const char *outcome_name(enum outcome outcome);

/* Of one session: what is told of it. */
struct summary_session {
	const struct slave_report *slave;
	bool connected;                       /* now, or when the run ended */
	const struct measure_report *measure; /* NULL: nothing was measured */
	struct histogram rtt;                 /* since the warm-up */

	/* Of a session that was measured: */
	uint64_t lag;           /* samples, of most periods */
	int added;              /* A, 0 or 1; -1: the lag is no such sum */
	uint64_t expected;      /* samples, B * (N + A); with the least A when added is -1 */
	uint64_t other_periods; /* that had another lag */
	bool exact;             /* whatever came back was what was sent */
	bool meets_target;
};

#define SUMMARY_SESSIONS DOOR_SLAVES_MAX

struct summary {
	const struct netjack_options *options;
	double seconds;     /* that were measured, or since the first slave came */
	double cpu_percent; /* of one core, this process, in that time */
	struct endpoint_report endpoint;
	struct histogram wakeup; /* since the warm-up */
	struct measure_report measures[MEASURE_TRACKS];
	unsigned n_measures;
	struct measure_report forgotten;
	uint64_t dropped; /* periods that were not recorded */
	/* Sessions that were connected when the run ended, by id: all are gone when it has. */
	uint32_t to_the_end[DOOR_SLAVES_MAX];
	unsigned n_to_the_end;

	struct summary_session sessions[SUMMARY_SESSIONS];
	unsigned n_sessions;
	enum outcome outcome;
};

/* How far the histograms were when the warm-up was over: subtracted. */
struct baseline {
	struct histogram wakeup;
	bool has_wakeup;
	struct {
		uint32_t id; /* of the session */
		struct histogram rtt;
	} sessions[MEASURE_TRACKS];
	unsigned n;
};

/* Notes those sessions of `summary` (endpoint and measures) that are measured and were not before. */
void baseline_update(struct baseline *baseline, const struct summary *summary);

/* Fills in what follows from options, endpoint, measures and forgotten; the result points into
 * `summary` itself. */
void summary_judge(struct summary *summary, const struct baseline *baseline);

double summary_ms(const struct summary *summary, uint64_t samples);
/* "everything comes back late: ...", or most periods,, with the N that fits; NULL when most periods are not late. For the
 * caller to free. */
char *summary_late(const struct summary *summary, const struct summary_session *session);
/* "128 x (1 + 0)" */
char *summary_sum(const struct summary *summary, const struct summary_session *session);

/* Each for the caller to free. */
char *summary_text(const struct summary *summary);
char *summary_json(const struct summary *summary);
char *summary_svg(const struct summary *summary);
/* One line without newline, for a terminal. */
char *summary_line(const struct summary *summary);

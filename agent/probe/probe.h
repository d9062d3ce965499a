/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A question about the machine and its answer. Acquiring (files, programs) and judging (numbers to
 * a verdict) are separate functions in every probe-*.c, so that judging is tested without a machine.
 */

#include "../env.h"

enum probe_status {
	PROBE_OK,
	PROBE_WARN,
	PROBE_FAIL,
	PROBE_UNKNOWN, /* could not be asked, for the reason in message */
	PROBE_NA,      /* does not apply here, for the reason in message; not counted */
};

/* What is wanted of this machine: limits scale with it. */
enum probe_role {
	PROBE_ROLE_DESKTOP,
	PROBE_ROLE_DSP,
};
struct probe_wanted {
	enum probe_role role;
	unsigned rate_hz, period_frames, periods; /* of the audio; 96000, 128, 2 */
	unsigned hugepages;                       /* 0: none wanted */
	char *encoder;   /* endpoint of the encoder link; NULL: none wanted */
	char *state_dir; /* of the applier's journal, /var/lib/helix-agent */
};

struct probe_result {
	enum probe_status status;
	bool has_value;
	double value;
	char *warn, *fail; /* ranges of monitoring-plugins ("0:5", "@10:20"); owned; NULL: none */
	char *message;     /* one sentence; owned */
	char *hint;        /* what to do, with a command where there is one; owned; NULL when OK */
};

struct probe {
	const char *id;    /* "cpu.steal" */
	const char *group; /* heading of `helix-agent status` */
	const char *unit;  /* of value: "%", "ms", "us", "B", "1/min"; NULL: a count or none */
	const char *title; /* a few words */
	unsigned period_s; /* how often by default */
	unsigned timeout_ms;
	/* Runs on a thread of its own, and may be late: then the answer is PROBE_UNKNOWN and this
	 * probe is not asked again until it returned. *ret is zeroed. */
	void (*run)(
		const struct env *env, const struct probe_wanted *wanted, struct probe_result *ret);
};

/* NULL-terminated; every probe there is. */
extern const struct probe *const probe_table[];
const struct probe *probe_find(const char *id);

void probe_result_finish(struct probe_result *result);
/* Sets status and message (and hint; may be NULL). */
void probe_say(struct probe_result *ret, enum probe_status status, const char *hint,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
/* "OK", "WARN", "FAIL", "UNKNOWN", "N/A". */
const char *probe_status_name(enum probe_status status);

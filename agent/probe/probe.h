/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A question about the machine and its answer. Acquiring (files, programs) and judging (numbers to
 * a verdict) are separate functions in every probe-*.c: judging is tested without a machine.
 */

#include "../env.h"

enum probe_status {
	PROBE_OK,
	PROBE_WARN,
	PROBE_FAIL,
	PROBE_UNKNOWN, /* could not be asked, for the reason in message */
	PROBE_NA,      /* does not apply here, for the reason in message; not counted */
};

/* Headings of `helix-agent status`, in their order. */
#define PROBE_GROUP_SERVICE    "Service"
#define PROBE_GROUP_ISOLATION  "CPU isolation"
#define PROBE_GROUP_MEMORY     "Memory"
#define PROBE_GROUP_HUGEPAGES  "Hugepages"
#define PROBE_GROUP_GPU        "GPU"
#define PROBE_GROUP_LINK       "Encoder link"
#define PROBE_GROUP_AUDIO      "Audio"
#define PROBE_GROUP_NETJACK    "NETJACK bridge"
#define PROBE_GROUP_SCHEDULING "Scheduling"
#define PROBE_GROUP_SYSTEM     "System"

struct override;
struct overrides;

/* What is wanted of this machine: limits scale with it. */
enum probe_role {
	PROBE_ROLE_DESKTOP,
	PROBE_ROLE_DSP,
};
struct probe_wanted {
	enum probe_role role;
	unsigned rate_hz, period_frames, periods; /* of the audio; 96000, 128, 2 */
	unsigned hugepages;                       /* 0: none wanted */
	char *encoder;                   /* endpoint of the encoder link; NULL: none wanted */
	char *state_dir;                 /* of the applier's journal, /var/lib/helix-agent */
	char *apply_socket;              /* path of helix-applyd's socket; NULL: it is not asked */
	struct overrides *overrides;     /* of limits and periods; NULL: none */
	struct encoder_log *encoder_log; /* what encoders report; NULL: nothing does */
	struct link_log *link_log; /* for what is seen of the encoder; NULL: nobody reads it */
};

struct probe_result {
	const struct override *override; /* for probe_measure(); borrowed; NULL: none */
	enum probe_status status;
	bool has_value;
	double value;
	char *warn, *fail; /* ranges of monitoring-plugins ("0:5", "@10:20"); owned; NULL: none */
	char *message;     /* one sentence; owned */
	char *hint;        /* what to do, with a command where there is one; owned; NULL when OK */
};

struct probe {
	const char *id;    /* "cpu.steal" */
	const char *group; /* PROBE_GROUP_* */
	const char *unit;  /* of value: "%", "ms", "us", "B", "1/min"; NULL: a count or none */
	const char *title; /* a few words */
	unsigned period_s; /* how often by default */
	unsigned rest_s;   /* an answer younger than this is not asked for again */
	unsigned timeout_ms;
	/* Bytes that are kept between runs, zero at first: counters of the last run. Zero counters at
	 * a time of zero are those of the boot, so that a first rate is the average since then. */
	size_t state_size;
	/* Runs on a thread of its own, never twice at a time, and may be late: then the answer is
	 * PROBE_UNKNOWN and this probe is not asked again until it returned. *ret is zeroed, but for `override`. */
	void (*run)(const struct env *env, const struct probe_wanted *wanted, void *state,
		struct probe_result *ret);
};

/* NULL-terminated; every probe there is, group by group. */
extern const struct probe *const probe_table[];
const struct probe *probe_find(const char *id);

/* Deep copies (of overrides and logs another reference); free with probe_wanted_free(). */
struct probe_wanted *probe_wanted_copy(const struct probe_wanted *wanted);
void probe_wanted_free(struct probe_wanted *wanted);
/* Of the audio, in us; 0 when no rate is wanted. */
double probe_wanted_period_us(const struct probe_wanted *wanted);

void probe_result_finish(struct probe_result *result);
/* Sets value and ranges (copied; NULL: none; those of the override win) and returns the verdict on
 * it. */
enum probe_status probe_measure(
	struct probe_result *ret, double value, const char *warn, const char *fail);
/* "0.67": as ranges want numbers, in no locale. Transfer full. */
char *probe_number(double value);
/* The answer when something could not be read: N/A when it does not exist here, else UNKNOWN. */
void probe_say_unreadable(struct probe_result *ret, const GError *error);
/* UNKNOWN: what the kernel says in this file is not what it should say. */
void probe_say_nonsense(struct probe_result *ret, const char *path);
/* Sets status and message (and hint; may be NULL, and is left out when OK or N/A). */
void probe_say(struct probe_result *ret, enum probe_status status, const char *hint,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
/* "OK", "WARN", "FAIL", "UNKNOWN", "N/A". */
const char *probe_status_name(enum probe_status status);

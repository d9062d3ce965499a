/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Runs probes at their periods and remembers the answers. A probe that hangs costs its own answer
 * only. Verdicts of values change when two of three samples agree, so that one outlier alarms
 * nobody. All functions on the thread of the main context (the thread-default one of
 * health_new()); callbacks must not free it.
 */

#include "probe/probe.h"

#include <jansson.h>

struct health;

/* Both are copied, what `user` of env points to is not: a probe that hangs may still look at it. */
struct health *health_new(const struct env *env, const struct probe_wanted *wanted);
/* The same with other probes than those of probe_table; the table outlives everything. */
struct health *health_new_with(
	const struct env *env, const struct probe_wanted *wanted, const struct probe *const *table);
/* Threads of probes that hang are left behind. NULL is fine. */
void health_free(struct health *health);

/* Begins to run them, each at its period, or sooner when the last answer was UNKNOWN; the first time
 * at once. `changed` (may be NULL) is called when a verdict changed. */
void health_start(struct health *health, void (*changed)(void *user), void *user);

/* {status, exit, boot-id, monotonic-ns, probes: [{id, group, title, status, value, unit, warn,
 * fail, message, hint, period-s, since-ns, na-reason}]}; what is not known is null. Times are of now_ns() of env:
 * since-ns that of the last change of status. ids: NULL (all) or NULL-terminated, unknown ones are
 * passed over; status and exit are those of the listed. Cached answers; a new reference. */
json_t *health_json(struct health *health, const char *const *ids);
/* The same of all probes as text, with a newline. Transfer full. */
char *health_json_text(struct health *health);
/* As OpenMetrics text: helix_probe_status{probe="..."} 0..3 (none for N/A), helix_probe_value and
 * helix_health_status, the worst of them. ids as above. Transfer full. */
char *health_openmetrics(struct health *health, const char *const *ids);
/* Runs these (NULL: all; unknown ones are passed over) now, unless their answer is younger than
 * rest_s of the probe; done is called once, later, when all answered or timed out; not after
 * health_free(). */
void health_refresh(
	struct health *health, const char *const *ids, void (*done)(void *user), void *user);
/* "OK 31 WARN 2 FAIL 0": for sd_notify. Transfer full. */
char *health_summary(struct health *health);

/* The overall verdict: FAIL over UNKNOWN over WARN over OK; exit code of monitoring-plugins. */
enum probe_status health_overall(struct health *health);
/* The worse of two: FAIL over UNKNOWN over WARN over OK and N/A. */
enum probe_status health_worse(enum probe_status a, enum probe_status b);

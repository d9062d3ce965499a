/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Runs probes at their periods and remembers the answers. A probe that hangs costs its own answer
 * only. Verdicts of values change when two of three samples agree, so that one outlier alarms
 * nobody. All functions on the thread of the main context.
 */

#include "probe/probe.h"

#include <jansson.h>

struct health;

struct health *health_new(const struct env *env, const struct probe_wanted *wanted);
/* Threads of probes that hang are left behind. */
void health_free(struct health *health);

/* Begins to run them, each at its period; `changed` (may be NULL) is called when a verdict changed. */
void health_start(struct health *health, void (*changed)(void *user), void *user);

/* {status, exit, boot-id, monotonic-ns, probes: [{id, group, title, status, value, unit, warn, fail,
 * message, hint, since-ns, na-reason}]}. ids: NULL (all) or NULL-terminated. Cached answers; a new
 * reference. */
json_t *health_json(struct health *health, const char *const *ids);
/* As OpenMetrics text: helix_probe_status{probe="..."} 0..3 and helix_probe_value. Transfer full. */
char *health_openmetrics(struct health *health);
/* Runs these (NULL: all) now; done is called once, when all answered or timed out. */
void health_refresh(
	struct health *health, const char *const *ids, void (*done)(void *user), void *user);
/* "OK 31 WARN 2 FAIL 0": for sd_notify. Transfer full. */
char *health_summary(struct health *health);

/* The overall verdict: FAIL over UNKNOWN over WARN over OK; exit code of monitoring-plugins. */
enum probe_status health_overall(struct health *health);

/* Replaces both atomically; either path may be NULL. Errors are returned, not logged. */
bool health_write(
	struct health *health, const char *json_path, const char *metrics_path, GError **error);

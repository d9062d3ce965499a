/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Tells the guest's agent how frames travel, so that its health shows it (hxfr/report.h). A
 * datagram a second at most, which is lost when it cannot be taken at once; where there is no agent
 * it is looked for every REPORTER_PAUSE_S. Nothing waits. Not thread-safe.
 */

#include <hxfr/report.h>

#include <glib.h>

#define REPORTER_INTERVAL_MS 1000
#define REPORTER_PAUSE_S     10
/* A path of a Unix socket instead of HXFR_REPORT_PATH; "": nobody is told. */
#define REPORTER_VARIABLE    "HELIX_ENCODER_SOCKET"

struct reporter;

/* Of one stream. */
struct reporter *reporter_new(void);
/* NULL is fine. */
void reporter_free(struct reporter *reporter);
/* Is it time for a report? One look at the clock. */
bool reporter_is_due(const struct reporter *reporter);
/* Sends it, due or not; `stream` is filled in. An end is only told after something else was. */
void reporter_send(struct reporter *reporter, const struct hxfr_report *report);

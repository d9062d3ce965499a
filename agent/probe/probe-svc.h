/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Verdicts on services, on the profile that is applied, and on the agent itself. */

#include "probe.h"

#include <jansson.h>

/* list: `systemctl list-units --state=failed --plain --no-legend`, a unit first on each line. */
void svc_failed_judge(const char *list, struct probe_result *ret);

/* show: `systemctl show --property=Id,ActiveState UNIT...`: a paragraph for each. irqbalance is a
 * conflict only where CPUs are isolated. */
/* gamemode: a user's gamemoded runs, on a machine that is not for games. */
void svc_conflicts_judge(const char *show, bool isolated, bool gamemode, struct probe_result *ret);

/* What helix-profile-verify returns: [{target, same, needs-reboot ...}]. */
void profile_drift_judge(json_t *verify, struct probe_result *ret);

/* lag_ms: how long the main loop let a call wait; < 0: longer than anybody waited. */
void agent_self_judge(int64_t rss_kb, double lag_ms, struct probe_result *ret);

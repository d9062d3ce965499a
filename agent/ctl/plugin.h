/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Health in the words of monitoring plugins (Nagios, Icinga and their like; the "Monitoring Plugins
 * Development Guidelines"): one line, performance data behind a bar.
 */

#include <jansson.h>

/* health: as of health_json(). "HELIX OK - 31 OK, 2 WARN | 'cpu.steal'=0.1%;0.5;5"; of a single
 * probe its message instead of the counts. Bars and line ends of messages are replaced. Transfer full. */
char *plugin_line(const json_t *health);
/* "31 OK, 2 WARN, 0 FAIL, 4 N/A"; transfer full. */
char *plugin_counts(const json_t *probes);

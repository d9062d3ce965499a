/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a service manager wants to know, sd_notify(3). Without one (NOTIFY_SOCKET is not set) nothing
 * happens. */

/* "READY=1", "STATUS=...", "WATCHDOG=1", "STOPPING=1"; several, each on a line of its own. */
void notify_send(const char *state);
/* How often to send WATCHDOG=1: half of what WATCHDOG_USEC allows, ms; 0: not at all. */
unsigned notify_watchdog_ms(void);

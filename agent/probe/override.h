/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What an administrator wants otherwise of a probe: files below OVERRIDE_DIR, in the order of their
 * names, the last word counts.
 *
 *   # comment                 on a line of its own
 *   [cpu.steal]               id of a probe
 *   warn=1                    ranges as in range.h; empty: no limit
 *   fail=10
 *   period=60                 seconds, 1 to OVERRIDE_PERIOD_MAX
 */

#include "probe.h"

#define OVERRIDE_DIR        "/etc/helix-agent/health.d"
#define OVERRIDE_PERIOD_MAX 86400u

struct override {
	const struct probe *probe;
	char *warn, *fail; /* NULL: as the probe has it; "": no limit */
	unsigned period_s; /* 0: as the probe has it */
	char *origin;      /* "/etc/helix-agent/health.d/10-mine.conf:3": of its section */
};

/* Immutable once loaded: any thread. */
struct overrides;
struct overrides *overrides_new(void);
struct overrides *overrides_ref(struct overrides *overrides);
/* NULL is fine. */
void overrides_unref(struct overrides *overrides);

/* A mistake, a sentence that begins with file and line. The line is passed over, or the whole section
 * when its probe is not known; all else applies. */
typedef void (*overrides_complain_fn)(void *user, const char *mistake);

/* name: of the file, for messages. */
void overrides_parse(struct overrides *overrides, const char *name, const char *text,
	overrides_complain_fn complain, void *user);
/* Every *.conf in OVERRIDE_DIR; that it is not there is no mistake. */
void overrides_load(struct overrides *overrides, const struct env *env,
	overrides_complain_fn complain, void *user);

/* NULL: there is none (also when overrides is NULL). Lives as long as overrides. */
const struct override *overrides_find(const struct overrides *overrides, const struct probe *probe);
/* As a file that overrides_parse() reads; "" when there is none. Transfer full. */
char *overrides_dump(const struct overrides *overrides);

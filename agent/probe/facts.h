/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Facts that several probes need, and parsers of what the kernel prints. */

#include "probe.h"

/* Value of a parameter of the kernel command line, the last one if it is there twice; "" for one
 * without "="; NULL when it is not there. Quotes are kept. Transfer full. */
char *facts_cmdline_value(const char *cmdline, const char *name);
/* The word in brackets of "always [madvise] never", or in parentheses; NULL when there is none.
 * Transfer full. */
char *facts_chosen_word(const char *text);
/* A number behind "name" at the start of a line ("MemTotal:  2048 kB", "pswpin 7"). */
bool facts_number(const char *text, const char *name, int64_t *ret);

/* CPUs that are online, and that are isolated from the scheduler (empty when none are, or when the
 * kernel does not tell). False and error when the first cannot be read. */
bool facts_cpus_online(const struct env *env, struct env_cpus *ret, GError **error);
void facts_cpus_isolated(const struct env *env, struct env_cpus *ret);
/* CPUs of a that are in b, and that are not. */
struct env_cpus facts_cpus_and(const struct env_cpus *a, const struct env_cpus *b);
struct env_cpus facts_cpus_without(const struct env_cpus *a, const struct env_cpus *b);

/* May this process read what the services of the system log? */
bool facts_journal_readable(const struct env *env);
/* Why it is not: there is none, or this user may not. Static. */
const char *facts_journal_why_not(const struct env *env);
/* The kernel's messages of this boot, or at least those of the last hour with one of these words:
 * of the kernel where that is allowed (not on a root that is not the machine's), else of the
 * journal. NULL when neither may be read. Transfer full. */
#define FACTS_LOG_THROTTLED "RT throttling activated"
#define FACTS_LOG_IO_ERROR  "I/O error"
#define FACTS_LOG_MS        5000u /* the longest that it takes */
char *facts_log_read(const struct env *env);
/* Seconds of uptime of the last line with this text ("[   12.345678] text"); -1: none has it. */
double facts_log_last(const char *log, const char *needle);

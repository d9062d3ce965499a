/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A machine that a test describes, and the probes' answers to it. */

#include "machine.h"
#include "probe/probe.h"
#include "suite.h"

extern struct machine machine;     /* fresh for each test */
extern struct probe_wanted wanted; /* dsp, 128 frames at 96 kHz, 2 periods */
extern const struct probe_wanted desktop, dsp;

void probe_fixture_setup(void);
void probe_fixture_teardown(void);

/* Asks the probe of this id. *state is kept from call to call of a test (and freed by teardown). */
void probe_ask(const char *id, struct probe_result *ret);
/* Asks, and compares the status and (when not NULL) a part of the message. */
void assert_probe(const char *id, enum probe_status status, const char *message_part);
/* Compares, and frees it. A verdict that is not OK or N/A has to have a message. */
void assert_result(struct probe_result *result, enum probe_status status, const char *message_part);

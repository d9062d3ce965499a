/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A run of the endpoint by itself: plays, records, measures, and reports. */

#include "options.h"

/* An exit code. */
int netjack_run(const struct netjack_options *options);
/* The same with the host's JACK graph: until SIGINT or SIGTERM. */
int netjack_run_bridge(const struct netjack_options *options);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A device that answers, and a front end connected to it, for the suites of virtio/device.h. */

#include "echo-device.h"
#include "fake-frontend.h"

extern struct loop *loop;
extern struct echo_device echo;
extern struct fake_frontend frontend;
extern unsigned n_warnings; /* that the device wrote to its log */

void device_setup(void);
/* Checks that the process has as many descriptors as before. */
void device_teardown(void);

unsigned count_fds(void);
/* A request of that text comes back. */
void check_echo_of(unsigned queue, const char *text);

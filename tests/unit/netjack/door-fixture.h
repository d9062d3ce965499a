/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A door on 127.0.0.1 with a clock that the test turns, and slaves in front of it. */

#include "fake-slave.h"
#include "netjack/endpoint/door.h"

#define MS INT64_C(1000000)

struct door_fixture {
	struct door_config config; /* to be changed before open_door() */
	struct door *door;
	struct door_event event; /* of the last dispatch() */
	int64_t now_ns;
	char said[4096]; /* warnings and errors, a line each */
	struct fake_slave slaves[DOOR_SLAVES_MAX + 1];
	unsigned n_slaves;
	struct slave *arrived[DOOR_SLAVES_MAX];
	unsigned n_arrived;
};
extern struct door_fixture fixture;

void set_up(void);
void tear_down(void);

void open_door(void);
struct fake_slave *new_slave(const char *name);
void dispatch(void);
/* Once something is there to be read, until nothing is left; no event may come of it. */
void settle(void);
void expect_event(enum door_event_type type);
/* Announces itself and has its SETUP. */
void be_set_up(struct fake_slave *slave);
/* And is here. */
struct slave *come_in(struct fake_slave *slave);

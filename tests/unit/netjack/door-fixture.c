/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "door-fixture.h"

#include "suite.h"

#include <poll.h>
#include <stdio.h>

#define DEADLINE_MS 10000

struct door_fixture fixture;

static void take_log(void *user, enum log_level level, const char *text)
{
	(void)user;
	if (level <= LOG_LEVEL_WARNING)
		snprintf(fixture.said + strlen(fixture.said),
			sizeof fixture.said - strlen(fixture.said), "%s\n", text);
}

static const struct log_sink log_sink = { .level = LOG_LEVEL_DEBUG, .write = take_log };

void set_up(void)
{
	fixture.config = (struct door_config){
		.address.s_addr = htonl(INADDR_LOOPBACK),
		.rate = 96000,
		.period = 128,
		.send_audio = -1,
		.return_audio = -1,
		.send_midi = -1,
		.return_midi = -1,
		.latency = -1,
		.host = "studio",
		.log = &log_sink,
	};
	fixture.said[0] = '\0';
	fixture.n_slaves = fixture.n_arrived = 0;
	fixture.now_ns = 1000 * MS;
	fixture.door = NULL;
}

void tear_down(void)
{
	for (unsigned i = 0; i < fixture.n_arrived; i++)
		slave_destroy(fixture.arrived[i]);
	for (unsigned i = 0; i < fixture.n_slaves; i++)
		fake_slave_finish(&fixture.slaves[i]);
	door_close(fixture.door);
}

void open_door(void)
{
	ck_assert_int_eq(door_open(&fixture.config, &fixture.door), 0);
}

struct fake_slave *new_slave(const char *name)
{
	fake_slave_init(&fixture.slaves[fixture.n_slaves], name, door_port(fixture.door));
	return &fixture.slaves[fixture.n_slaves++];
}

void dispatch(void)
{
	door_dispatch(fixture.door, fixture.now_ns, &fixture.event);
	if (fixture.event.type == DOOR_ARRIVED)
		fixture.arrived[fixture.n_arrived++] = fixture.event.slave;
}

void settle(void)
{
	struct pollfd pollfd = { .fd = door_fd(fixture.door), .events = POLLIN };

	ck_assert_int_eq(poll(&pollfd, 1, DEADLINE_MS), 1);
	while (poll(&pollfd, 1, 0) == 1) {
		dispatch();
		ck_assert_int_eq(fixture.event.type, DOOR_NOTHING);
	}
}

void expect_event(enum door_event_type type)
{
	struct pollfd pollfd = { .fd = door_fd(fixture.door), .events = POLLIN };

	do {
		ck_assert_int_eq(poll(&pollfd, 1, DEADLINE_MS), 1);
		dispatch();
	} while (fixture.event.type == DOOR_NOTHING);
	ck_assert_int_eq(fixture.event.type, type);
}

void be_set_up(struct fake_slave *slave)
{
	fake_slave_announce(slave);
	settle();
	fake_slave_await_setup(slave);
}

struct slave *come_in(struct fake_slave *slave)
{
	be_set_up(slave);
	fake_slave_start(slave);
	expect_event(DOOR_ARRIVED);
	ck_assert_uint_eq(fixture.event.id, slave->session.id);
	return fixture.event.slave;
}

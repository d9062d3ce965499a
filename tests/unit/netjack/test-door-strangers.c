/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What who is no slave does to the door, or one that never comes in: nothing. */
#include "door-fixture.h"
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

START_TEST(many_refusals_do_not_fill_the_log)
{
	struct fake_slave *fake;
	unsigned n_lines = 0;

	open_door();
	fake = new_slave("guest");
	fake->announced.encoder = NETJACK_OPUS;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(fake->announced.name, sizeof fake->announced.name, "guest%u", i);
		fake_slave_announce(fake);
		fixture.now_ns += 1000 * MS;
		settle();
	}
	for (const char *c = fixture.said; *c; c++)
		n_lines += *c == '\n';
	ck_assert_uint_eq(door_counters(fixture.door)->refused, 1000);
	ck_assert_uint_gt(n_lines, 0);
	ck_assert_uint_le(n_lines, 20);
}
END_TEST

START_TEST(one_announcement_has_one_answer)
{
	struct fake_slave *fake;

	open_door();
	fake = new_slave("guest");
	be_set_up(fake);
	ck_assert_int_eq(door_next_ns(fixture.door), fixture.now_ns + DOOR_SETUP_MS * MS);
	fixture.now_ns += DOOR_SETUP_MS * MS - 1;
	dispatch();
	ck_assert(!fake_slave_heard_more(fake));
	fixture.now_ns += 1;
	dispatch();
	ck_assert_int_eq(fixture.event.type, DOOR_NOTHING);
	ck_assert_int_eq(door_next_ns(fixture.door), INT64_MAX);
	/* Too late now. */
	fake_slave_start(fake);
	dispatch();
	ck_assert_int_eq(fixture.event.type, DOOR_NOTHING);
}
END_TEST

START_TEST(start_of_another_session_begins_none)
{
	struct fake_slave *fake;

	open_door();
	fake = new_slave("guest");
	be_set_up(fake);
	fake->session.id ^= 1;
	fake_slave_start(fake);
	settle();
	ck_assert_uint_eq(door_counters(fixture.door)->malformed, 1);
	fake->session.id ^= 1;
	fake_slave_start(fake);
	expect_event(DOOR_ARRIVED);
}
END_TEST

START_TEST(forged_announcement_does_not_end_a_session)
{
	struct fake_slave *fake;

	open_door();
	fake = new_slave("guest");
	come_in(fake);
	for (unsigned i = 0; i < 5; i++) {
		fixture.now_ns += 1000 * MS;
		fake_slave_announce(fake);
		settle();
	}
	fixture.now_ns += 1000 * DOOR_SETUP_MS * MS;
	dispatch();
	ck_assert_int_eq(fixture.event.type, DOOR_NOTHING);
}
END_TEST

START_TEST(flood_of_announcements_is_answered_at_a_rate)
{
	struct fake_slave *flood, *fake;

	open_door();
	come_in(new_slave("guest"));
	fixture.now_ns += 10000 * MS;
	flood = new_slave("flood");
	for (unsigned i = 0; i < 2000; i++) {
		fake_slave_announce(flood);
		if (i % 50 == 49)
			settle();
	}
	ck_assert_uint_eq(door_counters(fixture.door)->announced, 1 + DOOR_RATE);
	ck_assert_uint_eq(door_counters(fixture.door)->throttled, 2000 - DOOR_RATE);
	/* A second later others are heard again. */
	fixture.now_ns += 1000 * MS;
	fake = new_slave("late");
	come_in(fake);
	ck_assert_int_eq(fixture.n_arrived, 2);
}
END_TEST

START_TEST(who_does_not_start_makes_room)
{
	struct fake_slave *first;

	open_door();
	first = new_slave("0");
	be_set_up(first);
	for (unsigned i = 1; i <= DOOR_SLAVES_MAX; i++) {
		fixture.now_ns += MS;
		be_set_up(new_slave("more"));
	}
	/* The first one is too late, the others are not. */
	fake_slave_start(first);
	fake_slave_start(&fixture.slaves[1]);
	expect_event(DOOR_ARRIVED);
	ck_assert_uint_eq(fixture.event.id, fixture.slaves[1].session.id);
}
END_TEST

START_TEST(house_that_is_full_takes_nobody_until_one_leaves)
{
	struct fake_slave *last;

	open_door();
	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++)
		come_in(new_slave("guest"));
	fixture.now_ns += 1000 * MS;
	last = new_slave("last");
	fake_slave_announce(last);
	settle();
	ck_assert(!fake_slave_heard_more(last));
	ck_assert_ptr_nonnull(strstr(fixture.said, "'last'"));
	ck_assert_uint_eq(door_counters(fixture.door)->throttled, 1);
	door_forget(fixture.door, fixture.slaves[3].session.id);
	slave_destroy(fixture.arrived[3]);
	fixture.arrived[3] = fixture.arrived[--fixture.n_arrived];
	come_in(last);
}
END_TEST

START_TEST(goodbye_of_others_is_not_heard)
{
	struct sockaddr_in other = { .sin_family = AF_INET };
	struct fake_slave *fake, *stranger;

	open_door();
	fake = new_slave("guest");
	come_in(fake);
	/* Its address, not its number. */
	fake_slave_kill_master(fake, fake->session.id + 1);
	settle();
	ck_assert_uint_eq(door_counters(fixture.door)->foreign, 1);
	/* Its number, not its address. */
	stranger = new_slave("stranger");
	close(stranger->fd);
	stranger->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(inet_aton("127.0.0.2", &other.sin_addr), 1);
	ck_assert_int_eq(bind(stranger->fd, (struct sockaddr *)&other, sizeof other), 0);
	fake_slave_kill_master(stranger, fake->session.id);
	settle();
	ck_assert_uint_eq(door_counters(fixture.door)->foreign, 2);
}
END_TEST

START_TEST(anything_else_at_the_control_port_is_counted_only)
{
	uint8_t data[NETJACK_SESSION_SIZE + 1] = { 0 };
	struct fake_slave *fake;
	unsigned n = 0;

	open_door();
	fake = new_slave("guest");
	netjack_session_encode(&fake->announced, data);
	for (size_t size = 0; size <= sizeof data; size++) {
		if (size == NETJACK_SESSION_SIZE)
			continue;
		fake_slave_say(fake, data, size);
		n++;
		if (n % 50 == 0)
			settle();
	}
	data[11] = 7; /* the version */
	fake_slave_say(fake, data, NETJACK_SESSION_SIZE);
	fake_slave_say(fake, data, NETJACK_SESSION_SIZE);
	fake_slave_say(fake, "\xff\xff\xff\xff", 4);
	settle();
	ck_assert_uint_eq(door_counters(fixture.door)->malformed, n + 3);
	fake->announced.rate = 96000;
	fake->announced.period = 128;
	fake->announced.kind = NETJACK_SETUP;
	fake_slave_announce(fake);
	fake->announced.kind = NETJACK_START_MASTER;
	fake_slave_announce(fake);
	settle();
	ck_assert_uint_eq(door_counters(fixture.door)->foreign, 2);
	ck_assert(!fake_slave_heard_more(fake));
	/* What the user can do something about is said, once. */
	ck_assert_ptr_nonnull(strstr(fixture.said, "version"));
	ck_assert_ptr_eq(strchr(fixture.said, '\n'), strrchr(fixture.said, '\n'));
}
END_TEST

START_TEST(slave_that_dies_on_the_way_in_leaves_its_place)
{
	struct fake_slave *fake;

	open_door();
	fake = new_slave("guest");
	fake_slave_announce(fake);
	fake_slave_die(fake);
	/* The SETUP, and the ICMP message that it is for nobody. */
	settle();
	ck_assert_int_eq(door_next_ns(fixture.door), INT64_MAX);
}
END_TEST

int main(void)
{
	return suite_run_with("netjack-door-strangers",
		(const TTest *const[]){
			many_refusals_do_not_fill_the_log,
			one_announcement_has_one_answer,
			start_of_another_session_begins_none,
			forged_announcement_does_not_end_a_session,
			flood_of_announcements_is_answered_at_a_rate,
			who_does_not_start_makes_room,
			house_that_is_full_takes_nobody_until_one_leaves,
			goodbye_of_others_is_not_heard,
			anything_else_at_the_control_port_is_counted_only,
			slave_that_dies_on_the_way_in_leaves_its_place,
			NULL,
		},
		set_up, tear_down);
}

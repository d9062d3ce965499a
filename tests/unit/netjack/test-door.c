/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How slaves come in. */
#include "door-fixture.h"
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

START_TEST(slave_comes_in_with_what_the_master_has)
{
	struct fake_slave *fake;
	const struct netjack_session *session;
	struct slave *slave;

	open_door();
	fake = new_slave("guest");
	fake->announced.latency = 2;
	slave = come_in(fake);
	ck_assert_uint_eq(fake->session.rate, 96000);
	ck_assert_uint_eq(fake->session.period, 128);
	ck_assert_uint_eq(fake->session.latency, 2);
	ck_assert_str_eq(fake->session.name, "guest");
	ck_assert_str_eq(fake->session.master_host, "studio");
	ck_assert_str_eq(fake->session.slave_host, "guest");
	ck_assert_uint_ne(fake->session.id, 0);
	session = slave_session(slave);
	ck_assert_str_eq(session->name, "guest");
	ck_assert_int_eq(session->send_audio, 2);
	ck_assert_int_eq(session->return_midi, 0);
	ck_assert_uint_eq(door_counters(fixture.door)->announced, 1);
	ck_assert_str_eq(fixture.said, "");
}
END_TEST

START_TEST(packets_are_expedited)
{
	struct fake_slave *fake;

	open_door();
	fake = new_slave("guest");
	be_set_up(fake);
	ck_assert_uint_eq(fake->tos, 46 << 2);
}
END_TEST

static const struct {
	int32_t ours, theirs, agreed_audio, agreed_midi;
} counts[] = {
	{ -1, -1, 2, 0 },
	{ -1, 0, 0, 0 },
	{ -1, 5, 5, 5 },
	{ 0, -1, 0, 0 },
	{ 8, -1, 8, 8 },
	{ 8, 2, 8, 8 },
	{ 32, 3, 32, 32 },
};

START_TEST(no_count_of_channels_is_left_open)
{
	const struct netjack_session *session;
	struct fake_slave *fake;

	fixture.config.send_audio = fixture.config.return_audio = counts[_i].ours;
	fixture.config.send_midi = fixture.config.return_midi = counts[_i].ours;
	open_door();
	fake = new_slave("PipeWire");
	fake->announced.send_audio = fake->announced.return_audio = counts[_i].theirs;
	fake->announced.send_midi = fake->announced.return_midi = counts[_i].theirs;
	session = slave_session(come_in(fake));
	ck_assert_int_eq(session->send_audio, counts[_i].agreed_audio);
	ck_assert_int_eq(session->return_audio, counts[_i].agreed_audio);
	ck_assert_int_eq(session->send_midi, counts[_i].agreed_midi);
	ck_assert_int_eq(session->return_midi, counts[_i].agreed_midi);
	ck_assert_int_eq(fake->session.send_audio, counts[_i].agreed_audio);
	ck_assert_int_eq(fake->session.return_midi, counts[_i].agreed_midi);
}
END_TEST

START_TEST(latency_is_the_masters_when_it_says_so)
{
	struct fake_slave *fake;

	fixture.config.latency = 3;
	open_door();
	fake = new_slave("guest");
	fake->announced.latency = 5;
	be_set_up(fake);
	ck_assert_uint_eq(fake->session.latency, 3);
}
END_TEST

static const struct {
	enum netjack_encoder encoder;
	const char *advice;
} encoders[] = {
	{ NETJACK_INT16, "16-bit" },
	{ NETJACK_CELT, "without -c" },
	{ NETJACK_OPUS, "without -O" },
};

START_TEST(encoder_that_is_not_spoken_is_refused_and_told_once)
{
	struct fake_slave *fake;

	open_door();
	fake = new_slave("guest");
	fake->announced.encoder = encoders[_i].encoder;
	for (unsigned i = 0; i < 3; i++) {
		fake_slave_announce(fake);
		settle();
	}
	ck_assert(!fake_slave_heard_more(fake));
	ck_assert_uint_eq(door_counters(fixture.door)->refused, 3);
	ck_assert_ptr_nonnull(strstr(fixture.said, "guest"));
	ck_assert_ptr_nonnull(strstr(fixture.said, encoders[_i].advice));
	ck_assert_ptr_eq(strchr(fixture.said, '\n'), strrchr(fixture.said, '\n'));
	/* It listens to the advice. */
	fake->announced.encoder = NETJACK_FLOAT;
	come_in(fake);
}
END_TEST

START_TEST(channels_that_the_mtu_does_not_take_are_refused)
{
	struct fake_slave *fake;

	fixture.config.send_audio = 64;
	open_door();
	fake = new_slave("guest");
	fake->announced.mtu = NETJACK_MTU_MIN;
	fake_slave_announce(fake);
	settle();
	ck_assert(!fake_slave_heard_more(fake));
	ck_assert_uint_eq(door_counters(fixture.door)->refused, 1);
	ck_assert_ptr_nonnull(strstr(fixture.said, "MTU"));
}
END_TEST

START_TEST(packets_that_would_take_a_core_are_refused)
{
	struct fake_slave *fake;

	fixture.config.send_audio = 36; /* a frame a packet, 96000 packets/s */
	open_door();
	fake = new_slave("guest");
	fake->announced.mtu = 256;
	fake_slave_announce(fake);
	settle();
	ck_assert(!fake_slave_heard_more(fake));
	ck_assert_uint_eq(door_counters(fixture.door)->refused, 1);
	ck_assert_ptr_nonnull(strstr(fixture.said, "too many packets"));
	fake->announced.mtu = NETJACK_MTU_DEFAULT;
	come_in(fake);
}
END_TEST

START_TEST(midi_that_the_mtu_does_not_take_is_refused)
{
	struct fake_slave *fake;

	open_door();
	fake = new_slave("guest");
	fake->announced.return_midi = NETJACK_CHANNELS_MAX;
	fake_slave_announce(fake);
	settle();
	ck_assert(!fake_slave_heard_more(fake));
	ck_assert_ptr_nonnull(strstr(fixture.said, "MIDI"));
}
END_TEST

START_TEST(only_slaves_with_the_names_asked_for_are_answered)
{
	static const char *const names[] = { "vm1", "vm2", NULL };
	struct fake_slave *stranger;

	fixture.config.names = names;
	open_door();
	stranger = new_slave("vm");
	fake_slave_announce(stranger);
	settle();
	ck_assert(!fake_slave_heard_more(stranger));
	ck_assert_uint_eq(door_counters(fixture.door)->refused, 1);
	come_in(new_slave("vm2"));
	come_in(new_slave("vm1"));
}
END_TEST

START_TEST(names_that_collide_are_told_apart)
{
	char name[NETJACK_NAME_SIZE];
	struct fake_slave *fake;

	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	open_door();
	ck_assert_str_eq(slave_session(come_in(new_slave("guest")))->name, "guest");
	ck_assert_str_eq(slave_session(come_in(new_slave("guest")))->name, "guest-2");
	fake = new_slave("guest");
	ck_assert_str_eq(slave_session(come_in(fake))->name, "guest-3");
	/* The slave itself keeps its name: it is the one that it is asked for by. */
	ck_assert_str_eq(fake->session.name, "guest");
	door_forget(fixture.door, fixture.slaves[1].session.id);
	ck_assert_str_eq(slave_session(come_in(new_slave("guest")))->name, "guest-2");
	ck_assert_str_eq(slave_session(come_in(new_slave(name)))->name, name);
	memcpy(name + sizeof name - 4, "-2", 3);
	ck_assert_str_eq(
		slave_session(come_in(new_slave(fixture.slaves[4].announced.name)))->name, name);
}
END_TEST

START_TEST(slave_that_missed_the_answer_gets_another)
{
	struct fake_slave *fake;
	uint32_t id;

	open_door();
	fake = new_slave("guest");
	be_set_up(fake);
	id = fake->session.id;
	fixture.now_ns += 1000 * MS;
	come_in(fake);
	ck_assert_uint_eq(fake->session.id, id);
	ck_assert_uint_eq(door_counters(fixture.door)->announced, 2);
}
END_TEST

START_TEST(slave_that_starts_again_replaces_itself)
{
	struct fake_slave *fake;
	uint32_t id;

	open_door();
	fake = new_slave("guest");
	come_in(fake);
	id = fake->session.id;
	/* One that was under way. */
	fake_slave_announce(fake);
	settle();
	ck_assert(!fake_slave_heard_more(fake));

	fixture.now_ns += DOOR_FRESH_MS * MS;
	be_set_up(fake);
	ck_assert_uint_ne(fake->session.id, id);
	fake_slave_start(fake);
	expect_event(DOOR_GONE);
	ck_assert_uint_eq(fixture.event.id, id);
	/* The old one takes its time. */
	expect_event(DOOR_ARRIVED);
	ck_assert_uint_eq(fixture.event.id, fake->session.id);
	ck_assert_str_eq(slave_session(fixture.event.slave)->name, "guest");
	door_forget(fixture.door, id);
	fake_slave_kill_master(fake, fake->session.id);
	expect_event(DOOR_GONE);
}
END_TEST

START_TEST(slave_that_says_goodbye_is_gone)
{
	struct fake_slave *fake;

	open_door();
	fake = new_slave("guest");
	come_in(fake);
	fake_slave_kill_master(fake, fake->session.id);
	expect_event(DOOR_GONE);
	ck_assert_uint_eq(fixture.event.id, fake->session.id);
	/* Once. */
	fake_slave_kill_master(fake, fake->session.id);
	settle();
	ck_assert_uint_eq(door_counters(fixture.door)->foreign, 1);
}
END_TEST

START_TEST(address_that_is_taken_or_foreign_is_an_error)
{
	struct door *other;

	open_door();
	fixture.config.port = door_port(fixture.door);
	poison(&other);
	ck_assert_int_eq(door_open(&fixture.config, &other), -EADDRINUSE);
	assert_poisoned(&other);
	fixture.config.address.s_addr = inet_addr("192.0.2.1");
	ck_assert_int_eq(door_open(&fixture.config, &other), -EADDRNOTAVAIL);
	assert_poisoned(&other);
}
END_TEST

START_TEST(group_that_cannot_be_joined_is_a_warning)
{
	fixture.config.group.s_addr = inet_addr("127.0.0.2"); /* not a group */
	open_door();
	ck_assert_ptr_nonnull(strstr(fixture.said, "multicast"));
	come_in(new_slave("guest"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("netjack-door");
	TCase *tcase = tcase_create("netjack-door");
	SRunner *runner;
	int failed;
	const TTest *const tests[] = {
		slave_comes_in_with_what_the_master_has,
		packets_are_expedited,
		latency_is_the_masters_when_it_says_so,
		channels_that_the_mtu_does_not_take_are_refused,
		packets_that_would_take_a_core_are_refused,
		midi_that_the_mtu_does_not_take_is_refused,
		only_slaves_with_the_names_asked_for_are_answered,
		names_that_collide_are_told_apart,
		slave_that_missed_the_answer_gets_another,
		slave_that_starts_again_replaces_itself,
		slave_that_says_goodbye_is_gone,
		address_that_is_taken_or_foreign_is_an_error,
		group_that_cannot_be_joined_is_a_warning,
	};

	tcase_set_timeout(tcase, SUITE_TEST_TIMEOUT_S);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	for (size_t i = 0; i < N_ELEMENTS(tests); i++)
		tcase_add_test(tcase, tests[i]);
	tcase_add_loop_test(tcase, no_count_of_channels_is_left_open, 0, N_ELEMENTS(counts));
	tcase_add_loop_test(tcase, encoder_that_is_not_spoken_is_refused_and_told_once, 0,
		N_ELEMENTS(encoders));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

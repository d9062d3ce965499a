/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netjack/options.h"

#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <stdio.h>

#define WORDS_MAX 24

static struct netjack_options options;

static int parse(const char *line)
{
	char *argv[WORDS_MAX + 2] = { (char *)"netjack" };
	char **words = g_strsplit(line, " ", WORDS_MAX);
	int argc = 1;

	for (char **word = words; *word; word++)
		if (**word)
			argv[argc++] = *word;
	poison(&options);
	int r = netjack_options_parse(argc, argv, &options);
	g_strfreev(words);
	return r;
}

static void assert_parses(const char *line)
{
	ck_assert_msg(parse(line) == 0, "%s", line);
}

START_TEST(without_options_it_is_the_reference)
{
	assert_parses("");
	ck_assert_uint_eq(options.rate, 96000);
	ck_assert_uint_eq(options.period, 128);
	ck_assert_int_eq(options.send_audio, -1);
	ck_assert_int_eq(options.return_audio, -1);
	ck_assert_int_eq(options.midi, 0);
	ck_assert_int_eq(options.latency, -1);
	ck_assert_uint_eq(options.address.s_addr, htonl(INADDR_ANY));
	ck_assert_uint_eq(options.group.s_addr, inet_addr(NETJACK_GROUP));
	ck_assert_uint_eq(options.port, 19000);
	ck_assert_ptr_nonnull(options.host);
	ck_assert(!options.measure && !options.jack && !options.injects && !options.json);
	ck_assert_int_eq(options.rt_priority, 70);
	ck_assert_double_eq(options.wait, 0);
	ck_assert_double_eq(options.seconds, 0);
	netjack_options_finish(&options);
}
END_TEST

START_TEST(every_number_is_an_option)
{
	assert_parses(
		"--rate 44100 --period 64 --send-channels 8 --return-channels 4 --midi-ports 1");
	ck_assert_uint_eq(options.rate, 44100);
	ck_assert_uint_eq(options.period, 64);
	ck_assert_int_eq(options.send_audio, 8);
	ck_assert_int_eq(options.return_audio, 4);
	ck_assert_int_eq(options.midi, 1);
	netjack_options_finish(&options);

	assert_parses("--channels 6 --return-channels 2 --latency 3 --port 4713 --group none");
	ck_assert_int_eq(options.send_audio, 6);
	ck_assert_int_eq(options.return_audio, 2);
	ck_assert_int_eq(options.latency, 3);
	ck_assert_uint_eq(options.port, 4713);
	ck_assert_uint_eq(options.group.s_addr, htonl(INADDR_ANY));
	netjack_options_finish(&options);

	assert_parses("--interface lo --slave a --slave b --host-name h --no-realtime --seconds 5");
	ck_assert_uint_eq(options.address.s_addr, htonl(INADDR_LOOPBACK));
	ck_assert_str_eq(options.names[0], "a");
	ck_assert_str_eq(options.names[1], "b");
	ck_assert_ptr_null(options.names[2]);
	ck_assert_str_eq(options.host, "h");
	ck_assert_int_eq(options.rt_priority, 0);
	ck_assert_double_eq(options.wait, 30);
	netjack_options_finish(&options);
}
END_TEST

START_TEST(faults_are_shares_and_nanoseconds)
{
	assert_parses("--measure --warm-up 2 --loss 0.2 --cycle-loss 1 --reorder 50 --delay 0.5 "
		      "--jitter 2 --seed 9 --direction return");
	ck_assert(options.injects);
	ck_assert_double_eq_tol(options.inject.loss, 0.002, 1e-12);
	ck_assert_double_eq_tol(options.inject.cycle_loss, 0.01, 1e-12);
	ck_assert_double_eq_tol(options.inject.reorder, 0.5, 1e-12);
	ck_assert_int_eq(options.inject.delay_ns, 500000);
	ck_assert_int_eq(options.inject.jitter_ns, 2000000);
	ck_assert_uint_eq(options.inject.seed, 9);
	ck_assert_uint_eq(options.inject.after, 1500);
	ck_assert(!options.inject.on_send && options.inject.on_return);
	netjack_options_finish(&options);
}
END_TEST

START_TEST(the_door_gets_what_was_said)
{
	struct door_config door;

	assert_parses("--rate 48000 --period 256 --channels 8 --midi-ports 2 --address 127.0.0.1");
	netjack_options_door(&options, NULL, &door);
	ck_assert_uint_eq(door.rate, 48000);
	ck_assert_uint_eq(door.period, 256);
	ck_assert_int_eq(door.send_audio, 8);
	ck_assert_int_eq(door.return_midi, 2);
	ck_assert_uint_eq(door.address.s_addr, htonl(INADDR_LOOPBACK));
	ck_assert_ptr_null(door.inject);
	ck_assert_ptr_null(door.names);
	netjack_options_finish(&options);
	assert_parses("--loss 1");
	netjack_options_door(&options, NULL, &door);
	ck_assert_ptr_eq(door.inject, &options.inject);
	netjack_options_finish(&options);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	static const char *const lines[] = {
		"--rate 0x10",
		"--rate 7999",
		"--rate 384001",
		"--rate -1",
		"--rate 0",
		"--period 0",
		"--measure --target -1",
		"--slave=",
		"--histogram x.png",
		"--histogram X.PNG",
		"--jack-physical",
		"--jack-connect a=b",
		"--clock own",
		"--jack-margin 2",
		"--jack-wait 20",
		"--jack-server s",
		"--jack-client c",
		"--status-file f",
		"--period 100",
		"--period 8",
		"--period 16384",
		"--channels 65",
		"--channels -2",
		"--latency 31",
		"--port 65536",
		"--port -1",
		"--address ::1",
		"--address nonsense",
		"--interface nonexistent0",
		"--address 127.0.0.1 --interface lo",
		"--group 127.0.0.1",
		"--group x",
		"--loss 101",
		"--loss -1",
		"--delay -1",
		"--direction up",
		"--jack --clock atomic",
		"--record-format 16",
		"--rt-priority 0",
		"--rt-priority 100",
		"--seconds -1",
		"--seconds nan",
		"--target 2",
		"--measure --play a.wav",
		"--loop",
		"--measure --channels 0",
		"--jack --measure",
		"--jack --seconds 3",
		"--log loud",
		"--jack --jack-connect a",
		"extra",
		"--unknown",
		"--midi-ports 65",
		"--skew 20000",
	};

	for (size_t i = 0; i < N_ELEMENTS(lines); i++) {
		ck_assert_msg(parse(lines[i]) == -EINVAL, "%s", lines[i]);
		assert_poisoned(&options);
	}
}
END_TEST

START_TEST(help_is_no_run)
{
	ck_assert_int_eq(parse("--help"), 1);
	assert_poisoned(&options);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		without_options_it_is_the_reference,
		every_number_is_an_option,
		faults_are_shares_and_nanoseconds,
		the_door_gets_what_was_said,
		nonsense_is_refused,
		help_is_no_run,
		NULL,
	};

	return suite_run("netjack-options", tests);
}

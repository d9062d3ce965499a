/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connected slave, a period at a time. */
#include "fake-slave.h"
#include "netjack/endpoint/door-socket.h"
#include "netjack/endpoint/slave.h"
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_MS 10000
#define FRAMES_MAX  1024u

static struct slave_config config;
static struct inject_config injected;
static struct slave *slave;
static struct fake_slave fake;
static float samples[4][FRAMES_MAX];
static const float *channels[] = { samples[0], samples[1], samples[2], samples[3] };
static uint64_t tick;

static int64_t step_s; /* the time of day was set by so much */

int clock_gettime(clockid_t id, struct timespec *ret)
{
	long r = syscall(SYS_clock_gettime, id, ret);

	if (id == CLOCK_REALTIME)
		ret->tv_sec += step_s;
	return (int)r;
}

static struct sockaddr_in address_of(int fd)
{
	struct sockaddr_in name;
	socklen_t size = sizeof name;

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&name, &size), 0);
	return name;
}

static void set_up(void)
{
	fake_slave_init(&fake, "guest", 0);
	injected = (struct inject_config){ 0 };
	config = (struct slave_config){ .session = fake.announced, .fd = -1 };
	config.session.kind = NETJACK_SETUP;
	config.session.rate = 96000;
	config.session.period = 128;
	config.session.id = 4711;
	slave = NULL;
}

/* As a door does it. */
static void connect_slave(void)
{
	struct sockaddr_in peer = address_of(fake.fd);

	ck_assert_int_eq(
		door_socket_connect((struct in_addr){ htonl(INADDR_LOOPBACK) }, &peer, &config.fd),
		0);
	config.peer = peer;
	config.inject = &injected;
	ck_assert_int_eq(slave_new(&config, &slave), 0);
	fake.session = config.session;
	fake.wants = 3;
	fake.master = address_of(config.fd);
	fake.door = fake.master;
}

static void tear_down(void)
{
	step_s = 0;
	slave_destroy(slave);
	fake_slave_finish(&fake);
}

static void fill(uint64_t seed)
{
	for (unsigned c = 0; c < 4; c++) {
		for (unsigned i = 0; i < FRAMES_MAX; i++)
			samples[c][i] = (float)((seed * 131 + c * 7919 + i * 31) % 65536) / 65536;
	}
}

static void send_period(void)
{
	fill(slave ? tick + 1 : 0);
	ck_assert_int_eq(slave_send(slave, channels, &tick), 0);
}

/* Receives until it is complete. */
static void await_return(void)
{
	while (!slave_ready(slave)) {
		struct pollfd pollfd = { .fd = slave_fd(slave), .events = POLLIN };

		ck_assert_int_eq(poll(&pollfd, 1, DEADLINE_MS), 1);
		ck_assert_int_eq(slave_receive(slave), 0);
	}
}

static struct slave_report report(void)
{
	struct slave_report ret;

	slave_report(slave, &ret);
	return ret;
}

START_TEST(period_comes_back_within_the_period)
{
	const float *const *back = NULL;
	uint64_t sent;

	connect_slave();
	for (unsigned i = 0; i < 100; i++) {
		send_period();
		ck_assert_uint_eq(tick, i);
		ck_assert(!slave_ready(slave));
		ck_assert(fake_slave_await_period(&fake));
		ck_assert_uint_eq(fake.cycle, i + 1);
		ck_assert_mem_eq(fake.channels[1], samples[1], 128 * sizeof(float));
		fake_slave_answer(&fake);
		await_return();
		ck_assert_int_eq(slave_take(slave, &sent, &back), VERDICT_OK);
		ck_assert_uint_eq(sent, i);
		for (unsigned c = 0; c < 2; c++)
			ck_assert_mem_eq(back[c], samples[c], 128 * sizeof(float));
	}
	ck_assert_uint_eq(report().ticks, 100);
	ck_assert_uint_eq(report().returns.verdicts[VERDICT_OK], 100);
	ck_assert_uint_eq(report().rtt.n, 100);
	/* By the kernel's stamps: it took some time, and not hours. */
	ck_assert_int_gt(report().rtt.min_ns, 0);
	ck_assert_int_lt(report().rtt.max_ns, (int64_t)60000 * 1000000);
}
END_TEST

START_TEST(a_clock_that_is_set_is_in_no_round_trip)
{
	static const int64_t steps[][2] = { { 0, 3600 }, { 0, -3600 }, { 3600, 0 }, { -3600, 0 } };
	const float *const *back = NULL;
	uint64_t sent;

	connect_slave();
	for (unsigned i = 0; i < N_ELEMENTS(steps); i++) {
		step_s = steps[i][0];
		send_period();
		ck_assert(fake_slave_await_period(&fake));
		fake_slave_answer(&fake);
		step_s = steps[i][1];
		await_return();
		ck_assert_int_eq(slave_take(slave, &sent, &back), VERDICT_OK);
	}
	ck_assert_uint_eq(report().rtt.n, N_ELEMENTS(steps));
	ck_assert_int_gt(report().rtt.min_ns, 0);
	ck_assert_int_lt(report().rtt.max_ns, (int64_t)60000 * 1000000);
}
END_TEST

START_TEST(nothing_is_ready_before_anything_is_sent)
{
	const float *const *back = NULL;
	uint64_t sent;

	connect_slave();
	ck_assert(!slave_ready(slave));
	ck_assert_int_eq(slave_receive(slave), 0);
	ck_assert_int_eq(slave_take(slave, &sent, &back), VERDICT_EARLY);
	ck_assert_uint_eq(report().throttled, 0);
}
END_TEST

START_TEST(missing_return_does_not_block)
{
	const float *const *back = NULL;
	uint64_t sent;

	connect_slave();
	for (unsigned i = 0; i < 10; i++) {
		send_period();
		ck_assert_int_eq(slave_receive(slave), 0);
		ck_assert(!slave_ready(slave));
		ck_assert_int_eq(slave_take(slave, &sent, &back), VERDICT_LATE);
	}
}
END_TEST

START_TEST(large_period_takes_several_datagrams)
{
	const float *const *back = NULL;
	uint64_t sent;

	config.session.send_audio = config.session.return_audio = 4;
	config.session.period = 1024;
	connect_slave();
	fake.wants = 15;
	send_period();
	ck_assert(fake_slave_await_period(&fake));
	/* 64 frames of 4 channels fit 1500 bytes. */
	ck_assert_uint_eq(fake.n_datagrams, 1 + 16);
	fake_slave_answer(&fake);
	await_return();
	ck_assert_int_eq(slave_take(slave, &sent, &back), VERDICT_OK);
	for (unsigned c = 0; c < 4; c++)
		ck_assert_mem_eq(back[c], samples[c], 1024 * sizeof(float));
}
END_TEST

START_TEST(more_datagrams_than_one_system_call_takes_go_out)
{
	const float *const *back = NULL;
	uint64_t sent;

	config.session.send_audio = config.session.return_audio = 4;
	config.session.period = 1024;
	config.session.mtu = 256;
	connect_slave();
	fake.wants = 15;
	for (unsigned i = 0; i < 3; i++) {
		send_period();
		ck_assert(fake_slave_await_period(&fake));
		ck_assert_uint_eq(fake.n_datagrams, 1 + 128);
		fake_slave_answer(&fake);
		await_return();
		ck_assert_int_eq(slave_take(slave, &sent, &back), VERDICT_OK);
		ck_assert_mem_eq(back[3], samples[3], 1024 * sizeof(float));
	}
	ck_assert_uint_eq(report().throttled, 0);
}
END_TEST

START_TEST(ports_that_nobody_listens_to_are_not_sent)
{
	connect_slave();
	send_period();
	ck_assert(fake_slave_await_period(&fake));
	/* All, as long as it has not said what it wants; of the returns always all. */
	ck_assert_uint_eq(fake.brought, 3);
	ck_assert_uint_eq(fake.asked, 3);
	fake.wants = 2;
	fake_slave_answer(&fake);
	await_return();
	send_period();
	ck_assert(fake_slave_await_period(&fake));
	ck_assert_uint_eq(fake.brought, 2);
	ck_assert_uint_eq(fake.asked, 3);
	fake.wants = 0;
	fake_slave_answer(&fake);
	await_return();
	send_period();
	ck_assert(fake_slave_await_period(&fake));
	ck_assert_uint_eq(fake.brought, 0);
	ck_assert_uint_eq(fake.n_datagrams, 2);
}
END_TEST

START_TEST(slave_without_audio_has_sync_packets_alone)
{
	const float *const *back = NULL;
	uint64_t sent;

	config.session.send_audio = config.session.return_audio = 0;
	connect_slave();
	fake.wants = 0;
	send_period();
	ck_assert(fake_slave_await_period(&fake));
	ck_assert_uint_eq(fake.n_datagrams, 1);
	fake_slave_answer(&fake);
	await_return();
	ck_assert_int_eq(slave_take(slave, &sent, &back), VERDICT_OK);
}
END_TEST

/* An error of ICMP comes with one of the next calls. */
START_TEST(closed_port_is_noticed_at_once)
{
	int r = 0;

	connect_slave();
	fake_slave_die(&fake);
	for (unsigned i = 0; i < 3 && r == 0; i++) {
		r = slave_send(slave, channels, &tick);
		if (r == 0)
			r = slave_receive(slave);
	}
	ck_assert_int_eq(r, -ECONNREFUSED);
	/* It stays so. */
	ck_assert_int_eq(slave_receive(slave), -ECONNREFUSED);
}
END_TEST

static void await_datagram(void)
{
	struct pollfd pollfd = { .fd = slave_fd(slave), .events = POLLIN };

	ck_assert_int_eq(poll(&pollfd, 1, DEADLINE_MS), 1);
}

START_TEST(goodbye_on_its_own_socket_is_heard)
{
	connect_slave();
	send_period();
	fake_slave_kill_master(&fake, 4712);
	await_datagram();
	ck_assert_int_eq(slave_receive(slave), 0);
	fake_slave_kill_master(&fake, 4711);
	await_datagram();
	ck_assert_int_eq(slave_receive(slave), -ESHUTDOWN);
}
END_TEST

START_TEST(master_says_goodbye_and_a_last_period_whose_answer_finds_nobody)
{
	connect_slave();
	send_period();
	ck_assert(fake_slave_await_period(&fake));
	slave_goodbye(slave);
	ck_assert(!fake_slave_await_period(&fake));
	ck_assert(fake_slave_await_period(&fake));
	ck_assert_uint_eq(fake.cycle, 2);
	ck_assert_uint_eq(fake.brought, 0);
	/* As jackd's socket, which is connected. */
	ck_assert_int_eq(connect(fake.fd, (struct sockaddr *)&fake.master, sizeof fake.master), 0);
	ck_assert_int_eq(send(fake.fd, "", 1, MSG_DONTWAIT), 1);
	ck_assert_int_eq(send(fake.fd, "", 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
}
END_TEST

START_TEST(start_that_is_said_twice_is_no_harm)
{
	connect_slave();
	send_period();
	fake_slave_start(&fake);
	await_datagram();
	ck_assert_int_eq(slave_receive(slave), 0);
	ck_assert_uint_eq(report().returns.malformed, 0);
}
END_TEST

START_TEST(strangers_are_not_heard)
{
	struct fake_slave stranger;

	connect_slave();
	fake_slave_init(&stranger, "stranger", ntohs(fake.master.sin_port));
	send_period();
	fake_slave_kill_master(&stranger, 4711);
	fake_slave_say(&stranger, "nonsense", 8);
	/* On loopback they would be there now. */
	ck_assert_int_eq(slave_receive(slave), 0);
	ck_assert_uint_eq(report().returns.malformed, 0);
	fake_slave_finish(&stranger);
}
END_TEST

START_TEST(flood_waits_for_the_next_period)
{
	const unsigned n = 500;

	connect_slave();
	send_period();
	for (unsigned i = 0; i < n; i++)
		fake_slave_say(&fake, "nonsense", 8);
	await_datagram();
	ck_assert_int_eq(slave_receive(slave), 0);
	ck_assert(!slave_may_receive(slave));
	ck_assert_uint_gt(report().returns.malformed, 0);
	ck_assert_uint_lt(report().returns.malformed, 32);
	ck_assert_uint_eq(report().throttled, 1);
	ck_assert_int_eq(slave_receive(slave), 0);
	ck_assert_uint_lt(report().returns.malformed, 32);
	/* In the end it was only nonsense. */
	for (unsigned i = 0; i < n && report().returns.malformed < n; i++) {
		send_period();
		ck_assert(slave_may_receive(slave));
		ck_assert_int_eq(slave_receive(slave), 0);
	}
	ck_assert_uint_eq(report().returns.malformed, n);
	ck_assert_uint_gt(report().throttled, 10);
}
END_TEST

START_TEST(datagram_beyond_all_limits_is_counted)
{
	static const uint8_t huge[20000];

	connect_slave();
	send_period();
	fake_slave_say(&fake, huge, sizeof huge);
	await_datagram();
	ck_assert_int_eq(slave_receive(slave), 0);
	ck_assert_uint_eq(report().returns.malformed, 1);
}
END_TEST

START_TEST(silence_is_counted_in_periods)
{
	const int64_t period_ns = INT64_C(128) * 1000000000 / 96000;

	connect_slave();
	ck_assert_int_eq(slave_silent_ns(slave), 0);
	for (unsigned i = 0; i < 15; i++)
		send_period();
	ck_assert_int_eq(slave_silent_ns(slave), 20000000);
	/* Nonsense is silence, too. */
	fake_slave_say(&fake, "nonsense", 8);
	await_datagram();
	ck_assert_int_eq(slave_receive(slave), 0);
	ck_assert_int_eq(slave_silent_ns(slave), 20000000);
	for (unsigned i = 0; i < 15; i++)
		ck_assert(fake_slave_await_period(&fake));
	fake_slave_answer(&fake);
	await_return();
	ck_assert_int_eq(slave_silent_ns(slave), 0);
	send_period();
	ck_assert_int_eq(slave_silent_ns(slave), period_ns);
}
END_TEST

START_TEST(lost_on_purpose_does_not_go_out)
{
	injected = (struct inject_config){ .loss = 1, .on_send = true };
	connect_slave();
	send_period();
	ck_assert(!fake_slave_heard_more(&fake));
	ck_assert_uint_eq(report().injected.lost, 2);
}
END_TEST

START_TEST(delayed_on_purpose_comes_later_by_the_stamps_too)
{
	const int64_t delay_ns = 50000000;
	const float *const *back = NULL;
	uint64_t sent;

	injected = (struct inject_config){ .delay_ns = delay_ns, .on_return = true };
	connect_slave();
	send_period();
	ck_assert(fake_slave_await_period(&fake));
	fake_slave_answer(&fake);
	ck_assert_int_eq(slave_next_ns(slave), INT64_MAX);
	while (!slave_ready(slave)) {
		struct pollfd pollfd = { .fd = slave_fd(slave), .events = POLLIN };

		poll(&pollfd, 1, 5);
		ck_assert_int_eq(slave_receive(slave), 0);
	}
	ck_assert_int_eq(slave_next_ns(slave), INT64_MAX);
	ck_assert_int_eq(slave_take(slave, &sent, &back), VERDICT_OK);
	ck_assert_mem_eq(back[0], samples[0], 128 * sizeof(float));
	ck_assert_int_ge(report().rtt.min_ns, delay_ns);
	ck_assert_uint_eq(report().injected.delayed, 2);
}
END_TEST

START_TEST(mtu_that_takes_not_one_frame_is_refused)
{
	struct slave *none;

	config.session.send_audio = 64;
	config.session.mtu = 256;
	poison(&none);
	ck_assert_int_eq(slave_new(&config, &none), -EMSGSIZE);
	assert_poisoned(&none);
}
END_TEST

int main(void)
{
	return suite_run_with("netjack-slave",
		(const TTest *const[]){
			period_comes_back_within_the_period,
			a_clock_that_is_set_is_in_no_round_trip,
			nothing_is_ready_before_anything_is_sent,
			missing_return_does_not_block,
			large_period_takes_several_datagrams,
			more_datagrams_than_one_system_call_takes_go_out,
			ports_that_nobody_listens_to_are_not_sent,
			slave_without_audio_has_sync_packets_alone,
			closed_port_is_noticed_at_once,
			goodbye_on_its_own_socket_is_heard,
			master_says_goodbye_and_a_last_period_whose_answer_finds_nobody,
			start_that_is_said_twice_is_no_harm,
			strangers_are_not_heard,
			flood_waits_for_the_next_period,
			datagram_beyond_all_limits_is_counted,
			silence_is_counted_in_periods,
			lost_on_purpose_does_not_go_out,
			delayed_on_purpose_comes_later_by_the_stamps_too,
			mtu_that_takes_not_one_frame_is_refused,
			NULL,
		},
		set_up, tear_down);
}

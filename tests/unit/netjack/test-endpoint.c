/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The whole NETJACK2 master, with slaves on threads. Speed is nobody's promise here. */
#include "fake-slave.h"
#include "netjack/endpoint/endpoint.h"
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>

#define DEADLINE_MS 10000
#define RATE        44100u
#define PERIOD      256u

/* What plays: a sample that tells tick, channel and frame; one for each session. */
struct player {
	struct netjack_session session;
	uint64_t n_sent, n_received;
	uint64_t verdicts[N_VERDICTS];
	uint64_t n_wrong; /* samples */
	bool open;
};

static struct endpoint_config config;
static struct endpoint *endpoint;
static struct endpoint_report report;
static pthread_t thread;
static int result;
static struct player players[16];
static atomic_uint n_players;
static atomic_uint n_closed;
static int open_error;
static atomic_uint sleep_ms; /* of the next send() */
static struct fake_slave slaves[3];
static unsigned n_slaves;

static float sample(uint64_t tick, unsigned channel, unsigned frame)
{
	return (float)((tick * PERIOD + frame) % 65536 * 64 + channel) * 0x1p-23f;
}

static int open_player(void *user, const struct netjack_session *session, void **ret)
{
	struct player *player = &players[atomic_load(&n_players)];

	ck_assert_ptr_eq(user, players);
	if (n_slaves == 1)
		ck_assert_uint_eq(atomic_load(&n_closed), atomic_load(&n_players));
	if (open_error < 0)
		return open_error;
	*player = (struct player){ .session = *session, .open = true };
	atomic_fetch_add(&n_players, 1);
	*ret = player;
	return 0;
}

static void send_player(void *audio, uint64_t tick, float *const *channels)
{
	struct player *player = audio;
	unsigned ms = atomic_exchange(&sleep_ms, 0);

	if (ms > 0)
		poll(NULL, 0, (int)ms);
	ck_assert(player->open && tick == player->n_sent);
	player->n_sent++;
	for (int32_t c = 0; c < player->session.send_audio; c++) {
		for (unsigned i = 0; i < PERIOD; i++)
			channels[c][i] = sample(tick, (unsigned)c, i);
	}
}

static void receive_player(void *audio, uint64_t tick, uint64_t sent, enum verdict verdict,
	const float *const *channels)
{
	struct player *player = audio;

	ck_assert(player->open && tick == player->n_received);
	player->n_received++;
	player->verdicts[verdict]++;
	if (verdict != VERDICT_OK)
		return;
	ck_assert_uint_eq(sent + player->session.latency, tick);
	for (int32_t c = 0; c < player->session.return_audio; c++) {
		for (unsigned i = 0; i < PERIOD; i++)
			player->n_wrong += channels[c][i] != sample(sent, (unsigned)c, i);
	}
}

static void close_player(void *audio)
{
	struct player *player = audio;

	ck_assert(player->open);
	player->open = false;
	atomic_fetch_add(&n_closed, 1);
}

static const struct audio_ops ops = {
	.open = open_player,
	.send = send_player,
	.receive = receive_player,
	.close = close_player,
};

static void set_up(void)
{
	config = (struct endpoint_config){
		.door = {
			.address.s_addr = htonl(INADDR_LOOPBACK),
			.rate = RATE,
			.period = PERIOD,
			.send_audio = -1,
			.return_audio = -1,
			.send_midi = -1,
			.return_midi = -1,
			.latency = -1,
			.host = "studio",
		},
		.audio = &ops,
		.user = players,
	};
	atomic_store(&n_players, 0);
	atomic_store(&n_closed, 0);
	atomic_store(&sleep_ms, 0);
	open_error = 0;
	n_slaves = 0;
	ck_assert_int_eq(endpoint_new(&config, &endpoint), 0);
}

static void tear_down(void)
{
	for (unsigned i = 0; i < n_slaves; i++)
		fake_slave_finish(&slaves[i]);
	endpoint_destroy(endpoint);
}

static struct fake_slave *new_slave(const char *name)
{
	fake_slave_init(&slaves[n_slaves], name, endpoint_port(endpoint));
	return &slaves[n_slaves++];
}

static void *run(void *user)
{
	(void)user;
	result = endpoint_run(endpoint, 0);
	return NULL;
}

static void start(void)
{
	ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
}

static void stop(void)
{
	endpoint_stop(endpoint);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(result, 0);
	endpoint_report(endpoint, &report);
	ck_assert_uint_eq(report.n_slaves, 0);
	ck_assert_uint_eq(atomic_load(&n_closed), atomic_load(&n_players));
}

static void await(atomic_uint *number, unsigned n)
{
	for (unsigned i = 0; i < DEADLINE_MS && atomic_load(number) < n; i++)
		poll(NULL, 0, 1);
	ck_assert_uint_ge(atomic_load(number), n);
}

START_TEST(run_of_so_many_ticks_returns_each_of_them)
{
	struct fake_slave *fake = new_slave("guest");
	const struct player *player = &players[0];

	fake_slave_run(fake);
	ck_assert_int_eq(endpoint_run(endpoint, 300), 0);
	endpoint_report(endpoint, &report);
	ck_assert_uint_eq(report.ticks, 300);
	ck_assert_uint_eq(report.wakeup.n, 301); /* one more ends the last period */
	ck_assert_uint_eq(report.connects, 1);
	ck_assert_uint_eq(report.n_slaves, 0);
	ck_assert_uint_eq(report.n_left, 1);
	ck_assert_str_eq(report.slaves[0].session.name, "guest");
	ck_assert_uint_eq(report.slaves[0].ticks, 300);
	ck_assert_uint_eq(player->n_sent, 300);
	ck_assert_uint_eq(player->n_received, 300);
	ck_assert_uint_gt(player->verdicts[VERDICT_OK], 0);
	ck_assert_uint_eq(player->n_wrong, 0);
	ck_assert_uint_eq(report.slaves[0].returns.malformed, 0);
	ck_assert(!player->open);
}
END_TEST

START_TEST(latency_is_that_many_periods)
{
	struct fake_slave *fake = new_slave("guest");

	fake->announced.latency = 3;
	fake->announced.send_audio = fake->announced.return_audio = 8;
	fake_slave_run(fake);
	ck_assert_int_eq(endpoint_run(endpoint, 100), 0);
	ck_assert_uint_eq(players[0].verdicts[VERDICT_EARLY], 3);
	ck_assert_uint_gt(players[0].verdicts[VERDICT_OK], 0);
	ck_assert_uint_eq(players[0].n_wrong, 0);
}
END_TEST

START_TEST(slave_is_told_when_the_master_ends)
{
	struct fake_slave *fake = new_slave("guest");

	start();
	fake_slave_run(fake);
	fake_slave_await_answers(fake, 20);
	stop();
	for (unsigned i = 0; i < DEADLINE_MS && !atomic_load(&fake->killed); i++)
		poll(NULL, 0, 1);
	ck_assert(atomic_load(&fake->killed));
}
END_TEST

START_TEST(dead_slave_costs_the_other_nothing)
{
	struct fake_slave *dead = new_slave("dead"), *alive = new_slave("alive");
	uint64_t n;

	dead->faults.dies_after = 20;
	start();
	fake_slave_run(alive);
	fake_slave_await_answers(alive, 5);
	fake_slave_run(dead);
	await(&n_closed, 1);
	n = atomic_load(&alive->n_answered);
	fake_slave_await_answers(alive, n + 20);
	endpoint_report(endpoint, &report);
	ck_assert_uint_eq(report.n_slaves, 1);
	ck_assert_str_eq(report.slaves[0].session.name, "alive");
	ck_assert_uint_eq(report.n_left, 1);
	ck_assert_str_eq(report.slaves[1].session.name, "dead");
	stop();
	ck_assert_uint_eq(atomic_load(&n_players), 2);
	ck_assert_uint_eq(players[0].n_wrong + players[1].n_wrong, 0);
	ck_assert_uint_eq(players[0].n_sent, report.slaves[0].ticks);
	/* The port was closed: that is no matter of two seconds of silence. */
	ck_assert_uint_lt(players[1].n_sent * PERIOD / RATE, ENDPOINT_SILENT_MS / 1000);
}
END_TEST

START_TEST(slave_that_comes_back_goes_on)
{
	struct fake_slave *first = new_slave("guest"), *second = new_slave("guest");

	first->faults.dies_after = 20;
	start();
	fake_slave_run(first);
	await(&n_closed, 1);
	fake_slave_run(second);
	fake_slave_await_answers(second, 20);
	stop();
	ck_assert_uint_eq(report.connects, 2);
	ck_assert_uint_eq(report.n_left, 2);
	ck_assert_int_gt(report.reconnect_ns, 0);
	ck_assert_str_eq(report.slaves[0].session.name, "guest");
	ck_assert_uint_eq(players[1].n_wrong, 0);
}
END_TEST

START_TEST(slave_that_starts_again_on_its_socket_replaces_itself)
{
	struct fake_slave *fake = new_slave("guest");

	fake->faults.forgets_after = 20;
	start();
	fake_slave_run(fake);
	await(&n_players, 2);
	fake_slave_await_answers(fake, 40);
	stop();
	ck_assert_uint_eq(report.connects, 2);
	ck_assert_uint_eq(report.n_left, 2);
	ck_assert_str_eq(report.slaves[0].session.name, "guest");
	ck_assert_uint_gt(players[1].verdicts[VERDICT_OK], 0);
	ck_assert_uint_eq(players[0].n_wrong + players[1].n_wrong, 0);
	/* By its announcement, not by its silence. */
	ck_assert_uint_lt(players[0].n_sent * PERIOD, 2 * RATE);
}
END_TEST

START_TEST(silent_slave_is_let_go)
{
	struct fake_slave *fake = new_slave("guest");

	fake->faults.silent_after = 10;
	start();
	fake_slave_run(fake);
	await(&n_closed, 1);
	stop();
	ck_assert_uint_eq(
		report.slaves[0].ticks, report.slaves[0].returns.verdicts[VERDICT_OK] +
						report.slaves[0].returns.verdicts[VERDICT_LATE] +
						report.slaves[0].returns.verdicts[VERDICT_LOST]);
	/* Two seconds of periods. */
	ck_assert_uint_ge(report.slaves[0].ticks * PERIOD, 2 * RATE);
	ck_assert_uint_le(report.slaves[0].ticks * PERIOD, 2 * RATE + 20 * PERIOD);
}
END_TEST

START_TEST(slave_that_says_goodbye_is_let_go)
{
	struct fake_slave *fake = new_slave("guest");

	fake->faults.leaves_after = 10;
	start();
	fake_slave_run(fake);
	await(&n_closed, 1);
	stop();
	ck_assert_uint_lt(report.slaves[0].ticks * PERIOD, 2 * RATE);
}
END_TEST

START_TEST(returns_that_are_missing_are_said_to_be)
{
	struct fake_slave *fake = new_slave("guest");

	fake->faults.drops_every = 10;
	fake_slave_run(fake);
	ck_assert_int_eq(endpoint_run(endpoint, 200), 0);
	endpoint_report(endpoint, &report);
	ck_assert_uint_ge(
		players[0].verdicts[VERDICT_LATE] + players[0].verdicts[VERDICT_LOST], 19);
	ck_assert_uint_gt(players[0].verdicts[VERDICT_OK], 0);
	ck_assert_uint_eq(players[0].n_received, 200);
	ck_assert_uint_eq(players[0].n_wrong, 0);
}
END_TEST

START_TEST(garbage_from_a_slave_is_counted_only)
{
	struct fake_slave *fake = new_slave("guest");

	fake->faults.garbage = 3;
	fake_slave_run(fake);
	ck_assert_int_eq(endpoint_run(endpoint, 100), 0);
	endpoint_report(endpoint, &report);
	ck_assert_uint_gt(report.slaves[0].returns.malformed, 0);
	ck_assert_uint_gt(players[0].verdicts[VERDICT_OK], 0);
	ck_assert_uint_eq(players[0].n_wrong, 0);
}
END_TEST

START_TEST(datagrams_that_are_held_back_pass_when_they_are_due)
{
	static const struct inject_config inject = {
		.delay_ns = 1000000, .on_send = true, .on_return = true
	};
	struct fake_slave *fake;

	endpoint_destroy(endpoint);
	config.door.inject = &inject;
	ck_assert_int_eq(endpoint_new(&config, &endpoint), 0);
	fake = new_slave("guest");
	fake_slave_run(fake);
	ck_assert_int_eq(endpoint_run(endpoint, 100), 0);
	endpoint_report(endpoint, &report);
	/* There and back, within a period of 5.8 ms. */
	ck_assert_uint_gt(players[0].verdicts[VERDICT_OK], 0);
	ck_assert_uint_eq(players[0].n_wrong, 0);
	ck_assert_uint_gt(report.slaves[0].injected.delayed, 200);
	ck_assert_int_ge(report.slaves[0].rtt.min_ns, 2 * inject.delay_ns);
}
END_TEST

START_TEST(late_master_skips_ticks_and_says_how_many)
{
	struct fake_slave *fake = new_slave("guest");

	start();
	fake_slave_run(fake);
	fake_slave_await_answers(fake, 10);
	atomic_store(&sleep_ms, 200);
	fake_slave_await_answers(fake, 40);
	stop();
	/* 200 ms are 34 periods. */
	ck_assert_uint_ge(report.late_ticks, 33);
	ck_assert_uint_eq(players[0].n_received, players[0].n_sent);
	ck_assert_uint_eq(players[0].n_wrong, 0);
}
END_TEST

START_TEST(slave_that_nobody_can_play_to_is_let_go)
{
	struct fake_slave *fake = new_slave("guest");

	open_error = -ENOSPC;
	start();
	fake_slave_run(fake);
	for (unsigned i = 0; i < DEADLINE_MS && !atomic_load(&fake->killed); i++)
		poll(NULL, 0, 1);
	ck_assert(atomic_load(&fake->killed));
	stop();
	ck_assert_uint_eq(report.connects, 0);
	ck_assert_uint_eq(report.n_left, 0);
}
END_TEST

START_TEST(master_without_slaves_has_no_ticks)
{
	start();
	stop();
	ck_assert_uint_eq(report.ticks, 0);
	ck_assert_uint_eq(report.wakeup.n, 0);
	ck_assert_uint_eq(report.n_left, 0);
}
END_TEST

int main(void)
{
	return suite_run_with("netjack-endpoint",
		(const TTest *const[]){
			run_of_so_many_ticks_returns_each_of_them,
			latency_is_that_many_periods,
			slave_is_told_when_the_master_ends,
			dead_slave_costs_the_other_nothing,
			slave_that_comes_back_goes_on,
			slave_that_starts_again_on_its_socket_replaces_itself,
			silent_slave_is_let_go,
			slave_that_says_goodbye_is_let_go,
			returns_that_are_missing_are_said_to_be,
			garbage_from_a_slave_is_counted_only,
			datagrams_that_are_held_back_pass_when_they_are_due,
			late_master_skips_ticks_and_says_how_many,
			slave_that_nobody_can_play_to_is_let_go,
			master_without_slaves_has_no_ticks,
			NULL,
		},
		set_up, tear_down);
}

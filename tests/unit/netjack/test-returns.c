/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netjack/endpoint/anchor.h"
#include "netjack/endpoint/returns.h"

#include "suite.h"

#define PERIOD    128u
#define PERIOD_NS INT64_C(1333333)
#define RTT_NS    INT64_C(140000)
#define ID        7u

/* Two packets of audio a period, so that half of one can be missing. */
static struct netjack_session session;
static struct returns *returns;
static struct netjack_stream stream;
static netjack_ports asked;
static uint64_t next_tick;

static void begin(uint32_t latency, bool sync)
{
	session = (struct netjack_session){
		.mtu = 1500,
		.id = ID,
		.send_audio = 2,
		.return_audio = 4,
		.return_midi = 1,
		.rate = 96000,
		.period = PERIOD,
		.sync = sync,
		.latency = latency,
	};
	stream = (struct netjack_stream){
		.mtu = 1500, .period = PERIOD, .channels = 4, .back = 2, .midi = 1
	};
	next_tick = 0;
	ck_assert_int_eq(returns_new(&session, &returns), 0);
}

static void end(void)
{
	returns_destroy(returns);
	returns = NULL;
}

static int64_t sent_ns(uint64_t tick)
{
	return INT64_C(1000000000) + (int64_t)tick * PERIOD_NS;
}

static void expect(void)
{
	returns_expect(returns, next_tick, sent_ns(next_tick));
	next_tick++;
}

static float sample_of(uint64_t tick, unsigned channel)
{
	return (float)(tick * 4 + channel + 1);
}

static size_t sync_packet(uint32_t cycle, uint8_t *ret)
{
	const struct netjack_header header = {
		.is_return = true, .id = ID, .cycle = cycle, .frames = -1
	};

	return netjack_sync_encode(&header, 1, ret);
}

static size_t audio_packet(uint32_t cycle, float value, uint32_t sub_cycle, uint8_t *ret)
{
	const struct netjack_header header = { .is_return = true, .id = ID, .cycle = cycle };
	static float samples[4][PERIOD];
	const float *channels[4];

	for (unsigned c = 0; c < 4; c++) {
		for (unsigned i = 0; i < PERIOD; i++)
			samples[c][i] = value + (float)c;
		channels[c] = samples[c];
	}
	return netjack_audio_encode(&header, &stream, 0xf, channels, sub_cycle, ret);
}

static bool come(const uint8_t *data, size_t size, int64_t received_ns)
{
	uint8_t *exact = malloc(size);
	bool asks;

	memcpy(exact, data, size);
	asks = returns_packet(returns, exact, size, received_ns, &asked);
	free(exact);
	return asks;
}

static void sync_comes(uint32_t cycle, int64_t received_ns)
{
	uint8_t bytes[NETJACK_PACKET_MAX];

	ck_assert(come(bytes, sync_packet(cycle, bytes), received_ns));
}

static void audio_comes(uint32_t cycle, uint64_t content, uint32_t sub_cycle, int64_t received_ns)
{
	uint8_t bytes[NETJACK_PACKET_MAX];
	size_t size = audio_packet(cycle, sample_of(content, 0), sub_cycle, bytes);

	ck_assert(!come(bytes, size, received_ns));
}

/* All of an answer, which says that it is `cycle` and carries what tick `content` did. */
static void answer_comes(uint32_t cycle, uint64_t content, int64_t received_ns)
{
	sync_comes(cycle, received_ns - 20);
	audio_comes(cycle, content, 0, received_ns - 10);
	audio_comes(cycle, content, 1, received_ns);
}

/* What is due at the latest tick: 'o'k with the content of the tick it is for, 'w'rong content, 'e'arly,
 * 'l'ate, '-' lost. */
static char take(void)
{
	const float *const *channels;
	int64_t rtt_ns;
	uint64_t sent;
	enum verdict verdict = returns_take(returns, next_tick - 1, &sent, &channels, &rtt_ns);

	if (verdict == VERDICT_EARLY)
		ck_assert_uint_eq(sent, 0);
	else
		ck_assert_uint_eq(sent, next_tick - 1 - session.latency);
	if (verdict != VERDICT_OK)
		return verdict == VERDICT_EARLY ? 'e' : verdict == VERDICT_LATE ? 'l' : '-';
	for (unsigned c = 0; c < 4; c++) {
		if (channels[c][0] != sample_of(sent, c) ||
			channels[c][PERIOD - 1] != sample_of(sent, c))
			return 'w';
	}
	return 'o';
}

static const struct returns_counters *counted(void)
{
	return returns_counters(returns);
}

START_TEST(a_period_that_comes_in_time_is_ok_with_its_round_trip)
{
	const float *const *channels;
	int64_t rtt_ns;
	uint64_t sent;

	begin(1, true);
	expect();
	ck_assert(returns_ready(returns, 0));
	ck_assert_int_eq(take(), 'e');
	answer_comes(1, 0, sent_ns(0) + RTT_NS);
	expect();
	ck_assert(returns_ready(returns, 1));
	ck_assert_int_eq(returns_take(returns, 1, &sent, &channels, &rtt_ns), VERDICT_OK);
	ck_assert_uint_eq(sent, 0);
	ck_assert_int_eq(rtt_ns, RTT_NS);
	ck_assert_uint_eq(counted()->packets, 3);
	ck_assert_uint_eq(counted()->verdicts[VERDICT_OK], 1);
	ck_assert_uint_eq(counted()->verdicts[VERDICT_EARLY], 1);
	ck_assert(asked == 1);
	end();
}
END_TEST

START_TEST(a_period_that_comes_late_has_a_round_trip_too)
{
	int64_t rtt_ns = POISON;

	begin(0, true);
	expect();
	ck_assert(!returns_arrived(returns, &rtt_ns));
	ck_assert_int_eq(take(), 'l');
	expect();
	sync_comes(1, sent_ns(1) + 10);
	audio_comes(1, 0, 0, sent_ns(1) + 20);
	ck_assert(!returns_arrived(returns, &rtt_ns));
	ck_assert_int_eq(rtt_ns, POISON);
	audio_comes(1, 0, 1, sent_ns(1) + 30);
	ck_assert_uint_eq(counted()->late, 1);
	ck_assert(returns_arrived(returns, &rtt_ns));
	ck_assert_int_eq(rtt_ns, sent_ns(1) + 30 - sent_ns(0));
	ck_assert(!returns_arrived(returns, &rtt_ns));
	end();
}
END_TEST

START_TEST(an_answer_is_ready_when_all_of_it_is_there)
{
	begin(0, true);
	expect();
	ck_assert(!returns_ready(returns, 0));
	audio_comes(1, 0, 1, sent_ns(0) + 1);
	ck_assert(!returns_ready(returns, 0));
	sync_comes(1, sent_ns(0) + 2);
	ck_assert(!returns_ready(returns, 0));
	audio_comes(1, 0, 0, sent_ns(0) + 3);
	ck_assert(returns_ready(returns, 0));
	ck_assert_int_eq(take(), 'o');
	ck_assert(!returns_ready(returns, 0));
	end();
}
END_TEST

START_TEST(without_return_channels_the_sync_packet_is_all)
{
	begin(0, true);
	end();
	session.return_audio = 0;
	ck_assert_int_eq(returns_new(&session, &returns), 0);
	expect();
	sync_comes(1, sent_ns(0) + 1);
	ck_assert(returns_ready(returns, 0));
	end();
}
END_TEST

START_TEST(a_port_that_is_not_sent_is_silent)
{
	const struct netjack_header header = { .is_return = true, .id = ID, .cycle = 1 };
	static const float samples[PERIOD] = { [0] = 1, [PERIOD - 1] = 2 };
	const float *from[4] = { samples, samples, samples, samples };
	const float *const *channels;
	uint8_t bytes[NETJACK_PACKET_MAX];
	int64_t rtt_ns;
	uint64_t sent;

	begin(0, true);
	for (unsigned i = 0; i < 3; i++) {
		struct netjack_header h = header;

		h.cycle = i + 1;
		expect();
		sync_comes(h.cycle, sent_ns(i) + 1);
		come(bytes,
			netjack_audio_encode(&h, &stream,
				i == 0   ? 3
				: i == 1 ? 2
					 : 0,
				from, 0, bytes),
			sent_ns(i) + 2);
		ck_assert_int_eq(returns_take(returns, i, &sent, &channels, &rtt_ns), VERDICT_OK);
		ck_assert(channels[0][0] == (i == 0 ? 1.f : 0.f));
		ck_assert(channels[1][PERIOD - 1] == (i < 2 ? 2.f : 0.f));
		ck_assert(channels[3][0] == 0.f);
	}
	end();
}
END_TEST

enum numbers {
	ECHO,
	OWN_COUNTER,
	NO_NUMBER,
};

/* What a slave does in each period, a letter for each, see play(); and what is taken of it: at latency
 * 0 at the end of the period, else at the start. */
struct run {
	const char *what;
	uint32_t latency;
	enum numbers numbers;
	const char *comes, *taken;
	struct returns_counters at_the_end; /* when all slots were needed again */
};

static void put(
	const struct run *run, uint64_t tick, uint64_t content, unsigned missed, int64_t now)
{
	uint64_t number = tick + 1 - (run->numbers == OWN_COUNTER ? missed : 0);

	answer_comes(run->numbers == NO_NUMBER ? 0 : (uint32_t)number, content, now);
}

static void play_twice(const struct run *run, uint64_t tick, int64_t now)
{
	uint32_t number = run->numbers == NO_NUMBER ? 0 : (uint32_t)(tick + 1);

	sync_comes(number, now);
	sync_comes(number, now + 1);
	audio_comes(number, tick, 0, now + 2);
	audio_comes(number, tick, 0, now + 3);
	audio_comes(number, tick, 1, now + 4);
	audio_comes(number, tick, 1, now + 5);
}

/* Returns how many periods never reached the slave. */
static unsigned play(const struct run *run, char letter, uint64_t tick, unsigned missed)
{
	int64_t now = sent_ns(tick) + RTT_NS;
	uint32_t number = (uint32_t)(tick + 1);

	switch (letter) {
	case 'a': /* answers */
		put(run, tick, tick, missed, now);
		break;
	case 'm': /* misses it: the period never came */
		return missed + 1;
	case '.': /* its answer is lost */
		break;
	case 's': /* all but its sync packet is lost */
		sync_comes(number, now);
		break;
	case 'h': /* half of it is lost */
		sync_comes(number, now);
		audio_comes(number, tick, 1, now);
		break;
	case 'd': /* each packet comes twice */
		play_twice(run, tick, now);
		break;
	case 'r': /* the sync packet comes last */
		audio_comes(number, tick, 0, now);
		audio_comes(number, tick, 1, now + 1);
		sync_comes(number, now + 2);
		break;
	case 'c': /* catches up: answers three periods at once, then this one */
		for (uint64_t i = 3; i > 0; i--)
			put(run, tick - i, tick - i, missed, now - (int64_t)i * 100);
		put(run, tick, tick, missed, now);
		break;
	case 'v': /* answers this one, and then the one before */
		put(run, tick, tick, missed, now);
		put(run, tick - 1, tick - 1, missed, now + 100);
		break;
	case 'w': /* answers this one, and then the one two before */
		put(run, tick, tick, missed, now);
		put(run, tick - 2, tick - 2, missed, now + 100);
		break;
	case 'x': /* has missed the one before: see returns.h */
		put(run, tick - 2, tick - 3, missed, now);
		put(run, tick, tick, missed, now + 100);
		break;
	case 'z': /* answers nothing that was ever sent */
		put(run, tick + 1000, tick, missed, now);
		break;
	default:
		ck_abort_msg("%c", letter);
	}
	return missed;
}

static void check_counters(const struct run *run)
{
	const struct returns_counters *c = counted(), *e = &run->at_the_end;

	ck_assert_msg(c->lost == e->lost && c->late == e->late && c->duplicated == e->duplicated &&
			      c->reordered == e->reordered && c->stale == e->stale &&
			      c->slave_xruns == e->slave_xruns && c->reanchored == e->reanchored &&
			      c->malformed == 0,
		"%s: lost %lu late %lu duplicated %lu reordered %lu stale %lu xruns %lu "
		"reanchored %lu malformed %lu",
		run->what, c->lost, c->late, c->duplicated, c->reordered, c->stale, c->slave_xruns,
		c->reanchored, c->malformed);
	ck_assert_uint_eq(c->verdicts[VERDICT_LATE] + c->verdicts[VERDICT_LOST], e->lost + e->late);
}

static void check_run(const struct run *run)
{
	char taken[64] = "";
	unsigned missed = 0;

	begin(run->latency, run->numbers == ECHO);
	for (size_t i = 0; run->comes[i]; i++) {
		expect();
		if (run->latency > 0)
			taken[i] = take();
		missed = play(run, run->comes[i], i, missed);
		if (run->latency == 0)
			taken[i] = take();
	}
	ck_assert_msg(strcmp(taken, run->taken) == 0, "%s: %s", run->what, taken);
	while (next_tick < strlen(run->comes) + RETURNS_SLOTS)
		expect();
	check_counters(run);
	end();
}

START_TEST(what_becomes_of_a_period_is_told_apart)
{
	static const struct run runs[] = {
		{ "well, at once", 0, ECHO, "aaaa", "oooo", { .lost = 0 } },
		{ "well, a period later", 1, ECHO, "aaaa", "eooo", { .lost = 0 } },
		{ "well, later", 3, ECHO, "aaaaaa", "eeeooo", { .lost = 0 } },
		{ "lost, at once", 0, ECHO, "a.aa", "oloo", { .lost = 1 } },
		{ "lost", 1, ECHO, "aa.aaa", "eooloo", { .lost = 1 } },
		{ "lost for sure", 2, ECHO, "aa.aaa", "eeoo-o", { .lost = 1 } },
		{ "all of the audio lost", 1, ECHO, "aasaaa", "eooloo", { .lost = 1 } },
		{ "some of the audio lost", 1, ECHO, "aahaaa", "eooloo", { .lost = 1 } },
		{ "duplicated", 1, ECHO, "adaa", "eooo", { .duplicated = 3 } },
		{ "reordered", 1, ECHO, "araa", "eooo", { .reordered = 1 } },
		{ "reordered and late", 1, ECHO, "a.vaa", "eoloo", { .late = 1, .reordered = 3 } },
		{ "reordered in time", 2, ECHO, "a.vaa", "eeooo", { .reordered = 3 } },
		{ "so late that its memory has another", 1, ECHO, "aa.awaa", "eoolooo",
			{ .late = 1, .reordered = 3 } },
		{ "late", 1, ECHO, "aa...ca", "eoolllo", { .late = 3 } },
		{ "later than anything that is waited for", 4, ECHO, "aa...ca", "eeeeooo",
			{ .lost = 0 } },
		{ "stale", 1, ECHO, "azaa", "eolo", { .lost = 1, .stale = 3 } },
		{ "missed", 1, ECHO, "aaamxaa", "eoooloo", { .lost = 1, .slave_xruns = 1 } },
		{ "missed, and the answer before still due", 3, ECHO, "aaamxaaa", "eeeooo-o",
			{ .lost = 1, .slave_xruns = 1 } },
	};

	for (size_t i = 0; i < N_ELEMENTS(runs); i++)
		check_run(&runs[i]);
}
END_TEST

/* What moves the numbers costs the period that was lost and two more, in which the next ones pass for
 * it: never more. */
START_TEST(numbers_that_are_not_ours_are_found_again)
{
	static const struct run runs[] = {
		{ "counted, well", 1, OWN_COUNTER, "aaaa", "eooo", { .lost = 0 } },
		{ "counted, lost", 1, OWN_COUNTER, "aa.aaa", "eooloo", { .lost = 1 } },
		{ "counted from later on", 1, OWN_COUNTER, "mmmaaa", "ellloo", { .lost = 3 } },
		{ "counted, late", 1, OWN_COUNTER, "aa...caa", "eoollloo", { .late = 3 } },
		{ "counted, twice", 1, OWN_COUNTER, "adaaaa", "eooooo", { .duplicated = 3 } },
		{ "counted, missed", 1, OWN_COUNTER, "aamaaaaaa", "eoolllooo",
			{ .lost = 1, .late = 2, .reanchored = 1 } },
		{ "none, well", 1, NO_NUMBER, "aaaa", "eooo", { .lost = 0 } },
		{ "none, from later on", 1, NO_NUMBER, "mmmaaa", "ellloo", { .lost = 3 } },
		{ "none, late", 1, NO_NUMBER, "aa...caa", "eoollloo", { .late = 3 } },
		{ "none, lost", 1, NO_NUMBER, "aa.aaaaaa", "eoolllooo",
			{ .lost = 1, .late = 2, .reanchored = 1 } },
		{ "none, many lost", 1, NO_NUMBER, "aa.....aaaaaa", "eoolllllllooo",
			{ .lost = 5, .late = 2, .reanchored = 1 } },
		{ "none, twice", 1, NO_NUMBER, "adaaaa", "eooooo",
			{ .duplicated = 3, .reanchored = 1 } },
	};

	for (size_t i = 0; i < N_ELEMENTS(runs); i++)
		check_run(&runs[i]);
}
END_TEST

START_TEST(a_session_may_last_longer_than_its_numbers)
{
	static const struct {
		uint32_t tick;
		uint64_t latest, expected;
	} rows[] = {
		{ 5, 7, 5 },
		{ 7, 5, 7 },
		{ 0xffffffff, 0x100000001, 0xffffffff },
		{ 1, 0xfffffffe, 0x100000001 },
		{ 0xfffffff0, 0x7fffffff00000002, 0x7ffffffefffffff0 },
	};
	struct anchor anchor = { 0 };
	uint64_t tick;

	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		ck_assert_uint_eq(anchor_unwrap(rows[i].tick, rows[i].latest), rows[i].expected);
	for (uint64_t i = 0; i < 10; i++) {
		anchor_place(&anchor, (uint32_t)(0xfffffffa + i), 0x2fffffffc + i, &tick);
		ck_assert_uint_eq(tick, 0x2fffffffc + i);
		ck_assert_uint_eq(
			anchor_tick(&anchor, (uint32_t)(0xfffffffa + i - 1), tick), tick - 1);
	}
	ck_assert_uint_eq(anchor.n_moves, 0);
}
END_TEST

START_TEST(number_0_is_a_number_after_the_last_one)
{
	static const bool syncs[] = { true, false };

	for (size_t i = 0; i < N_ELEMENTS(syncs); i++) {
		begin(1, syncs[i]);
		next_tick = 0xfffffff0;
		for (unsigned k = 0; k < 32; k++) {
			expect();
			if (k > 0)
				ck_assert_int_eq(take(), 'o');
			answer_comes((uint32_t)next_tick, next_tick - 1,
				sent_ns(next_tick - 1) + RTT_NS);
		}
		ck_assert_uint_eq(returns_counters(returns)->reanchored, 0);
		ck_assert_uint_eq(returns_counters(returns)->stale, 0);
		end();
	}
}
END_TEST

START_TEST(what_is_not_of_the_session_is_malformed_and_changes_nothing)
{
	static const struct {
		const char *what;
		size_t offset;
		uint8_t value;
	} rows[] = {
		{ "another type", 0, 'x' },
		{ "of the master", 15, 's' },
		{ "another id", 19, ID + 1 },
		{ "another number of packets", 23, 3 },
		{ "the whole in one packet", 23, 1 },
		{ "another length", 27, 0 },
		{ "another number of ports", 31, 3 },
		{ "too many ports", 31, 5 },
		{ "behind the last packet", 39, 2 },
		{ "another port", 51, 1 },
		{ "no port", 51, 4 },
	};
	uint8_t bytes[NETJACK_PACKET_MAX];
	size_t size;

	begin(0, true);
	expect();
	sync_comes(1, sent_ns(0) + 1);
	audio_comes(1, 0, 0, sent_ns(0) + 2);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		size = audio_packet(1, 99, 1, bytes);
		bytes[rows[i].offset] = rows[i].value;
		ck_assert(!come(bytes, size, sent_ns(0) + 3));
		ck_assert_msg(counted()->malformed == i + 1, "%s", rows[i].what);
	}
	for (size_t cut = 0; cut < size; cut++)
		ck_assert(!come(bytes, cut, sent_ns(0) + 3));
	ck_assert_uint_eq(counted()->malformed, N_ELEMENTS(rows) + size);
	ck_assert_uint_eq(counted()->packets, 2);
	ck_assert(!returns_ready(returns, 0));
	audio_comes(1, 0, 1, sent_ns(0) + 4);
	ck_assert_int_eq(take(), 'o');
	end();
}
END_TEST

START_TEST(where_numbers_are_guessed_another_answer_is_a_duplicate)
{
	const struct netjack_header none = { .is_return = true, .id = ID };
	uint8_t bytes[NETJACK_PACKET_MAX];
	size_t size;

	begin(0, false);
	expect();
	answer_comes(0, 0, sent_ns(0) + 1);
	sync_comes(0, sent_ns(0) + 2);
	size = netjack_audio_encode(&none, &stream, 0, NULL, 0, bytes);
	ck_assert(!come(bytes, size, sent_ns(0) + 3));
	ck_assert_uint_eq(counted()->duplicated, 2);
	ck_assert_uint_eq(counted()->malformed, 0);
	ck_assert_int_eq(take(), 'o');
	end();
}
END_TEST

START_TEST(before_the_first_period_everything_is_stale)
{
	begin(0, true);
	answer_comes(1, 0, sent_ns(0));
	ck_assert_uint_eq(counted()->stale, 3);
	expect();
	ck_assert_int_eq(take(), 'l');
	end();
}
END_TEST

START_TEST(verdicts_have_names)
{
	ck_assert_str_eq(verdict_name(VERDICT_OK), "ok");
	ck_assert_str_eq(verdict_name(VERDICT_EARLY), "early");
	ck_assert_str_eq(verdict_name(VERDICT_LATE), "late");
	ck_assert_str_eq(verdict_name(VERDICT_LOST), "lost");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_period_that_comes_in_time_is_ok_with_its_round_trip,
		a_period_that_comes_late_has_a_round_trip_too,
		an_answer_is_ready_when_all_of_it_is_there,
		without_return_channels_the_sync_packet_is_all,
		a_port_that_is_not_sent_is_silent,
		what_becomes_of_a_period_is_told_apart,
		numbers_that_are_not_ours_are_found_again,
		a_session_may_last_longer_than_its_numbers,
		number_0_is_a_number_after_the_last_one,
		what_is_not_of_the_session_is_malformed_and_changes_nothing,
		where_numbers_are_guessed_another_answer_is_a_duplicate,
		before_the_first_period_everything_is_stale,
		verdicts_have_names,
		NULL,
	};

	return suite_run("netjack-returns", tests);
}

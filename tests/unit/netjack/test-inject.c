/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A network that is bad on purpose. */
#include "netjack/endpoint/inject.h"
#include "netjack/wire/packet.h"
#include "suite.h"

#define N_SEEN_MAX 20000u
#define MS         INT64_C(1000000)

static struct {
	uint32_t number;
	int64_t stamp_ns;
} seen[N_SEEN_MAX];
static unsigned n_seen;
static struct inject *inject;

static void sink(void *user, const uint8_t *data, size_t size, int64_t stamp_ns)
{
	(void)user;
	ck_assert_uint_lt(n_seen, N_SEEN_MAX);
	ck_assert_uint_eq(size, sizeof seen[0].number);
	memcpy(&seen[n_seen].number, data, size);
	seen[n_seen++].stamp_ns = stamp_ns;
}

static void begin(const struct inject_config *config)
{
	n_seen = 0;
	ck_assert_int_eq(inject_new(config, sink, NULL, &inject), 0);
}

static void tear_down(void)
{
	inject_destroy(inject);
	inject = NULL;
}

static void set_up(void)
{
	n_seen = 0;
}

static void push(uint32_t number, uint64_t tick, int64_t now_ns)
{
	inject_push(inject, tick, (const uint8_t *)&number, sizeof number, now_ns - 5, now_ns);
}

START_TEST(nothing_asked_for_is_nothing_done)
{
	struct inject_config config = { .seed = 9 };

	ck_assert(!inject_wants(&config));
	begin(&config);
	for (uint32_t i = 0; i < 1000; i++) {
		push(i, i, i);
		ck_assert_uint_eq(n_seen, i + 1);
		ck_assert_uint_eq(seen[i].number, i);
		ck_assert_int_eq(seen[i].stamp_ns, (int64_t)i - 5);
	}
	ck_assert_int_eq(inject_next_ns(inject), INT64_MAX);
}
END_TEST

START_TEST(share_of_datagrams_is_lost_the_same_ones_each_time)
{
	struct inject_config config = { .loss = 0.1, .seed = 3 };
	uint64_t lost;
	uint32_t first_missing = 0;

	ck_assert(inject_wants(&config));
	for (unsigned run = 0; run < 2; run++) {
		begin(&config);
		for (uint32_t i = 0; i < 10000; i++)
			push(i, i, i);
		lost = inject_counters(inject)->lost;
		ck_assert_uint_eq(n_seen + lost, 10000);
		ck_assert_uint_gt(lost, 900);
		ck_assert_uint_lt(lost, 1100);
		for (uint32_t i = 0; i < n_seen && run == 0; i++) {
			if (seen[i].number != i) {
				first_missing = i;
				break;
			}
		}
		ck_assert_uint_ne(seen[first_missing].number, first_missing);
		ck_assert_uint_eq(seen[first_missing - 1].number, first_missing - 1);
		tear_down();
	}
}
END_TEST

START_TEST(period_is_lost_as_a_whole)
{
	struct inject_config config = { .cycle_loss = 0.25, .seed = 1 };
	unsigned of_tick[1000] = { 0 }, n_lost = 0;

	begin(&config);
	for (uint32_t i = 0; i < 3000; i++)
		push(i, i / 3, i);
	for (unsigned i = 0; i < n_seen; i++)
		of_tick[seen[i].number / 3]++;
	for (unsigned i = 0; i < 1000; i++) {
		ck_assert(of_tick[i] == 0 || of_tick[i] == 3);
		n_lost += of_tick[i] == 0;
	}
	ck_assert_uint_gt(n_lost, 200);
	ck_assert_uint_lt(n_lost, 300);
}
END_TEST

START_TEST(start_is_left_alone)
{
	struct inject_config config = { .loss = 1, .after = 10 };

	begin(&config);
	for (uint32_t i = 0; i < 20; i++)
		push(i, i, i);
	ck_assert_uint_eq(n_seen, 10);
	ck_assert_uint_eq(seen[9].number, 9);
	ck_assert_uint_eq(inject_counters(inject)->lost, 10);
}
END_TEST

START_TEST(delayed_datagram_waits_and_its_stamp_is_later)
{
	struct inject_config config = { .delay_ns = 3 * MS };

	begin(&config);
	push(1, 1, 100);
	push(2, 1, 200);
	ck_assert_uint_eq(n_seen, 0);
	ck_assert_int_eq(inject_next_ns(inject), 100 + 3 * MS);
	inject_run(inject, 99 + 3 * MS);
	ck_assert_uint_eq(n_seen, 0);
	/* Late ourselves: that is not the datagram's. */
	inject_run(inject, 150 + 3 * MS);
	ck_assert_uint_eq(n_seen, 1);
	ck_assert_int_eq(seen[0].stamp_ns, 95 + 3 * MS);
	inject_run(inject, 200 + 3 * MS);
	ck_assert_uint_eq(n_seen, 2);
	ck_assert_uint_eq(seen[1].number, 2);
	ck_assert_uint_eq(inject_counters(inject)->delayed, 2);
	ck_assert_int_eq(inject_next_ns(inject), INT64_MAX);
}
END_TEST

START_TEST(jitter_stays_within_its_bounds)
{
	struct inject_config config = { .delay_ns = MS, .jitter_ns = 2 * MS, .seed = 4 };
	int64_t min = INT64_MAX, max = 0;

	begin(&config);
	for (uint32_t i = 0; i < 1000; i++) {
		push(i, i, i * 10 * MS);
		inject_run(inject, i * 10 * MS + 3 * MS);
		ck_assert_uint_eq(n_seen, i + 1);
		int64_t late = seen[i].stamp_ns + 5 - i * 10 * MS;
		min = late < min ? late : min;
		max = late > max ? late : max;
	}
	ck_assert_int_ge(min, MS);
	ck_assert_int_lt(min, MS + MS / 10);
	ck_assert_int_lt(max, 3 * MS);
	ck_assert_int_gt(max, 3 * MS - MS / 10);
}
END_TEST

START_TEST(next_one_overtakes)
{
	struct inject_config config = { .reorder = 1 };

	begin(&config);
	for (uint32_t i = 0; i < 4; i++)
		push(i, i, i);
	ck_assert_uint_eq(n_seen, 4);
	ck_assert_uint_eq(seen[0].number, 1);
	ck_assert_uint_eq(seen[1].number, 0);
	ck_assert_uint_eq(seen[2].number, 3);
	ck_assert_uint_eq(seen[3].number, 2);
	ck_assert_uint_eq(inject_counters(inject)->reordered, 2);
	ck_assert_uint_eq(inject_counters(inject)->delayed, 0);
}
END_TEST

START_TEST(one_that_nobody_overtakes_goes_on)
{
	struct inject_config config = { .reorder = 1 };

	begin(&config);
	push(1, 1, 0);
	ck_assert_uint_eq(n_seen, 0);
	ck_assert_int_eq(inject_next_ns(inject), INJECT_OVERTAKE_NS);
	inject_run(inject, INJECT_OVERTAKE_NS);
	ck_assert_uint_eq(n_seen, 1);
	ck_assert_uint_eq(inject_counters(inject)->reordered, 0);
	/* The next one starts afresh. */
	push(2, 1, INJECT_OVERTAKE_NS);
	ck_assert_uint_eq(n_seen, 1);
}
END_TEST

START_TEST(queue_that_is_full_loses)
{
	struct inject_config config = { .delay_ns = MS };

	begin(&config);
	for (uint32_t i = 0; i < INJECT_QUEUE_MAX + 7; i++)
		push(i, i, 0);
	ck_assert_uint_eq(inject_counters(inject)->lost, 7);
	inject_run(inject, MS);
	ck_assert_uint_eq(n_seen, INJECT_QUEUE_MAX);
	ck_assert_uint_eq(seen[n_seen - 1].number, INJECT_QUEUE_MAX - 1);
}
END_TEST

START_TEST(datagram_that_is_too_large_is_lost)
{
	static const uint8_t large[NETJACK_PACKET_MAX + 1];
	struct inject_config config = { .delay_ns = MS };

	begin(&config);
	inject_push(inject, 0, large, sizeof large, 0, 0);
	ck_assert_uint_eq(inject_counters(inject)->lost, 1);
	ck_assert_int_eq(inject_next_ns(inject), INT64_MAX);
}
END_TEST

int main(void)
{
	return suite_run_with("netjack-inject",
		(const TTest *const[]){
			nothing_asked_for_is_nothing_done,
			share_of_datagrams_is_lost_the_same_ones_each_time,
			period_is_lost_as_a_whole,
			start_is_left_alone,
			delayed_datagram_waits_and_its_stamp_is_later,
			jitter_stays_within_its_bounds,
			next_one_overtakes,
			one_that_nobody_overtakes_goes_on,
			queue_that_is_full_loses,
			datagram_that_is_too_large_is_lost,
			NULL,
		},
		set_up, tear_down);
}

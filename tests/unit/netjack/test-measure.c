/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netjack/measure/measure.h"
#include "netjack/measure/payload.h"

#include "suite.h"

#include <errno.h>
#include <math.h>

#define PERIOD   64u
#define CHANNELS 2u
#define TICKS    400u
#define WARM_UP  3u

/* What was sent, on a line as long as a test; the return is taken from it at any distance. */
static float sent[CHANNELS][TICKS * PERIOD];
static float returned[CHANNELS][PERIOD];
static struct measure *measure;
static void *audio;
static uint64_t tick;
static unsigned swap; /* the slave's cables: channel c comes back from c + swap */

static const struct netjack_session session = {
	.name = "dsp",
	.period = PERIOD,
	.rate = 96000,
	.send_audio = CHANNELS,
	.return_audio = CHANNELS,
	.sync = true,
	.latency = 1,
};

static void open_audio(void)
{
	ck_assert_int_eq(measure_ops.open(measure, &session, &audio), 0);
	tick = 0;
}

static void set_up(void)
{
	ck_assert_int_eq(measure_new(WARM_UP, &measure), 0);
	swap = 0;
	open_audio();
}

static void tear_down(void)
{
	if (audio)
		measure_ops.close(audio);
	measure_destroy(measure);
}

static float sent_at(unsigned channel, int64_t frame)
{
	return frame < 0 ? 0 : sent[(channel + swap) % CHANNELS][frame];
}

/* Sends a period; what came back is what was sent `lag` frames before. */
static void send_and_return(int64_t lag)
{
	float *channels[CHANNELS];

	ck_assert_uint_lt(tick, TICKS);
	for (unsigned c = 0; c < CHANNELS; c++)
		channels[c] = &sent[c][tick * PERIOD];
	measure_ops.send(audio, tick, channels);
	for (unsigned c = 0; c < CHANNELS; c++)
		for (unsigned i = 0; i < PERIOD; i++)
			returned[c][i] = sent_at(c, (int64_t)(tick * PERIOD + i) - lag);
}

static void receive(enum verdict verdict)
{
	const float *const channels[CHANNELS] = { returned[0], returned[1] };

	measure_ops.receive(audio, tick, tick, verdict, channels);
	tick++;
}

static void run(unsigned n, int64_t lag)
{
	while (n-- > 0) {
		send_and_return(lag);
		receive(VERDICT_OK);
	}
}

static struct measure_report report(void)
{
	struct measure_report reports[MEASURE_TRACKS];
	unsigned n = measure_report(measure, reports);

	ck_assert_uint_ge(n, 1);
	return reports[n - 1];
}

/* Until the next period is the first that is counted. */
static void settle(int64_t lag)
{
	while (!report().measuring)
		run(1, lag);
}

START_TEST(the_payload_is_white_24_bit_noise)
{
	double sum = 0, square = 0, product = 0, before = 0;
	const unsigned n = 100000;

	for (unsigned i = 0; i < n; i++) {
		double s = payload_sample(i, 1), integer = s * 8388608.0;

		ck_assert(s >= -1 && s < 1);
		ck_assert(integer == floor(integer));
		sum += s;
		square += s * s;
		product += s * before;
		before = s;
	}
	ck_assert_double_eq_tol(sum / n, 0, 0.01);
	ck_assert_double_eq_tol(square / n, 1.0 / 3, 0.01);
	ck_assert_double_eq_tol(product / n, 0, 0.01);
	ck_assert(payload_sample(5, 0) != payload_sample(5, 1));
}
END_TEST

START_TEST(a_sample_is_known_by_its_bits)
{
	uint64_t frame = POISON;
	float changed = payload_sample(77, 1);

	ck_assert(payload_is(changed, 77, 1));
	ck_assert(!payload_is(nextafterf(changed, 2), 77, 1));
	ck_assert(!payload_is(NAN, 77, 1));
	ck_assert_int_eq(payload_find(NAN, 0, 500, 500, 1, &frame), -ENOENT);
	ck_assert_int_eq(payload_find(1e30f, 0, 500, 500, 1, &frame), -ENOENT);
	ck_assert_int_eq(
		payload_find(changed, payload_sample(79, 1), 500, 500, 1, &frame), -ENOENT);
	ck_assert_int_eq(payload_find(changed, payload_sample(78, 1), 76, 500, 1, &frame), -ENOENT);
	ck_assert_int_eq(
		payload_find(changed, payload_sample(78, 1), 500, 423, 1, &frame), -ENOENT);
	ck_assert_uint_eq(frame, POISON);
	ck_assert_int_eq(payload_find(changed, payload_sample(78, 1), 500, 424, 1, &frame), 0);
	ck_assert_uint_eq(frame, 77);
}
END_TEST

START_TEST(every_lag_up_to_64_periods_is_found_to_the_sample)
{
	static const int64_t lags[] = { 0, 1, 63, 64, 65, 128, 1000, 4095, 4096 };

	for (size_t i = 0; i < N_ELEMENTS(lags); i++) {
		settle(lags[i]);
		run(10, lags[i]);
		struct measure_report r = report();
		ck_assert_uint_eq(r.lags[0].samples, (uint64_t)lags[i]);
		ck_assert_uint_eq(r.lags[0].periods, 10);
		ck_assert_uint_eq(r.lags[1].periods, 0);
		ck_assert_uint_eq(r.exact, 10 * CHANNELS * PERIOD);
		ck_assert_uint_eq(r.wrong + r.silent, 0);
		ck_assert_uint_eq(r.verdicts[VERDICT_OK], 10);
		measure_ops.close(audio);
		open_audio();
	}
}
END_TEST

START_TEST(a_lag_beyond_64_periods_is_not_found)
{
	run(100, 4097);
	ck_assert(!report().measuring);
	ck_assert_uint_eq(report().foreign, 3);
}
END_TEST

START_TEST(one_changed_bit_is_one_wrong_sample_wherever_it_is)
{
	settle(PERIOD);
	for (unsigned i = 0; i < PERIOD; i++) {
		send_and_return(PERIOD);
		returned[1][i] = nextafterf(returned[1][i], 2);
		receive(VERDICT_OK);
		ck_assert_uint_eq(report().wrong, i + 1);
	}
	ck_assert_uint_eq(report().exact, (2 * PERIOD - 1) * PERIOD);
	ck_assert_uint_eq(report().lags[1].periods, 0);
}
END_TEST

START_TEST(a_repeated_period_is_another_lag_and_no_wrong_sample)
{
	settle(PERIOD);
	run(5, PERIOD);
	run(1, 3 * PERIOD);
	run(4, PERIOD);
	struct measure_report r = report();
	ck_assert_uint_eq(r.lags[0].samples, PERIOD);
	ck_assert_uint_eq(r.lags[0].periods, 9);
	ck_assert_uint_eq(r.lags[1].samples, 3 * PERIOD);
	ck_assert_uint_eq(r.lags[1].periods, 1);
	ck_assert_uint_eq(r.wrong + r.silent, 0);
	ck_assert_uint_eq(r.exact, 10 * CHANNELS * PERIOD);
}
END_TEST

START_TEST(half_a_repeated_period_has_two_lags)
{
	settle(PERIOD);
	send_and_return(PERIOD);
	for (unsigned i = PERIOD / 2; i < PERIOD; i++)
		returned[0][i] = sent_at(0, (int64_t)((tick - 2) * PERIOD + i));
	receive(VERDICT_OK);
	struct measure_report r = report();
	ck_assert_uint_eq(r.lags[0].periods, 1);
	ck_assert_uint_eq(r.lags[1].periods, 1);
	ck_assert_uint_eq(r.exact, CHANNELS * PERIOD);
	ck_assert_uint_eq(r.wrong, 0);
}
END_TEST

START_TEST(silence_is_told_from_wrong_samples)
{
	settle(0);
	send_and_return(0);
	memset(returned[0], 0, sizeof returned[0]);
	receive(VERDICT_OK);
	struct measure_report r = report();
	ck_assert_uint_eq(r.silent, PERIOD);
	ck_assert_uint_eq(r.wrong, 0);
	ck_assert_uint_eq(r.exact, PERIOD);
}
END_TEST

START_TEST(nothing_is_counted_before_the_graph_is_connected_and_warm)
{
	memset(returned, 0, sizeof returned);
	for (unsigned i = 0; i < 20; i++) {
		send_and_return(0);
		memset(returned, 0, sizeof returned);
		receive(VERDICT_OK);
	}
	ck_assert(!report().measuring);
	ck_assert_uint_eq(report().matched | report().foreign, 0);
	run(WARM_UP, 0);
	ck_assert(!report().measuring);
	run(1, 0);
	ck_assert(report().measuring);
	ck_assert_uint_eq(report().periods, 0);
	ck_assert_uint_eq(report().exact + report().silent, 0);
}
END_TEST

START_TEST(a_channel_that_is_connected_later_is_counted_from_then)
{
	settle(0);
	for (unsigned i = 0; i < 10; i++) {
		send_and_return(0);
		memset(returned[1], 0, sizeof returned[1]);
		receive(VERDICT_OK);
	}
	/* Channel 1 was there in the warm-up. */
	ck_assert_uint_eq(report().silent, 10 * PERIOD);
	measure_ops.close(audio);
	open_audio();
	for (unsigned i = 0; i < 20; i++) {
		send_and_return(0);
		memset(returned[1], 0, sizeof returned[1]);
		receive(VERDICT_OK);
	}
	ck_assert_uint_eq(report().silent, 0);
	ck_assert_uint_eq(report().matched, 1);
	run(1, 0);
	ck_assert_uint_eq(report().matched, 3);
	ck_assert_uint_eq(report().silent, 0);
}
END_TEST

START_TEST(crossed_cables_are_seen)
{
	swap = 1;
	settle(PERIOD);
	run(5, PERIOD);
	struct measure_report r = report();
	ck_assert_uint_eq(r.matched, 3);
	ck_assert_uint_eq(r.foreign, 0);
	ck_assert_uint_eq(r.source[0], 1);
	ck_assert_uint_eq(r.source[1], 0);
	ck_assert_uint_eq(r.wrong, 0);
}
END_TEST

START_TEST(what_is_something_else_is_foreign_until_it_is_ours)
{
	for (unsigned i = 0; i < 10; i++) {
		send_and_return(0);
		for (unsigned k = 0; k < PERIOD; k++)
			returned[1][k] *= 0.5f;
		receive(VERDICT_OK);
	}
	ck_assert_uint_eq(report().matched, 1);
	ck_assert_uint_eq(report().foreign, 2);
	ck_assert_uint_eq(report().wrong, 0);
	run(3, 0);
	ck_assert_uint_eq(report().foreign, 0);
	ck_assert_uint_eq(report().matched, 3);
}
END_TEST

START_TEST(noise_in_the_middle_of_a_run_is_wrong)
{
	settle(0);
	send_and_return(0);
	for (unsigned i = 0; i < PERIOD; i++)
		returned[0][i] = 0.3f + 0.001f * (float)i;
	receive(VERDICT_OK);
	ck_assert_uint_eq(report().wrong, PERIOD);
	run(1, 0);
	ck_assert_uint_eq(report().wrong, PERIOD);
}
END_TEST

START_TEST(what_did_not_come_is_counted_and_not_looked_at)
{
	settle(0);
	for (enum verdict v = VERDICT_EARLY; v < N_VERDICTS; v++) {
		send_and_return(0);
		memset(returned, 0x55, sizeof returned);
		receive(v);
		ck_assert_uint_eq(report().verdicts[v], 1);
	}
	ck_assert_uint_eq(report().periods, 3);
	ck_assert_uint_eq(report().wrong + report().exact + report().silent, 0);
}
END_TEST

START_TEST(more_lags_than_there_are_places_for_are_counted_together)
{
	settle(0);
	for (int64_t lag = 0; lag < MEASURE_LAGS + 3; lag++)
		run(1, lag * PERIOD);
	ck_assert_uint_eq(report().lags[MEASURE_LAGS - 1].periods, 1);
	ck_assert_uint_eq(report().other_lags, 3);
	ck_assert_uint_eq(report().wrong, 0);
}
END_TEST

START_TEST(sessions_are_remembered_and_the_oldest_added_up)
{
	struct measure_report reports[MEASURE_TRACKS], sum;

	for (unsigned i = 0; i < MEASURE_TRACKS + 2; i++) {
		settle(0);
		run(2, 0);
		measure_ops.close(audio);
		open_audio();
	}
	ck_assert_uint_eq(measure_report(measure, reports), MEASURE_TRACKS);
	ck_assert(!reports[0].open);
	ck_assert(reports[MEASURE_TRACKS - 1].open);
	ck_assert_uint_eq(reports[MEASURE_TRACKS - 1].serial, MEASURE_TRACKS + 3);
	measure_forgotten(measure, &sum);
	ck_assert_uint_eq(sum.serial, 3);
	ck_assert_uint_eq(sum.exact, 3 * 2 * CHANNELS * PERIOD);
}
END_TEST

START_TEST(more_sessions_at_once_than_there_are_places_for_are_refused)
{
	void *others[MEASURE_TRACKS], *refused;

	for (unsigned i = 0; i < MEASURE_TRACKS - 1; i++)
		ck_assert_int_eq(measure_ops.open(measure, &session, &others[i]), 0);
	poison(&refused);
	ck_assert_int_eq(measure_ops.open(measure, &session, &refused), -EMFILE);
	assert_poisoned(&refused);
	measure_ops.close(others[3]);
	ck_assert_int_eq(measure_ops.open(measure, &session, &others[3]), 0);
	for (unsigned i = 0; i < MEASURE_TRACKS - 1; i++)
		measure_ops.close(others[i]);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_payload_is_white_24_bit_noise,
		a_sample_is_known_by_its_bits,
		every_lag_up_to_64_periods_is_found_to_the_sample,
		a_lag_beyond_64_periods_is_not_found,
		one_changed_bit_is_one_wrong_sample_wherever_it_is,
		a_repeated_period_is_another_lag_and_no_wrong_sample,
		half_a_repeated_period_has_two_lags,
		silence_is_told_from_wrong_samples,
		nothing_is_counted_before_the_graph_is_connected_and_warm,
		a_channel_that_is_connected_later_is_counted_from_then,
		crossed_cables_are_seen,
		what_is_something_else_is_foreign_until_it_is_ours,
		noise_in_the_middle_of_a_run_is_wrong,
		what_did_not_come_is_counted_and_not_looked_at,
		more_lags_than_there_are_places_for_are_counted_together,
		sessions_are_remembered_and_the_oldest_added_up,
		more_sessions_at_once_than_there_are_places_for_are_refused,
		NULL,
	};

	return suite_run_with("netjack-measure", tests, set_up, tear_down);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netjack/measure/payload.h"
#include "netjack/measure/stack.h"
#include "netjack/sound/fifo.h"
#include "netjack/sound/wav.h"

#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PERIOD   64u
#define RATE     48000u
#define CHANNELS 2u

static const struct netjack_session session = {
	.name = "dsp",
	.period = PERIOD,
	.rate = RATE,
	.send_audio = CHANNELS,
	.return_audio = CHANNELS,
};

static char *directory, *path;
static float left[PERIOD], right[PERIOD];
static float *const channels[CHANNELS] = { left, right };
static const float *const returns[CHANNELS] = { left, right };

static void set_up(void)
{
	directory = g_dir_make_tmp("netjack-XXXXXX", NULL);
	ck_assert_ptr_nonnull(directory);
	path = g_build_filename(directory, "a.wav", NULL);
}

static void tear_down(void)
{
	const char *name;
	GDir *dir = g_dir_open(directory, 0, NULL);

	while ((name = g_dir_read_name(dir))) {
		char *file = g_build_filename(directory, name, NULL);

		g_unlink(file);
		g_free(file);
	}
	g_dir_close(dir);
	g_rmdir(directory);
	g_free(path);
	g_free(directory);
}

static void fill(uint64_t first)
{
	for (unsigned c = 0; c < CHANNELS; c++)
		for (unsigned i = 0; i < PERIOD; i++)
			channels[c][i] = payload_sample(first + i, c);
}

/* The payload from frame 0 on; nothing at the ticks `gap`, LOST at `lost`. */
static void record(enum wav_format format, unsigned n_ticks, uint64_t gap, uint64_t lost)
{
	struct wav_recorder *recorder;
	void *audio;

	ck_assert_int_eq(wav_recorder_new(path, format, NULL, &recorder), 0);
	ck_assert_int_eq(wav_recorder_ops.open(recorder, &session, &audio), 0);
	for (uint64_t tick = 0; tick < n_ticks; tick++) {
		fill(tick * PERIOD);
		if (tick == lost)
			wav_recorder_ops.receive(audio, tick, tick, VERDICT_LOST, returns);
		else if (tick != gap)
			wav_recorder_ops.receive(audio, tick, tick, VERDICT_OK, returns);
	}
	wav_recorder_ops.close(audio);
	ck_assert_uint_eq(wav_recorder_dropped(recorder), 0);
	wav_recorder_destroy(recorder);
}

static unsigned count_equal(uint64_t first, unsigned c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PERIOD; i++)
		n += payload_is(channels[c][i], first + i, c) != 0;
	return n;
}

static bool is_silent(unsigned c)
{
	for (unsigned i = 0; i < PERIOD; i++)
		if (channels[c][i] != 0)
			return false;
	return true;
}

START_TEST(what_is_recorded_is_played_bit_for_bit)
{
	static const enum wav_format formats[] = { WAV_FLOAT, WAV_24_BIT };

	for (size_t f = 0; f < N_ELEMENTS(formats); f++) {
		struct wav_player *player;
		void *audio;

		record(formats[f], 50, UINT64_MAX, UINT64_MAX);
		ck_assert_int_eq(wav_player_new(path, false, RATE, NULL, &player), 0);
		ck_assert_int_eq(wav_player_ops.open(player, &session, &audio), 0);
		for (uint64_t tick = 0; tick < 50; tick++) {
			memset(left, POISON, sizeof left);
			wav_player_ops.send(audio, tick, channels);
			ck_assert_uint_eq(count_equal(tick * PERIOD, 0), PERIOD);
			ck_assert_uint_eq(count_equal(tick * PERIOD, 1), PERIOD);
		}
		wav_player_ops.send(audio, 50, channels);
		ck_assert(is_silent(0) && is_silent(1));
		wav_player_ops.close(audio);
		wav_player_destroy(player);
	}
}
END_TEST

START_TEST(what_does_not_come_is_silence_of_the_same_length)
{
	struct wav_player *player;
	void *audio;

	record(WAV_FLOAT, 10, 3, 6);
	ck_assert_int_eq(wav_player_new(path, false, RATE, NULL, &player), 0);
	ck_assert_int_eq(wav_player_ops.open(player, &session, &audio), 0);
	for (uint64_t tick = 0; tick < 10; tick++) {
		wav_player_ops.send(audio, tick, channels);
		if (tick == 3 || tick == 6)
			ck_assert(is_silent(0) && is_silent(1));
		else
			ck_assert_uint_eq(count_equal(tick * PERIOD, 1), PERIOD);
	}
	wav_player_ops.close(audio);
	wav_player_destroy(player);
}
END_TEST

START_TEST(beyond_full_scale_24_bits_clip)
{
	static const float values[] = { 1, 2, -1, -2, 0.5f, INFINITY, -INFINITY, NAN };
	static const float expected[] = { 8388607 / 8388608.0f, 8388607 / 8388608.0f, -1, -1, 0.5f,
		8388607 / 8388608.0f, -1, 0 };
	struct wav_recorder *recorder;
	struct wav_player *player;
	void *audio;

	ck_assert_int_eq(wav_recorder_new(path, WAV_24_BIT, NULL, &recorder), 0);
	ck_assert_int_eq(wav_recorder_ops.open(recorder, &session, &audio), 0);
	fill(0);
	memcpy(left, values, sizeof values);
	wav_recorder_ops.receive(audio, 0, 0, VERDICT_OK, returns);
	wav_recorder_ops.close(audio);
	wav_recorder_destroy(recorder);
	ck_assert_int_eq(wav_player_new(path, false, RATE, NULL, &player), 0);
	ck_assert_int_eq(wav_player_ops.open(player, &session, &audio), 0);
	wav_player_ops.send(audio, 0, channels);
	ck_assert_mem_eq(left, expected, sizeof expected);
	wav_player_ops.close(audio);
	wav_player_destroy(player);
}
END_TEST

START_TEST(a_loop_starts_again_within_a_period)
{
	struct netjack_session longer = session;
	float one[100], two[100], *const wide[] = { one, two };
	struct wav_player *player;
	void *audio;

	record(WAV_FLOAT, 1, UINT64_MAX, UINT64_MAX);
	longer.period = 100;
	ck_assert_int_eq(wav_player_new(path, true, RATE, NULL, &player), 0);
	ck_assert_int_eq(wav_player_ops.open(player, &longer, &audio), 0);
	for (uint64_t tick = 0; tick < 20; tick++) {
		wav_player_ops.send(audio, tick, wide);
		for (unsigned i = 0; i < 100; i++)
			ck_assert(payload_is(two[i], (tick * 100 + i) % PERIOD, 1));
	}
	wav_player_ops.close(audio);
	wav_player_destroy(player);
}
END_TEST

START_TEST(channels_that_the_file_has_not_are_silent_and_mono_goes_to_all)
{
	struct netjack_session mono = session;
	struct netjack_session three = session;
	float third[PERIOD], *const more[] = { left, right, third };
	struct wav_recorder *recorder;
	struct wav_player *player;
	void *audio;

	three.send_audio = 3;
	record(WAV_FLOAT, 1, UINT64_MAX, UINT64_MAX);
	ck_assert_int_eq(wav_player_new(path, false, RATE, NULL, &player), 0);
	ck_assert_int_eq(wav_player_ops.open(player, &three, &audio), 0);
	memset(third, POISON, sizeof third);
	wav_player_ops.send(audio, 0, more);
	ck_assert_uint_eq(count_equal(0, 1), PERIOD);
	for (unsigned i = 0; i < PERIOD; i++)
		ck_assert(third[i] == 0);
	wav_player_ops.close(audio);
	wav_player_destroy(player);

	mono.return_audio = 1;
	ck_assert_int_eq(wav_recorder_new(path, WAV_FLOAT, NULL, &recorder), 0);
	ck_assert_int_eq(wav_recorder_ops.open(recorder, &mono, &audio), 0);
	wav_recorder_ops.receive(audio, 0, 0, VERDICT_OK, returns);
	wav_recorder_ops.close(audio);
	wav_recorder_destroy(recorder);
	ck_assert_int_eq(wav_player_new(path, false, RATE, NULL, &player), 0);
	ck_assert_int_eq(wav_player_ops.open(player, &three, &audio), 0);
	memset(third, POISON, sizeof third);
	wav_player_ops.send(audio, 0, more);
	ck_assert_uint_eq(count_equal(0, 0), PERIOD);
	ck_assert_mem_eq(third, left, sizeof third);
	wav_player_ops.close(audio);
	wav_player_destroy(player);
}
END_TEST

START_TEST(every_session_has_a_file_of_its_own)
{
	static const struct {
		const char *path;
		unsigned n;
		const char *expected;
	} rows[] = {
		{ "out.wav", 1, "out.wav" },
		{ "out.wav", 2, "out-2.wav" },
		{ "/tmp/v1.0/out", 3, "/tmp/v1.0/out-3" },
		{ "/tmp/.hidden", 2, "/tmp/.hidden-2" },
		{ ".hidden", 2, ".hidden-2" },
		{ "a.b.wav", 10, "a.b-10.wav" },
	};
	struct wav_recorder *recorder;
	void *audios[2];
	char *second;

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		char *name = wav_recording_path(rows[i].path, rows[i].n);

		ck_assert_str_eq(name, rows[i].expected);
		g_free(name);
	}
	ck_assert_int_eq(wav_recorder_new(path, WAV_FLOAT, NULL, &recorder), 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(wav_recorder_ops.open(recorder, &session, &audios[i]), 0);
	for (unsigned i = 0; i < 2; i++)
		wav_recorder_ops.close(audios[i]);
	wav_recorder_destroy(recorder);
	second = wav_recording_path(path, 2);
	ck_assert(g_file_test(second, G_FILE_TEST_EXISTS));
	g_free(second);
}
END_TEST

static void remember(void *user, enum log_level level, const char *text)
{
	char **said = user;

	ck_assert_int_eq(level, LOG_LEVEL_ERROR);
	g_free(*said);
	*said = g_strdup(text);
}

START_TEST(what_cannot_be_played_or_written_is_said_before_a_slave_comes)
{
	char *said = NULL;
	const struct log_sink log = { LOG_LEVEL_INFO, remember, &said };
	struct wav_player *player;
	struct wav_recorder *recorder;

	poison(&player);
	ck_assert_int_eq(wav_player_new(path, false, RATE, &log, &player), -EINVAL);
	ck_assert_ptr_nonnull(strstr(said, "a.wav"));
	ck_assert(g_file_set_contents(path, "no sound", -1, NULL));
	ck_assert_int_eq(wav_player_new(path, false, RATE, &log, &player), -EINVAL);
	record(WAV_FLOAT, 1, UINT64_MAX, UINT64_MAX);
	ck_assert_int_eq(wav_player_new(path, false, 96000, &log, &player), -ERANGE);
	ck_assert_ptr_nonnull(strstr(said, "48000"));
	ck_assert_ptr_nonnull(strstr(said, "96000"));
	assert_poisoned(&player);
	poison(&recorder);
	ck_assert_int_eq(wav_recorder_new("/nowhere/out.wav", WAV_FLOAT, &log, &recorder), -ENOENT);
	ck_assert_ptr_nonnull(strstr(said, "/nowhere/out.wav"));
	assert_poisoned(&recorder);
	g_free(said);
}
END_TEST

START_TEST(a_pipe_is_refused_and_not_waited_for)
{
	char *said = NULL;
	const struct log_sink log = { LOG_LEVEL_INFO, remember, &said };
	struct wav_player *player;
	struct wav_recorder *recorder;

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(wav_player_new(path, false, RATE, &log, &player), -ESPIPE);
	ck_assert_int_eq(wav_recorder_new(path, WAV_FLOAT, &log, &recorder), -ESPIPE);
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	ck_assert_int_eq(wav_recorder_new(path, WAV_FLOAT, &log, &recorder), -ESPIPE);
	close(fd);
	g_free(said);
}
END_TEST

START_TEST(a_file_with_more_channels_than_a_session_is_refused)
{
	/* 16 bits, RATE, 1024 channels, no samples. */
	static const uint8_t wav[44] = { 'R', 'I', 'F', 'F', 36, 0, 0, 0, 'W', 'A', 'V', 'E', 'f',
		'm', 't', ' ', 16, 0, 0, 0, 1, 0, 0, 4, 0x80, 0xbb, 0, 0, 0, 0, 0xdc, 5, 0, 8, 16,
		0, 'd', 'a', 't', 'a', 0, 0, 0, 0 };
	char *said = NULL;
	const struct log_sink log = { LOG_LEVEL_INFO, remember, &said };
	struct wav_player *player;

	ck_assert(g_file_set_contents(path, (const char *)wav, sizeof wav, NULL));
	ck_assert_int_eq(wav_player_new(path, false, RATE, &log, &player), -ERANGE);
	ck_assert_ptr_nonnull(strstr(said, "1024 channels"));
	g_free(said);
}
END_TEST

START_TEST(what_a_full_disk_does_not_take_is_counted)
{
	const struct rlimit small = { 8192, RLIM_INFINITY };
	struct wav_recorder *recorder;
	struct rlimit before;
	char *said = NULL;
	const struct log_sink log = { LOG_LEVEL_INFO, remember, &said };
	void *audio;

	getrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(wav_recorder_new(path, WAV_FLOAT, &log, &recorder), 0);
	ck_assert_int_eq(wav_recorder_ops.open(recorder, &session, &audio), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (uint64_t tick = 0; tick < 100; tick++)
		wav_recorder_ops.receive(audio, tick, tick, VERDICT_OK, returns);
	wav_recorder_ops.close(audio);
	setrlimit(RLIMIT_FSIZE, &before);
	/* 16 periods of 512 bytes, less the header. */
	ck_assert_uint_ge(wav_recorder_dropped(recorder), 84);
	ck_assert_uint_le(wav_recorder_dropped(recorder), 86);
	ck_assert_ptr_nonnull(strstr(said, "cannot write"));
	wav_recorder_destroy(recorder);
	g_free(said);
}
END_TEST

START_TEST(a_stack_plays_one_and_all_of_it_hear)
{
	struct wav_recorder *recorder;
	struct wav_player *player;
	struct stack stack = { .n = 2, .player = 1 };
	void *audio;
	char *copy = g_build_filename(directory, "copy.wav", NULL);

	record(WAV_FLOAT, 5, UINT64_MAX, UINT64_MAX);
	ck_assert_int_eq(wav_player_new(path, false, RATE, NULL, &player), 0);
	ck_assert_int_eq(wav_recorder_new(copy, WAV_FLOAT, NULL, &recorder), 0);
	stack.parts[0] = (struct stack_part){ &wav_recorder_ops, recorder };
	stack.parts[1] = (struct stack_part){ &wav_player_ops, player };
	ck_assert_int_eq(stack_ops.open(&stack, &session, &audio), 0);
	for (uint64_t tick = 0; tick < 5; tick++) {
		stack_ops.send(audio, tick, channels);
		ck_assert_uint_eq(count_equal(tick * PERIOD, 0), PERIOD);
		stack_ops.receive(audio, tick, tick, VERDICT_OK, returns);
	}
	stack_ops.close(audio);
	wav_player_destroy(player);
	wav_recorder_destroy(recorder);

	stack = (struct stack){ .n = 0 };
	ck_assert_int_eq(stack_ops.open(&stack, &session, &audio), 0);
	stack_ops.send(audio, 0, channels);
	ck_assert(is_silent(0) && is_silent(1));
	stack_ops.receive(audio, 0, 0, VERDICT_OK, returns);
	stack_ops.close(audio);

	ck_assert_int_eq(wav_player_new(copy, false, RATE, NULL, &player), 0);
	ck_assert_int_eq(wav_player_ops.open(player, &session, &audio), 0);
	wav_player_ops.send(audio, 0, channels);
	ck_assert_uint_eq(count_equal(0, 0), PERIOD);
	wav_player_ops.close(audio);
	wav_player_destroy(player);
	g_free(copy);
}
END_TEST

/* --- fifo --- */

START_TEST(a_fifo_is_full_and_empty_where_it_says)
{
	struct fifo *fifo;

	ck_assert_int_eq(fifo_new(3, 1, &fifo), 0);
	ck_assert_ptr_null(fifo_next_full(fifo));
	for (unsigned i = 0; i < 4; i++) {
		fifo_next_free(fifo)->tick = i;
		fifo_written(fifo);
	}
	ck_assert_ptr_null(fifo_next_free(fifo));
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(fifo_next_full(fifo)->tick, i);
		fifo_read(fifo);
	}
	ck_assert_ptr_null(fifo_next_full(fifo));
	fifo_destroy(fifo);
}
END_TEST

#define MANY 20000u

static void *write_many(void *fifo)
{
	for (uint64_t i = 0; i < MANY;) {
		struct fifo_period *period = fifo_next_free(fifo);

		if (!period) {
			sched_yield();
			continue;
		}
		period->tick = i;
		for (unsigned k = 0; k < 8; k++)
			period->samples[k] = (float)i;
		fifo_written(fifo);
		i++;
	}
	return NULL;
}

START_TEST(two_threads_see_whole_periods_in_order)
{
	struct fifo *fifo;
	pthread_t writer;

	ck_assert_int_eq(fifo_new(4, 8, &fifo), 0);
	ck_assert_int_eq(pthread_create(&writer, NULL, write_many, fifo), 0);
	for (uint64_t i = 0; i < MANY;) {
		struct fifo_period *period = fifo_next_full(fifo);

		if (!period) {
			sched_yield();
			continue;
		}
		ck_assert_uint_eq(period->tick, i);
		for (unsigned k = 0; k < 8; k++)
			ck_assert(period->samples[k] == (float)i);
		fifo_read(fifo);
		i++;
	}
	pthread_join(writer, NULL);
	fifo_destroy(fifo);
}
END_TEST

int main(void)
{
	const TTest *const with_files[] = {
		what_is_recorded_is_played_bit_for_bit,
		what_does_not_come_is_silence_of_the_same_length,
		beyond_full_scale_24_bits_clip,
		a_loop_starts_again_within_a_period,
		channels_that_the_file_has_not_are_silent_and_mono_goes_to_all,
		every_session_has_a_file_of_its_own,
		what_cannot_be_played_or_written_is_said_before_a_slave_comes,
		a_pipe_is_refused_and_not_waited_for,
		a_file_with_more_channels_than_a_session_is_refused,
		what_a_full_disk_does_not_take_is_counted,
		a_stack_plays_one_and_all_of_it_hear,
		a_fifo_is_full_and_empty_where_it_says,
		two_threads_see_whole_periods_in_order,
		NULL,
	};
	const TTest *const without_files[] = {
		a_fifo_is_full_and_empty_where_it_says,
		two_threads_see_whole_periods_in_order,
		NULL,
	};

	return suite_run_with(
		"netjack-wav", wav_is_available() ? with_files : without_files, set_up, tear_down);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wav.h"

#include "fifo.h"
#include "wav-thread.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <math.h>
#include <sndfile.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define FULL_SCALE 8388608.0f

struct wav_recorder {
	char *path;
	enum wav_format format;
	const struct log_sink *log;
	unsigned n_recordings;
	atomic_uint_fast64_t dropped; /* periods */
};

/* One session's file. */
struct writer {
	struct wav_recorder *recorder;
	char *path;
	SNDFILE *file;
	unsigned channels;
	uint32_t period, rate;
	uint64_t next_tick; /* the thread of the file's */
	uint32_t unsaid;    /* frames that the header does not know of */
	bool failed;
	int *integers; /* a period, for 24 bits */
	float *silence;
	struct fifo *fifo;
	struct wav_thread thread;
};

/* Found out at the start, and not when the first slave is there. A pipe without a reader would be waited
 * for, and cannot be a WAV, whose header is written last. */
static int try_to_write(const char *path)
{
	bool was_there = access(path, F_OK) == 0;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
	int r = 0;

	if (fd < 0)
		return errno == ENXIO ? -ESPIPE : -errno;
	if (lseek(fd, 0, SEEK_CUR) < 0)
		r = -errno;
	close(fd);
	if (!was_there)
		unlink(path);
	return r;
}

int wav_recorder_new(const char *path, enum wav_format format, const struct log_sink *log,
	struct wav_recorder **ret)
{
	int r = try_to_write(path);
	if (r < 0) {
		log_write(log, LOG_LEVEL_ERROR, "cannot write %s: %s", path, strerror(-r));
		return r;
	}
	struct wav_recorder *recorder = g_new0(struct wav_recorder, 1);
	recorder->path = g_strdup(path);
	recorder->format = format;
	recorder->log = log;
	*ret = recorder;
	return 0;
}

void wav_recorder_destroy(struct wav_recorder *recorder)
{
	if (!recorder)
		return;
	g_free(recorder->path);
	g_free(recorder);
}

uint64_t wav_recorder_dropped(struct wav_recorder *recorder)
{
	return atomic_load(&recorder->dropped);
}

/* --- the thread of the file --- */

/* sf_write_float() scales by 2^23 - 1, which changes every sample; a whole number stays. */
static sf_count_t write_24_bit(struct writer *writer, const float *samples)
{
	for (size_t i = 0; i < (size_t)writer->period * writer->channels; i++) {
		float scaled = rintf(samples[i] * FULL_SCALE);
		int integer = scaled >= FULL_SCALE   ? (1 << 23) - 1
			      : scaled < -FULL_SCALE ? -(1 << 23)
			      : scaled == scaled     ? (int)scaled
						     : 0;
		writer->integers[i] = integer * 256;
	}
	return sf_writef_int(writer->file, writer->integers, writer->period);
}

static void write_period(struct writer *writer, const float *samples)
{
	sf_count_t n = writer->recorder->format == WAV_24_BIT
			       ? write_24_bit(writer, samples)
			       : sf_writef_float(writer->file, samples, writer->period);

	if (n != (sf_count_t)writer->period && !writer->failed) {
		writer->failed = true;
		log_write(writer->recorder->log, LOG_LEVEL_ERROR, "cannot write %s: %s",
			writer->path, sf_strerror(writer->file));
	}
	writer->unsaid += writer->period;
	writer->next_tick++;
}

static void write_behind(void *user)
{
	struct writer *writer = user;
	struct fifo_period *period;

	while ((period = fifo_next_full(writer->fifo))) {
		while (!writer->failed && writer->next_tick < period->tick)
			write_period(writer, writer->silence);
		if (!writer->failed)
			write_period(writer, period->samples);
		if (writer->failed)
			atomic_fetch_add_explicit(
				&writer->recorder->dropped, 1, memory_order_relaxed);
		fifo_read(writer->fifo);
	}
	if (writer->unsaid >= writer->rate) {
		sf_command(writer->file, SFC_UPDATE_HEADER_NOW, NULL, 0);
		writer->unsaid = 0;
	}
}

/* --- the process thread --- */

static void recorder_receive(void *audio, uint64_t tick, uint64_t sent, enum verdict verdict,
	const float *const *channels)
{
	struct writer *writer = audio;
	struct fifo_period *period = fifo_next_free(writer->fifo);

	if (!period) {
		atomic_fetch_add_explicit(&writer->recorder->dropped, 1, memory_order_relaxed);
		return;
	}
	period->tick = tick;
	for (unsigned c = 0; c < writer->channels; c++)
		for (uint32_t i = 0; i < writer->period; i++)
			period->samples[i * writer->channels + c] =
				verdict == VERDICT_OK ? channels[c][i] : 0;
	fifo_written(writer->fifo);
}

/* --- sessions --- */

static int open_file(struct writer *writer)
{
	SF_INFO info = {
		.samplerate = (int)writer->rate,
		.channels = (int)writer->channels,
		.format =
			SF_FORMAT_RF64 | (writer->recorder->format == WAV_24_BIT ? SF_FORMAT_PCM_24
										 : SF_FORMAT_FLOAT),
	};

	writer->file = sf_open(writer->path, SFM_WRITE, &info);
	if (!writer->file) {
		log_write(writer->recorder->log, LOG_LEVEL_ERROR, "cannot write %s: %s",
			writer->path, sf_strerror(NULL));
		return -EIO;
	}
	/* An ordinary WAV as long as that can hold it. */
	sf_command(writer->file, SFC_RF64_AUTO_DOWNGRADE, NULL, SF_TRUE);
	return 0;
}

static void writer_destroy(struct writer *writer)
{
	fifo_destroy(writer->fifo);
	if (writer->file)
		sf_close(writer->file);
	g_free(writer->integers);
	g_free(writer->silence);
	g_free(writer->path);
	g_free(writer);
}

static int recorder_open(void *user, const struct netjack_session *session, void **ret_audio)
{
	struct wav_recorder *recorder = user;
	struct writer *writer;
	size_t n = (size_t)session->return_audio * session->period;

	if (n == 0 || recorder->n_recordings == WAV_RECORDINGS_MAX) {
		log_write(recorder->log, LOG_LEVEL_WARNING, "%s is not recorded: %s", session->name,
			n == 0 ? "it returns no audio" : "there are too many recordings");
		*ret_audio = NULL;
		return 0;
	}
	writer = g_new0(struct writer, 1);
	writer->recorder = recorder;
	writer->path = wav_recording_path(recorder->path, ++recorder->n_recordings);
	writer->channels = (unsigned)session->return_audio;
	writer->period = session->period;
	writer->rate = session->rate;
	writer->integers = g_new0(int, n);
	writer->silence = g_new0(float, n);
	int r = open_file(writer);
	if (r == 0)
		r = fifo_new(session->rate / session->period + 2, n, &writer->fifo);
	if (r == 0)
		r = wav_thread_start(&writer->thread, write_behind, writer);
	if (r < 0) {
		writer_destroy(writer);
		return r;
	}
	*ret_audio = writer;
	return 0;
}

static void recorder_close(void *audio)
{
	struct writer *writer = audio;

	wav_thread_stop(&writer->thread);
	writer_destroy(writer);
}

static void recorder_send(void *audio, uint64_t tick, float *const *channels)
{
}

const struct audio_ops wav_recorder_ops = {
	.open = recorder_open,
	.send = recorder_send,
	.receive = recorder_receive,
	.close = recorder_close,
};
